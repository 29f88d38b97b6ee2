"""What a duiding session must not give away: whose words without name are, and readings before their time."""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from services.errors import Fatal, NotAllowed, Rejected
from services.federation.surface import query
from services.home import Home
from services.private_sql import Private, ask_private
from services.private_sql.asking import os_user
from services.sessions import readings
from services.sessions.approving import approvals
from services.sessions.model import QUESTIONS
from services.sessions.outcomes import agree, conclude
from services.sessions.publishing import share_action, share_conclusion
from services.sessions.reading import load
from services.sessions.readings import contribute, did_not_come, nothing_to_say, reading_is_in, visible
from services.sessions.records import Records
from services.sessions.report import as_page, as_pdf
from services.sessions.telling import told
from services.surface import open_published
from tests.command import run
from tests.session_state import DAY, QUOTE, planned
from tests.small_network import MUNICIPALITIES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
PARTNERS = ("es-stroom", "hc-huis")
GUEST = "clientenraad"
HOSTILE = '<script>alert(1)</script> &amp; #panic() $x$ #read("/etc/hostname") "quoted" ]] *x* \\ ]] { }'
AtStage = Callable[[str], Path]


@pytest.fixture
def root(stages: Stages, tmp_path: Path) -> Path:
    return copied(stages.empty, tmp_path / "home")


@pytest.fixture
def records(root: Path) -> Records:
    found, _ = planned(root, TOWN, PARTNERS, (GUEST,))
    return found


def files(records: Records) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in records.path.parent.glob("sessions.sqlite*")}


def opened(records: Records) -> None:
    for party in load(records, DAY).waited_for:
        given = any(item.party == party for item in visible(records, load(records, DAY), party))
        (reading_is_in if given else nothing_to_say)(records, DAY, party)


def act(records: Records, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do one of several things in a session; words without name get the same id whenever they come."""
    if what == "ready":
        nothing_to_say(records, DAY, "hc-huis")
    elif what == "named":
        contribute(records, DAY, QUOTE, "think", "Woorden met een naam.", "es-stroom")
    else:
        monkeypatch.setattr(readings.secrets, "token_hex", lambda _size: f"{7 * int(what) % 5:032x}")
        contribute(records, DAY, QUOTE, "think", f"Woorden van nummer {what}.", None)


def test_the_file_is_the_same_whichever_came_first(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same ids, which are otherwise drawn by chance: so nothing but chance tells the nameless rows apart."""
    root = copied(stages.empty, tmp_path / "first")
    first, _ = planned(root, TOWN, PARTNERS, (GUEST,))
    copied(root, tmp_path / "second")
    second = Records(first.network, TOWN, tmp_path / "second" / first.path.relative_to(root), first.key)
    order = ("0", "ready", "1", "2", "named", "3", "4")
    for records, acts in ((first, order), (second, tuple(reversed(order)))):
        for what in acts:
            act(records, what, monkeypatch)
    assert files(first) == files(second)
    assert len(b"".join(files(first).values())) > 10_000


def test_without_writing_the_file_anew_its_bytes_would_tell(tmp_path: Path) -> None:
    """A control of the test above: rows that are only inserted lie in the order in which they came."""
    contents = []
    for order in ((0, 1, 2), (2, 1, 0)):
        path = tmp_path / f"{order[0]}.sqlite"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE nameless (id TEXT PRIMARY KEY, words TEXT) WITHOUT ROWID")
            for number in order:
                database.execute("INSERT INTO nameless VALUES (?, ?)", (f"{number:032x}", f"Woorden {number}."))
                database.commit()
        contents.append(path.read_bytes())
    assert contents[0] != contents[1]


def test_nothing_is_kept_of_words_without_name_but_to_what_they_answer(records: Records) -> None:
    contribute(records, DAY, QUOTE, "think", "Het is te veel.", None)
    contribute(records, DAY, QUOTE, "think", "Het is te weinig.", None)
    with closing(sqlite3.connect(records.path)) as database:
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(nameless)")]
        rows = database.execute("SELECT * FROM nameless").fetchall()
        assert database.execute("SELECT count(*) FROM contributions").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError):
            database.execute("SELECT rowid FROM nameless")
    assert columns == ["id", "session", "item", "question", "words"]
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name, *_ in rows)
    assert {row[1:4] for row in rows} == {(DAY, QUOTE, "think")}
    everything = b"".join(files(records).values())
    assert not re.search(rb"20\d\d-\d\d-\d\dT|te veel|te weinig", everything)
    assert not [name for name in files(records) if name.endswith("-wal") and files(records)[name]]


