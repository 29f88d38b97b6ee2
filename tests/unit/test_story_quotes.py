"""Quotes of stories at the desk: proposed, agreed, approved, judged, and taken back."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.disclosure import Words
from services.errors import NotAllowed, Rejected, Retryable
from services.network import Network
from services.private_sql.asking import os_user
from services.stories.desk.about import About
from services.stories.desk.publishing import judged, withdraw_without_consent
from services.stories.desk.quotes import (
    IN_TALKS,
    PROPOSED,
    PUBLISHED,
    WITHDRAWN,
    Quote,
    approve,
    find_quote,
    note_agreed,
    propose,
    quotes,
    set_stage,
)
from services.stories.desk.records import Desk
from services.stories.desk.replies import Reply
from services.stories.desk.showing import show
from tests.stories_told import TITLE, TODAY, WORDS, desk_in, frame, story

NOW = dt.datetime(2026, 1, 10, 9, tzinfo=dt.UTC)
NETWORK = cast(Network, SimpleNamespace(now=lambda: NOW))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_in(tmp_path)


def ready(desk: Desk, row: dict[str, Any], words: str = WORDS) -> str:
    """A quote that nothing stands in the way of."""
    name = propose(desk, row, TITLE, words, TODAY)
    note_agreed(desk, find_quote(desk, name), TODAY, "read to the teller", TODAY)
    if "team" in row["uses"]:
        show(NETWORK, desk, row, "Bram Oud", "check the quote", None)
    for who in ("Noor de Wit", "Bram Oud"):
        approve(desk, find_quote(desk, name), who, NOW)
    return name


def words_of(desk: Desk, row: dict[str, Any], quote: Quote, marks: Sequence[str] = (), **changes: Any) -> Words:
    reply = changes.get("reply", Reply())
    return judged(desk, row, quote, lambda _: marks, reply, changes.get("today", TODAY))


def test_a_quote_that_has_all_is_released_as_it_was_approved(desk: Desk) -> None:
    row = story(desk)
    found = words_of(desk, row, find_quote(desk, ready(desk, row)))
    assert (found.status, found.words) == ("released", f"{TITLE}\n{WORDS}")


def test_a_proposal_alone_lacks_agreement_and_reviewers(desk: Desk) -> None:
    row = story(desk)
    found = words_of(desk, row, find_quote(desk, propose(desk, row, TITLE, WORDS, TODAY)))
    assert len(found.reasons) == 3
    assert "reviewers" in found.reasons[0]
    assert "agreed" in found.reasons[1]
    assert "shown the story" in found.reasons[2]


def test_an_approval_keeps_the_user_of_the_machine_and_the_last_time(desk: Desk) -> None:
    name = ready(desk, story(desk))
    later = NOW + dt.timedelta(days=1)
    approve(desk, find_quote(desk, name), "Bram Oud", later)
    found = find_quote(desk, name).approvals
    assert {who: (item.user, item.at) for who, item in found.items()} == {
        "Noor de Wit": (os_user(), NOW), "Bram Oud": (os_user(), later),
    }  # fmt: skip


def test_approvals_of_one_second_stand_in_the_order_in_which_they_were_given(desk: Desk) -> None:
    name = propose(desk, story(desk), TITLE, WORDS, TODAY)
    for number, who in enumerate(("Noor", "Bram", "Zus", "Adam")):
        approve(desk, find_quote(desk, name), who, NOW + dt.timedelta(milliseconds=number))
    assert list(find_quote(desk, name).approvals) == ["Noor", "Bram", "Zus", "Adam"]


def test_a_mark_is_to_be_explained_by_a_reviewer(desk: Desk) -> None:
    row = story(desk)
    name = ready(desk, row)
    assert "not explained" in words_of(desk, row, find_quote(desk, name), ["Eén"]).reasons[0]
    approve(desk, find_quote(desk, name), "Noor de Wit", NOW, {"eén": "the number one"})
    assert words_of(desk, row, find_quote(desk, name), ["Eén"]).status == "released"


def test_a_provider_that_may_still_reply_is_waited_for(desk: Desk) -> None:
    row = story(desk, provider="Zorg aan Huis")
    quote = find_quote(desk, ready(desk, row))
    assert words_of(desk, row, quote).reasons == ("A provider that is named may still reply.",)
    asked = Reply(asked_on=TODAY)
    assert words_of(desk, row, quote, reply=asked, today=TODAY + dt.timedelta(days=7)).status == "refused"
    assert words_of(desk, row, quote, reply=asked, today=TODAY + dt.timedelta(days=8)).status == "released"
    assert words_of(desk, row, quote, reply=Reply(TODAY, TODAY, "Wij herkennen dit.")).status == "released"


def test_names_of_quotes_differ_and_do_not_hold_the_id_of_the_story(desk: Desk) -> None:
    row = story(desk)
    names = [propose(desk, row, TITLE, words, TODAY) for words in (WORDS, f"{WORDS} Dat hielp.")]
    assert len({*names}) == 2
    assert all(len(name) == 32 and row["event_id"].hex()[:6] not in name for name in names)


def test_what_is_told_beside_a_quote_follows_from_its_story(desk: Desk) -> None:
    row = story(desk, told_on=dt.date(2025, 3, 31), theme="child_poverty", approach="leergeld")
    quote = find_quote(desk, propose(desk, row, TITLE, WORDS, TODAY))
    assert quote.about == About("child_poverty", "leergeld", "resident", "2025-Q1", ("wanted:teller",), made_up=True)


@pytest.mark.parametrize(
    ("title", "words"),
    [("", WORDS), ("a" * 121, WORDS), (TITLE, " \n "), (TITLE, "a" * 1201), (TITLE, "Bel 06-12345678.")],
)
def test_words_that_can_never_leave_are_refused_at_once(desk: Desk, title: str, words: str) -> None:
    with pytest.raises(Rejected) as refused:
        propose(desk, story(desk), title, words, TODAY)
    assert "06-12345678" not in str(refused.value)
    assert quotes(desk) == []


def test_nothing_is_proposed_of_a_story_whose_teller_did_not_agree_to_be_quoted(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="did not agree to this use"):
        propose(desk, story(desk, uses=["count", "team"]), TITLE, WORDS, TODAY)


@pytest.mark.parametrize("day", [TODAY - dt.timedelta(days=1), TODAY + dt.timedelta(days=1)])
def test_a_teller_agrees_to_words_that_are_there_on_a_day_that_was(desk: Desk, day: dt.date) -> None:
    quote = find_quote(desk, propose(desk, story(desk), TITLE, WORDS, TODAY))
    with pytest.raises(NotAllowed):
        note_agreed(desk, quote, day, "read to the teller", TODAY)
    with pytest.raises(Rejected):
        note_agreed(desk, quote, TODAY, " ", TODAY)


@pytest.mark.parametrize(
    ("stage", "uses", "after", "number"),
    [
        (PUBLISHED, ["publish"], PUBLISHED, 1),
        (PUBLISHED, ["count", "quote"], IN_TALKS, 2),
        (PUBLISHED, ["count", "team"], WITHDRAWN, 2),
        (IN_TALKS, ["quote"], IN_TALKS, 0),
        (IN_TALKS, [], WITHDRAWN, 0),
        (PROPOSED, ["team"], WITHDRAWN, 0),
        (PROPOSED, ["publish"], PROPOSED, 0),
    ],
)
def test_a_quote_follows_what_its_teller_agrees_to(
    desk: Desk, stage: str, uses: list[str], after: str, number: int
) -> None:
    name = ready(desk, story(desk))
    if stage != PROPOSED:
        set_stage(desk, find_quote(desk, name), stage, TODAY)
    changed = withdraw_without_consent(desk, frame([story(desk, uses=uses)]), TODAY)
    quote = find_quote(desk, name)
    assert (quote.stage, quote.number, changed) == (after, number, int(after != stage))
    assert (quote.words is None) == (after == WITHDRAWN)


def test_a_quote_that_somebody_else_moved_stays_as_that_left_it(desk: Desk) -> None:
    read = find_quote(desk, ready(desk, story(desk)))
    set_stage(desk, read, WITHDRAWN, TODAY)
    with pytest.raises(Retryable):
        set_stage(desk, read, PUBLISHED, TODAY)
    assert [(item.stage, item.number) for item in quotes(desk)] == [(WITHDRAWN, 0)]


def test_the_words_of_a_quote_are_gone_when_its_story_is(desk: Desk) -> None:
    row = story(desk)
    name = ready(desk, row)
    sealed = desk.seal(row["event_id"], f"{name}/words", WORDS).encode()
    assert sealed in b"".join(path.read_bytes() for path in desk.path.parent.glob("stories.sqlite*"))
    assert withdraw_without_consent(desk, frame([]), TODAY) == 1
    assert sealed not in b"".join(path.read_bytes() for path in desk.path.parent.glob("stories.sqlite*"))
    quote = find_quote(desk, name)
    assert (quote.stage, quote.title, quote.words, dict(quote.explained)) == (WITHDRAWN, None, None, {})
    for act in (lambda: approve(desk, quote, "Noor", NOW), lambda: note_agreed(desk, quote, TODAY, "by letter", TODAY)):
        with pytest.raises(NotAllowed, match="withdrawn"):
            act()


def test_no_word_of_a_quote_stands_in_the_desks_file_in_the_clear(desk: Desk) -> None:
    ready(desk, story(desk), f"{WORDS} Kanarie.")
    kept = b"".join(path.read_bytes() for path in desk.path.parent.glob("stories.sqlite*"))
    assert b"Noor de Wit" in kept
    assert b"Kanarie" not in kept
    assert TITLE.encode() not in kept
