"""The examples beside the schemas, sent through gate and store."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from services.registry import load_registry
from services.store.events import current_events
from tests.integration.gate.world import KINDS, Example, World, examples

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import


@pytest.mark.parametrize("kind", load_registry().names())
def test_examples_of_every_type_are_judged_as_their_names_say_and_come_back_as_they_were(
    kind: str, make_world: Callable[[], World]
) -> None:
    found = examples(kind, ".pass.") | examples(kind, ".fail.")
    found = {name: item for name, item in found.items() if ".schema_" not in name}
    for receiver in {item.received_by for item in found.values()}:
        world = make_world()
        world.participant = receiver
        _require_judged_as_named(world, kind, {name: i for name, i in found.items() if i.received_by == receiver})


def _require_judged_as_named(world: World, kind: str, known: dict[str, Example]) -> None:
    senders = {kind_of: sender for sender, kind_of in KINDS.items()}
    parcels = [world.parcel(item.frame, kind=kind, sender=senders[item.sender_kind]) for item in known.values()]
    world.land([replace(parcel, received_at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)) for parcel in parcels])
    judged = dict(zip(known, world.intake().select("verdict", "rule").rows(), strict=True))
    for name, (verdict, rule) in judged.items():
        assert (verdict == "accepted") == (".pass." in name or rule == f"warn:{name.split('.')[1]}"), name
        assert verdict == "accepted" or rule == name.split(".")[1], name
    accepted = [item.frame for name, item in known.items() if judged[name][0] == "accepted"]
    stored = current_events(world.node().catalog, world.registry.get(kind))
    expected = pl.concat(accepted).sort("event_id").to_dicts() if accepted else []
    assert stored.select(world.registry.get(kind).arrow_schema.names).sort("event_id").to_dicts() == expected
