"""A whole duiding session on real published tables: from the plan to what others may see of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from services import tasks
from services.asking import asking
from services.errors import Fatal, NotAllowed, Rejected
from services.federation.surface import query
from services.home import Home
from services.network import Network
from services.private_sql import Private, ask_private
from services.sessions.model import AgendaAction, AgendaFigure
from services.sessions.reading import load
from services.sessions.records import Records
from services.surface import open_published
from tests.command import Outcome, run
from tests.network_state import published
from tests.session_state import QUOTE, release_quote, withdraw_quote
from tests.small_network import AFTER, BACK, MUNICIPALITIES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
DAY = "2026-01-20"
PARTNERS = ("es-stroom", "hc-huis")
SIGNALS = "signals_per_1000_households"
AtStage = Callable[[str], Path]


@pytest.fixture
def network(stages: Stages, tmp_path: Path) -> Path:
    return copied(stages.closed, tmp_path / "home")


def session(root: Path, *arguments: object) -> Outcome:
    return run("session", *arguments, "--home", root)


def words(root: Path, text: str) -> Path:
    path = root / "words.txt"
    path.write_text(text, "utf-8")
    return path


def planned(root: Path, day: str = DAY, period: str = "2025-11", *more: object) -> Outcome:
    named = [word for partner in PARTNERS for word in ("--partner", partner)]
    about = ["--title", "Signalen in de herfst", "--on", day, "--period", period, "--indicator", SIGNALS]
    return session(root, "plan", TOWN, *about, *named, *more)


def given(root: Path, text: str, *who: object, question: str = "explain") -> Outcome:
    about = ["--item", SIGNALS, "--question", question, "--words", words(root, text)]
    return session(root, "contribute", TOWN, DAY, *about, *who)


def opened(root: Path) -> None:
    assert planned(root).code == 0
    for partner in PARTNERS:
        assert session(root, "ready", TOWN, DAY, "--as", partner, "--nothing-to-say").code == 0


def asked(root: Path, table: str) -> list[dict[str, object]]:
    return query(open_published(root), f"SELECT * FROM {TOWN}.published.{table}").to_pylist()


def test_an_agenda_keeps_the_figure_as_it_was_published_with_all_that_is_said_beside_it(network: Path) -> None:
    done = planned(network)
    assert (done.code, done.err) == (0, "")
    assert "Waits for the reading of es-stroom, hc-huis." in done.out
    ask = asking(network)
    sql = f"select * from hub.benchmark.figures where municipality = '{TOWN}' and period = '2025-11'"
    (row,) = [item for item in ask(sql).to_pylist() if item["indicator"] == SIGNALS]
    (about,) = ask(f"select * from hub.benchmark.indicators where indicator = '{SIGNALS}'").to_pylist()
    tasks.benchmark(network)  # a later run of the hub changes nothing in it
    (item,) = load(Records.of(Network.open(network), TOWN), DAY).items
    assert isinstance(item.about, AgendaFigure)
    assert (item.about.value, item.about.numerator, item.about.denominator) == (
        row["value"], row["numerator"], row["denominator"],
    )  # fmt: skip
    assert item.about.release_id == row["release_id"]
    assert item.about.coverage == row["coverage"]
    assert item.about.misses == about["misses_nl"]
    assert item.about.does_not_say == about["does_not_say_nl"]
    assert item.about.definition == about["definition_nl"]


def test_a_whole_session_from_plan_to_report_and_shared_tables(network: Path, tmp_path: Path) -> None:
    planned(network)
    assert given(network, "Wij zien vooral alleenstaanden.", "--as", "hc-huis").code == 0
    assert given(network, "De winter was zacht.", "--as", TOWN).code == 0
    done = given(network, "Ik durf dit niet hardop te zeggen.", "--without-name")
    assert (done.code, "without a name" in done.out) == (0, True)
    early = session(network, "conclude", TOWN, DAY, "--words", words(network, "Te vroeg."))
    assert (early.code, "es-stroom, hc-huis" in early.err) == (NotAllowed.exit_code, True)
    session(network, "ready", TOWN, DAY, "--as", "hc-huis")
    assert json.loads(session(network, "show", TOWN, DAY, "--as", TOWN, "--json").out)["contributions"] == [
        {"item": SIGNALS, "question": "explain", "party": TOWN, "words": "De winter was zacht."}
    ]
    done = session(network, "away", TOWN, DAY, "--party", "es-stroom", "--because", "Er was storing.")
    assert (done.code, "everybody sees everything" in done.out) == (0, True)
    seen = json.loads(session(network, "show", TOWN, DAY, "--as", "hc-huis", "--json").out)["contributions"]
    assert {(item["party"], item["words"]) for item in seen} == {
        ("hc-huis", "Wij zien vooral alleenstaanden."),
        (TOWN, "De winter was zacht."),
        (None, "Ik durf dit niet hardop te zeggen."),
    }
    done = session(network, "conclude", TOWN, DAY, "--item", SIGNALS, "--words", words(network, "Wij bellen eerder."))
    assert (done.code, done.out) == (0, f"Conclusion 1 of {DAY} is written down.\n")
    agreed = ["--words", words(network, "De eerste brief herschrijven."), "--owner", "hc-huis", "--due", "2026-03-01"]
    assert session(network, "action", "add", TOWN, DAY, *agreed).code == 0
    for kind in ("html", "pdf"):
        report = tmp_path / f"report.{kind}"
        done = session(network, "report", TOWN, DAY, "--out", report)
        assert (done.code, done.err) == (0, "")
        assert report.read_bytes().startswith({"html": b"<!DOCTYPE html>", "pdf": b"%PDF-1."}[kind])
    html = (tmp_path / "report.html").read_text("utf-8")
    for text in (
        "Signalen in de herfst", "Wij zien vooral alleenstaanden.", "(zonder naam)", "Er was storing.",
        "Wij bellen eerder.", "De eerste brief herschrijven.", "1 maart 2026", "Wie dit cijfer mist",
    ):  # fmt: skip
        assert text in html, text
    assert asked(network, "sessions") == []
    first = session(network, "share", TOWN, "--conclusion", "1", "--as", "A. Jansen")
    assert (first.code, "not shared yet" in first.out) == (0, True)
    assert "Fewer than 2" in first.out
    assert asked(network, "sessions") == []
    assert "is shared" in session(network, "share", TOWN, "--conclusion", "1", "--as", "B. de Wit").out
    (row,) = asked(network, "sessions")
    assert (row["session"], row["words"], row["item"], row["item_kind"]) == (
        DAY,
        "Wij bellen eerder.",
        SIGNALS,
        "figure",
    )
    assert row["parties"] == [TOWN, "hc-huis"]
    for name in ("A. Jansen", "B. de Wit"):
        session(network, "share", TOWN, "--action", "1", "--as", name)
    (row,) = asked(network, "actions")
    assert (row["words"], row["owner"], row["state"], row["outcome"]) == (
        "De eerste brief herschrijven.", "hc-huis", "open", None,
    )  # fmt: skip
    came = words(network, "Er kwamen meer reacties.")
    assert session(network, "action", "done", TOWN, "1", "--words", came).code == 0
    session(network, "share", TOWN, "--action", "1", "--as", "A. Jansen")
    (row,) = asked(network, "actions")
    assert (row["state"], row["outcome"]) == ("done", None), "what came of it is approved by one only"
    session(network, "share", TOWN, "--action", "1", "--as", "B. de Wit")
    (row,) = asked(network, "actions")
    assert row["outcome"] == "Er kwamen meer reacties."


def test_open_actions_come_back_on_the_agenda_of_a_later_release_only(network: Path) -> None:
    assert planned(network, DAY, "2025-10").code == 0
    for partner in PARTNERS:
        session(network, "ready", TOWN, DAY, "--as", partner, "--nothing-to-say")
    for text in ("Bellen.", "Schrijven."):
        agreed = ["--words", words(network, text), "--owner", "het team", "--due", "2026-02-01"]
        assert session(network, "action", "add", TOWN, DAY, *agreed).code == 0
    session(network, "action", "drop", TOWN, "2", "--words", words(network, "Er is geen tijd."))
    records = Records.of(Network.open(network), TOWN)
    planned(network, "2026-01-21", "2025-10")
    assert [item.kind for item in load(records, "2026-01-21").items] == ["figure"]
    planned(network, "2026-01-22", "2025-11")
    *_, last = load(records, "2026-01-22").items
    assert (last.id, last.about) == ("action-1", AgendaAction(1, DAY))
    assert [item.kind for item in load(records, "2026-01-22").items] == ["figure", "action"]
    report = network / "report.html"
    session(network, "report", TOWN, "2026-01-22", "--out", report)
    assert f"Teruggekomen van de sessie van {DAY}: Bellen." in report.read_text("utf-8")
    page = network / "actions.html"
    assert session(network, "actions", TOWN, "--out", page).code == 0
    html = page.read_text("utf-8")
    assert html.index("Bellen.") < html.index("Gedaan of vervallen") < html.index("Er is geen tijd.")


def test_status_tells_how_many_actions_are_open_and_late_and_none_of_their_words(network: Path) -> None:
    opened(network)
    assert "actions" not in run("status", TOWN, "--home", network).out
    for due in ("2026-02-01", "2199-02-01", "2026-03-01"):
        agreed = ["--words", words(network, "Kanariegeel bellen."), "--owner", "mevrouw De Wit", "--due", due]
        assert session(network, "action", "add", TOWN, DAY, *agreed).code == 0
    told = " ".join(run("status", TOWN, "--home", network).out.split())
    remedy = f"Its turn: `spiegelnet session actions {TOWN}` lists them."
    assert f"3 actions of sessions are open at {TOWN}, 2 of them late. {remedy}" in told
    session(network, "action", "done", TOWN, "1", "--words", words(network, "Gebeld."))
    session(network, "action", "drop", TOWN, "3", "--words", words(network, "Niet meer nodig."))
    in_json = run("status", TOWN, "--json", "--home", network).out
    (matter,) = [item for item in json.loads(in_json)["matters"] if item["kind"] == "action"]
    assert matter["text"] == f"1 action of sessions is open at {TOWN}."
    assert not [word for word in ("Kanariegeel", "De Wit") if word in told + in_json]
    assert not [item for item in MUNICIPALITIES[1:] if "action" in run("status", item, "--home", network).out]


def test_two_sessions_of_one_day_have_names_of_their_own(network: Path) -> None:
    planned(network)
    assert f"Session {DAY}-2:" in planned(network).out
    assert [item["session"] for item in json.loads(session(network, "list", TOWN, "--json").out)] == [DAY, f"{DAY}-2"]


def test_nothing_of_a_session_changes_a_cell_or_figure(network: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(network, plain)
    opened(network)
    given(network, "Het zijn er 9999.", "--as", TOWN)
    session(network, "conclude", TOWN, DAY, "--words", words(network, "Het zijn er 9999."))
    for name in ("A", "B"):
        session(network, "share", TOWN, "--conclusion", "1", "--as", name)
    assert len(asked(network, "sessions")) == 1
    for root in (plain, network):
        tasks.month(root, TOWN, BACK, AFTER)
        tasks.benchmark(root)
    cells = [published(root, TOWN)["published.cells"] for root in (plain, network)]
    assert cells[0].equals(cells[1])
    figures = [published(root, "hub")["benchmark.figures"].drop("released_at") for root in (plain, network)]
    assert figures[0].equals(figures[1])


def test_private_sql_shows_sessions_and_actions_and_no_contribution(network: Path) -> None:
    private = Private(Network.open(network), TOWN)
    for table in ("sessions", "actions"):
        assert ask_private(private, f"SELECT * FROM {TOWN}.private.{table}", "to see").num_rows == 0
    opened(network)
    given(network, "Een lezing die binnen blijft.", "--as", TOWN)
    given(network, "Een lezing zonder naam.", "--without-name")
    session(network, "conclude", TOWN, DAY, "--words", words(network, "Zo is het."))
    agreed = ["--words", words(network, "Bellen."), "--owner", "mevrouw De Wit", "--due", "2026-02-01"]
    session(network, "action", "add", TOWN, DAY, *agreed)
    (held,) = ask_private(private, f"SELECT * FROM {TOWN}.private.sessions", "to see").to_pylist()
    assert (held["session"], held["title"], held["conclusions"]) == (DAY, "Signalen in de herfst", ["Zo is het."])
    assert held["read"] == list(PARTNERS)
    (action,) = ask_private(private, f"SELECT * FROM {TOWN}.private.actions", "to see").to_pylist()
    assert (action["words"], action["owner"], action["state"]) == ("Bellen.", "mevrouw De Wit", "open")
    assert "lezing" not in f"{held}{action}".replace("Een lezing", "lezing")


def test_a_person_who_does_an_action_is_not_named_outside(network: Path) -> None:
    opened(network)
    agreed = ["--words", words(network, "Bellen."), "--owner", "mevrouw De Wit", "--due", "2026-02-01"]
    session(network, "action", "add", TOWN, DAY, *agreed)
    for name in ("A", "B"):
        session(network, "share", TOWN, "--action", "1", "--as", name)
    (row,) = asked(network, "actions")
    assert (row["words"], row["owner"]) == ("Bellen.", None)


def test_the_register_begins_with_the_definition_and_is_fed_by_sessions_and_stories(network: Path) -> None:
    opened(network)
    about = ["--indicator", SIGNALS, "--group", "alleenstaande ouders", "--because", "Zij werken overdag."]
    assert session(network, "missing", "add", TOWN, *about, "--session", DAY).code == 0
    assert session(network, "missing", "add", TOWN, *about).code == NotAllowed.exit_code
    other = ["--indicator", SIGNALS, "--group", "flexwerkers", "--because", "Hun inkomen wisselt."]
    release_quote(network, TOWN)
    for wrong in (QUOTE[:5], "zzzzzz", "0" * 32):
        refused = session(network, "missing", "add", TOWN, *other, "--story", wrong)
        assert (refused.code, "no such story" in refused.err) == (NotAllowed.exit_code, True)
    assert session(network, "missing", "add", TOWN, *other, "--story", QUOTE[:6]).code == 0
    listed = json.loads(session(network, "missing", "list", TOWN, "--indicator", SIGNALS, "--json").out)
    sources = [item["source"] for item in listed]
    assert sources == ["catalogue"] * (len(listed) - 2) + ["session", "story"]
    assert len(listed) > 2
    early = session(network, "missing", "share", TOWN, "1", "--as", "A")
    assert (early.code, "proposed, not confirmed" in early.err) == (NotAllowed.exit_code, True)
    assert session(network, "missing", "confirm", TOWN, "1", "--as", "A").code == 0
    assert asked(network, "missing") == []
    for name in ("A", "B"):
        session(network, "missing", "share", TOWN, "1", "--as", name)
    (row,) = asked(network, "missing")
    assert (row["indicator"], row["who"], row["because"]) == (SIGNALS, "alleenstaande ouders", "Zij werken overdag.")
    assert row["source"] == "session"
    report = network / "report.html"
    session(network, "report", TOWN, DAY, "--out", report)
    html = report.read_text("utf-8")
    assert "alleenstaande ouders: Zij werken overdag. (uit een duidingssessie, bevestigd)" in html
    assert "flexwerkers: Hun inkomen wisselt. (uit een verhaal, nog niet bevestigd)" in html


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--indicator", "no_such"), Fatal.exit_code, "no indicator no_such"),
        (("--partner", "hc-nobody"), Fatal.exit_code, "hc-nobody is not in the directory"),
        (("--partner", TOWN), NotAllowed.exit_code, "named twice"),
        (("--guest", "hc-huis"), Fatal.exit_code, "Name it with --partner"),
        (("--quote", "3fa9"), Fatal.exit_code, "no quote 3fa9"),
        (("--title", "Bel 06-12345678"), Rejected.exit_code, "direct identifier (phone)"),
        (("--period", "2020-01"), Fatal.exit_code, f"no figure of {SIGNALS} over 2020-01"),
    ],
)
def test_what_cannot_be_planned_is_told_and_leaves_nothing(
    network: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = planned(network, DAY, "2025-11", *arguments)
    assert (done.code, told in done.err) == (code, True), done.err
    assert json.loads(session(network, "list", TOWN, "--json").out) == []


def test_sessions_are_kept_where_the_keys_of_the_municipality_are(network: Path) -> None:
    Home(network).participant(TOWN).keys.unlink()
    done = planned(network)
    assert (done.code, "not on this machine" in done.err) == (NotAllowed.exit_code, True)
    assert run("session", "list", "hc-huis", "--home", network).code == NotAllowed.exit_code


def test_a_quote_is_looked_up_when_it_is_shown_so_that_one_taken_back_is_gone_at_once(network: Path) -> None:
    release_quote(network, TOWN)
    assert planned(network, DAY, "2025-11", "--quote", QUOTE).code == 0
    report = network / "report.html"
    session(network, "report", TOWN, DAY, "--out", report)
    html = report.read_text("utf-8")
    assert "De brief kwam te laat." in html
    assert "Verteld door een bewoner in het vierde kwartaal 2025, over betalingsachterstanden." in html
    assert "ongewenst voor het gezin" in html
    assert "Verzonnen voorbeeld" in html
    assert "geen verhaal op de agenda" not in html, "the story stands beside the figure of its theme"
    withdraw_quote(network, TOWN)
    session(network, "report", TOWN, DAY, "--out", report)
    html = report.read_text("utf-8")
    assert "De brief kwam te laat." not in html
    assert "De verteller heeft dit verhaal teruggenomen" in html
    files = list(Home(network).participant(TOWN).root.glob("sessions.sqlite*"))
    assert not any(b"te laat" in path.read_bytes() or b"De brief" in path.read_bytes() for path in files)
