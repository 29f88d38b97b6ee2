"""The command line as its users meet it: exit codes, JSON, plain text, configuration errors, help."""

import json
import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import typer

from connectors.base import SourceError
from services.cli.app import app
from services.errors import Fatal, NotAllowed, Rejected, Retryable
from services.faults import user_error
from services.home import Home
from services.network import Network
from services.privacy.errors import PrivacyError
from tests.command import Outcome, run, run_apart
from tests.small_network import MUNICIPALITIES, SENDERS, Stages, copied, write

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]


@pytest.fixture(scope="module")
def network(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed network that tests of this file only ask, and do not change."""
    return copied(stages.closed, tmp_path_factory.mktemp("cli") / "home")


def require_told(outcome: Outcome, code: int, *words: str) -> None:
    """An error is told on standard error, in sentences, without traceback, colour or anything on standard output."""
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err


def test_each_group_of_errors_has_its_own_exit_code(network: Path, tmp_path: Path) -> None:
    broken = write(tmp_path / "energie_achterstanden_1.csv", b"Dossiernr;Naam\n1;J. Voorbeeld\n")
    case_file = next(Home(network).participant(TOWN).sources.glob("*.json"))
    fatal, retryable, rejected, not_allowed = (group.exit_code for group in (Fatal, Retryable, Rejected, NotAllowed))
    assert len({0, 1, 2, fatal, retryable, rejected, not_allowed}) == 7
    require_told(run("status", "--home", tmp_path), fatal, "There is no network", "directory.json", "spiegelnet init")
    require_told(run("send", "es-niemand", "--home", network), fatal, "es-niemand is not in the directory")
    require_told(run("send", "es-stroom", tmp_path / "no.csv", "--home", network), fatal, "no.csv is not a file")
    require_told(run("month", "december", "--home", network), fatal, "2025-12")
    require_told(run("month", "2025-12", "-p", "gm9999", "--home", network), fatal, "gm9999")
    require_told(run("sql", "select 1", "--json", "--csv", "--home", network), fatal, "--json and --csv")
    require_told(run("sql", "selec 1", "--home", network), rejected, "not valid SQL")
    require_told(run("quarantine", "show", TOWN, "ffff", "--home", network), rejected, "0 stopped events")
    require_told(run("sql", "select * from read_text('/etc/hostname')", "--home", network), not_allowed, "published")
    require_told(run("send", "es-stroom", case_file, "--home", network), not_allowed, "may not send early_warning_case")
    done = run("send", "es-stroom", broken, "--json", "--home", network)
    assert (done.code, json.loads(done.out)["files"]) == (rejected, [])
    assert "lacks the column" in done.err
    assert "Voorbeeld" not in done.out + done.err


def test_a_month_that_has_to_wait_says_why_and_lets_the_command_be_repeated(at_stage: AtStage) -> None:
    root = at_stage("received")
    this_month = Network.open(root).today().strftime("%Y-%m")
    done = run("month", this_month, "--json", "--home", root)
    assert done.code == Retryable.exit_code
    assert [town in done.err for town in MUNICIPALITIES] == [True, False, False]  # the first that waits
    told = json.loads(done.out)
    assert (told["nodes"], len(told["waiting"])) == ([], 3)
    assert all("has not ended" in reason for reason in told["waiting"])


def test_a_wrong_option_is_told_with_the_usage(network: Path) -> None:
    require_told(run("status", "--no-such", "--home", network), 2, "spiegelnet status", "No such option")


def test_keys_that_are_elsewhere_or_damaged_are_told_without_their_content(at_stage: AtStage) -> None:
    root = at_stage("empty")
    keys = Home(root).participant("es-stroom").keys
    text = keys.read_text("utf-8")
    secret = json.loads(text)["signing"] if "signing" in json.loads(text) else text[-60:]
    damaged = text.replace(text[-40:-30], "A" * 10)
    for content in (damaged, "no keys", ""):
        keys.write_text(content, "utf-8")
        done = run("send", "es-stroom", "--home", root)
        require_told(done, Fatal.exit_code, "keys of es-stroom", "Restore")
        assert secret not in done.err
    keys.unlink()
    require_told(run("send", "es-stroom", "--home", root), NotAllowed.exit_code, "are not on this machine")


def test_a_damaged_directory_or_broker_is_named(at_stage: AtStage) -> None:
    root = at_stage("empty")
    good = (root / "directory.json").read_text("utf-8")
    damaged = good.replace('\\"mask\\": \\"', '\\"mask\\": \\"AA', 1)
    assert damaged != good
    for content in (damaged, good[:-100], "[]"):
        (root / "directory.json").write_text(content, "utf-8")
        require_told(run("status", "--home", root), Fatal.exit_code, "directory.json cannot be read")
    (root / "directory.json").write_text(good, "utf-8")
    (root / "broker.sqlite").write_bytes(b"no database")
    done = run("status", TOWN, "--home", root)  # says all the same what is known
    assert (done.code, "broker.sqlite cannot be used" in done.err, TOWN in done.out) == (Fatal.exit_code, True, True)
    assert "Traceback" not in done.err


def test_a_fault_of_the_software_is_told_by_place_and_never_by_value(at_stage: AtStage) -> None:
    root = at_stage("received")
    catalog = Home(root).participant(TOWN).root / "private" / "catalog.sqlite"
    with sqlite3.connect(catalog) as database:
        database.execute("UPDATE iceberg_tables SET metadata_location = 'Kanaalweg 12, BSN 999990019'")
    database.close()
    done = run("receive", TOWN, "--home", root)
    assert done.code in {1, Fatal.exit_code}
    assert "999990019" not in done.out + done.err
    assert "Kanaalweg" not in done.out + done.err
    assert "Traceback" not in done.err


def test_errors_of_the_layers_that_know_nothing_of_ours_get_a_group() -> None:
    source = user_error(SourceError("a.csv is empty.", "It has no header line.", "Export it again."))
    assert isinstance(source, Rejected)
    assert (source.what, source.why, source.todo) == ("a.csv is empty.", "It has no header line.", "Export it again.")
    for kind in PrivacyError.__subclasses__():
        found = user_error(kind("It does not open."))
        assert isinstance(found, Fatal)
        assert kind.code in found.why
    assert isinstance(user_error(BrokenProcessPool()), Retryable)
    full = user_error(OSError(28, "No space left on device", "/srv/x/outbox.sqlite"))
    assert isinstance(full, Fatal)
    assert "No space left" in str(full)
    assert user_error(ValueError("999990019")) is None


JSON_COMMANDS: dict[str, tuple[object, ...]] = {
    "send": ("send", "es-stroom"),
    "receive": ("receive", TOWN, "hc-huis"),
    "month": ("month", "2025-10..2025-11"),
    "status": ("status",),
    "sql": ("sql", "select indicator, status from hub.network.cells limit 3"),
    "quarantine list": ("quarantine", "list", TOWN),
    "quarantine replay": ("quarantine", "replay", TOWN),
}


@pytest.mark.parametrize("name", list(JSON_COMMANDS))
def test_json_is_json_and_plain_output_has_no_colour(name: str, network: Path) -> None:
    command = (*JSON_COMMANDS[name], "--home", network)
    machine, person = run(*command, "--json"), run(*command)
    assert (machine.code, person.code, machine.err, person.err) == (0, 0, "", "")
    assert json.loads(machine.out)
    assert person.out.strip()
    assert "\x1b" not in machine.out + person.out


def test_json_tells_what_the_tables_tell(network: Path) -> None:
    told: dict[str, Any] = json.loads(run("status", "--json", "--home", network).out)
    by_id = {item["participant"]: item for item in told["participants"]}
    assert set(by_id) >= {*SENDERS, "hub"}
    assert all(item["balanced"] for item in by_id.values())
    assert by_id[TOWN]["closed"] == "2025-11"
    opened = {item["sender"]: item["opened"] for item in by_id[TOWN]["senders"]}
    assert opened["hc-huis"] == 2 * 30 + 2 * 6 + 2  # rents, evictions and statements of two months
    rows = json.loads(
        run(
            "sql", "select area, count(*) as cells from hub.network.cells group by area", "--json", "--home", network
        ).out
    )
    assert {"gm0664", "gm0687", "gm0715"} <= {row["area"] for row in rows}
    csv = run("sql", "select 1 as one, 'a' as letter", "--csv", "--home", network).out
    assert csv.splitlines() == ["one,letter", "1,a"]


def test_samples_are_written_and_counted(tmp_path: Path) -> None:
    told = json.loads(run("samples", tmp_path / "s", "--months", "1", "--last", "2025-03", "--json").out)
    assert told["rows"]
    assert all((tmp_path / "s" / name).is_file() for name in told["rows"])


def test_init_sets_up_what_a_file_names_and_refuses_one_that_it_cannot_use(tmp_path: Path) -> None:
    members = tmp_path / "participants.toml"
    members.write_text(
        '[[participant]]\nid = "gm0518"\nname = "Den Haag"\nkind = "municipality"\nprovince = "pv28"\n', "utf-8"
    )
    done = run("init", "--home", tmp_path / "net", "--network", members)
    assert (done.code, "2 participants" in done.out) == (0, True)  # and the hub
    keys = Home(tmp_path / "net").participant("gm0518").keys
    before = keys.read_bytes()
    assert keys.stat().st_mode & 0o077 == 0
    assert run("init", "--home", tmp_path / "net", "--network", members).code == 0
    assert keys.read_bytes() == before
    assert run("receive", "--home", tmp_path / "net").code == 0  # nothing to do, and no address reference needed
    members.write_text('[[participant]]\nid = "gm0518"\nnaam = "Den Haag"\nkind = "municipality"\n', "utf-8")
    require_told(run("init", "--home", tmp_path / "other", "--network", members), 3, "participant 1", "naam", "name")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[machine]\nworkers = 0\n", "machine.workers"),
        ("[machine]\nworkers = 'many'\n", "machine.workers"),
        ("[gate]\nrow = 5000\n", "gate.row"),
        ("[gate]\nrows = 1\n", "gate.rows"),
        ("[month]\nclose_day = 31\n", "month.close_day"),
        ("[mont]\nclose_day = 3\n", "mont"),
        ("machine = 3\n", "machine"),
        ("[machine\n", "line 1"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(content: str, named: str, at_stage: AtStage) -> None:
    root = at_stage("empty")
    (root / "spiegelnet.toml").write_text(content, "utf-8")
    require_told(run("status", "--home", root), 3, f"{named}", "spiegelnet.toml")


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("SPIEGELNET_MACHINE__WORKERS", "geheim", "machine.workers"),
        ("SPIEGELNET_MACHINE__WORKES", "1", "machine.workes"),
        ("SPIEGELNET_MACHINE", "geheim", '"machine"'),
        ("SPIEGELNET_GATE__ROWS", "10", "gate.rows"),
    ],
)
def test_a_wrong_setting_in_the_environment_is_named(
    variable: str, value: str, named: str, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    done = run("status", "--home", network)
    require_told(done, 3, named, "SPIEGELNET_")
    assert "geheim" not in done.err


def test_the_environment_wins_over_the_file_and_names_the_home(
    at_stage: AtStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = at_stage("empty")
    (root / "spiegelnet.toml").write_text("[machine]\nworkers = 1\n[month]\nclose_day = 12\n", "utf-8")
    monkeypatch.setenv("SPIEGELNET_MONTH__CLOSE_DAY", "20")
    monkeypatch.setenv("SPIEGELNET_HOME", str(root))
    settings = Network.open(root).settings
    assert (settings.machine.workers, settings.month.close_day) == (1, 20)
    assert json.loads(run("status", TOWN, "--json").out)["participants"][0]["participant"] == TOWN


def test_a_process_of_its_own_behaves_the_same(tmp_path: Path) -> None:
    require_told(run_apart("status", "--home", tmp_path), 3, "There is no network")


def every_command(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield all commands with the words by which they are called."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(every_command(typer.main.get_group(app)))


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_help_says_what_a_command_does_with_an_example_that_it_understands(words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert done.code == 0
    example = re.search(r"Example: spiegelnet (.+)", re.sub(r"\s+", " ", done.out))
    assert example
    given = shlex.split(example[1])
    assert tuple(given[: len(words)]) == words
    command = COMMANDS[words]
    assert command.help
    command.make_context(" ".join(words), given[len(words) :])  # raises on an option or argument that is not there
