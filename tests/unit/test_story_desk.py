"""What happens to a story at the desk: its stages, the right of reply, and who sees its text."""

import datetime as dt
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.errors import NotAllowed, Rejected
from services.network import Network
from services.stories.desk.records import Desk
from services.stories.desk.replies import Reply, ask_provider, note_reply, replies
from services.stories.desk.showing import find, show, showings, standing
from services.stories.desk.stages import STAGES, receive, steps, take_step
from tests.stories_told import BODY, TODAY, desk_in, frame, story

NETWORK = cast(Network, SimpleNamespace(now=lambda: dt.datetime(2026, 1, 10, 9, tzinfo=dt.UTC)))
NOOR = "Noor de Wit"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_in(tmp_path)


def received(desk: Desk, **changes: Any) -> dict[str, Any]:
    row = story(desk, **changes)
    receive(desk, {row["event_id"]: row["received_on"]})
    return row


def seen(desk: Desk, row: dict[str, Any], who: str = NOOR) -> None:
    show(NETWORK, desk, row, who, "answer the teller", None)


def test_a_story_goes_through_its_stages_each_with_a_person_and_a_day(desk: Desk) -> None:
    row = received(desk)
    seen(desk, row)
    for number, stage in enumerate(STAGES[1:]):
        day = TODAY + dt.timedelta(days=number)
        take_step(desk, row["event_id"], stage, NOOR, day, None if stage == "read" else f"Wij zeggen {stage}.")
    found = steps(desk)
    assert [step.stage for step in found] == list(STAGES)
    assert [step.who for step in found] == ["the node", *[NOOR] * 5]
    assert [step.said_on for step in found[1:3]] == [dt.date(2026, 1, 10), dt.date(2026, 1, 11)]
    assert [step.message for step in found[:3]] == [None, None, "Wij zeggen answered."]


def test_receiving_a_story_again_changes_nothing(desk: Desk) -> None:
    row = received(desk)
    assert receive(desk, {row["event_id"]: TODAY}) == 0
    assert [step.said_on for step in steps(desk)] == [row["received_on"]]


@pytest.mark.parametrize(
    ("before", "stage", "refusal"),
    [
        ([], "answered", "not read yet"),
        (["read"], "read", "was read before"),
        (["read"], "outcome", "not answered yet"),
        (["read", "answered", "change_made"], "change_planned", "is with a change made already"),
        (["read", "answered", "outcome"], "change_made", "closed with its outcome already"),
    ],
)
def test_stages_are_reached_in_their_order_and_once(desk: Desk, before: list[str], stage: str, refusal: str) -> None:
    row = received(desk)
    seen(desk, row)
    for earlier in before:
        take_step(desk, row["event_id"], earlier, NOOR, TODAY, "Dank u wel.")
    with pytest.raises(NotAllowed, match=refusal):
        take_step(desk, row["event_id"], stage, NOOR, TODAY, "Dank u wel.")
    assert [step.stage for step in steps(desk)][1:] == before


def test_only_who_saw_a_story_has_read_it(desk: Desk) -> None:
    row = received(desk)
    seen(desk, row, "Bram Oud")
    with pytest.raises(NotAllowed, match="never saw"):
        take_step(desk, row["event_id"], "read", NOOR, TODAY)
    seen(desk, row, "  Noor  de Wit ")
    take_step(desk, row["event_id"], "read", NOOR, TODAY)


@pytest.mark.parametrize("message", ["", "  ", "a" * 2001])
def test_a_message_that_says_nothing_or_too_much_is_refused(desk: Desk, message: str) -> None:
    row = received(desk)
    seen(desk, row)
    take_step(desk, row["event_id"], "read", NOOR, TODAY)
    with pytest.raises(Rejected):
        take_step(desk, row["event_id"], "answered", NOOR, TODAY, message)


def test_waiting_counts_from_the_last_step_and_ends_with_the_outcome(desk: Desk) -> None:
    rows = [received(desk, name="first"), received(desk, name="second", uses=["count"])]
    seen(desk, rows[0])
    take_step(desk, rows[0]["event_id"], "read", NOOR, dt.date(2026, 1, 7))
    told = standing(desk, frame(rows), TODAY)
    assert [(item.stage, item.waiting, item.uses) for item in told] == [
        ("received", 8, ("count",)),
        ("read", 3, ("count", "team", "quote", "publish")),
    ]
    take_step(desk, rows[0]["event_id"], "answered", NOOR, TODAY, "Dank u wel.")
    take_step(desk, rows[0]["event_id"], "outcome", NOOR, TODAY, "Het is geregeld.")
    assert [item.waiting for item in standing(desk, frame(rows), dt.date(2026, 3, 1))] == [58, 0]


