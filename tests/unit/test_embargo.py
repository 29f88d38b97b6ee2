"""The day from which others may see a period follows from the period and the setting alone."""

import datetime as dt

import polars as pl
import pytest

from services.embargo import public_from, with_public_from


@pytest.mark.parametrize(
    ("period", "days", "first_day"),
    [
        ("2025-12", 0, dt.date(2026, 1, 1)),
        ("2025-12", 14, dt.date(2026, 1, 15)),
        ("2024-02", 1, dt.date(2024, 3, 2)),
        ("2025-Q4", 14, dt.date(2026, 1, 15)),
        ("2025", 366, dt.date(2027, 1, 2)),
    ],
)
def test_others_see_a_period_so_many_days_after_it_has_ended(period: str, days: int, first_day: dt.date) -> None:
    assert public_from(period, days) == first_day


def test_a_period_that_is_none_is_never_for_others() -> None:
    frame = pl.DataFrame({"period": ["2025-12", "3025-12", None]})
    assert with_public_from(frame, 0)["public_from"].to_list() == [dt.date(2026, 1, 1), None, None]


def test_a_table_without_rows_has_the_column() -> None:
    assert with_public_from(pl.DataFrame(schema={"period": pl.String}), 0).schema["public_from"] == pl.Date
