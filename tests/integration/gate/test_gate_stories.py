"""Words of stories at the gate: looked through while they are open, stored sealed whatever the verdict."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from services.avro.encode import encode_rows
from services.quarantine import replay, show
from services.receiving.judging import OpenedParcel
from services.store.events import current_events
from services.stories.text import PREFIX, opened_words, sealed_words
from tests.integration.gate.world import NOW, World
from tests.told_stories import told

pytestmark = pytest.mark.xdist_group("great-expectations")

CANARY = "Zandkasteel in de Bloemenbuurt"


def parcel(world: World, frame: pl.DataFrame) -> OpenedParcel:
    """As `Opener` gives it: words open in the frame, sealed in the bytes."""
    story = world.registry.get("story")
    rows = encode_rows(story, sealed_words(world.node().story_key, story, frame))
    return replace(world.parcel(frame, kind="story", sender="vp-a"), rows=rows)


def verdicts(world: World) -> list[tuple[str, str | None]]:
    return [(row["verdict"], row["rule"]) for row in world.intake().iter_rows(named=True)]


def everywhere(world: World) -> bytes:
    files = [path for path in world.root.rglob("*") if path.is_file()]
    assert len(files) > 3
    return b"\n".join(path.read_bytes() for path in files)


def test_accepted_words_are_stored_sealed_and_open_with_the_key(make_world: Callable[[], World]) -> None:
    world = make_world()
    frame = told([1, 2], body=f"{CANARY}: ik wachtte lang.", provider="Thuishulp Verzonnen")
    world.land([parcel(world, frame)])
    story, node = world.registry.get("story"), world.node()
    stored = current_events(node.catalog, story)
    assert stored["body"].str.starts_with(PREFIX).all()
    assert stored["provider"].str.starts_with(PREFIX).all()
    assert stored["meaning"].null_count() == 2
    opened = opened_words(node.story_key, story, stored).sort("event_id")
    assert opened.select(frame.columns).equals(frame)
    assert CANARY.encode() not in everywhere(world)


def test_the_same_story_again_is_a_duplicate(make_world: Callable[[], World]) -> None:
    world = make_world()
    world.land([parcel(world, told([1]))])
    world.land([parcel(world, told([1]))])
    assert verdicts(world) == [("accepted", None), ("duplicate", "repeated_in_delivery")]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("body", f"{CANARY}, bel 06-12345678."),
        ("title", f"{CANARY} 999990019"),
        ("meaning", f"{CANARY}: a.verzonnen@example.nl"),
        ("provider", f"{CANARY} NL91ABNA0417164300"),
    ],
)
def test_a_text_with_a_direct_identifier_is_quarantined_sealed_and_stays_so_in_a_replay(
    field: str, text: str, make_world: Callable[[], World]
) -> None:
    world = make_world()
    world.land([parcel(world, pl.concat([told([1]), told([2], **{field: text})]))])
    assert verdicts(world) == [("accepted", None), ("quarantined", "no_direct_identifier")]
    assert replay(world.node(), world.registry, NOW).is_empty(), "found again, in words that were opened for it"

    node = world.node()
    revealed = show(node, world.registry, "", NOW, reveal=True, purpose="mending")
    assert not {"title", "body", "meaning", "provider"} & revealed.values.keys()
    assert CANARY not in repr(revealed)
    assert CANARY.encode() not in everywhere(world)


def test_what_a_replay_lets_through_is_stored_sealed_too(make_world: Callable[[], World]) -> None:
    world = make_world()
    world.land([parcel(world, told([1], body=f"{CANARY}, bel 06-12345678."))])
    rules = [rule for rule in world.registry.get("story").contract.row_rules if rule.id != "no_direct_identifier"]
    registry = world.with_rules("story", rules)
    assert replay(world.node(), registry, NOW).rows() == [("story", "accepted", None, 1)]
    stored = current_events(world.node().catalog, world.registry.get("story"))
    assert stored["body"].str.starts_with(PREFIX).all()
    assert CANARY.encode() not in everywhere(world)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"first": 0.25}, "accepted"),
        ({"first": 0.2, "second": 0.5, "third": 0.3}, "accepted"),
        ({"first": 0.33, "second": 0.33, "third": 0.33}, "accepted"),
        ({"choice": "ja"}, "accepted"),
        ({}, "quarantined"),
        ({"first": 1.5}, "quarantined"),
        ({"first": 0.9, "second": 0.5, "third": 0.3}, "quarantined"),
        ({"first": 0.5, "second": 0.5}, "quarantined"),
        ({"first": 0.5, "choice": "ja"}, "quarantined"),
        ({"choice": ""}, "quarantined"),
        ({"choice": "dat vertel ik liever zelf"}, "quarantined"),
        ({"question": "Wie hielp u?", "first": 0.5}, "quarantined"),
    ],
)
def test_an_answer_is_a_place_three_weights_or_a_choice(
    answer: dict[str, Any], verdict: str, make_world: Callable[[], World]
) -> None:
    empty = {"question": "wie_hielp", "first": None, "second": None, "third": None, "choice": None}
    good = {**empty, "first": 0.5}
    world = make_world()
    world.land([parcel(world, told([1], answers=[good, {**empty, **answer}]))])
    rule = None if verdict == "accepted" else "answers_in_form"
    assert verdicts(world) == [(verdict, rule)]
