"""A thousand phrases that stand in stories only are found in no file but the sources, no parcel, log line or answer.

Nor in the municipality's own node in the clear, whether their story was accepted, quarantined or refused at its source.
With the municipality's keys all that was accepted and quarantined opens, so that nothing was found because nothing was
there.
"""

import json
import random
import re
import sqlite3
import string
from pathlib import Path

import pytest

from services.avro.decode import decode_rows
from services.home import Home
from services.network import Network
from services.privacy.sealing import open_bytes
from services.sending.sender import REFUSED_CONTEXT
from services.stories.text import StoryKey, opened_words
from tests.attack.canaries import among, contents
from tests.attack.test_canaries import Passed
from tests.command import run
from tests.network_state import events, intake, messages
from tests.small_network import EVERYBODY, Stages, copied, write
from tests.told_stories import STORY_POINT, TOWN, add_story_point, existing

pytestmark = pytest.mark.xdist_group("network")

COUNT, FIELDS = 1000, ("Titel", "Verhaal", "Betekenis", "Aanbieder")
REFUSED, OLD = 30, 30
"""Stories of which one field holds a phone number, and stories that were told too long ago."""
HANDLED = 240
"""The story that people read, answer and tell on."""
SEALED = ("title", "body", "meaning", "provider")


def phrases() -> list[str]:
    """Two words each of letters by chance, so that no other text holds them."""
    chance = random.Random(20_251_130)

    def word() -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=9)).capitalize()

    return [f"{word()} {word()}" for _ in range(COUNT)]


PHRASES = phrases()
WORDS = {part.upper() for text in PHRASES for part in text.split()}
SQUEEZED = sorted(WORDS | {text.replace(" ", "").upper() for text in PHRASES})


def found(content: bytes) -> set[str]:
    """Return what of the phrases and their words is in it: in UTF-8 or UTF-16, in any case, with or without space."""
    return among(re.sub(rb"[^A-Z]+", b"", content.upper()), SQUEEZED)


def whole(content: bytes) -> set[str]:
    """Return the phrases that are in it as a whole."""
    return {text for text in PHRASES if text.replace(" ", "").upper() in found(content)}


def rows() -> list[dict[str, str]]:
    told = []
    for at in range(0, COUNT, len(FIELDS)):
        row = {field: f"{text} (verzonnen)" for field, text in zip(FIELDS, PHRASES[at : at + len(FIELDS)], strict=True)}
        number = at // len(FIELDS)
        row["Verteller"] = f"T-{number % 90}"
        if number < REFUSED:
            row[FIELDS[number % len(FIELDS)]] += " 06-12345678"
        elif number < REFUSED + OLD:
            row |= {"Verteld op": "10-12-2020", "Verzonnen": "nee"}
        elif number == HANDLED:
            row |= {"Toestemming": "Meetellen, Team, Citeren, Publiceren"}
        told.append(row)
    return told


