"""Calendar periods, public populations and the fixed district map."""

from datetime import date

import polars as pl
import pytest

from services.errors import Fatal
from services.indicators import district_groups, latest, period_of, references


def population(*rows: tuple[str, str, date, int, float | None]) -> pl.DataFrame:
    names = ["area", "trait", "reference_date", "area_vintage", "value"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"value": pl.Float64})


@pytest.mark.parametrize(
    ("text", "kind", "start", "end", "lookback"),
    [
        ("2025-12", "month", date(2025, 12, 1), date(2026, 1, 1), date(2025, 6, 1)),
        ("2025-03", "month", date(2025, 3, 1), date(2025, 4, 1), date(2024, 9, 1)),
        ("2025-Q4", "quarter", date(2025, 10, 1), date(2026, 1, 1), date(2025, 4, 1)),
        ("2025", "year", date(2025, 1, 1), date(2026, 1, 1), date(2024, 7, 1)),
    ],
)
def test_a_period_is_half_open_and_looks_back_six_months(
    text: str, kind: str, start: date, end: date, lookback: date
) -> None:
    found = period_of(text)
    assert (found.kind, found.start, found.end, found.lookback_start) == (kind, start, end, lookback)


@pytest.mark.parametrize("text", ["2025-13", "2025-Q5", "25", "2025-1", "2025-01-01", ""])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(Fatal):
        period_of(text)


def test_small_districts_join_their_neighbours_in_code_order_up_to_4000_dwellings() -> None:
    sizes = [
        ("wk900105", 100.0),
        ("wk900101", 3_999.0),
        ("wk900102", 1.0),
        ("wk900103", 4_000.0),
        ("wk900104", 3_900.0),
    ]
    known = references(population(*[(area, "dwellings", date(2024, 1, 1), 2024, size) for area, size in sizes]))
    groups = district_groups(known, "gm9001", "dwellings", date(2025, 1, 1))
    assert [(group.name, group.population.value) for group in groups] == [
        ("wk900101-wk900102", 4_000),
        ("wk900103", 4_000),
        ("wk900104-wk900105", 4_000),
    ]


def test_what_remains_joins_the_last_group_and_one_group_is_no_map() -> None:
    day = date(2024, 1, 1)
    rest = references(population(*[(f"wk90010{n}", "dwellings", day, 2024, 4_000.0 / n) for n in (1, 2)]))
    assert district_groups(rest, "gm9001", "dwellings", day) == ()
    two = references(population(*[(f"wk90010{n}", "dwellings", day, 2024, 9_000.0 / n) for n in (1, 2, 3)]))
    assert [group.name for group in district_groups(two, "gm9001", "dwellings", day)] == [
        "wk900101",
        "wk900102-wk900103",
    ]
    assert district_groups(two, "gm9002", "dwellings", day) == (), "another municipality's districts"


def test_the_map_is_of_the_latest_vintage_on_or_before_the_period() -> None:
    old = [(f"wk90010{n}", "dwellings", date(2023, 1, 1), 2023, 5_000.0) for n in (1, 2)]
    new = [(f"wk90010{n}", "dwellings", date(2025, 1, 1), 2025, 6_000.0) for n in (1, 2, 3)]
    known = references(population(*old, *new))
    assert len(district_groups(known, "gm9001", "dwellings", date(2024, 12, 1))) == 2
    assert len(district_groups(known, "gm9001", "dwellings", date(2025, 1, 1))) == 3
    assert district_groups(known, "gm9001", "dwellings", date(2022, 12, 1)) == ()


def test_a_rate_uses_the_latest_population_on_or_before_the_period() -> None:
    known = references(
        population(
            ("gm9001", "households", date(2024, 1, 1), 2024, 100.0),
            ("gm9001", "households", date(2025, 1, 1), 2025, 110.0),
            ("gm9001", "households", date(2025, 1, 2), 2025, None),
            ("gm9001", "households", date(2026, 1, 1), 2026, 120.0),
        )
    )
    found = [
        latest(known, "gm9001", "households", day) for day in (date(2023, 1, 1), date(2025, 1, 1), date(2025, 12, 1))
    ]
    assert [row.value if row else None for row in found] == [None, 110, 110]
