"""From a received story to the hub's table through the broker, told back on the way; and gone again without consent."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.table import Table

from services import tasks
from services.errors import Retryable
from services.federation.surface import query
from services.home import Home
from services.network import Network
from services.receiving.collecting import open_node
from services.sending.enqueueing import enqueue_once
from services.sending.sender import open_sender
from services.store.accounts import conservation
from services.store.erasing import replace_for_good
from services.store.events import current_events
from services.stories.desk.acting import AtDesk, act, at_desk
from services.stories.desk.publishing import Publishing, publish
from services.stories.desk.quotes import (
    PUBLISHED,
    WITHDRAWN,
    approve,
    find_quote,
    note_agreed,
    propose,
    quotes,
    set_stage,
)
from services.stories.desk.replies import ask_provider
from services.stories.desk.showing import show
from services.stories.desk.stages import steps, take_step
from services.surface import open_published
from tests.command import run
from tests.kept_words import holding
from tests.stories_told import network_with_stories, tell_consent
from tests.told_stories import STORY_POINT, TOWN, existing

WORDS = "Kanarievlinder: iemand vertelt dat de post pas rustig werd toen één begeleider alles regelde."
TITLE = "Zonnebloem en rust"
CANARIES = ("Kanarievlinder", "Zonnebloem")
BODY = "Elke week kwam er een andere brief van weer een ander loket, tot mevrouw Jansen alles overnam."
ROWS = [
    {"Toestemming": "Meetellen, Team, Citeren, Publiceren", "Verhaal": BODY},
    {"Verteller": "T-2", "Toestemming": "Meetellen"},
]
NODE, HUB = f"{TOWN}.published.stories", "hub.benchmark.stories"


@pytest.fixture
def root(at_stage: Callable[[str], Path]) -> Path:
    """A network in which a town received one story that may be published, and one that may only be counted."""
    return network_with_stories(at_stage("empty"), ROWS)


def quotable(here: AtDesk) -> dict[str, Any]:
    return here.stories.filter(pl.col("uses").list.contains("publish")).row(0, named=True)


def propose_and_approve(here: AtDesk) -> str:
    name = propose(here.desk, quotable(here), TITLE, WORDS, here.today)
    note_agreed(here.desk, find_quote(here.desk, name), here.today, "read to the teller", here.today)
    if "team" in quotable(here)["uses"]:
        show(here.network, here.desk, quotable(here), "Bram", "check the quote", None)
    for who in ("Noor", "Bram"):
        approve(here.desk, find_quote(here.desk, name), who, here.network.now(), {"Kanarievlinder": "a made-up animal"})
    return name


def publish_all(here: AtDesk) -> Publishing:
    return publish(here.desk, here.stories, lambda _: ["Kanarievlinder"], here.today)


def published(root: Path) -> str:
    """Publish one quote and bring it to the hub; return its name."""
    name, _ = act(root, TOWN, propose_and_approve)
    found, waits = act(root, TOWN, publish_all)
    assert (found.released, found.refused, waits) == ({name: "published"}, {}, [])
    tasks.receive(root, "hub")
    return name


def consent(root: Path, uses: Sequence[str], number: int = 1) -> None:
    """The story point tells what the teller of the quoted story agrees to now."""
    tell_consent(root, quotes(at_desk(root, TOWN).desk)[0].story, uses, number)


def shown(root: Path, table: str) -> list[dict[str, Any]]:
    connection = open_published(root)
    try:
        return query(connection, f"SELECT * FROM {table}").to_pylist()
    finally:
        connection.close()


def files_with_words(root: Path) -> set[str]:
    """Participants of which a published file holds words of the quote."""
    folders = {item: Home(root).participant(item).root / "published" for item in (TOWN, "hub")}
    return {name for name, folder in folders.items() if any(holding(folder, words) for words in CANARIES)}


def test_a_story_becomes_a_quote_that_anybody_can_ask_for(root: Path) -> None:
    name = published(root)
    for table in (NODE, HUB):
        [row] = shown(root, table)
        assert (row["municipality"], row["quote"], row["title"], row["words"]) == (TOWN, name, TITLE, WORDS)
        assert (row["theme"], row["role"], row["period"], row["made_up"]) == (
            "debt_counselling", "resident", "2025-Q4", True,
        )  # fmt: skip
        assert (row["uses"], row["effects"], row["approach"]) == (["publish", "quote"], [], None)
        assert "first_talk_within_four_weeks_share" in row["indicators"]
    assert files_with_words(root) == {TOWN, "hub"}, "the search finds words where they are"


@pytest.mark.parametrize("uses", [[], ["count", "team"]])
def test_a_quote_is_gone_at_once_when_consent_is_withdrawn(root: Path, uses: list[str]) -> None:
    published(root)
    consent(root, uses)
    tasks.receive(root, TOWN)
    assert shown(root, NODE) == []
    assert files_with_words(root) == {"hub"}
    assert quotes(at_desk(root, TOWN).desk)[0].words is None
    tasks.receive(root, "hub")
    assert shown(root, HUB) == []
    assert files_with_words(root) == set()


def test_a_quote_is_gone_at_once_when_its_story_is_taken_back(root: Path) -> None:
    published(root)
    path = existing(Home(root).participant(STORY_POINT).sources, ROWS)
    tasks.take_back(root, STORY_POINT, path, [2])
    tasks.receive(root, TOWN)
    tasks.receive(root, "hub")
    assert (shown(root, NODE), shown(root, HUB), files_with_words(root)) == ([], [], set())


def left_at_desk(root: Path, story: bytes) -> dict[str, int]:
    """How many rows the desk has about a story, by table; of quotes those that still say what they were about."""
    about = {
        "steps": "story = ?",
        "replies": "story = ?",
        "approvals": "quote IN (SELECT quote FROM quotes WHERE story = ?)",
        "quotes": "story = ? AND coalesce(about, title, words, agreed_how) IS NOT NULL",
        "shown": "story = ?",
    }
    with at_desk(root, TOWN).desk.reading() as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table} WHERE {which}", (story,)).fetchone()[0]
            for table, which in about.items()
        }


def work_on(here: AtDesk) -> bytes:
    """Ask the provider of a story, see it, and propose a quote that nobody publishes; return the story's id."""
    row = quotable(here)
    ask_provider(here.desk, row["event_id"], "Noor", here.today)
    propose_and_approve(here)
    return bytes(row["event_id"])