@pytest.fixture(scope="module")
def passed(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Passed:
    """The stories are told, sent, received, replayed, asked and closed by the real commands."""
    network = Passed(copied(stages.empty, tmp_path_factory.mktemp("stories") / "home"))
    add_story_point(network.root)
    home = Home(network.root)
    sources = home.participant(STORY_POINT).sources
    existing(sources, rows())
    with (network.root / "spiegelnet.toml").open("a", encoding="utf-8") as settings:
        settings.write('[log]\nform = "json"\n')
    for folder in ("tmp", "logs"):
        (network.root / folder).mkdir()
    form = dict(zip(FIELDS, PHRASES, strict=False))
    form |= {"Rol": "Inwoner", "Gemeente": TOWN, "Thema": "Energie", "Toestemming": "Meetellen"}
    refused = write(sources / "aangeboden.json", json.dumps({**form, "Betekenis": f"{PHRASES[2]} a@b.nl"}).encode())
    broken = write(sources / "kapot.json", f'{{"Verhaal": "{PHRASES[1]}'.encode())
    write(sources / "verhalen_formulier_kapot.json", f'[{{"Verhaal": "{PHRASES[1]}'.encode())
    write(sources / "vertelpunt.yaml", f"title: {PHRASES[0]}\nkapot: [{PHRASES[1]}]\n".encode())
    network.command("stories", "form", STORY_POINT, "--out", str(network.root / "tmp" / "formulier.html"))
    (sources / "vertelpunt.yaml").unlink()
    network.command("stories", "tell", STORY_POINT, str(refused))
    network.command("stories", "tell", STORY_POINT, str(broken))
    network.command("send", STORY_POINT, "--state", "2025-12", apart=True)
    network.command("receive", apart=True)
    network.command("stories", "consent", STORY_POINT, "--story", "V-200", "--uses", "none")
    network.command("withdraw", STORY_POINT, str(sources / "bestaande_verhalen.csv"), "--row", "230")
    network.command("receive", "--json")
    network.command("quarantine", "list", TOWN)
    network.command("quarantine", "list", STORY_POINT)
    network.command("quarantine", "list", TOWN, "--json")
    listed = json.loads(network.outcomes[f"quarantine list {TOWN} --json"].out)
    ref = listed["events"][0]["ref"]
    network.command("quarantine", "show", TOWN, ref, "--reveal", "--purpose", "test")
    network.command("quarantine", "replay", TOWN)
    network.command("month", "2025-12", apart=True)
    network.command("status", TOWN, STORY_POINT)
    network.command("metrics")
    own = ("--private", "--participant", TOWN, "--purpose", "test", "--json")
    for name in ("story", "story_consent", "story_response"):
        network.command("sql", f"select * from {TOWN}.private.{name}", *own)
    network.command("sql", f"select body from {TOWN}.private.story", *own)
    network.command("mirror", TOWN, "--out", str(network.root / "mirror.html"))
    _handle(network)
    network.command("receive", apart=True)
    network.command("stories", "heard", STORY_POINT)
    return network


def _handle(network: Passed) -> None:
    """Let people do with one story all that commands let them do; what is shown to its reader is looked at apart."""
    listed = run("stories", "list", TOWN, "--json", "--home", network.root)
    story = next(item["story"] for item in json.loads(listed.out) if "publish" in item["uses"])
    shown = run(
        "stories", "show", TOWN, story, "--as", "Noor", "--purpose", "test", "--unmarked", "--home", network.root
    )
    assert len(whole(shown.out.encode())) == len(FIELDS), "who may read sees the words, and nobody else"
    words = write(network.root / "tmp" / "woorden.txt", b"Iemand vertelt dat het lang duurde.")
    network.command("stories", "list", TOWN)
    network.command("stories", "shown", TOWN)
    network.command("stories", "read", TOWN, story, "--as", "Noor")
    network.command("stories", "answer", TOWN, story, "--as", "Noor", "--message", str(words))
    network.command("stories", "ask-provider", TOWN, story, "--as", "Noor")
    network.command("stories", "reply", TOWN, story, "--text", str(words))
    network.command("stories", "quote", TOWN, story, "--words", str(words), "--title", "Lang wachten")
    [quote] = json.loads(run("stories", "quotes", TOWN, "--json", "--home", network.root).out)
    network.command("stories", "agreed", TOWN, quote["quote"], "--on", quote["proposed on"], "--how", "gelezen")
    for who in ("Noor", "Bram"):
        network.command("stories", "approve", TOWN, quote["quote"], "--as", who)
    network.command("stories", "publish", TOWN, "--json")
    network.command("stories", "page", TOWN, "--out", str(network.root / "verhalen.html"))
    network.command("stories", "silence", TOWN)
    network.command("pattern", "ask", TOWN, "--words", PHRASES[0], "--inside", "--purpose", "test")
    network.command("pattern", "page", TOWN, "--out", str(network.root / "patronen.html"))


def searched(passed: Passed) -> list[Path]:
    """All files but the story point's own sources: in the folder of the network, of each node and of the hub."""
    sources = Home(passed.root).participant(STORY_POINT).sources
    return [path for path in passed.root.rglob("*") if path.is_file() and sources not in path.parents]


def test_no_file_outside_the_sources_and_no_printed_line_holds_a_phrase(passed: Passed) -> None:
    paths = searched(passed)
    assert len(paths) > 60
    assert {TOWN, STORY_POINT, "hub"} <= {part for path in paths for part in path.parts}
    assert [str(path) for path, content in contents(paths) if found(content)] == []
    printed = {name: found((outcome.out + outcome.err).encode()) for name, outcome in passed.outcomes.items()}
    assert {name for name, hits in printed.items() if hits} == set()
    assert all("Traceback" not in outcome.err for outcome in passed.outcomes.values())
    published = json.loads(passed.outcomes[f"stories publish {TOWN} --json"].out)
    assert list(published["released"].values()) == ["published"], "words that people wrote do leave"


def test_no_parcel_holds_a_phrase_unless_its_receiver_opens_it(passed: Passed) -> None:
    bodies = [value for receiver in (*EVERYBODY, STORY_POINT) for value in messages(passed.root, receiver)]
    assert len(bodies) > 5
    assert found(b"\n".join(bodies)) == set()


def test_with_the_keys_of_the_municipality_and_the_story_point_every_phrase_is_there(passed: Passed) -> None:
    network = Network.open(passed.root)
    story = network.registry.get("story")
    key = StoryKey.load(network.home.participant(TOWN).story_key)
    stored = events(passed.root, TOWN, "story")
    accepted = opened_words(key, story, stored)
    stopped = intake(passed.root, TOWN).filter(verdict="quarantined", event_type="story", attempt=0)
    once_opened = decode_rows(story, stopped["payload"].to_arrow())
    assert found(repr(once_opened.select(SEALED).rows()).encode()) == set(), "also under the seal of the quarantine"
    quarantined = opened_words(key, story, once_opened)
    with sqlite3.connect(network.home.participant(STORY_POINT).journal) as journal:
        raws = journal.execute("SELECT raw FROM refused").fetchall()
    refused = [open_bytes(network.keys(STORY_POINT).store, raw, REFUSED_CONTEXT) for (raw,) in raws]
    assert (quarantined.height, len(refused)) == (OLD, REFUSED)
    held = [repr(frame.select(SEALED).rows()).encode() for frame in (accepted, quarantined)]
    parts = [whole(held[0]), whole(held[1]), whole(b"\n".join(refused))]
    assert [len(part) for part in parts] == [COUNT - 4 * (REFUSED + OLD) - 4, 4 * OLD, 4 * REFUSED]
    assert set().union(*parts) | set(PHRASES[4 * 228 : 4 * 229]) == set(PHRASES), "one was withdrawn"


def test_the_search_finds_every_phrase_in_the_source(passed: Passed) -> None:
    path = Home(passed.root).participant(STORY_POINT).sources / "bestaande_verhalen.csv"
    assert whole(path.read_bytes()) == set(PHRASES)
    assert found(path.read_text("utf-8").encode("utf-16")) == found(path.read_bytes())
