"""Published quality: protected counts per month and sender, none below ten units and none of stories."""

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import polars as pl

from services.avro.shape import polars_schema
from services.coverage import Standing
from services.quality import QUALITY, as_published, published_quality
from services.quarantine import replay
from services.receiving.landing import OpenedParcel
from services.registry import load_registry
from services.store.compaction import compact
from services.store.events import keep_snapshots
from services.store.intake import TABLE, open_intake
from services.store.snapshots import sequence_number
from tests.integration.gate.world import NOW, World, signals
from tests.told_stories import told

KEY = bytes(32)
HOUSEHOLDS = 20_000


def world_with(folder: Path, *deliveries: tuple[str, range]) -> World:
    """A node that received signals of December, in deliveries of one sender each; no rule stops any."""
    world = World(folder, load_registry())
    world.with_rules("payment_arrears", rows=[], batches=[])
    for number, (sender, ids) in enumerate(deliveries, 1):
        world.land([world.parcel(signals([*ids]), sender=sender, delivery=number)])
    return world


def stories(world: World, ids: range, sender: str, **changes: object) -> OpenedParcel:
    """A delivery of stories told in December."""
    return world.parcel(told(ids, **changes), kind="story", sender=sender, delivery=ids.start)


def consents(world: World, ids: range, sender: str) -> OpenedParcel:
    """Changes of what tellers of such stories allow."""
    frame = pl.DataFrame(
        {
            "event_id": [f"consent{number:09d}".encode() for number in ids],
            "story": [number.to_bytes(16, "big") for number in ids],
            "uses": [["team"]] * len(ids),
            "number": 1,
            "changed_on": dt.date(2025, 12, 12),
        },
        schema=polars_schema(world.registry.get("story_consent").shape),
    )
    return world.parcel(frame, kind="story_consent", sender=sender, delivery=ids.start + 1)


def quality(
    world: World,
    stand: list[Standing],
    kept: dict[str, int] | None = None,
    households: int | None = HOUSEHOLDS,
    before: Collection[str] = (),
) -> pl.DataFrame:
    """The quality of months closed on `kept`, or on what is there now."""
    kept = kept or keep_snapshots(world.node().catalog, world.registry, "close-now")
    return published_quality(world.node(), KEY, stand, kept, households, before)


def test_counts_are_within_the_noise_of_the_truth_and_rounded_to_five(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(100)), ("hc-b", range(1000, 1009)), ("hc-a", range(40, 60)))
    frame = quality(world, [Standing("2025-12", ("hc-a",), ("es-a", "hc-b"))])
    assert frame.schema == pl.Schema(QUALITY)
    rows = {row["sender"]: row for row in frame.to_dicts()}
    assert set(rows) == {"es-a", "hc-a", "hc-b"}
    assert rows["hc-a"]["received"] in {115, 120, 125}
    assert rows["hc-a"]["accepted"] in {95, 100, 105}
    assert rows["hc-a"]["duplicate"] in {15, 20, 25}
    assert [rows[name]["stated"] for name in ("hc-a", "hc-b", "es-a")] == [True, False, False]


def test_fewer_than_ten_are_null_whatever_they_are(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(9)), ("hc-b", range(100, 112)), ("hc-b", range(100, 103)))
    frame = quality(world, [Standing("2025-12", ("hc-a", "hc-b"), ())])
    few, enough = frame.sort("sender").to_dicts()
    numbers = [name for name, kind in QUALITY.items() if kind == pl.Int64]
    assert [few[name] for name in numbers] == [None] * len(numbers)
    assert few["quarantined_by_rule"] == []
    assert enough["accepted"] is not None
    assert [enough[name] for name in ("duplicate", "quarantined", "held")] == [None] * 3


