"""Every row of the table of faults in small; `make soak` runs them in full."""

import pytest

from tests.network.reliability.outcome import Outcome
from tests.network.reliability.rows import away, broker, poison
from tests.network.reliability.rows.receiving import STEPS
from tests.network.reliability.site import Site
from tests.network.reliability.table import ROWS

SMALL = {"broker": broker.run_small, "away": away.run_small, "poison": poison.run_small}
SEEDS = {
    "sender": range(2),
    "receiver": range(2),
    "receiver-steps": range(len(STEPS)),
    "two-receivers": range(2),
    "commit-answer": range(2),
    "broker": range(len(broker.FAULTS)),
    "upkeep": range(2),
    "damage": range(3),
    "away": range(2),
    "months": range(1),
    "poison": range(1),
}


@pytest.mark.parametrize(("row", "seed"), [(row, seed) for row, seeds in SEEDS.items() for seed in seeds])
def test_what_is_promised_of_a_fault_is_kept(site: Site, row: str, seed: int) -> None:
    found = SMALL.get(row, ROWS[row].run)(site, seed)
    assert Outcome(found.lost, found.twice, wrong=found.wrong) == Outcome()


def test_faults_of_every_kind_on_the_way_to_the_broker_last_a_minute_now_and_then() -> None:
    long = [seed for seed in range(1, 101) if broker.lasts(seed) == 60]
    assert len([seed for seed in long if seed <= 10]) >= 2
    assert {"cut", "deaf"} <= {broker.kind(seed) for seed in long if seed <= 12}
    assert all(sum(broker.kind(seed) == kind for seed in long) >= 2 for kind in broker.FAULTS)


def test_every_row_is_shown() -> None:
    assert set(SEEDS) == set(ROWS)