def test_nothing_but_who_saw_it_is_left_at_the_desk_of_a_story_that_is_taken_back(root: Path) -> None:
    story, _ = act(root, TOWN, work_on)
    assert left_at_desk(root, story) == {"steps": 1, "replies": 1, "approvals": 2, "quotes": 1, "shown": 1}
    path = existing(Home(root).participant(STORY_POINT).sources, ROWS)
    tasks.take_back(root, STORY_POINT, path, [2])
    tasks.receive(root, TOWN)
    assert left_at_desk(root, story) == {"steps": 0, "replies": 0, "approvals": 0, "quotes": 0, "shown": 1}
    assert [step.stage for step in steps(at_desk(root, TOWN).desk)] == ["received"], "of the other story"


def test_the_desk_keeps_its_work_while_the_correction_of_a_story_is_on_its_way(root: Path) -> None:
    story, _ = act(root, TOWN, work_on)
    network = Network.open(root)
    with open_sender(network, STORY_POINT) as sender, network.broker(STORY_POINT) as broker:
        ids = sender.event_ids("correction", "test", pl.Series(["first"]))
        frame = pl.DataFrame({"event_id": ids, "event_type": "story", "corrected": [story]}).with_columns(
            corrected_on=pl.lit(network.today())
        )
        enqueue_once(sender, "correction", TOWN, frame, bytes(32))
        sender.push(broker)
    tasks.receive(root, TOWN)
    assert at_desk(root, TOWN).stories.height == 1
    assert left_at_desk(root, story) == {"steps": 1, "replies": 1, "approvals": 2, "quotes": 0, "shown": 1}


