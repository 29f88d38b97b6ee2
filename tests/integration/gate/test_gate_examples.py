"""The examples beside the schemas, sent through gate and store."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from services.registry import load_registry
from services.store.events import current_events
from tests.integration.gate.world import KINDS, Example, World, examples, signals, taking_back

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import


@pytest.mark.parametrize(("kind", "version"), load_registry().types)
def test_examples_of_every_type_are_judged_as_their_names_say_and_come_back_as_they_were(
    kind: str, version: int, make_world: Callable[[], World]
) -> None:
    found = examples(kind, ".pass.", version) | examples(kind, ".fail.", version)
    for receiver in {item.received_by for item in found.values()}:
        world = make_world()
        world.participant = receiver
        here = {name: item for name, item in found.items() if item.received_by == receiver}
        _require_judged_as_named(world, (kind, version), here)


def _require_judged_as_named(world: World, of: tuple[str, int], known: dict[str, Example]) -> None:
    kind, version = of
    senders = {kind_of: sender for sender, kind_of in KINDS.items()}
    _land_what_they_name(world, known, senders["housing_corporation"])
    parcels = [
        world.parcel(item.frame, kind=kind, version=version, sender=senders[item.sender_kind])
        for item in known.values()
    ]
    world.land([replace(parcel, received_at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)) for parcel in parcels])
    rows = world.intake().filter(event_type=kind, attempt=0, received_on=dt.date(2026, 1, 5))
    judged = dict(zip(known, rows.select("verdict", "rule").rows(), strict=True))
    for name, (verdict, rule) in judged.items():
        assert (verdict == "accepted") == (".pass." in name or rule == f"warn:{name.split('.')[1]}"), name
        assert verdict == "accepted" or rule == name.split(".")[1], name
    accepted = [item.frame for name, item in known.items() if judged[name][0] == "accepted"]
    stored = current_events(world.node().catalog, world.registry.get(kind, version))
    stored = stored.filter(pl.col("received_on") == dt.date(2026, 1, 5))
    expected = pl.concat(accepted).sort("event_id").to_dicts() if accepted else []
    assert stored.select(world.registry.get(kind, version).arrow_schema.names).sort("event_id").to_dicts() == expected


def _land_what_they_name(world: World, known: dict[str, Example], sender: str) -> None:
    """Land the signals that withdrawals and corrections name, and withdraw those that are to be withdrawn."""
    named = {
        int.from_bytes(item.frame.row(0, named=True)[field], "big"): item.named_event
        for item in known.values()
        for field in ("withdrawn", "corrected")
        if item.named_event in ("known", "withdrawn") and field in item.frame.columns
    }
    if named:
        gone = [number for number, state in named.items() if state == "withdrawn"]
        parcels = [world.parcel(signals(list(named)), sender=sender)]
        parcels += [world.parcel(taking_back("withdrawal", gone), kind="withdrawal", sender=sender)] if gone else []
        world.land(parcels)
