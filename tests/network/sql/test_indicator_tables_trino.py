"""The hand-drawn tables of the indicators and the recalculated benchmark once more, on Trino.

The tests are those of tests/spec, with another engine in the place of the one that they ask.
"""

from typing import Any

import polars as pl
import pytest

from services.embargo import with_public_from
from services.federation.trino_client import query
from tests.network.sql import on_trino
from tests.network.sql.site import Site
from tests.spec import test_benchmark_recalculation as benchmark
from tests.spec import test_indicator_tables as tables
from tests.spec.test_benchmark_recalculation import (
    test_every_figure_limit_quartile_and_verdict_is_the_recalculated_one as test_every_figure_read_through_trino_is_so,
)
from tests.spec.test_benchmark_recalculation import (
    test_every_peer_group_is_the_recalculated_one as test_every_peer_group_read_through_trino_is_so,
)

__all__ = ["test_every_figure_read_through_trino_is_so", "test_every_peer_group_read_through_trino_is_so"]

CASES = [case for name, case in vars(tables).items() if name.startswith("test_")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.removeprefix("test_"))
def test_trino_counts_what_is_drawn(site: Site, case: Any) -> None:
    """Each case asks its engine, and compares with what is written beside its table."""
    case(lambda events, periods: on_trino.count(site, events, periods))


def test_trino_counts_the_same_cells_as_the_oracle_none_more_and_none_fewer(site: Site) -> None:
    events = tables.arrears("""
        address | partner_type | signalled_on | district
        A       | rent         | 2025-03-01   | wk900101
        B       | energy       | 2025-03-01   | wk900102
        B       | rent         | 2025-02-01   | wk900102
        C       | water        | 2025-01-01   | wk900199
    """)
    periods = ["2025-01", "2025-02", "2025-03", "2025"]
    assert on_trino.count(site, events, periods) == tables.on_oracle(events, periods)


@pytest.fixture(scope="module")
def product(site: Site) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """The product's figures and peers, stored as the hub stores them and read through Trino."""
    figures, peers, seconds = benchmark.made_by_the_product()
    return (
        through_trino(site, "benchmark.figures", with_public_from(figures, 0)),
        through_trino(site, "benchmark.peers", with_public_from(peers, 0)),
        seconds,
    )


def through_trino(site: Site, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Put rows in the place of a table of the hub for as long as it takes to read them."""
    before = pl.DataFrame(query(site.user("operator"), f"SELECT * FROM hub.{table}"))
    site.replace("hub", table, rows)
    try:
        found = pl.DataFrame(query(site.user("operator"), f"SELECT * FROM hub.{table}"))
    finally:
        site.replace("hub", table, before)
    assert found.schema == rows.schema
    return found