def test_words_without_name_come_in_another_order_each_time_they_are_shown(records: Records) -> None:
    given = [f"Woorden {number}." for number in range(12)]
    for text in given:
        contribute(records, DAY, QUOTE, "think", text, None)
    opened(records)
    session = load(records, DAY)
    shown = [tuple(item.words for item in visible(records, session, GUEST)) for _ in range(4)]
    assert all(sorted(order) == sorted(given) for order in shown)
    assert len(set(shown)) > 1


def test_who_may_see_what_until_all_are_in(records: Records) -> None:
    for party in (TOWN, *PARTNERS, GUEST):
        contribute(records, DAY, QUOTE, "explain", f"Van {party}.", party)
    contribute(records, DAY, QUOTE, "explain", "Van niemand.", None)

    def seen(viewer: str | None) -> set[str | None]:
        return {item.party for item in visible(records, load(records, DAY), viewer)}

    assert [seen(viewer) for viewer in (TOWN, *PARTNERS, GUEST, None)] == [
        {TOWN}, {"es-stroom"}, {"hc-huis"}, {GUEST}, set(),
    ]  # fmt: skip
    reading_is_in(records, DAY, "es-stroom")
    assert seen("es-stroom") == {"es-stroom"}, "nobody else is in"
    reading_is_in(records, DAY, "hc-huis")
    assert seen("es-stroom") == seen("hc-huis") == {"es-stroom", "hc-huis"}
    assert seen(GUEST) == {GUEST}, "it would read beside the words of others"
    assert (seen(TOWN), seen(None)) == ({TOWN}, set())
    did_not_come(records, DAY, GUEST, "Was ziek.")
    everybody = {TOWN, *PARTNERS, GUEST, None}
    assert [seen(viewer) for viewer in (TOWN, *PARTNERS, GUEST, None)] == [everybody] * 5


def test_the_hidden_reading_of_the_owner_is_on_no_way_out_of_the_file(root: Path, records: Records) -> None:
    hidden = "Wij wilden dit beleid zelf al niet"
    contribute(records, DAY, QUOTE, "think", hidden, TOWN)
    contribute(records, DAY, QUOTE, "think", hidden, None)
    nothing_to_say(records, DAY, "es-stroom")
    outputs = [run("session", "list", TOWN, "--json", "--home", root).out]
    for viewer in ("es-stroom", "hc-huis", GUEST):
        shown = ("session", "show", TOWN, DAY, "--as", viewer, "--home", root)
        outputs += [run(*shown).out, run(*shown, "--json").out]
    report = root / "report.html"
    assert run("session", "report", TOWN, DAY, "--as", "es-stroom", "--out", report, "--home", root).code == 0
    outputs.append(report.read_text("utf-8"))
    outputs.append(json.dumps(told(records, load(records, DAY), "hc-huis")))
    answer = ask_private(Private(records.network, TOWN), f"SELECT * FROM {TOWN}.private.sessions", "to look")
    outputs += [str(answer.to_pylist()), b"".join(files(records).values()).decode("latin-1")]
    assert not [text for text in outputs if hidden in text]
    assert "Nog niet geopend" in report.read_text("utf-8")
    opened(records)
    assert hidden in json.dumps(told(records, load(records, DAY), "hc-huis")), "a control: it is there afterwards"


