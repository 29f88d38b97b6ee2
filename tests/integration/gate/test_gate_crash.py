"""Landing that was ended anywhere and run again leaves the same rows as landing that was not."""

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts import Rule
from services.receiving.landing import land
from services.store.accounts import conservation
from services.store.events import current_events
from services.store.intake import Position
from tests.integration.gate.world import World, evictions, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

ROOT = Path(__file__).resolve().parents[3]
Planned = tuple[str, int, str, list[tuple[int, int]]]
STEPS = ("gate", "record parcels", "write", "commit", "committed", "append typed", "typed appended")
STORED = {
    "write": None,
    "commit": None,
    "committed": Position("topic-1", 1),
    "append typed": Position("topic-1", 1),
}
"""By step the position of a store whose process was killed before it."""
HOLD = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.4, "min_events": 3}, None, "?")

events = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([400, 400, -5])), min_size=1, max_size=5)
parcels = st.tuples(
    st.sampled_from(["hc-a", "hc-b"]),
    st.integers(1, 2),
    st.sampled_from(["payment_arrears", "eviction_notice"]),
    events,
)
batches = st.lists(st.lists(parcels, min_size=1, max_size=3), min_size=1, max_size=2)


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def _end_at(step: str | None) -> Callable[[str], None]:
    def at(name: str) -> None:
        if name == step:
            raise EndedHere

    return at


def _rows(world: World) -> list[tuple[object, ...]]:
    return world.intake().select("parcel_id", "row", "attempt", "event_id", "period", "verdict", "rule").rows()


def _typed(world: World, kind: str) -> list[tuple[object, ...]]:
    return current_events(world.node().catalog, world.registry.get(kind)).sort("in_parcel", "in_row").rows()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    planned=batches,
    ends=st.lists(st.sampled_from(STEPS), min_size=2, max_size=2),
    process=st.sampled_from(["the same", "a new one"]),
)
def test_landing_that_ended_at_any_step_and_ran_again_leaves_the_same_rows(
    make_world: Callable[[], World], planned: list[list[Planned]], ends: list[str], process: str
) -> None:
    whole, broken = make_world(), make_world()
    for world in (whole, broken):
        world.with_rules("payment_arrears", batches=[HOLD])
    node = broken.node()
    for batch, end in zip(planned, ends, strict=False):
        made = [
            whole.parcel(
                signals([n for n, _ in rows], amount_eur=[amount for _, amount in rows])
                if kind == "payment_arrears"
                else evictions([n for n, _ in rows]),
                sender=sender,
                delivery=delivery,
                kind=kind,
                last=False,
            )
            for sender, delivery, kind, rows in batch
        ]
        whole.land(made)
        try:
            broken.land(made, node=node, at=_end_at(end))
        except EndedHere:
            node = broken.node() if process == "a new one" else node
        broken.land(made, node=node)
        assert _rows(broken) == _rows(whole)
    for kind in ("payment_arrears", "eviction_notice"):
        assert _typed(broken, kind) == _typed(whole, kind)
    found = conservation(broken.node())
    assert found["balanced"].all()
    assert found.equals(conservation(whole.node()))


@pytest.mark.parametrize(("step", "position"), STORED.items())
def test_a_process_that_is_killed_leaves_a_store_that_goes_on(
    step: str, position: Position | None, tmp_path: Path, make_world: Callable[[], World]
) -> None:
    worker = [sys.executable, "-m", "tests.integration.gate.killed_worker", str(tmp_path), step]
    done = subprocess.run(worker, check=False, cwd=ROOT)  # noqa: S603 - our own file
    assert done.returncode == -signal.SIGKILL
    world = make_world()
    world.root = tmp_path
    world.with_rules("payment_arrears", rows=[])
    assert world.node().position() == position
    assert bool(list(tmp_path.rglob("node/intake/data/*.parquet"))) == (step != "write")
    land(
        world.node(),
        world.registry,
        [world.parcel(signals([1, 2]))],
        Position("topic-1", 1),
        dt.datetime.now(dt.UTC),
    )
    assert world.intake()["event_id"].n_unique() == world.intake().height == 2
    stored = current_events(world.node().catalog, world.registry.get("payment_arrears"))
    assert stored.select(pl.col("event_id").bin.encode("hex").str.slice(30)).to_series().sort().to_list() == [
        "01",
        "02",
    ]