def test_who_may_still_be_quoted_stays_for_talks_and_may_be_published_again(root: Path) -> None:
    name = published(root)
    consent(root, ["quote"])
    tasks.receive(root, TOWN)
    tasks.receive(root, "hub")
    assert (shown(root, NODE), shown(root, HUB), files_with_words(root)) == ([], [], set())
    [quote] = quotes(at_desk(root, TOWN).desk)
    assert (quote.stage, quote.words) == ("in talks", WORDS)
    consent(root, ["publish"], 2)
    tasks.receive(root, TOWN)
    assert shown(root, HUB) == [], "nothing is published by itself"
    assert act(root, TOWN, publish_all)[0].released == {name: "published"}
    tasks.receive(root, "hub")
    assert [row["uses"] for row in shown(root, HUB)] == [["publish"]]


def test_a_municipality_takes_a_quote_back_itself(root: Path) -> None:
    name = published(root)
    assert run("stories", "retract", TOWN, name[:8], "--home", root).code == 0
    assert shown(root, NODE) == []
    tasks.receive(root, "hub")
    assert (shown(root, HUB), files_with_words(root)) == ([], set())


def test_each_stage_is_told_to_who_sent_the_story_once(root: Path) -> None:
    def read_it(here: AtDesk) -> None:
        row = quotable(here)
        show(here.network, here.desk, row, "Noor", "answer the teller", None)
        take_step(here.desk, row["event_id"], "read", "Noor", here.today)

    def answer_it(here: AtDesk) -> None:
        take_step(here.desk, quotable(here)["event_id"], "answered", "Noor", here.today, "Dank voor uw verhaal.")

    act(root, TOWN, read_it)
    act(root, TOWN, answer_it)
    tasks.receive(root, TOWN)
    tasks.receive(root, STORY_POINT)
    network = Network.open(root)
    node = open_node(network, STORY_POINT)
    told = current_events(node.catalog, network.registry.get("story_response"))
    story = quotable(at_desk(root, TOWN))["event_id"]
    assert sorted(told.filter(story=story)["stage"]) == ["answered", "read", "received"]
    assert told.filter(pl.col("story") != story)["stage"].to_list() == ["received"]
    said = told.filter(stage="answered")
    assert node.story_key.open(said["message"], said["event_id"], "message").to_list() == ["Dank voor uw verhaal."]
    assert tasks.receive(root, STORY_POINT).parcels == 0
    assert all(step.told for step in steps(at_desk(root, TOWN).desk))


def test_nothing_is_opened_at_a_node_to_which_no_story_came(root: Path) -> None:
    other = Home(root).participant("gm0687")
    tasks.receive(root, "gm0687")
    tasks.receive(root, "hub")
    assert not other.stories.exists()
    assert not Home(root).participant("hub").stories.exists()