def test_nobody_reads_or_concludes_who_is_not_asked_to(records: Records) -> None:
    with pytest.raises(NotAllowed, match="not invited"):
        contribute(records, DAY, QUOTE, "think", "Ik ook.", "wc-water")
    with pytest.raises(NotAllowed, match="not invited"):
        visible(records, load(records, DAY), "wc-water")
    with pytest.raises(NotAllowed, match="not invited"):
        reading_is_in(records, DAY, TOWN)
    with pytest.raises(NotAllowed, match="after the readings"):
        conclude(records, DAY, "Te vroeg.")
    with pytest.raises(NotAllowed, match="after the readings"):
        agree(records, DAY, "Te vroeg.", "ik", load(records, DAY).held_on)
    nothing_to_say(records, DAY, GUEST)
    with pytest.raises(NotAllowed, match="is in"):
        did_not_come(records, DAY, GUEST, "Was ziek.")
    did_not_come(records, DAY, "hc-huis", "Was ziek.")
    with pytest.raises(NotAllowed, match="not to have come"):
        contribute(records, DAY, QUOTE, "think", "Toch.", "hc-huis")


def test_nobody_sees_what_others_read_without_words_of_its_own(records: Records) -> None:
    contribute(records, DAY, QUOTE, "explain", "Van het huis.", "hc-huis")
    reading_is_in(records, DAY, "hc-huis")
    contribute(records, DAY, QUOTE, "explain", "Van niemand.", None)
    for _ in range(2):
        with pytest.raises(NotAllowed, match="no words in its own name"):
            reading_is_in(records, DAY, "es-stroom")
    did_not_come(records, DAY, "es-stroom", "Was ziek.")
    with pytest.raises(NotAllowed, match="not to have come"):
        nothing_to_say(records, DAY, "es-stroom")
    assert "es-stroom" in reading_is_in(records, DAY, "es-stroom").waited_for, "it came after all, and has to read"
    assert visible(records, load(records, DAY), "es-stroom") == []
    nothing_to_say(records, DAY, "es-stroom")
    assert [item.party for item in visible(records, load(records, DAY), "es-stroom")] == ["hc-huis"]
    with pytest.raises(NotAllowed, match="nothing to say"):
        contribute(records, DAY, QUOTE, "explain", "Van de buren.", "es-stroom")
    with pytest.raises(NotAllowed, match="no words in its own name"):
        reading_is_in(records, DAY, "es-stroom")
    with pytest.raises(NotAllowed, match="gave words"):
        nothing_to_say(records, DAY, "hc-huis")


def test_who_came_after_all_does_not_close_what_is_open(records: Records) -> None:
    for party in (*PARTNERS, GUEST):
        did_not_come(records, DAY, party, "Was ziek.")
    assert reading_is_in(records, DAY, GUEST).is_opened
    contribute(records, DAY, QUOTE, "explain", "Toch nog.", GUEST)
    assert len(visible(records, load(records, DAY), "hc-huis")) == 1


@pytest.mark.parametrize("text", ["", "   \n", "x" * 4001, "Bel 06-12345678", "Zijn BSN is 111222333"])
def test_words_that_cannot_be_kept_leave_nothing(records: Records, text: str) -> None:
    before = files(records)
    with pytest.raises(Rejected):
        contribute(records, DAY, QUOTE, "think", text, None)
    assert files(records) == before


def test_sealed_words_do_not_open_in_another_place(records: Records) -> None:
    for text in ("Eerste.", "Tweede."):
        contribute(records, DAY, QUOTE, "think", text, GUEST)
    with closing(sqlite3.connect(records.path)) as database, database:
        (one,), (two,) = database.execute("SELECT words FROM contributions ORDER BY number")
        database.execute("UPDATE contributions SET words = ? WHERE number = 1", [two])
        database.execute("UPDATE contributions SET words = ? WHERE number = 2", [one])
    with pytest.raises(Fatal, match="do not open"):
        visible(records, load(records, DAY), GUEST)


def test_another_key_opens_nothing(root: Path, records: Records) -> None:
    contribute(records, DAY, QUOTE, "think", "Eerste.", GUEST)
    other = Home(root).participant(MUNICIPALITIES[1])
    other.story_key.rename(Home(root).participant(TOWN).story_key)
    with pytest.raises(Fatal, match="do not open"):
        load(Records.of(records.network, TOWN), DAY)


