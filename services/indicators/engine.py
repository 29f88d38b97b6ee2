"""Counts cells: the catalogue's Trino SQL on DuckDB, for all periods of a kind in one query per statement.

Nothing here is released; the counts are true ones and stay in the node until services.disclosure has seen them.

Which events are seen is a matter of the tables given: the close of a month writes down snapshots, and its cells are
counted on those. An event that arrives later is in no later run of that month on those snapshots, and is in the
look-back of the next month, whose snapshots have it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

import duckdb
import polars as pl
import sqlglot
from sqlglot import exp

from services.errors import Fatal
from services.indicators.cells import cells_sql, statements
from services.indicators.districts import Reference, district_groups, latest, references
from services.indicators.lint import VIEWS
from services.indicators.model import TOTAL, Catalogue, Indicator
from services.indicators.periods import Period, period_of
from services.indicators.units import NUMBERED, numbered, unit_keys

EVENT_TABLES: Final = (
    "payment_arrears",
    "early_warning_case",
    "supply_stop_notice",
    "eviction_notice",
    "support_provision",
    "debt_counselling_case",
)
RECORD_TABLES: Final = ("assistance_spell",)
"""Event types without an address: their unit is the event itself."""
CHILD_TABLES: Final = ("approach_reach",)
"""Event types about a child at an address: their unit is the child."""
_OTHERS: Final = {**dict.fromkeys(RECORD_TABLES, "event_id"), **dict.fromkeys(CHILD_TABLES, "child")}
DISTRICT_TRAIT: Final = "dwellings"

COUNTS: Final = {
    "period": pl.String,
    "indicator": pl.String,
    "district": pl.String,
    "dimension": pl.String,
    "dimension_value": pl.String,
    "value": pl.Int64,
    "units": pl.Int64,
    "key": pl.Int64,
    "below_value": pl.Int64,
    "below_units": pl.Int64,
    "below_key": pl.Int64,
    "population": pl.Int64,
    "population_date": pl.Date,
    "vintage": pl.Int32,
}
"""A row per cell. `district` is null for the municipality's total; `dimension` and `dimension_value` are `total` but
for a part of what an indicator is split by. The denominator is either counted (`below_…`) or public (`population`); the
other is null, and both are where there is no population figure."""

_Place = tuple[str, str | None]
"""Period, and district group or part of the dimension; None for the total."""
_Counted = dict[_Place, tuple[int, int, int]]

_AT_ONCE: Final = 500_000
"""Units by period and statement that are held in memory at once. A question costs some milliseconds, however little it
counts: a node with few units asks for all statements in one, one with a million for each by itself."""


def prepare(
    con: duckdb.DuckDBPyConnection, release_key: bytes, first_names: Mapping[bytes, bytes] = MappingProxyType({})
) -> None:
    """Make the catalogue's views and the units' keys from the event tables on the connection.

    In the views a unit is a number in the place of its name, which is four times as long: what is in memory of ten
    million events is little more than their columns of numbers.

    Args:
        con: has tables or views as in `EVENT_TABLES` (only this municipality's events; `address` a BLOB, dates DATE),
            in `RECORD_TABLES` (`event_id` and `in_delivery` a BLOB), in `CHILD_TABLES` (`address` and `child` a BLOB)
            and `population_reference`.
        release_key: the node's secret for release, 32 bytes; the same for as long as cells must keep their noise.
        first_names: by pseudonym the one of which the unit's key is made, where that is an older one.
    """
    units = numbered(con, EVENT_TABLES, _OTHERS)
    keys = unit_keys(release_key, _first(units["name"], first_names))
    _replace(con, "unit_keys", units.select("unit", keys))
    for path in sorted(VIEWS.glob("*.sql")):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {path.stem} AS {_over_numbers(path.read_text(encoding='utf-8'))}")


def _first(names: pl.Series, first_names: Mapping[bytes, bytes]) -> pl.Series:
    if not first_names:
        return names
    return pl.Series([first_names.get(name, name) for name in names], dtype=pl.Binary)


def count_cells(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, municipality: str, periods: Sequence[str]
) -> pl.DataFrame:
    """True counts of every event indicator for every period that has its release period.

    Args:
        con: a connection after `prepare`.
        catalogue: indicators by id; open-data ones are left out.
        municipality: the node's area, `gm0518`.
        periods: months, quarters and years mixed.

    Returns:
        A frame with the columns `COUNTS`, a row for each period × indicator × (total and, where the indicator is
        released by district, each district group, or where it has a dimension, each part of that), also where nothing
        was counted; sorted, so the same input gives the same frame.

    Raises:
        Fatal: a unit without a key: the views were made from other tables.
    """
    known = references(pl.DataFrame(con.sql("SELECT * FROM population_reference").to_arrow_table()))
    asked = [period_of(period) for period in sorted(set(periods))]
    (units,) = con.execute("SELECT count(*) FROM unit_keys").fetchall()[0]
    rows: list[tuple[object, ...]] = []
    for kind in ("month", "quarter", "year"):
        entries = [entry for entry in catalogue.values() if entry.source == "events" and entry.release_period == kind]
        of_kind = [period for period in asked if period.kind == kind]
        if entries and of_kind:
            rows += _count_kind(con, entries, municipality, of_kind, known, units)
    return pl.DataFrame(rows, schema=COUNTS, orient="row").sort(
        "period", "indicator", "district", "dimension", "dimension_value", nulls_last=False
    )


def _count_kind(
    con: duckdb.DuckDBPyConnection,
    entries: Sequence[Indicator],
    municipality: str,
    periods: Sequence[Period],
    known: Sequence[Reference],
    units: int,
) -> list[tuple[object, ...]]:
    """Rows of `COUNTS` for indicators and periods of one kind; a statement that two indicators share runs once."""
    groups = {period.id: district_groups(known, municipality, DISTRICT_TRAIT, period.start) for period in periods}
    _register_periods(con, periods)
    members = [
        (period, district, group.name) for period in groups for group in groups[period] for district in group.districts
    ]
    schema = {"period": pl.String, "district": pl.String, "district_group": pl.String}
    _replace(con, "district_groups", pl.DataFrame(members, schema=schema, orient="row"))
    counted: dict[str, _Counted] = {}
    asked = [*statements(entries).items()]
    at_once = max(1, _AT_ONCE // max(1, units * len(periods)))
    for first in range(0, len(asked), at_once):
        counted |= _run(con, dict(asked[first : first + at_once]))
    rows: list[tuple[object, ...]] = []
    for period in periods:
        for entry in entries:
            trait = entry.denominator.trait
            whole = latest(known, municipality, trait, period.start) if trait else None
            rows.append(_row(entry, (period.id, None), counted, whole, vintage=period.start.year))
            if entry.release_level == "district":
                for group in groups[period.id]:
                    public = group.population if trait else None
                    place = (period.id, group.name)
                    rows.append(_row(entry, place, counted, public, vintage=group.population.vintage))
            if entry.dimension:
                places = [(period.id, part.code) for part in entry.dimension.parts]
                rows += [_row(entry, place, counted, whole, vintage=period.start.year) for place in places]
    return rows


def _row(
    entry: Indicator, place: _Place, counted: dict[str, _Counted], public: Reference | None, *, vintage: int
) -> tuple[object, ...]:
    """One row of `COUNTS`; a proportion counts each unit once, whatever its number of events."""

    def count(sql: str) -> tuple[int, int, int]:
        events, units, key = counted[sql].get(place, (0, 0, 0))
        return (units if entry.kind == "proportion" else events), units, key

    below = count(entry.denominator.sql) if entry.denominator.sql else (None, None, None)
    population = (public.value, public.reference_date) if public else (None, None)
    period, part = place
    split = (None, entry.dimension.name, part) if entry.dimension and part else (part, TOTAL, TOTAL)
    return (period, entry.id, *split, *count(entry.numerator.sql or ""), *below, *population, vintage)


def _run(con: duckdb.DuckDBPyConnection, asked: Mapping[str, str | None]) -> dict[str, _Counted]:
    """Events, distinct units and key sum per place, by statement."""
    found: dict[str, _Counted] = {sql: {} for sql in asked}
    of_number = [*found.values()]
    question = cells_sql((_duckdb(sql), dimension) for sql, dimension in asked.items())
    for number, period, group, events, units, keyed, keys in con.execute(question).fetchall():
        if keyed != units:
            raise Fatal(
                "Some households of a cell have no release key.",
                "The event tables changed after prepare().",
                "Prepare the connection again and count once more.",
            )
        of_number[number][period, group] = (int(events), int(units), int(keys))
    return found


def _register_periods(con: duckdb.DuckDBPyConnection, periods: Iterable[Period]) -> None:
    rows = [(period.id, period.start, period.end, period.lookback_start) for period in periods]
    names = ("period", "period_start", "period_end", "lookback_start")
    schema = {name: pl.String if name == "period" else pl.Date for name in names}
    _replace(con, "periods", pl.DataFrame(rows, schema=schema, orient="row"))


def _replace(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    """A small temporary table that lives with the connection."""
    con.register("rows_given", rows)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM rows_given")
    con.unregister("rows_given")


@cache
def _duckdb(trino_sql: str) -> str:
    """Trino's dialect in DuckDB's."""
    return sqlglot.transpile(trino_sql, read="trino", write="duckdb")[0]


@cache
def _over_numbers(trino_sql: str) -> str:
    """Return a view's SQL in DuckDB's dialect, over the tables in which units are numbers."""
    statement = sqlglot.parse_one(trino_sql, read="trino")
    for table in statement.find_all(exp.Table):
        if table.name in (*EVENT_TABLES, *_OTHERS):
            table.set("this", exp.to_identifier(NUMBERED + table.name))
    return statement.sql("duckdb")
