"""The third engine: the catalogue's SQL as it stands there, not translated, on Trino."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from services.indicators import engine, load_catalogue, period_of, references
from services.indicators.cells import cells_sql, statements
from services.indicators.districts import district_groups, latest
from services.indicators.model import Indicator
from services.indicators.periods import Period
from tests.network.sql.site import Site
from tests.spec import indicator_oracle as oracle
from tests.spec.test_indicator_tables import Counts

VIEWS = sorted((Path(engine.__file__).parent / "views").glob("*.sql"))
TYPES = {
    pl.String: "varchar", pl.Binary: "varbinary", pl.Date: "date", pl.Boolean: "boolean", pl.Int64: "bigint",
    pl.Int32: "integer", pl.Float64: "double",
}  # fmt: skip


def count(site: Site, events: oracle.Events, periods: Sequence[str]) -> Counts:
    """Count as `services.indicators.engine` does, but for the engine: the same statement about units and districts."""
    known = references(events.frames()["population_reference"])
    found: Counts = {}
    for kind in ("month", "quarter", "year"):
        of_kind = [period for text in periods if (period := period_of(text)).kind == kind]
        entries = [
            item for item in load_catalogue().values() if item.source == "events" and item.release_period == kind
        ]
        if of_kind and entries:
            counted = ask(site, events, of_kind, entries, known)
            found |= dict(cells(of_kind, entries, counted, known))
    return found


def ask(
    site: Site, events: oracle.Events, periods: Sequence[Period], entries: Sequence[Indicator], known: Any
) -> dict[tuple[str, str, str | None], tuple[int, int]]:
    """Events and distinct units by (statement, period, district group or part), all in one query."""
    groups = {item.id: district_groups(known, oracle.MUNICIPALITY, "dwellings", item.start) for item in periods}
    members = [
        (period, district, group.name) for period in groups for group in groups[period] for district in group.districts
    ]
    spans = [(item.id, item.start, item.end, item.lookback_start) for item in periods]
    units = {row["address"] for name in engine.EVENT_TABLES for row in getattr(events, name)}
    units |= {row["event_id"] for name in engine.RECORD_TABLES for row in getattr(events, name)}
    units |= {row["child"] for name in engine.CHILD_TABLES for row in getattr(events, name)}
    tables = {
        **events.frames(),
        "periods": pl.DataFrame(spans, ["period", "period_start", "period_end", "lookback_start"], orient="row"),
        "district_groups": pl.DataFrame(
            members, {"period": pl.String, "district": pl.String, "district_group": pl.String}, orient="row"
        ),
        "unit_keys": pl.DataFrame(
            [(unit, oracle.key_of(unit)) for unit in sorted(units)], {"unit": pl.Binary, "key": pl.Int64}, orient="row"
        ),
    }
    given = [f"{name} AS ({as_select(frame)})" for name, frame in tables.items()]
    views = [f"{path.stem} AS ({path.read_text('utf-8')})" for path in VIEWS]
    asked = statements(entries)
    counted = f"SELECT number, period, part, events, units FROM ({cells_sql(asked.items())})"
    question = f"WITH {', '.join([*given, *views])} {counted}"
    names = list(asked)
    return {
        (names[number], period, part): (events_, units_)
        for number, period, part, events_, units_ in site.rows("operator", question)
    }


def cells(
    periods: Sequence[Period], entries: Sequence[Indicator], counted: dict[Any, tuple[int, int]], known: Any
) -> Iterator[tuple[tuple[str, str, str | None], tuple[int, int]]]:
    """Numerator and denominator of every cell."""
    for period in periods:
        groups = district_groups(known, oracle.MUNICIPALITY, "dwellings", period.start)
        for item in entries:
            places = [None, *(group.name for group in groups)] if item.release_level == "district" else [None]
            places += [part.code for part in item.dimension.parts] if item.dimension else []
            for place in places:
                events, units = counted.get((item.numerator.sql, period.id, place), (0, 0))
                if item.denominator.sql:
                    below = counted.get((item.denominator.sql, period.id, place), (0, 0))[1]
                elif place is None or item.dimension:
                    whole = latest(known, oracle.MUNICIPALITY, item.denominator.trait or "", period.start)
                    below = whole.value if whole else 0
                else:
                    below = next(group.population.value for group in groups if group.name == place)
                yield (period.id, item.id, place), (units if item.kind == "proportion" else events, below)


def as_select(frame: pl.DataFrame) -> str:
    """A small table as a query without tables."""
    typed = ", ".join(f"CAST({name} AS {TYPES[kind.base_type()]}) AS {name}" for name, kind in frame.schema.items())
    names = ", ".join(frame.columns)
    if frame.is_empty():
        nothing = ", ".join(f"CAST(NULL AS {TYPES[kind.base_type()]}) AS {name}" for name, kind in frame.schema.items())
        return f"SELECT {nothing} WHERE false"
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in frame.iter_rows())
    return f"SELECT {typed} FROM (VALUES {rows}) AS given ({names})"


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"X'{value.hex()}'"
        case bool():
            return str(value).lower()
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)
