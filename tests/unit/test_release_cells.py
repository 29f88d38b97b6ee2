"""From true counts to the frames of released cells."""

import io
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest

from services.disclosure import Count, protect
from services.errors import Fatal
from services.indicators import (
    COUNTS,
    count_cells,
    load_catalogue,
    prepare,
)
from services.release import CELLS, node_release, regional_counts
from tests.spec import indicator_oracle as oracle

CATALOGUE = load_catalogue()
SPEC = [
    "period",
    "period_kind",
    "municipality",
    "district",
    "dimension",
    "dimension_value",
    "indicator",
    "definition_version",
    "unit_kind",
    "numerator",
    "denominator",
    "denominator_date",
    "status",
    "area_vintage",
    "coverage",
    "release_id",
]


def counts(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(COUNTS) | row for row in rows], schema=COUNTS)


def signals(units: int, period: str = "2025-03", district: str | None = None) -> dict[str, Any]:
    return {
        "period": period,
        "indicator": "signals_per_1000_households",
        "district": district,
        "dimension": "total",
        "dimension_value": "total",
        "value": units + 4,
        "units": units,
        "key": 2**31,
        "population": 5_003,
        "population_date": date(2024, 1, 1),
        "vintage": 2025,
    }


def test_released_cells_have_exactly_the_agreed_columns_and_no_count_key_or_unit() -> None:
    cells = node_release(counts(signals(20)), CATALOGUE, "gm9001")
    assert cells.columns == SPEC
    assert cells.schema == pl.Schema(CELLS)
    row = cells.row(0, named=True)
    assert row["numerator"] == protect(Count(24, 20, 2**31))
    assert (row["denominator"], row["denominator_date"], row["status"]) == (5_003, date(2024, 1, 1), "published")
    assert (row["municipality"], row["district"], row["dimension"], row["unit_kind"]) == (
        "gm9001",
        None,
        "total",
        "household",
    )


def test_each_part_of_a_dimension_is_a_cell_with_a_threshold_and_noise_of_its_own() -> None:
    def reached(units: int, key: int, *part: str) -> dict[str, Any]:
        dimension, value = part or ("total", "total")
        return signals(units) | {
            "period": "2025", "indicator": "children_in_poverty_reached_share", "value": units, "key": key,
            "dimension": dimension, "dimension_value": value, "population": 400,
        }  # fmt: skip

    given = counts(
        reached(60, 2**31), reached(40, 1, "approach", "leergeld"), reached(9, 2**31, "approach", "city_pass"),
        reached(391, 2**31, "approach", "child_package"),
    )  # fmt: skip
    cells = node_release(given, CATALOGUE, "gm9001")
    assert cells.select("dimension", "dimension_value", "status", "numerator", "unit_kind").rows() == [
        ("approach", "child_package", "suppressed", None, "person"),
        ("approach", "city_pass", "suppressed", None, "person"),
        ("approach", "leergeld", "published", protect(Count(40, 40, 1)), "person"),
        ("total", "total", "published", protect(Count(60, 60, 2**31)), "person"),
    ]
    assert cells["release_id"].n_unique() == 1


def test_a_suppressed_cell_leaves_with_its_status_and_nothing_else() -> None:
    row = node_release(counts(signals(9)), CATALOGUE, "gm9001").row(0, named=True)
    assert (row["status"], row["numerator"], row["denominator"], row["denominator_date"]) == (
        "suppressed",
        None,
        None,
        None,
    )


def test_a_cell_to_which_nobody_delivered_is_missing_and_says_coverage_zero() -> None:
    given = counts(signals(20), signals(20, "2025-04"), signals(20, "2025-05"))
    share = {("2025-03", "signals_per_1000_households"): 0.0, ("2025-04", "signals_per_1000_households"): 0.876}
    cells = node_release(given, CATALOGUE, "gm9001", share)
    assert cells["status"].to_list() == ["missing", "published", "published"]
    assert cells["coverage"].to_list() == [0.0, 0.88, None]


