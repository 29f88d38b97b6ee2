"""Of a thousand residents in the sources nothing is found in any parcel, log line, error, store file or hub table.

Nor in lineage, metrics or the record of runs: every command writes its log, and all that is printed is searched.

The house numbers of the residents lie within the ranges of the address reference, which names none of them; names and
streets occur nowhere else. The postcodes are in the reference, so they are not looked for in that one file.
"""

import json
import os
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import fastavro
import polars as pl
import pytest

from services.avro.decode import decode_block
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.home import Home
from services.households import ROLLOVER
from services.network import Network
from services.privacy.keys import opening_keys
from services.privacy.parcel import open_parcel
from services.privacy.sealing import open_bytes
from services.quarantine import open_events
from services.receiving.collecting import open_node
from services.sending.sender import REFUSED_CONTEXT
from tests.attack.canaries import Resident, Search, among, contents, residents
from tests.attack.canary_sources import MONTH, write_canaries
from tests.command import Outcome, run, run_apart
from tests.network_state import events, messages, published
from tests.small_network import EVERYBODY, MUNICIPALITIES, PARTNERS, POSTCODES, SENDERS, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

PEOPLE = residents()
PLACES = Search(tuple(PEOPLE))
EVERYTHING = Search(tuple(PEOPLE), tuple(code for places in POSTCODES.values() for code, _ in places))
SOURCE_TYPES = (
    "payment_arrears",
    "supply_stop_notice",
    "eviction_notice",
    "early_warning_case",
    "support_provision",
    "debt_counselling_case",
    "approach_reach",
)
HUB_TYPES = ("indicator_observation", "regional_share", "population_reference")


@dataclass(frozen=True)
class Passed:
    """A network that the residents' exports went through.

    Attributes:
        root: its folder; `tmp` and `logs` in it hold temporary files and all that was printed.
        outcomes: of every command.
    """

    root: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def command(self, *arguments: str, apart: bool = False) -> None:
        """Run a command, some as processes of their own, and keep all that it prints on either stream."""
        full = (*arguments, "--home", self.root)
        temporary = {"TMPDIR": str(self.root / "tmp"), "HOME": str(self.root / "tmp")}
        outcome = run_apart(*full, environment=temporary) if apart else run(*full)
        self.outcomes[" ".join(arguments)] = outcome
        (self.root / "logs" / f"{len(self.outcomes)}.log").write_text(outcome.out + outcome.err, "utf-8")

    def files(self) -> Iterator[Path]:
        """All files but the sources and keys."""
        sources = {Home(self.root).participant(item).sources for item in EVERYBODY}
        for path in self.root.rglob("*"):
            hidden = path.name == "keys.json" or path.parent.name == "key-services"
            if path.is_file() and not hidden and not sources & set(path.parents):
                yield path

    @cached_property
    def opened(self) -> list[tuple[str, str, pl.DataFrame, bytes]]:
        """Every parcel on every topic, opened by its receiver: receiver, event type, events, and all its bytes."""
        network = Network.open(self.root)
        found = []
        for receiver in EVERYBODY:
            keys = opening_keys(network.keys(receiver))
            for value in messages(self.root, receiver):
                inner, avro = open_parcel(value, receiver, keys)
                frame, _ = decode_block(network.registry.by_sha(inner.schema_sha256), avro, inner.event_count)
                found.append((receiver, inner.event_type, frame, repr(inner).encode() + avro))
        return found