def test_a_run_that_ended_before_the_quote_was_gone_is_made_up_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(root)
    consent(root, [])
    with monkeypatch.context() as patched:
        patched.setattr("services.stories.arriving._at_desk", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tasks.receive(root, TOWN)
    assert files_with_words(root) == {TOWN, "hub"}
    tasks.receive(root, TOWN)
    assert shown(root, NODE) == []


def test_a_quote_taken_back_by_an_act_that_was_killed_is_gone_after_the_next_receipt(root: Path) -> None:
    published(root)
    tasks.receive(root, TOWN)
    here = at_desk(root, TOWN)
    set_stage(here.desk, quotes(here.desk)[0], WITHDRAWN, here.today)  # and no more: the process is gone
    assert len(shown(root, NODE)) == 1
    tasks.receive(root, TOWN)
    tasks.receive(root, "hub")
    assert (shown(root, NODE), shown(root, HUB), files_with_words(root)) == ([], [], set())


def test_a_quote_withdrawn_while_it_is_judged_is_not_published(root: Path) -> None:
    act(root, TOWN, propose_and_approve)

    def meanwhile(_: str) -> list[str]:
        consent(root, [])
        tasks.receive(root, TOWN)
        return ["Kanarievlinder"]

    with pytest.raises(Retryable, match="Somebody else"):
        act(root, TOWN, lambda here: publish(here.desk, here.stories, meanwhile, here.today))
    assert [item.stage for item in quotes(at_desk(root, TOWN).desk)] == ["withdrawn"]
    assert files_with_words(root) == set()


def test_consent_withdrawn_after_the_desk_was_opened_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act(root, TOWN, propose_and_approve)

    def publish_late(here: AtDesk) -> Publishing:
        consent(root, [])
        with monkeypatch.context() as patched:  # the consent is in the node, and nobody followed it yet
            patched.setattr("services.stories.arriving._at_desk", lambda *_: 0)
            tasks.receive(root, TOWN)
        return publish_all(here)

    act(root, TOWN, publish_late)
    tasks.receive(root, "hub")
    assert (shown(root, NODE), shown(root, HUB), files_with_words(root)) == ([], [], set())


def test_of_two_that_write_the_published_table_the_last_leaves_no_quote_that_was_taken_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(table: Table, rows: pl.DataFrame) -> int:
        desk = at_desk(root, TOWN).desk
        if (quote := quotes(desk)[0]).stage == PUBLISHED:
            set_stage(desk, quote, WITHDRAWN, dt.date(2026, 1, 10))
        return replace_for_good(table, rows)

    act(root, TOWN, propose_and_approve)
    monkeypatch.setattr("services.stories.desk.publishing.replace_for_good", slow)
    act(root, TOWN, publish_all)
    assert (shown(root, NODE), files_with_words(root)) == ([], set())


def test_the_hub_shows_no_quote_that_says_it_is_anothers(root: Path) -> None:
    """The contract stops it: a municipality speaks for itself."""
    published(root)
    network = Network.open(root)
    events = current_events(open_node(network, "hub").catalog, network.registry.get("story_quote"))
    frame = events.select(network.registry.get("story_quote").arrow_schema.names)
    with open_sender(network, "gm0687") as sender, network.broker("gm0687") as broker:
        ids = sender.event_ids("story_quote", "test", pl.Series(["forged"]))
        enqueue_once(sender, "story_quote", "hub", frame.with_columns(ids.alias("event_id")), bytes(32))
        sender.push(broker)
    assert dict(tasks.receive(root, "hub").rules) == {"own_quotes_only": 1}
    assert len(shown(root, HUB)) == 1


def test_the_page_has_what_is_published_and_nothing_of_other_tellers_however_many(
    at_stage: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = [*ROWS, *({"Verteller": f"T-{number}"} for number in range(3, 24))]
    root = network_with_stories(at_stage("empty"), rows)
    published(root)
    done = run("stories", "page", TOWN, "--out", tmp_path / "verhalen.html", "--home", root)
    assert (done.code, done.out.split()[-3:]) == (0, ["has", "1", "quotes."])
    html = (tmp_path / "verhalen.html").read_text("utf-8")
    assert TITLE in html
    assert WORDS in html
    assert "Ongeveer" not in html
    assert html.count("<article>") == 1
    missing = run("stories", "page", TOWN, "--out", tmp_path / "no" / "folder.html", "--home", root)
    assert (missing.code, "No such file or directory" in missing.err) == (3, True)


def test_the_hub_forgets_words_that_were_taken_back_at_its_upkeep(root: Path) -> None:
    published(root)
    consent(root, [])
    tasks.receive(root, TOWN)
    tasks.receive(root, "hub")
    store = Home(root).participant("hub").root / "private"
    assert holding(store, CANARIES[0]), "the search finds words where they are"
    now = dt.datetime.now(dt.UTC)
    assert tasks.maintain(root, "hub", now=now).removed.events == {"story_quote": 1}
    network = Network.open(root)
    node = open_node(network, "hub")
    left = current_events(node.catalog, network.registry.get("story_quote"))
    assert left.select("number", "state", "words").rows() == [(2, "withdrawn", None)]
    assert conservation(node)["balanced"].all()
    tasks.maintain(root, "hub", now=now + dt.timedelta(days=2))
    assert [holding(store, words) for words in CANARIES] == [[], []]
    tasks.receive(root, "hub")
    assert shown(root, HUB) == []


def test_the_hub_keeps_words_that_stand_at_its_upkeep(root: Path) -> None:
    published(root)
    assert tasks.maintain(root, "hub").removed.events == {}
    assert len(shown(root, HUB)) == 1