@pytest.mark.parametrize(
    ("day", "stands", "due"), [(0, "asked", True), (7, "asked", True), (8, "overdue", False), (90, "overdue", False)]
)
def test_a_provider_has_seven_days_to_reply(desk: Desk, day: int, stands: str, *, due: bool) -> None:
    row = received(desk, provider="Zorg aan Huis")
    assert ask_provider(desk, row["event_id"], NOOR, TODAY) == dt.date(2026, 1, 17)
    reply, today = replies(desk)[row["event_id"]], TODAY + dt.timedelta(days=day)
    assert reply.standing(today, names_provider=True) == stands
    assert reply.is_due(today, names_provider=True) is due
    assert standing(desk, frame([row]), today)[0].reply == stands


def test_nobody_waits_for_a_reply_that_came_or_that_nobody_owes(desk: Desk) -> None:
    row = received(desk, provider="Zorg aan Huis")
    assert Reply().is_due(TODAY, names_provider=True)
    assert not Reply().is_due(TODAY, names_provider=False)
    with pytest.raises(NotAllowed, match="No reply is waited for"):
        note_reply(desk, row["event_id"], "Wij herkennen dit.", TODAY)
    ask_provider(desk, row["event_id"], NOOR, TODAY)
    note_reply(desk, row["event_id"], " Wij herkennen dit. ", TODAY)
    found = replies(desk)[row["event_id"]]
    assert (found.standing(TODAY, names_provider=True), found.reply) == ("replied", "Wij herkennen dit.")
    with pytest.raises(NotAllowed):
        note_reply(desk, row["event_id"], "Nog iets.", TODAY)
    with pytest.raises(NotAllowed, match="asked about this story before"):
        ask_provider(desk, row["event_id"], NOOR, TODAY)


def test_a_text_is_shown_marked_and_it_is_written_down_first(desk: Desk) -> None:
    row = received(desk)
    shown = show(NETWORK, desk, row, NOOR, "answer  the teller", lambda text: text.replace("Samira", "[naam]"))
    assert "[naam] van het wijkteam" in shown.texts["body"]
    assert "Samira" not in shown.texts["body"]
    assert set(shown.texts) == {"title", "body"}
    [(at, user, who, told, purpose, marked)] = showings(desk)
    assert (at, who, told, purpose, marked) == (
        "2026-01-10T09:00:00+00:00", NOOR, row["event_id"].hex(), "answer the teller", True,
    )  # fmt: skip
    assert user
    assert show(NETWORK, desk, row, NOOR, "check the paraphrase", None).texts["body"] == BODY
    assert [item[-1] for item in showings(desk)] == [True, False]


def test_a_text_is_not_shown_without_consent_name_or_purpose(desk: Desk) -> None:
    for row, who, purpose in (
        (story(desk, uses=["count", "quote", "publish"]), NOOR, "answer the teller"),
        (story(desk), " ", "answer the teller"),
        (story(desk), NOOR, " "),
    ):
        with pytest.raises(NotAllowed):
            show(NETWORK, desk, row, who, purpose, None)
    assert showings(desk) == []


def test_who_saw_a_text_cannot_be_struck_out(desk: Desk) -> None:
    seen(desk, received(desk))
    for statement in ("DELETE FROM shown", "UPDATE shown SET who = 'nobody'"):
        with sqlite3.connect(desk.path) as database, pytest.raises(sqlite3.IntegrityError, match="records stay"):
            database.execute(statement)
    assert len(showings(desk)) == 1


def test_a_story_is_found_by_the_first_digits_of_its_id(desk: Desk) -> None:
    rows = frame([story(desk, "first"), story(desk, "second")])
    name = rows["event_id"][1].hex()
    assert find(rows, name[:6].upper())["event_id"] == rows["event_id"][1]
    for wrong in (name[:5], "0" * 32, ""):
        with pytest.raises(NotAllowed, match="no such story"):
            find(rows, wrong)


def test_no_text_stands_in_the_desks_file_in_the_clear(desk: Desk) -> None:
    row = received(desk, provider="Zorg aan Huis")
    seen(desk, row)
    take_step(desk, row["event_id"], "read", NOOR, TODAY)
    take_step(desk, row["event_id"], "answered", NOOR, TODAY, "Kanarie in de boodschap.")
    ask_provider(desk, row["event_id"], NOOR, TODAY)
    note_reply(desk, row["event_id"], "Kanarie in de reactie.", TODAY)
    kept = b"".join(path.read_bytes() for path in desk.path.parent.glob("stories.sqlite*"))
    assert NOOR.encode() in kept
    for text in (b"Kanarie", b"answer the teller", b"Samira", b"Zorg aan Huis"):
        assert text not in kept