@pytest.fixture(scope="module")
def passed(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Passed:
    """Everything is sent, received, closed and asked by the real commands."""
    network = Passed(copied(stages.empty, tmp_path_factory.mktemp("canaries") / "home"))
    write_canaries(Home(network.root), PEOPLE)
    with (network.root / "spiegelnet.toml").open("a", encoding="utf-8") as settings:
        settings.write('[log]\nform = "json"\n')
    (network.root / "tmp").mkdir()
    (network.root / "logs").mkdir()
    for sender in SENDERS:
        network.command("send", sender, "--state", MONTH, apart=sender == "es-stroom")
    year = Network.open(network.root).today().year
    network.command("rollover", "es-stroom", "--since", f"{year - 1}")
    network.command("rollover", "hc-huis", "--json")
    network.command("receive")
    network.command("receive", *PARTNERS, "--json")
    network.command("month", MONTH, apart=True)
    network.command("status", *MUNICIPALITIES)
    network.command("status", "--json")
    network.command("metrics")
    for sender in SENDERS:
        network.command("quarantine", "list", sender, *(["--json"] if sender in PARTNERS else []))
    for ref in open_events(open_node(Network.open(network.root), MUNICIPALITIES[0]))["ref"].head(3):
        network.command("quarantine", "show", MUNICIPALITIES[0], ref)
        network.command("quarantine", "show", MUNICIPALITIES[0], ref, "--reveal", "--purpose", "test")
    network.command("quarantine", "replay", MUNICIPALITIES[0], "--json")
    for name in (*(f"hub.{item}" for item in HUB_TABLES), *(f"{MUNICIPALITIES[0]}.{item}" for item in NODE_TABLES)):
        network.command("sql", f"select * from {name}", "--json")
    network.command("sql", "select no_such_column from hub.network.cells")
    for name in (*SOURCE_TYPES, ROLLOVER):
        own = ("--private", "--participant", MUNICIPALITIES[0], "--purpose", "test")
        network.command("sql", f"select * from {MUNICIPALITIES[0]}.private.{name}", *own, "--json")
    network.command("mirror", MUNICIPALITIES[0], "--out", str(network.root / "mirror.html"))
    return network


def test_no_file_but_the_sources_and_no_printed_line_tells_of_a_resident(passed: Passed) -> None:
    reference = Home(passed.root).address_reference
    files = set(passed.files())
    assert len(files) > 200
    assert EVERYTHING.find_in(contents(files - {reference})) == {}
    assert PLACES.find(reference.read_bytes()) == set()
    printed = [(name, (outcome.out + outcome.err).encode()) for name, outcome in passed.outcomes.items()]
    assert EVERYTHING.find_in(printed) == {}


def test_logs_lineage_metrics_and_the_record_of_runs_were_written_and_searched(passed: Passed) -> None:
    lines = [line for outcome in passed.outcomes.values() for line in outcome.err.splitlines() if line.startswith("{")]
    told = {(item["event"], item["task"]) for item in map(json.loads, lines) if "task" in item}
    assert {("task ended", name) for name in ("send", "collect", "month", "benchmark")} <= told
    written = {path.relative_to(passed.root).as_posix() for path in passed.files()}
    assert {f"lineage/{item}.jsonl" for item in (*SENDERS, "hub")} <= written
    assert {f"participants/{item}/runs.sqlite" for item in SENDERS} <= written
    assert {f"participants/{item}/standing.sqlite" for item in EVERYBODY} <= written
    assert "spiegelnet_events{" in passed.outcomes["metrics"].out


def test_no_parcel_tells_of_a_resident_even_to_who_opens_it(passed: Passed) -> None:
    parts = [
        ((*to, at), content) for at, (*to, frame, avro) in enumerate(passed.opened) for content in (avro, _text(frame))
    ]
    assert len(parts) > 80
    assert EVERYTHING.find_in(parts) == {}


def _text(frame: pl.DataFrame) -> bytes:
    return repr(frame.to_dicts()).encode()


def test_the_residents_did_go_through_the_network(passed: Passed) -> None:
    """So that nothing was found because nothing was there: their rows were accepted, stopped and refused."""
    accepted = sum(events(passed.root, town, name).height for town in MUNICIPALITIES for name in SOURCE_TYPES)
    assert accepted > 500
    refused = []
    network = Network.open(passed.root)
    for sender in SENDERS:
        with sqlite3.connect(network.home.participant(sender).journal) as journal:
            rows = journal.execute("SELECT raw FROM refused").fetchall()
            refused += [open_bytes(network.keys(sender).store, raw, REFUSED_CONTEXT) for (raw,) in rows]
    assert len(refused) > 200
    found = PLACES.find(b"\n".join(refused))
    assert len(found & {item.name.upper() for item in PEOPLE}) > 200
    assert all("Traceback" not in outcome.err for outcome in passed.outcomes.values())
    failed = {name: outcome for name, outcome in passed.outcomes.items() if outcome.code}
    assert {outcome.code for outcome in failed.values()} == {5}
    broken = [outcome for name, outcome in failed.items() if name.startswith("send")]
    assert len(broken) == 5
    assert all("could not be read" in outcome.err for outcome in broken)
    assert [name for name in failed if not name.startswith("send")] == [
        "sql select no_such_column from hub.network.cells"
    ]


def test_the_search_finds_every_resident_in_the_sources(passed: Passed) -> None:
    files = [path for item in EVERYBODY for path in Home(passed.root).participant(item).sources.glob("*.*")]
    found = EVERYTHING.find(b"\n".join(content for _, content in contents(files)))
    everyone = {text.upper() for item in PEOPLE for text in (item.name, item.street)} | {item.bsn for item in PEOPLE}
    assert len(everyone) == 3000
    assert everyone <= found


@pytest.mark.parametrize("person", PEOPLE[::250], ids=lambda person: person.number)
@pytest.mark.parametrize("kind", ["utf-8", "utf-16", "sqlite", "parquet", "avro"])
def test_the_search_finds_a_resident_in_every_kind_of_file(kind: str, person: Resident, tmp_path: Path) -> None:
    for text in (
        person.name.lower(),
        person.street.upper(),
        person.bsn,
        f"{person.bsn[:4]}.{person.bsn[4:6]}.{person.bsn[6:]}",
        f"{person.postcode}|{person.number}|{person.letter}",
        f"{person.postcode[:4]} {person.postcode[4:].lower()} {person.number}-{person.letter}",
        f"{person.postcode}",
    ):
        path = _hidden(kind, text, tmp_path)
        found = set[str]().union(*(EVERYTHING.find(content) for _, content in contents([path])))
        assert found, (kind, text)


def _hidden(kind: str, text: str, folder: Path) -> Path:
    """Write a text into a file of some kind, packed where the kind packs."""
    path = folder / os.urandom(4).hex()
    match kind:
        case "sqlite":
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE log (line TEXT)")
                database.execute("INSERT INTO log VALUES (?)", (f"{'x' * 9000} row {text}: refused",))
            database.close()
        case "parquet":
            frame = pl.DataFrame({"payload": [[{"note": f"row {text}"}]] * 40, "number": range(40)})
            frame.write_parquet(path, compression="zstd")
        case "avro":
            schema = {
                "type": "record",
                "name": "r",
                "fields": [{"name": "bounds", "type": {"type": "map", "values": "bytes"}}],
            }
            with path.open("wb") as file:
                fastavro.writer(file, schema, [{"bounds": {"lower": f"row {text}".encode()}}], codec="deflate")
        case _:
            path.write_text(f"row {text}: refused", kind)
    return path


def test_nothing_published_and_nothing_at_the_hub_holds_a_pseudonym_or_an_id_of_a_single_event(passed: Passed) -> None:
    network, secret, pairs = Network.open(passed.root), set[bytes](), 0
    for _, event_type, frame, _ in passed.opened:
        if event_type in SOURCE_TYPES:  # outer pseudonyms and ids of events, as parcels carry them
            secret.update(frame["address"].to_list(), frame["event_id"].to_list())
            for column in {"provision", "child"} & set(frame.columns):
                secret.update(frame[column].to_list())
        elif event_type == ROLLOVER:
            pairs += frame.height
            secret.update(frame["old_address"].to_list(), frame["new_address"].to_list())
    outer = len(secret)
    assert pairs > 100
    for town in MUNICIPALITIES:  # pseudonyms as nodes store them
        for name in SOURCE_TYPES:
            secret.update(events(passed.root, town, name)["address"].to_list())
    assert outer > 1000
    assert len(secret) > outer + 500
    forms = [form for item in secret for form in (item.decode("latin-1"), item.hex(), b64encode(item).decode()[:-4])]
    open_to_others = [network.home.participant("hub").root]
    open_to_others += [network.home.participant(item).root / "published" for item in EVERYBODY]
    paths = [
        path for folder in open_to_others for path in folder.rglob("*") if path.is_file() and path.name != "keys.json"
    ]
    assert len(paths) > 20
    assert among(b"\n".join(content for _, content in contents(paths)), forms) == set()
    printed = [text.out + text.err for name, text in passed.outcomes.items() if not name.startswith("quarantine")]
    assert among("\n".join(printed).encode(), forms) == set()  # quarantine names events by their ids, to their receiver
    private = network.home.participant(MUNICIPALITIES[0]).root / "private"
    found = among(b"\n".join(content for _, content in contents(private.rglob("*.parquet"))), forms)
    assert len(found) > 200


def test_the_hub_and_published_tables_hold_no_row_about_a_single_event(passed: Passed) -> None:
    registry = Network.open(passed.root).registry
    held = {name for name in registry.names() if events(passed.root, "hub", name).height}
    assert held == set(HUB_TYPES) - {"population_reference"}
    for participant in EVERYBODY:
        for name, frame in published(passed.root, participant).items():
            assert frame.columns == list({**HUB_TABLES, **NODE_TABLES}[name])
