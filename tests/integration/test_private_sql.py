"""A municipality asks its own events for a purpose, and can look back at who asked what."""

import csv
import hashlib
import io
import json
import os
import pwd
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from services.errors import Fatal, NotAllowed
from services.home import Home
from services.network import Network
from services.privacy.errors import Tampered
from services.private_sql import Private, ask_private, asked_before
from tests.command import Outcome, run
from tests.network_state import events
from tests.small_network import MUNICIPALITIES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN, OTHER = MUNICIPALITIES[:2]
AtStage = Callable[[str], Path]
COUNT = f"SELECT count(*) AS events, count(DISTINCT household) AS households FROM {TOWN}.private.payment_arrears"
PURPOSE = "which part of the cases is open"


@pytest.fixture(scope="module")
def network(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(stages.received, tmp_path_factory.mktemp("asked") / "home")


def own(root: Path, *arguments: object) -> Outcome:
    return run("sql", "--private", "--participant", TOWN, "--home", root, *arguments)


def test_counts_are_the_true_ones_of_the_events_that_count(network: Path) -> None:
    (found,) = json.loads(own(network, "--purpose", PURPOSE, COUNT, "--json").out)
    frame = events(network, TOWN, "payment_arrears")
    assert found == {"events": frame.height, "households": frame["address"].n_unique()}


def test_events_of_several_types_join_on_the_household(network: Path) -> None:
    sql = f"""
        SELECT count(DISTINCT s.household) AS n
        FROM {TOWN}.private.supply_stop_notice s JOIN {TOWN}.private.eviction_notice e ON s.household = e.household
    """
    found = ask_private(Private(Network.open(network), TOWN), sql, PURPOSE)
    stops, put_out = (set(events(network, TOWN, name)["address"]) for name in ("supply_stop_notice", "eviction_notice"))
    assert found.to_pylist() == [{"n": len(stops & put_out)}]
    assert stops & put_out


def test_a_table_of_which_nothing_came_is_there_and_empty(at_stage: AtStage) -> None:
    root = at_stage("empty")
    answer = ask_private(Private(Network.open(root), TOWN), f"SELECT * FROM {TOWN}.private.payment_arrears", PURPOSE)
    assert answer.num_rows == 0
    assert {"event", "household", "district", "amount_eur", "sent_by", "received_on"} <= set(answer.column_names)


def test_each_question_is_written_down_with_who_when_what_for_and_what_came(
    at_stage: AtStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = at_stage("received")
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert own(root, "--purpose", PURPOSE, COUNT).code == 0
    assert own(root, "--purpose", "  a look   at nothing ", "SELECT nothing").code != 0
    told = json.loads(own(root, "--audit", "--json").out)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(item["id"], item["who"], item["purpose"], item["outcome"], item["rows"]) for item in told] == [
        (1, me, PURPOSE, "answered", 1),
        (2, me, "a look at nothing", "rejected", None),
    ]
    assert [item["statement"] for item in told] == [COUNT, "SELECT nothing"]
    assert told[0]["sha256"] == hashlib.sha256(COUNT.encode()).hexdigest()
    assert all(item["at"].endswith("+00:00") for item in told)
    listed = list(csv.DictReader(io.StringIO(own(root, "--audit", "--csv").out)))
    assert [item["purpose"] for item in listed] == [PURPOSE, "a look at nothing"]
    assert PURPOSE in own(root, "--audit").out


def test_a_question_that_was_never_ended_is_seen_too(at_stage: AtStage) -> None:
    private = Private(Network.open(at_stage("empty")), TOWN)
    private.audit().begin(private.network.now(), "j.jansen", PURPOSE, COUNT)
    (found,) = asked_before(private)
    assert (found.outcome, found.rows) == ("not ended", None)


def test_records_stay_as_they_are_and_what_was_typed_is_sealed(at_stage: AtStage) -> None:
    root = at_stage("empty")
    private = Private(Network.open(root), TOWN)
    ask_private(private, "SELECT 1 AS nearly_a_secret", PURPOSE)
    path = Home(root).participant(TOWN).asked
    assert path.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(path)) as database:
        for statement in (
            "UPDATE asked SET purpose = 'x'",
            "DELETE FROM asked",
            "REPLACE INTO asked VALUES (1, '', '', '', x'00', '')",
            "UPDATE ended SET rows = 0",
            "DELETE FROM ended",
            "REPLACE INTO ended VALUES (1, '', 'answered', 0)",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="stay"):
                database.execute(statement)
    files = [item.read_bytes() for item in path.parent.glob("asked.sqlite*")]
    assert files
    assert not [content for content in files if b"nearly_a_secret" in content or PURPOSE.encode() in content]
    assert [item.purpose for item in asked_before(private)] == [PURPOSE]
    assert [item.statement for item in asked_before(private)] == ["SELECT 1 AS nearly_a_secret"]


def test_a_record_of_another_participant_does_not_pass_for_ones_own(at_stage: AtStage) -> None:
    root = at_stage("empty")
    network = Network.open(root)
    ask_private(Private(network, OTHER), "SELECT 1", PURPOSE)
    Home(root).participant(OTHER).asked.rename(Home(root).participant(TOWN).asked)
    with pytest.raises(Tampered):
        asked_before(Private(network, TOWN))


def test_without_a_record_there_is_no_answer(at_stage: AtStage) -> None:
    root = at_stage("received")
    Home(root).participant(TOWN).asked.write_bytes(b"no database")
    done = own(root, "--purpose", PURPOSE, COUNT)
    assert (done.code, done.out) == (Fatal.exit_code, "")
    assert "asked.sqlite cannot be used" in done.err


def test_what_is_private_is_never_asked_through_trino(network: Path) -> None:
    for words in (("--engine", "trino"), ("--as", TOWN), ("--password-file", "p.txt")):
        done = own(network, "--purpose", PURPOSE, *words, COUNT)
        assert (done.code, done.out) == (NotAllowed.exit_code, "")
        assert "never asked through Trino" in done.err


def test_options_that_do_not_go_together_are_told(network: Path) -> None:
    done = own(network, COUNT)
    assert (done.code, "for a purpose only" in done.err) == (NotAllowed.exit_code, True)
    done = run("sql", "--private", "--purpose", PURPOSE, COUNT, "--home", network)
    assert (done.code, "whose events" in done.err) == (Fatal.exit_code, True)
    for words in (("--participant", TOWN), ("--purpose", PURPOSE), ("--audit",)):
        done = run("sql", *words, "SELECT 1", "--home", network)
        assert (done.code, "go with --private" in done.err) == (Fatal.exit_code, True)
    done = run("sql", "--home", network)
    assert (done.code, "A SELECT is missing" in done.err) == (2, True)


def test_a_refusal_names_what_may_be_asked(network: Path) -> None:
    done = own(network, "--purpose", PURPOSE, f"SELECT * FROM {TOWN}.private.payment_arrear")
    assert f"Did you mean {TOWN}.private.payment_arrears" in done.err
    done = own(network, "--purpose", PURPOSE, "SELECT * FROM read_text('/etc/hostname')")
    assert "own events without pseudonyms" in done.err
    assert "published" not in done.err