def test_the_same_counts_give_the_same_bytes_whatever_their_order() -> None:
    given = counts(
        signals(20), signals(30, "2025-04"), signals(12, district="wk900101"), signals(9, district="wk900103")
    )

    def content(frame: pl.DataFrame) -> bytes:
        ipc, parquet = io.BytesIO(), io.BytesIO()
        cells = node_release(frame, CATALOGUE, "gm9001")
        cells.write_ipc(ipc)
        cells.write_parquet(parquet)
        return ipc.getvalue() + parquet.getvalue()

    assert content(given) == content(given.reverse()) == content(given.sample(fraction=1, shuffle=True, seed=3))


def test_a_release_id_is_of_one_area_and_period_and_changes_with_what_is_released() -> None:
    march = counts(signals(20), signals(12, district="wk900101"))
    both = node_release(pl.concat([march, counts(signals(20, "2025-04"))]), CATALOGUE, "gm9001")
    assert both.group_by("period").agg(pl.col("release_id").n_unique())["release_id"].to_list() == [1, 1]
    assert both["release_id"].n_unique() == 2
    alone = node_release(march, CATALOGUE, "gm9001")["release_id"][0]
    assert alone == both.filter(pl.col("period") == "2025-03")["release_id"][0]
    changed = counts(signals(40), signals(12, district="wk900101"))
    assert node_release(changed, CATALOGUE, "gm9001")["release_id"][0] != alone
    assert node_release(march, CATALOGUE, "gm9002")["release_id"][0] != alone


def test_a_share_of_signalled_households_has_a_protected_denominator() -> None:
    row = {"period": "2025-03", "indicator": "multiple_signals_share", "value": 21, "units": 21, "key": 2**31}
    below = {"below_value": 102, "below_units": 102, "below_key": 2**31, "vintage": 2025}
    cell = node_release(counts(row | below), CATALOGUE, "gm9001").row(0, named=True)
    assert (cell["numerator"], cell["denominator"], cell["denominator_date"]) == (20, 100, None)


def node_with_evictions() -> tuple[pl.DataFrame, list[bytes]]:
    homes = [bytes([n]) * 32 for n in range(7)]
    done = {"cause": "other", "stage": "carried_out", "effective_on": date(2025, 5, 1), "district": "wk900101"}
    events = oracle.Events(eviction_notice=[done | {"address": home} for home in homes])
    with duckdb.connect() as con:
        for name, frame in events.frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        return count_cells(con, CATALOGUE, oracle.MUNICIPALITY, ["2025", "2025-05"]), homes


def test_a_regional_indicator_leaves_the_node_only_as_a_count_to_be_masked() -> None:
    found, homes = node_with_evictions()
    cells = node_release(found, CATALOGUE, oracle.MUNICIPALITY)
    assert "evictions_per_1000_households" not in cells["indicator"]
    keys = sum(oracle.key_of(home) for home in homes)
    assert regional_counts(found, CATALOGUE).rows() == [("2025", "evictions_per_1000_households", 1, 7, 7, keys)]


def test_without_any_event_every_cell_is_there_and_none_is_zero() -> None:
    with duckdb.connect() as con:
        for name, frame in oracle.Events(population_reference=[]).frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        found = count_cells(con, CATALOGUE, oracle.MUNICIPALITY, ["2025-05", "2025-Q2", "2025"])
    cells = node_release(found, CATALOGUE, oracle.MUNICIPALITY)
    own = [entry for entry in CATALOGUE.values() if entry.source == "events" and entry.release_level != "region"]
    shares = sum(entry.denominator.sql is not None for entry in own)
    parts = sum(len(entry.dimension.parts) for entry in own if entry.dimension)
    by_status = dict(cells.group_by("status").len().iter_rows())
    assert by_status == {"suppressed": shares, "missing": len(own) - shares + parts}, (
        "shares of nothing are suppressed, rates miss their population"
    )


def test_events_that_change_after_prepare_are_refused_not_counted_without_noise() -> None:
    events = oracle.Events()
    with duckdb.connect() as con:
        for name, frame in events.frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        con.execute("INSERT INTO signals VALUES (99, 'wk900101', 'rent', DATE '2025-05-01')")
        with pytest.raises(Fatal):
            count_cells(con, CATALOGUE, oracle.MUNICIPALITY, ["2025-05"])
