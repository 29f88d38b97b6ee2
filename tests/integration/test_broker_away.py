"""A sender whose broker is away or whose outbox is full: what was read is told, what was sealed waits."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from infra.certificates import ensure_certificates
from services import tasks
from services.access import Access
from services.broker import SqliteBroker, UnknownTopic
from services.errors import Retryable
from services.home import Home
from services.network import Network
from services.sending.delivery import FileReport, deliver_file
from services.sending.outbox import Outbox
from services.sending.sender import Sender, open_sender
from tests.command import run
from tests.network_state import events, sender_state
from tests.small_network import BACK, MUNICIPALITIES, arrears, copied, export, texts

pytestmark = pytest.mark.xdist_group("network")

SENDER, TOWN = "hc-huis", MUNICIPALITIES[0]
AtStage = Callable[[str], Path]
BATCH_ROWS = 50_000


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port at which nobody listens, and nobody can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"localhost:{bound.getsockname()[1]}"


def without_broker(root: Path, address: str) -> AbstractContextManager[None]:
    """Let the broker be a Kafka that is away, for as long as the block lasts."""
    home = Home(root)
    ensure_certificates(home)
    for who in (SENDER, TOWN, "hub"):
        Access.generate(who).save(home.participant(who).access)
    settings = root / "spiegelnet.toml"
    before = settings.read_text("utf-8")

    @contextmanager
    def block() -> Iterator[None]:
        settings.write_text(f'{before}\n[broker]\nkind = "kafka"\nserver = "{address}"\n', "utf-8")
        try:
            yield
        finally:
            settings.write_text(before, "utf-8")

    return block()


def exports(root: Path) -> list[Path]:
    return sorted(path for path in Home(root).participant(SENDER).sources.iterdir() if path.name != "clients.csv")


def test_files_are_read_and_sealed_while_the_broker_is_away_and_go_when_it_is_back(
    at_stage: AtStage, nobody: str, tmp_path: Path
) -> None:
    root = at_stage("made")
    undisturbed = copied(root, tmp_path / "undisturbed")
    expected = tasks.send(undisturbed, SENDER, exports(undisturbed), BACK)
    with without_broker(root, nobody):
        first = tasks.send(root, SENDER, exports(root), BACK)
        waiting = sender_state(root, SENDER)["waiting"]
        again = tasks.send(root, SENDER, exports(root), BACK)
        assert sender_state(root, SENDER)["waiting"] == waiting == expected.parcels
    assert (first.events, first.refused, first.statements) == (expected.events, expected.refused, expected.statements)
    assert (first.parcels, again.parcels) == (0, 0)
    for report in (first, again):
        (reason,) = report.postponed
        assert reason.what.startswith(f"{waiting} parcels of {SENDER} wait in its outbox; nothing is lost.")
        assert "cannot be reached" in reason.what
    assert tasks.send(root, SENDER, exports(root), BACK).parcels == waiting
    assert sender_state(root, SENDER) == sender_state(undisturbed, SENDER)


def test_the_command_shows_what_it_read_and_ends_as_one_to_be_run_again(at_stage: AtStage, nobody: str) -> None:
    root = at_stage("made")
    with without_broker(root, nobody):
        told = run("send", SENDER, "--json", "--home", root)
        received = run("receive", TOWN, "--home", root)
    assert (told.code, received.code) == (Retryable.exit_code, Retryable.exit_code)
    assert '"rows_read": 180' in told.out
    assert "wait in its outbox; nothing is lost" in " ".join(told.err.split())
    assert "cannot be reached" in " ".join(received.err.split())
    assert "Traceback" not in told.err + received.err


def test_a_month_closes_while_the_broker_is_away_and_is_reported_later(at_stage: AtStage, nobody: str) -> None:
    root = at_stage("received")
    with without_broker(root, nobody):
        told = run("month", "..".join(BACK), "-p", TOWN, "--home", root)
    assert told.code == Retryable.exit_code
    assert "Cells of 1 municipalities" in told.out
    assert "wait in its outbox; nothing is lost" in " ".join(told.err.split())
    waiting = sender_state(root, TOWN)["waiting"]
    assert waiting > 0
    assert tasks.receive(root, TOWN).postponed == []
    assert sender_state(root, TOWN)["waiting"] == 0


@pytest.fixture
def large(at_stage: AtStage) -> tuple[Path, Path]:
    """A network, and an export of three batches for one municipality."""
    root = at_stage("empty")
    houses = arrears(TOWN, "2025-12", range(1, 101))
    copies = 2 * BATCH_ROWS // houses.height + 10
    rows = pl.concat([houses.with_columns(pl.col("number") + 1_000 * place) for place in range(copies)])
    path = export(Home(root).participant(SENDER).sources, "rent", texts("rent", rows), "_2025-12_large")
    assert rows["number"].n_unique() == rows.height == 101_000
    return root, path


def deliver(root: Path, path: Path, limit: int, broker: SqliteBroker | None) -> FileReport:
    """Deliver a file by an outbox of at most `limit` bytes, to a broker or to none."""
    network = Network.open(root)
    with open_sender(network, SENDER) as sender:
        outbox = Outbox(network.home.participant(SENDER).outbox, limit)
        small = replace(sender, outbox=outbox)
        try:
            return deliver_file(small, path, room=lambda: _room(small, broker))
        finally:
            outbox.close()


def _room(sender: Sender, broker: SqliteBroker | None) -> None:
    if broker:
        sender.make_room(broker)
    elif sender.outbox.full():
        raise Retryable("The outbox is full.")


def test_a_full_outbox_stops_sealing_in_the_middle_of_a_file_and_the_next_run_goes_on(large: tuple[Path, Path]) -> None:
    root, path = large
    limit = 1 << 20
    for _ in range(2):  # full is full, however often it is tried
        with pytest.raises(Retryable):
            deliver(root, path, limit, None)
        with Outbox(Home(root).participant(SENDER).outbox) as outbox:
            parcels, size = outbox.backlog()
        assert size >= limit
    assert sender_state(root, SENDER)["files"] == []
    with SqliteBroker(Home(root).broker) as broker:
        report = deliver(root, path, limit, broker)
        sealed_now = broker.end_offset(f"parcels.{TOWN}")
    assert report.events.total() == 101_000
    assert sealed_now >= parcels  # what waited went on its way before more was sealed
    assert sender_state(root, SENDER)["files"][0][3] == 101_000
    tasks.send(root, SENDER, [path])
    assert tasks.receive(root, TOWN).verdicts["accepted"] == 101_000
    found = events(root, TOWN, "payment_arrears")
    assert found["event_id"].n_unique() == found.height == 101_000


def test_a_small_outbox_is_enough_for_a_large_file_while_the_broker_takes_parcels(large: tuple[Path, Path]) -> None:
    root, path = large
    with SqliteBroker(Home(root).broker) as broker:
        report = deliver(root, path, 1, broker)
        arrived = broker.end_offset(f"parcels.{TOWN}")
    waiting = sender_state(root, SENDER)["waiting"]
    assert arrived > 0
    assert arrived + waiting == report.parcels
    assert tasks.send(root, SENDER, [path]).parcels == waiting


def test_a_receiver_whom_the_broker_does_not_know_holds_nobody_else_up(at_stage: AtStage, tmp_path: Path) -> None:
    root = at_stage("made")
    with SqliteBroker(tmp_path / "half.sqlite") as half, open_sender(Network.open(root), SENDER) as sender:
        for town in MUNICIPALITIES[1:]:
            half.create_topic(f"parcels.{town}")
        for path in exports(root):
            deliver_file(sender, path)
        all_parcels = sender.outbox.waiting()
        with pytest.raises(UnknownTopic, match=f"no topic parcels.{TOWN}"):
            sender.push(half)
        arrived = [half.end_offset(f"parcels.{town}") for town in MUNICIPALITIES[1:]]
        left = sender.outbox.pending()
        assert {item.receiver for item in left} == {TOWN}
        parcels, (reason,) = sender.hand_over(half)
        assert parcels == 0
        assert f"{len(left)} parcels of {SENDER} wait in its outbox; nothing is lost" in reason.what
        assert f"no topic parcels.{TOWN}" in reason.what
        assert sum(arrived) + len(left) == all_parcels
        half.create_topic(f"parcels.{TOWN}")
        assert sender.push(half) == len(left)
        assert sender.push(half) == 0
