"""What the rows are judged by notices what is lost, what is there twice, and what nobody put in."""

from pathlib import Path

import polars as pl
import pytest

from connectors import connector_for
from tests.network.reliability.events import AMOUNTS, Ledger, Tally, numbers_of, write_export


def _ledger() -> Ledger:
    ledger = Ledger()
    ledger.take(["gm1001", "gm1002"], 10)
    return ledger


def test_numbers_never_repeat_and_each_goes_to_one_receiver() -> None:
    ledger = _ledger()
    ledger.take(["gm1001", "gm1002"], 10)
    assert ledger.put == {"gm1001": set(range(0, 20, 2)), "gm1002": set(range(1, 20, 2))}


@pytest.mark.parametrize(
    ("found", "tally"),
    [
        ([0, 2, 4, 6, 8], Tally(0, 0, 0)),
        ([0, 2, 4, 8], Tally(1, 0, 0)),
        ([0, 2, 2, 2, 4, 6, 8], Tally(0, 2, 0)),
        ([0, 2, 4, 6, 8, 1], Tally(0, 0, 1)),
        ([], Tally(5, 0, 0)),
    ],
)
def test_lost_double_and_strange_numbers_are_counted(found: list[int], tally: Tally) -> None:
    assert _ledger().tally("gm1001", found) == tally


def test_a_number_survives_the_way_through_an_export_and_its_connector(tmp_path: Path) -> None:
    numbers = [0, 1, AMOUNTS - 1, AMOUNTS, 7 * AMOUNTS + 13]
    path = write_export(tmp_path / "energie_achterstanden_1.csv", {"1001AB": numbers})
    rows = pl.concat(batch.rows for batch in connector_for(path).read(path))
    assert numbers_of(rows) == numbers