def test_what_was_accepted_after_the_close_is_late(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(30)))
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    world.land([world.parcel(signals([*range(500, 520)]), sender="hc-a", delivery=9)])
    stand = [Standing("2025-12", ("hc-a",), ())]
    [row] = quality(world, stand, kept).to_dicts()
    assert row["late"] in {15, 20, 25}
    assert row["accepted"] in {25, 30, 35}, "counts of a closed month do not move with each late event"
    now = keep_snapshots(world.node().catalog, world.registry, "close-again")
    [again] = quality(world, stand, now).to_dicts()
    assert again["late"] is None
    assert again["accepted"] in {45, 50, 55}


def test_what_was_quarantined_at_the_close_and_accepted_since_is_late_also_in_a_joined_file(tmp_path: Path) -> None:
    world = World(tmp_path, load_registry())
    world.with_rules("payment_arrears", batches=[])
    world.land([world.parcel(signals(range(60), amount_eur=[*[400] * 30, *[-1] * 30]), sender="hc-a")])
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    world.with_rules("payment_arrears", rows=[], batches=[])
    replay(world.node(), world.registry, NOW)
    world.land([world.parcel(signals(range(500, 520)), sender="hc-a", delivery=2)])
    stand = [Standing("2025-12", ("hc-a",), ())]
    frame = quality(world, stand, kept)
    assert frame["late"].item() in {45, 50, 55}
    intake = open_intake(world.node().catalog)
    assert compact(intake, [sequence_number(intake, kept[TABLE])], least=2) == 2
    assert quality(world, stand, kept).equals(frame)


def test_of_a_month_that_was_published_only_what_came_late_is_counted_and_the_rest_stands(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(30)))
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    stand = [Standing("2025-12", ("hc-a",), ())]
    published = quality(world, stand, kept)
    for sender, ids in {"hc-a": range(500, 520), "hc-b": range(600, 630)}.items():
        world.land([world.parcel(signals([*ids]), sender=sender, delivery=ids.start)])
    whole, late = quality(world, stand, kept), quality(world, stand, kept, before=["2025-12"])
    assert late["received"].to_list() == [None, None]
    assert late["late"].to_list() == whole["late"].to_list() != [None, None]
    assert as_published(late, published).equals(as_published(whole, published))
    assert as_published(late, published)["accepted"].to_list() == [published["accepted"].item(), None]


def test_the_same_events_give_the_same_numbers_and_no_population_lets_none_out(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(50)))
    stand = [Standing("2025-12", ("hc-a",), ())]
    assert quality(world, stand).equals(quality(world, stand))
    assert quality(world, stand, None, None)["received"].to_list() == [None]


def test_a_month_of_which_nothing_came_has_a_row_per_sender_that_owes_a_statement(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("hc-a", range(50)))
    frame = quality(world, [Standing("2025-11", ("hc-a",), ("es-a",))])
    assert frame.select("period", "sender", "stated", "received").rows() == [
        ("2025-11", "es-a", False, None),
        ("2025-11", "hc-a", True, None),
    ]


def test_stories_and_changes_of_consent_are_in_no_number_whatever_their_tellers_allow(tmp_path: Path) -> None:
    world = world_with(tmp_path, ("cp-a", range(30)))
    for kind in ("story", "story_consent"):
        world.with_rules(kind, rows=[], batches=[])
    stand = [Standing("2025-12", (), ("cp-a",))]
    kept_before = keep_snapshots(world.node().catalog, world.registry, "close-before")
    before = quality(world, stand)
    world.land([stories(world, range(100, 140), "cp-a"), stories(world, range(200, 250), "vp-a", uses=["count"])])
    world.land([stories(world, range(200, 230), "vp-a"), consents(world, range(200, 250), "vp-a")])
    verdicts = world.intake().filter(event_type="story").group_by("sender", "verdict").len()
    assert set(verdicts.rows()) == {("cp-a", "accepted", 40), ("vp-a", "accepted", 50), ("vp-a", "duplicate", 30)}
    assert world.intake().filter(event_type="story")["period"].to_list() == ["2025-12"] * 120
    assert quality(world, stand).equals(before), "neither more events of the one, nor a row of the other"
    assert quality(world, stand, kept_before).equals(before), "nor late ones"
    assert before["received"].to_list() != [None]