def shared(root: Path, table: str) -> list[dict[str, object]]:
    return query(open_published(root), f"SELECT * FROM {TOWN}.published.{table}").to_pylist()


def released(root: Path) -> int:
    return sum(len(shared(root, table)) for table in ("sessions", "actions", "missing"))


@pytest.mark.parametrize("second", ["a jansen", " A.  JANSEN ", "A. Jansen", "Á. Jansen"])
def test_one_person_under_two_spellings_is_not_two(root: Path, records: Records, second: str) -> None:
    opened(records)
    conclude(records, DAY, "Wij bellen eerder.")
    assert not share_conclusion(records, 1, "A. Jansen").released
    assert not share_conclusion(records, 1, second).released
    assert released(root) == 0
    assert share_conclusion(records, 1, "B. de Wit").released
    assert {item.user for item in approvals(records, "conclusion/1")} == {os_user()}, "kept beside the typed name"
    assert released(root) == 1


def test_a_conclusion_that_repeats_a_contribution_is_not_shared(root: Path, records: Records) -> None:
    said = "de mensen in onze straat durven de deur niet meer open te doen"
    contribute(records, DAY, QUOTE, "think", f"Volgens mij: {said}.", None)
    opened(records)
    conclude(records, DAY, f"Wij horen dat {said.upper()}!")
    for name in ("A. Jansen", "B. de Wit"):
        found = share_conclusion(records, 1, name)
    assert found.reasons == ("More than 7 words in a row are those of an original.",)
    assert released(root) == 0


def test_a_marked_name_keeps_words_back_until_it_is_explained(root: Path, records: Records) -> None:
    opened(records)
    agree(records, DAY, "Fatima belt de bewoners.", "Fatima", load(records, DAY).held_on)
    for name in ("A. Jansen", "B. de Wit"):
        found = share_action(records, 1, name)
    assert found.reasons == ("Something marked in the words is not explained.",)
    assert (found.unexplained, "Fatima" in repr(found)) == (("Fatima",), False)
    told_reviewer = run("session", "share", TOWN, "--action", "1", "--as", "A. Jansen", "--home", root).out
    assert '--explain "Fatima"' in told_reviewer
    assert released(root) == 0
    assert share_action(records, 1, "A. Jansen", ["fatima"]).released, "the name of a programme, they say"
    assert [row["owner"] for row in shared(root, "actions")] == [None]


def test_an_approval_of_what_came_is_none_of_what_comes_later(root: Path, records: Records) -> None:
    opened(records)
    agree(records, DAY, "De bewoners bellen.", "het team", load(records, DAY).held_on)
    for name in ("A. Jansen", "B. de Wit"):
        share_action(records, 1, name)
    with records.writing() as connection:
        changed = records.seal("action/1", "words", "De bewoners niet bellen.")
        connection.execute("UPDATE actions SET words = ? WHERE number = 1", [changed])
    assert not share_action(records, 1, "A. Jansen").released
    assert shared(root, "actions") == []


def test_whatever_is_written_is_shown_as_text(records: Records) -> None:
    for question in QUESTIONS:
        contribute(records, DAY, QUOTE, question, HOSTILE, None)
    opened(records)
    conclude(records, DAY, HOSTILE)
    agree(records, DAY, HOSTILE, HOSTILE, load(records, DAY).held_on)
    content = told(records, load(records, DAY))
    content["title"] = content["parties"][0]["reason"] = HOSTILE
    page = as_page(content)
    tree = ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own page
    assert not [element for element in tree.iter() if element.tag in {"script", "b"}]
    assert "".join(tree.itertext()).count(HOSTILE) >= 8
    made = as_pdf(content)
    assert made.startswith(b"%PDF-1.")
    for mark in (b"<pdfaid:part>2</pdfaid:part>", b"<pdfaid:conformance>A", b"<pdfuaid:part>1", b"/MarkInfo"):
        assert mark in made, mark
    title = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode()
    assert title in made.replace(b"&quot;", b'"')
