"""The commands at the desk of stories, as a person runs them: from a list without text to a quote at the hub."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services import tasks
from services.network import Network
from services.private_sql.asking import os_user
from services.sessions.missing import noted
from services.sessions.records import Records
from tests.command import Outcome, run
from tests.stories_told import network_with_stories
from tests.told_stories import STORY_POINT, TOWN

BODY = "Kanarie: elke week kwam er een andere brief, tot mevrouw Jansen van het wijkteam alles overnam."
ROWS = [
    {
        "Toestemming": "Meetellen, Team, Citeren, Publiceren",
        "Verhaal": BODY,
        "Aanbieder": "Zorg Aan Huis",
        "Signalen": "Lang wachten, Onduidelijke brief",
        "Effecten": "Ongewenst: gezin, Gewenst: verteller",
        "Onzekerheden": "Wie beslist",
        "Overwegingen": "Waardigheid",
        "Waardering": "2",
    },
    {"Verteller": "T-2", "Toestemming": "Meetellen", "Verhaal": "Kanarie die niemand mag lezen."},
]


@pytest.fixture
def root(at_stage: Callable[[str], Path]) -> Path:
    return network_with_stories(at_stage("empty"), ROWS)


def stories(root: Path, name: str, *arguments: object) -> Outcome:
    return run("stories", name, TOWN, *arguments, "--home", root)


def ids(root: Path) -> dict[str, str]:
    """By the number of uses the id of the story."""
    listed = json.loads(stories(root, "list", "--json").out)
    return {"countable" if item["uses"] == ["count"] else "quotable": item["story"] for item in listed}


def test_the_list_tells_how_far_each_story_is_and_no_text(root: Path) -> None:
    done = stories(root, "list")
    assert done.code == 0
    assert done.out.count("debt_counselling") == 2
    assert "to be asked" in done.out
    assert "Kanarie" not in done.out + stories(root, "list", "--json").out


def test_a_story_is_read_answered_and_closed(root: Path, tmp_path: Path) -> None:
    story, message = ids(root)["quotable"], tmp_path / "bericht.txt"
    message.write_text("Dank u wel voor uw verhaal.", "utf-8")
    seen = stories(root, "show", story[:8], "--as", "Noor", "--purpose", "answer the teller")
    assert seen.code == 0
    assert "elke week kwam er een andere brief" in seen.out
    assert "Jansen" not in seen.out
    assert "misses some" in seen.out
    assert [
        line for line in seen.out.splitlines() if line.startswith(("signal", "effect", "onzeker", "overw", "waar"))
    ] == [
        "signalen: lang wachten; een onduidelijke brief",
        "effecten: ongewenst voor het gezin; gewenst voor de verteller",
        "onzekerheden: wie beslist",
        "overwegingen: waardigheid",
        "waardering: 2 van 5",
    ]
    assert "Jansen" in stories(root, "show", story, "--as", "Noor", "--purpose", "check", "--unmarked").out
    assert stories(root, "read", story, "--as", "Noor").code == 0
    for name in ("answer", "plan", "made", "outcome"):
        assert stories(root, name, story, "--as", "Noor", "--message", message).code == 0
    assert [item["stage"] for item in json.loads(stories(root, "list", "--json").out) if item["story"] == story] == [
        "outcome"
    ]
    looks = json.loads(stories(root, "shown", "--json").out)
    assert [(item["who"], item["purpose"], item["marked"]) for item in looks] == [
        ("Noor", "answer the teller", True),
        ("Noor", "check", False),
    ]
    assert "answer the teller" in stories(root, "shown").out


def test_a_story_that_may_only_be_counted_is_not_shown(root: Path) -> None:
    done = stories(root, "show", ids(root)["countable"], "--as", "Noor", "--purpose", "answer the teller")
    assert (done.code, "did not agree" in done.err, "Kanarie" in done.out + done.err) == (6, True, False)


def test_a_quote_says_what_it_lacks_until_it_lacks_nothing(root: Path, tmp_path: Path) -> None:
    story, words = ids(root)["quotable"], tmp_path / "citaat.txt"
    words.write_text("De rust kwam terug toen één begeleider alle post regelde.", "utf-8")
    proposed = stories(root, "quote", story, "--words", words, "--title", "Eén vaste begeleider")
    assert proposed.code == 0
    name = proposed.out.split()[1]
    [(_, reasons)] = json.loads(stories(root, "publish", "--json").out)["refused"].items()
    assert len(reasons) >= 3
    assert "A provider that is named may still reply." in stories(root, "publish").out
    assert stories(root, "ask-provider", story, "--as", "Noor").code == 0
    reply = tmp_path / "reactie.txt"
    reply.write_text("Wij herkennen dit.", "utf-8")
    assert stories(root, "reply", story, "--text", reply).code == 0
    listed = json.loads(stories(root, "quotes", "--json").out)
    agreed = stories(root, "agreed", name[:8], "--on", listed[0]["proposed on"], "--how", "read to the teller")
    assert agreed.code == 0
    _, _, marked = proposed.out.strip().rstrip(".").partition("by a reviewer: ")
    explained = [part for word in marked.split(", ") if word for part in ("--explain", f"{word}=names nobody")]
    for who in ("Noor", "Bram"):
        done = stories(root, "approve", name[:8], "--as", who, *explained)
        assert (done.code, "De rust kwam terug" in done.out) == (0, True)
    [(_, [reason])] = json.loads(stories(root, "publish", "--json").out)["refused"].items()
    assert reason == "None of those who approved was shown the story before they did."
    assert stories(root, "show", story, "--as", "Bram", "--purpose", "check the quote").code == 0
    assert stories(root, "approve", name[:8], "--as", "Bram").code == 0
    [listed] = json.loads(stories(root, "quotes", "--json").out)
    assert listed["approved by"] == [{"name": who, "user": os_user()} for who in ("Noor", "Bram")]
    assert json.loads(stories(root, "publish", "--json").out) == {"released": {name: "published"}, "refused": {}}
    assert "De rust kwam terug" in stories(root, "quotes").out
    tasks.receive(root, "hub")
    asked = run("sql", "--json", "select words, made_up from hub.benchmark.stories", "--home", root)
    assert json.loads(asked.out) == [{"words": words.read_text("utf-8"), "made_up": True}]


def test_a_story_that_is_held_puts_a_group_on_the_register(root: Path) -> None:
    about = [
        "--indicator",
        "signals_per_1000_households",
        "--group",
        "flexwerkers",
        "--because",
        "Het inkomen wisselt.",
    ]
    story = ids(root)["countable"]
    added = run("session", "missing", "add", TOWN, *about, "--story", story[:8], "--home", root)
    assert (added.code, added.err) == (0, "")
    [entry] = noted(Records.of(Network.open(root), TOWN))
    assert (entry.source, entry.reference) == ("story", story)


def test_a_story_without_provider_has_nobody_to_ask(root: Path) -> None:
    done = stories(root, "ask-provider", ids(root)["countable"], "--as", "Noor")
    assert (done.code, "names no provider" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("read", "0" * 32, "--as", "Noor"), 6),
        (("answer", "0" * 32, "--as", "Noor", "--message", "/no/such/file"), 3),
        (("approve", "abcdef", "--as", "Noor"), 6),
        (("approve", "abcdef", "--as", "Noor", "--explain", "Roos"), 5),
        (("retract", "abc"), 6),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(root: Path, arguments: tuple[str, ...], code: int) -> None:
    done = stories(root, *arguments)
    assert done.code == code
    assert len(done.err.splitlines()) >= 2


def test_stories_are_of_municipalities(root: Path) -> None:
    done = run("stories", "list", STORY_POINT, "--home", root)
    assert (done.code, "is no municipality" in done.err) == (6, True)
