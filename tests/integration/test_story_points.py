"""A story point: its form, a story told on it, consent that changes, a story taken back, and what came of it."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.network import Network
from services.sending.enqueueing import enqueue_once
from services.sending.sender import open_sender
from services.stories.reading import stories
from services.stories.responses import heard
from services.stories.text import PREFIX
from tests.command import Outcome, run
from tests.small_network import write
from tests.told_stories import STORY_POINT, TOWN, add_story_point, existing

QUESTIONS = """
title: Vertelpunt Zeeland
introduction: Hier kunt u vertellen wat u meemaakte met hulp.
themes: [Schuldhulpverlening, Energie]
triads:
  - id: wie_hielp
    question: Wie hielp u het meest?
    labels: [Familie & vrienden, De gemeente, Iemand anders]
dyads:
  - id: hoe_snel
    question: Hoe snel kwam er hulp?
    labels: [Veel te laat, Meteen]
questions:
  - id: weet_u
    question: Weet u bij wie u terecht kunt?
    choices: {ja: Ja, nee: Nee}
"""
FILLED: dict[str, Any] = {
    "Verteller": "A-17",
    "Rol": "Inwoner",
    "Gemeente": TOWN,
    "Thema": "Energie",
    "Titel": "De kou",
    "Verhaal": "Wij zetten de verwarming uit. (Verzonnen verhaal.)",
    "Antwoorden": {"wie_hielp": [0.2, 0.5, 0.3], "hoe_snel": 0.7, "weet_u": "ja"},
    "Toestemming": ["Meetellen", "Team", "Citeren", "Publiceren"],
}


@pytest.fixture
def root(at_stage: Callable[[str], Path]) -> Path:
    root = at_stage("empty")
    add_story_point(root)
    write(sources(root) / "vertelpunt.yaml", QUESTIONS.encode())
    return root


def sources(root: Path) -> Path:
    return Home(root).participant(STORY_POINT).sources


def asked(root: Path, *words: str) -> Outcome:
    return run("stories", *words, "--home", root)


def filled(root: Path, **changes: Any) -> Path:
    return write(root / "ingevuld.json", json.dumps({**FILLED, **changes}).encode())


def send(root: Path) -> tasks.SendReport:
    report = tasks.send(root, STORY_POINT, sorted(sources(root).glob("*verhalen*")))
    tasks.receive(root, TOWN)
    return report


def test_the_form_is_a_page_without_scripts_that_asks_what_the_story_point_asks(root: Path) -> None:
    page = root / "formulier.html"
    assert asked(root, "form", STORY_POINT, "--out", str(page)).code == 0
    tree = ET.fromstring(page.read_text("utf-8").removeprefix("<!DOCTYPE html>"))  # noqa: S314 - our own page
    text = " ".join(tree.itertext())
    for part in (
        "Wie hielp u het meest?",
        "Familie & vrienden",
        "Veel te laat",
        "Weet u bij wie",
        "Meetellen",
        "Gezin",
    ):
        assert part in text
    assert "Huishoudelijke hulp" not in text, "a theme that this story point does not offer"
    assert not list(tree.iter("script"))


def test_a_form_filled_in_by_its_own_template_is_a_story(root: Path) -> None:
    path = root / "formulier.json"
    assert asked(root, "form", STORY_POINT, "--out", str(path)).code == 0
    form = json.loads(path.read_text("utf-8"))
    assert set(FILLED) <= set(form)
    path.write_text(json.dumps({**form, **FILLED, "Naam": "A. van Aalderen"}), "utf-8")
    told = asked(root, "tell", STORY_POINT, str(path), "--json")
    assert told.code == 0, told.err
    answer = json.loads(told.out)
    kept = sources(root) / answer["file"]
    assert "van Aalderen" not in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert dict(send(root).events) == {"story": 1}
    (story,) = stories(Network.open(root), TOWN).iter_rows(named=True)
    assert [item["question"] for item in story["answers"]] == ["wie_hielp", "hoe_snel", "weet_u"]
    assert story["way"] == "form"
    assert story["body"].startswith(PREFIX)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Verhaal": "Bel mij op 06-12345678."}, "telefoonnummer"),
        ({"Titel": "Mail a.verzonnen@example.nl"}, "e-mailadres"),
        ({"Betekenis": "Mijn BSN is 999990019."}, "burgerservicenummer"),
        ({"Betekenis": "NL91ABNA0417164300"}, "rekeningnummer"),
        ({"Verhaal": ""}, "‘Verhaal’"),
        ({"Thema": "Werk"}, "thema"),
        ({"Gemeente": "gm0599"}, "gemeente"),
        ({"Antwoorden": {"hoe_vaak": 0.5}}, "niet stelt"),
        ({"Antwoorden": {"wie_hielp": 0.5}}, "niet stelt"),
        ({"Antwoorden": {"weet_u": "misschien"}}, "niet stelt"),
        ({"Verteld op": "2099-01-01"}, "moet nog komen"),
    ],
)
def test_what_is_no_story_is_refused_in_dutch_and_nothing_of_it_is_kept(
    changes: dict[str, Any], said: str, root: Path
) -> None:
    before = sorted(sources(root).iterdir())
    done = asked(root, "tell", STORY_POINT, str(filled(root, **changes)))
    assert done.code == 5
    assert said in done.err
    assert "Er is niets van dit formulier bewaard." in done.err
    for text in changes.values():
        assert not isinstance(text, str) or not text or text == "Werk" or text not in done.err
    assert sorted(sources(root).iterdir()) == before


def test_an_answer_to_a_question_that_is_not_asked_is_refused_in_a_list_too(root: Path) -> None:
    form = {**FILLED, "Verteld op": "2025-12-10"}
    good, odd = {**form, "Verhaalnummer": "L-1"}, {**form, "Verhaalnummer": "L-2", "Antwoorden": {"hoe_vaak": 0.5}}
    write(sources(root) / "verhalen_formulier_lijst.json", json.dumps([good, odd]).encode())
    report = send(root)
    assert (dict(report.events), dict(report.refused)) == ({"story": 1}, {"not_asked": 1})


def test_a_file_of_questions_with_mistakes_is_refused_with_each_place(root: Path) -> None:
    wrong = QUESTIONS.replace("id: hoe_snel", "id: wie_hielp").replace("De gemeente, ", "").replace("title:", "titel:")
    write(sources(root) / "vertelpunt.yaml", wrong.encode())
    done = asked(root, "form", STORY_POINT, "--out", str(root / "f.html"))
    assert done.code == 3
    for place in ("triads.0.labels", "titel", "title"):
        assert place in done.err


def test_consent_that_changes_stands_at_once_and_is_changed_again(root: Path) -> None:
    existing(sources(root), [{}, {}])
    send(root)
    assert [item.to_list() for item in stories(Network.open(root), TOWN)["uses"]] == [["count", "team"]] * 2
    for uses, expected in (("count,publish", ["count", "publish"]), ("none", []), ("team", ["team"])):
        done = asked(root, "consent", STORY_POINT, "--story", "V-2", "--uses", uses, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out) == {"story": "V-2", "receiver": TOWN, "uses": expected}
        tasks.receive(root, TOWN)
        found = sorted(stories(Network.open(root), TOWN)["uses"].to_list(), key=lambda item: item == expected)
        assert found == [["count", "team"], expected]


def test_a_consent_counts_after_an_earlier_one_whatever_the_clock_says(root: Path) -> None:
    existing(sources(root), [{}])
    send(root)
    now = dt.datetime.now(dt.UTC)
    fast = min(90, 24 * 60 - 1 - now.hour * 60 - now.minute)  # not of tomorrow: such a change is quarantined
    for uses, ahead in ((["count", "publish"], fast), ([], -90), (["team"], -90)):
        tasks.consent(root, STORY_POINT, "V-1", uses, clock=lambda ahead=ahead: now + dt.timedelta(minutes=ahead))
        tasks.receive(root, TOWN)
        assert stories(Network.open(root), TOWN)["uses"].to_list() == [uses]


def test_a_sender_that_lost_its_outbox_goes_on_above_its_earlier_consents(root: Path) -> None:
    existing(sources(root), [{}])
    send(root)
    for uses, minutes in ((["count", "publish"], -1), ([], 0)):
        at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
        tasks.consent(root, STORY_POINT, "V-1", uses, clock=lambda at=at: at)
        for path in Home(root).participant(STORY_POINT).outbox.parent.glob("outbox.sqlite*"):
            path.unlink()
    tasks.receive(root, TOWN)
    assert stories(Network.open(root), TOWN)["uses"].to_list() == [[]]


@pytest.mark.parametrize(("number", "uses", "said"), [("V-9", "count", "0 stories"), ("V-1", "sell", "no use")])
def test_consent_of_no_story_or_for_no_use_is_refused(number: str, uses: str, said: str, root: Path) -> None:
    existing(sources(root), [{}])
    done = asked(root, "consent", STORY_POINT, "--story", number, "--uses", uses)
    assert done.code == 5
    assert said in done.err


def test_a_whole_story_is_taken_back_by_its_row(root: Path) -> None:
    path = existing(sources(root), [{}, {}])
    send(root)
    tasks.take_back(root, STORY_POINT, path, [2])
    tasks.receive(root, TOWN)
    assert stories(Network.open(root), TOWN).height == 1


def test_what_came_of_a_story_is_heard_by_its_number_with_words_that_only_the_story_point_opens(root: Path) -> None:
    existing(sources(root), [{}, {}])
    send(root)
    network = Network.open(root)
    assert heard(network, STORY_POINT) == []
    story = stories(network, TOWN)["event_id"][0]
    said = [("read", None, 2), ("answered", "Wij passen de brief aan.", 3)]
    frame = pl.DataFrame(
        {
            "event_id": [bytes([number]) * 16 for number in range(2)],
            "story": [story, story],
            "stage": [stage for stage, _, _ in said],
            "message": [message for _, message, _ in said],
            "said_on": [dt.date(2026, 1, day) for _, _, day in said],
        }
    )
    with open_sender(network, TOWN) as sender, network.broker(TOWN) as broker:
        enqueue_once(sender, "story_response", STORY_POINT, frame, bytes(32))
        sender.hand_over(broker)
    tasks.receive(root, STORY_POINT)
    found = heard(network, STORY_POINT)
    assert sorted({item.number for item in found if item.stage == "received"}) == ["V-1", "V-2"], "told by itself"
    told = [(item.stage, item.message, item.municipality) for item in found if item.stage != "received"]
    assert told == [
        ("read", None, TOWN),
        ("answered", "Wij passen de brief aan.", TOWN),
    ]
    assert {item.number for item in found} <= {"V-1", "V-2"}
    folder = Home(root).participant(STORY_POINT).root
    held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"passen de brief aan" not in held
    shown = json.loads(asked(root, "heard", STORY_POINT, "--json").out)
    assert [row["message"] for row in shown if row["stage"] != "received"] == ["", "Wij passen de brief aan."]
