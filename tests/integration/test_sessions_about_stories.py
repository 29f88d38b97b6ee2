"""What a session shares about a story: never the teller's words, only while the teller agrees, and gone when not."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from services import tasks
from services.errors import Fatal
from services.federation.surface import query
from services.home import Home
from services.network import Network
from services.sessions.missing import confirm, propose
from services.sessions.model import Session
from services.sessions.outcomes import agree, close_action, conclude
from services.sessions.planning import Wanted, plan
from services.sessions.publishing import Shared, share_action, share_conclusion, share_missing
from services.sessions.reading import load
from services.sessions.readings import nothing_to_say
from services.sessions.records import Records
from services.stories.desk.acting import AtDesk, act, at_desk
from services.stories.desk.publishing import publish
from services.stories.desk.quotes import Quote, approve, find_quote, note_agreed, quotes
from services.stories.desk.quotes import propose as propose_quote
from services.stories.desk.records import open_desk
from services.stories.desk.showing import show
from services.surface import open_published
from tests.command import run
from tests.kept_words import holding
from tests.stories_told import network_with_stories, tell_consent
from tests.told_stories import STORY_POINT, TOWN, existing

DAY = "2026-01-20"
BODY = "Elke week kwam er een andere brief van weer een ander loket, tot een buurvrouw alles overnam."
OTHER_BODY = "Niemand vroeg ooit hoe het met mijn kinderen ging toen de stroom was afgesloten."
ROWS = [
    {"Toestemming": "Meetellen, Team, Citeren, Publiceren", "Verhaal": BODY},
    {"Verteller": "T-2", "Toestemming": "Meetellen", "Verhaal": OTHER_BODY},
]
WORDS = "Een bewoner vertelt dat de rust terugkwam toen een vaste begeleider alle post ging regelen."
OWN = "Wij sturen vanaf maart Kanarievlinder een brief minder per maand."
CANARY = "Kanarievlinder"
EXPLAINED = (CANARY, f"{CANARY} een", "post", "Een", "Elke")
NAMES = ("A. Jansen", "B. de Wit")
REPEATED = "More than 7 words in a row are those of an original."
GONE = "More than 7 words in a row are those of a story or quote that is not shown any more."
NO_CONSENT = "The teller does not consent to this use."


@pytest.fixture
def root(at_stage: Callable[[str], Path]) -> Path:
    """A town with two stories, and a published quote of the first."""
    home = network_with_stories(at_stage("empty"), ROWS)

    def make(here: AtDesk) -> None:
        story = next(row for row in here.stories.iter_rows(named=True) if "publish" in row["uses"])
        show(here.network, here.desk, story, NAMES[0], "tell it on", None)
        name = propose_quote(here.desk, story, "Rust", WORDS, here.today)
        note_agreed(here.desk, find_quote(here.desk, name), here.today, "by letter", here.today)
        for who in NAMES:
            approve(here.desk, find_quote(here.desk, name), who, here.network.now())

    act(home, TOWN, make)
    publish_quotes(home)
    return home


@pytest.fixture
def records(root: Path) -> Records:
    found = Records.of(Network.open(root), TOWN)
    planned(found, DAY, "2025-11")
    return found


def publish_quotes(root: Path) -> None:
    act(root, TOWN, lambda here: publish(here.desk, here.stories, lambda _: (), here.today))


def planned(records: Records, day: str, period: str) -> Session:
    """A session about the quote, in which nobody has anything to say."""
    about = [item.quote for item in quotes(open_desk(records.network, TOWN))]
    wanted = Wanted("Een gesprek", dt.date.fromisoformat(day), period, (), about, guests=("clientenraad",))
    return nothing_to_say(records, plan(records, asks_nothing, wanted).id, "clientenraad")


def asks_nothing(sql: str) -> pa.Table:
    raise AssertionError(sql)


def quoted(records: Records) -> Quote:
    return quotes(open_desk(records.network, TOWN))[0]


def allowed(root: Path, records: Records, uses: list[str], number: int = 1) -> None:
    """The teller of the quoted story agrees to this now, and the town hears of it."""
    tell_consent(root, quoted(records).story, uses, number)
    tasks.receive(root, TOWN)


def shared(root: Path) -> dict[str, list[dict[str, Any]]]:
    connection = open_published(root)
    try:
        names = ("sessions", "actions", "missing")
        return {name: query(connection, f"SELECT * FROM {TOWN}.published.{name}").to_pylist() for name in names}
    finally:
        connection.close()


def count(root: Path) -> list[int]:
    return [len(rows) for rows in shared(root).values()]


def files(root: Path, words: str) -> list[Path]:
    return holding(Home(root).participant(TOWN).root / "published", words)


def twice(share: Callable[..., Shared], records: Records, number: int = 1) -> Shared:
    """Let two people approve it; what is marked in it is explained."""
    return [share(records, number, name, EXPLAINED) for name in NAMES][-1]


def share_all(records: Records, words: str, item: str | None) -> list[Shared]:
    """Put words in a conclusion, an action with its outcome, and an entry of the register, and approve all."""
    conclude(records, DAY, words, item)
    agree(records, DAY, words, "het team", load(records, DAY).held_on, item)
    close_action(records, 1, words)
    propose(records, "reached_share", "ouders", words, session=DAY)
    confirm(records, 1, "A. Jansen")
    return [twice(share, records) for share in (share_conclusion, share_action, share_missing)]


@pytest.mark.parametrize("told", [BODY, OTHER_BODY])
def test_no_story_leaves_word_for_word_whatever_it_is_put_in(root: Path, records: Records, told: str) -> None:
    """Nobody contributed it to the session: it was copied from the desk, of the quoted story or of another."""
    for found in share_all(records, f"wij hoorden dat «{told.upper()}»", None):
        assert found.reasons == (REPEATED,)
    assert count(root) == [0, 0, 0]


def test_a_quote_that_is_not_published_leaves_by_no_session_either(root: Path, records: Records) -> None:
    allowed(root, records, ["quote"])
    assert quoted(records).stage == "in talks"
    for found in share_all(records, f"wij lazen dat {WORDS}", None):
        assert found.reasons == (REPEATED,)
    assert count(root) == [0, 0, 0]


def test_a_published_quote_may_be_repeated_until_it_is_gone(root: Path, records: Records) -> None:
    words = f"{CANARY}: {WORDS}"
    assert all(found.released for found in share_all(records, words, None))
    assert count(root) == [1, 1, 1]
    assert files(root, CANARY), "the search finds words where they are"
    allowed(root, records, [])
    assert (count(root), files(root, CANARY)) == ([0, 0, 0], [])
    assert quoted(records).words is None
    assert twice(share_conclusion, records).reasons == (GONE,)


def test_words_of_a_story_do_not_come_free_when_it_is_taken_back(root: Path, records: Records) -> None:
    """Nothing is left then to compare them with: what was seen before counts."""
    conclude(records, DAY, f"wij hoorden dat {BODY}")
    assert twice(share_conclusion, records).reasons == (REPEATED,)
    conclude(records, DAY, f"wij lazen dat {BODY}")
    path = existing(Home(root).participant(STORY_POINT).sources, ROWS)
    tasks.take_back(root, STORY_POINT, path, [2])
    tasks.receive(root, TOWN)
    assert at_desk(root, TOWN).stories.height == 1
    assert count(root) == [0, 0, 0]
    assert [twice(share_conclusion, records, number).reasons for number in (1, 2)] == [(GONE,), (GONE,)]
    assert count(root) == [0, 0, 0]


@pytest.mark.parametrize("uses", [[], ["count", "team"], ["quote"]])
def test_what_is_concluded_about_a_story_leaves_only_while_its_teller_agrees(
    root: Path, records: Records, uses: list[str]
) -> None:
    about = quoted(records).quote
    conclude(records, DAY, OWN, about)
    agree(records, DAY, OWN, "het team", load(records, DAY).held_on, about)
    assert twice(share_conclusion, records).released
    assert twice(share_action, records).released
    assert [row["item"] for name in ("sessions", "actions") for row in shared(root)[name]] == [about, about]
    assert files(root, CANARY)
    allowed(root, records, uses)
    assert (count(root), files(root, CANARY)) == ([0, 0, 0], [])
    assert NO_CONSENT in twice(share_conclusion, records).reasons
    assert NO_CONSENT in twice(share_action, records).reasons
    assert count(root) == [0, 0, 0]


def test_an_action_that_came_back_is_still_about_its_story(root: Path, records: Records) -> None:
    agree(records, DAY, OWN, "het team", load(records, DAY).held_on, quoted(records).quote)
    planned(records, "2026-02-20", "2025-12")
    conclude(records, "2026-02-20", OWN, "action-1")
    assert twice(share_conclusion, records).released
    allowed(root, records, ["count"])
    assert count(root) == [0, 0, 0]
    assert NO_CONSENT in twice(share_conclusion, records).reasons


def test_a_quote_that_is_not_published_is_not_named(root: Path, records: Records) -> None:
    about = quoted(records).quote
    allowed(root, records, ["quote"])
    allowed(root, records, ["publish"], 2)
    assert quoted(records).stage == "in talks", "nothing is published by itself"
    conclude(records, DAY, OWN, about)
    assert twice(share_conclusion, records).released
    assert [(row["item_kind"], row["item"]) for row in shared(root)["sessions"]] == [("story", None)]
    publish_quotes(root)
    assert [row["item"] for row in shared(root)["sessions"]] == [about]
    assert run("stories", "retract", TOWN, about, "--home", root).code == 0
    assert (count(root), files(root, CANARY)) == ([0, 0, 0], [])


def test_what_is_shared_can_be_taken_back(root: Path, records: Records) -> None:
    assert all(found.released for found in share_all(records, OWN, None))

    def retract(*arguments: object) -> int:
        return run("session", *arguments, "--home", root).code

    assert retract("retract", TOWN, DAY) == Fatal.exit_code
    assert retract("retract", TOWN, "2026-01-21", "--conclusion", "1") == Fatal.exit_code
    assert retract("retract", TOWN, "2026-01-21", "--action", "1") == Fatal.exit_code
    assert count(root) == [1, 1, 1]
    assert retract("retract", TOWN, DAY, "--conclusion", "1") == 0
    assert count(root) == [0, 1, 1]
    assert retract("retract", TOWN, DAY, "--action", "1") == 0
    assert retract("missing", "retract", TOWN, "1") == 0
    assert (count(root), files(root, CANARY)) == ([0, 0, 0], [])
    assert share_conclusion(records, 1, NAMES[0], EXPLAINED).reasons == (
        "Fewer than 2 different reviewers approved the words as they stand.",
    ), "one person is not two again"
    assert share_conclusion(records, 1, NAMES[1]).released


def test_without_sessions_nothing_of_them_is_made(root: Path) -> None:
    tasks.receive(root, TOWN)
    assert not Home(root).participant(TOWN).sessions.exists()
