"""The small network over a real Kafka: the same result as embedded, and nothing lost or doubled when it is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition

from infra import stack
from infra.process import Server, running, start
from services import tasks
from services.config import load_settings
from services.home import Home
from services.network import Network
from services.node import add_everybody
from services.sending.outbox import Outbox
from services.setup import create_network
from services.status import participant_status
from tests.command import run
from tests.network import homes
from tests.network.broker.conftest import cluster_of
from tests.network_state import events, messages, receiver_state, release_state, sender_state
from tests.small_network import (
    AFTER,
    BACK,
    EVERYBODY,
    MUNICIPALITIES,
    SENDERS,
    arrears,
    copied,
    export,
    members,
    texts,
    write_sources,
)

SENDER, TOWN = "hc-huis", MUNICIPALITIES[0]
MONTH = "2025-12"


class Twins:
    """One network twice, with the same keys and sources: over Kafka, and embedded."""

    def __init__(self, home: Home, embedded: Path) -> None:
        self.home = home
        server = load_settings(home.root).broker.server
        _configure(home.root, f'[broker]\nkind = "kafka"\nserver = "{server}"\noutbox_mib = 16\n')
        self.files = {who: [path.name for path in paths] for who, paths in write_sources(home, BACK).items()}
        self.embedded = copied(home.root, embedded)
        _configure(embedded, "")
        create_network(embedded, members())
        homes.start(home, "kafka")
        add_everybody(Network.open(home.root))
        (self.kafka,) = stack.servers(home, load_settings(home.root))["kafka"]

    @property
    def roots(self) -> tuple[Path, Path]:
        """Both folders."""
        return self.home.root, self.embedded

    def paths(self, root: Path, who: str) -> list[Path]:
        """Exports of `BACK`."""
        return [Home(root).participant(who).sources / name for name in self.files[who]]


def _configure(root: Path, broker: str) -> None:
    (root / "spiegelnet.toml").write_text(f"[machine]\nworkers = 1\n{broker}", "utf-8")


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with homes.new_home() as home:
        yield Twins(home, tmp_path_factory.mktemp("embedded") / "home")


def test_the_chain_over_kafka_gives_what_the_embedded_one_gives(twins: Twins) -> None:
    for root in twins.roots:
        for who in sorted(twins.files):
            report = tasks.send(root, who, twins.paths(root, who), BACK)
            assert (report.broken, report.postponed) == ([], [])
        for town in MUNICIPALITIES:
            tasks.receive(root, town)
            tasks.month(root, town, BACK, AFTER)
        tasks.benchmark(root)
        for who in SENDERS:
            tasks.receive(root, who)
    over_kafka, embedded = twins.roots
    for who in EVERYBODY:
        assert sender_state(over_kafka, who) == sender_state(embedded, who)
        assert len(messages(over_kafka, who)) == len(messages(embedded, who))
        assert participant_status(over_kafka, who, None).balanced
    for who in (*MUNICIPALITIES, "hub"):
        assert receiver_state(over_kafka, who) == receiver_state(embedded, who)
        assert release_state(over_kafka, who) == release_state(embedded, who)


def _kill(kafka: Server) -> None:
    pid = running(kafka)
    assert pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)  # its ports are free then


def _new_export(twins: Twins, number: int) -> Path:
    """An export of 40 households of one town that no other test sends."""
    rows = arrears(TOWN, MONTH, range(100 * number, 100 * number + 40))
    folder = twins.home.participant(SENDER).sources
    return export(folder, "rent", texts("rent", rows), f"_{MONTH}_{number}")


def _waiting(twins: Twins) -> int:
    with Outbox(twins.home.participant(SENDER).outbox) as outbox:
        return outbox.waiting()


@pytest.mark.parametrize("step", ["append", "appended"])
def test_a_broker_killed_while_parcels_go_to_it_loses_and_doubles_nothing(twins: Twins, step: str) -> None:
    """Killed before they reach it, and after it has acknowledged them, before that is noted."""
    root = twins.home.root
    tasks.receive(root, TOWN)
    before = events(root, TOWN, "payment_arrears").height
    path = _new_export(twins, 21 if step == "append" else 22)
    passed = list[str]()

    def at(name: str) -> None:
        passed.append(name)
        if name == step and passed.count(step) == 1:
            _kill(twins.kafka)

    report = tasks.send(root, SENDER, [path], at=at)
    assert report.events.total() == 40
    if step == "append":
        assert "wait in its outbox; nothing is lost" in report.postponed[0].what
        assert _waiting(twins) == 1
    start(twins.kafka)
    again = tasks.send(root, SENDER, [path])
    assert (again.postponed, _waiting(twins)) == ([], 0)
    tasks.receive(root, TOWN)
    found = events(root, TOWN, "payment_arrears")
    assert found.height == before + 40
    assert found["event_id"].n_unique() == found.height
    assert participant_status(root, TOWN, None).balanced


def test_what_was_appended_twice_is_known_as_the_same_parcel(twins: Twins) -> None:
    """A process that ends after the broker's word, before it notes it, sends the same bytes again."""
    root = twins.home.root
    tasks.receive(root, TOWN)
    before = participant_status(root, TOWN, None).refused["duplicate"]
    path = _new_export(twins, 23)

    def ends(name: str) -> None:
        if name == "appended":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tasks.send(root, SENDER, [path], at=ends)
    tasks.send(root, SENDER, [path])
    report = tasks.receive(root, TOWN)
    assert report.verdicts["accepted"] == 40
    assert participant_status(root, TOWN, None).refused["duplicate"] == before + 1


def test_without_a_broker_files_are_read_and_the_command_says_what_waits(twins: Twins) -> None:
    root = twins.home.root
    path = _new_export(twins, 24)
    _kill(twins.kafka)
    try:
        told = run("send", SENDER, path, "--state", MONTH, "--home", root)
        received = run("receive", TOWN, "--home", root)
        waiting = _waiting(twins)
    finally:
        start(twins.kafka)
    assert (told.code, received.code) == (4, 4)
    assert SENDER in told.out
    assert f"{waiting} parcels of {SENDER} wait in its outbox; nothing is lost" in " ".join(told.err.split())
    assert "Traceback" not in told.err + received.err
    assert waiting == 1 + len(MUNICIPALITIES)  # the export's parcel, and a statement for each municipality
    assert run("send", SENDER, path, "--home", root).code == 0
    assert _waiting(twins) == 0
    assert tasks.receive(root, TOWN).verdicts["accepted"] == 40 + 1


def test_after_messages_were_deleted_and_a_topic_was_made_anew_all_counts_once(twins: Twins) -> None:
    """What a person does after each alarm: let the receiver read on, then senders send again."""
    root, topic = twins.home.root, f"parcels.{TOWN}"
    paths = [_new_export(twins, number) for number in (31, 32, 33)]
    tasks.send(root, SENDER, paths[:1])
    tasks.receive(root, TOWN)
    expected = set(events(root, TOWN, "payment_arrears")["event_id"])
    tasks.send(root, SENDER, paths[1:2])
    delete_unread(twins, topic)
    stopped = run("receive", TOWN, "--home", root)
    assert stopped.code == 3
    assert "were deleted before they were read" in " ".join(stopped.err.split())
    moved = tasks.go_on(root, TOWN, "kept for too few days")
    assert moved.lost == 1
    assert tasks.receive(root, TOWN).verdicts.total() == 0

    tasks.send(root, SENDER, paths[2:])
    cluster_of(twins.home).make_anew(topic)
    add_everybody(Network.open(root))
    assert "made anew" in run("receive", TOWN, "--home", root).err
    assert tasks.go_on(root, TOWN, "topic deleted by mistake").lost is None
    tasks.send(root, SENDER, paths, again_to=TOWN)
    report = tasks.receive(root, TOWN)
    assert (report.verdicts["accepted"], report.verdicts["duplicate"]) == (80, 40)
    found = events(root, TOWN, "payment_arrears")["event_id"]
    assert (len(found), found.n_unique()) == (len(expected) + 80, len(expected) + 80)
    assert expected < set(found)
    assert participant_status(root, TOWN, None).balanced


def delete_unread(twins: Twins, topic: str) -> None:
    """Delete all that is on a topic, as retention does."""
    library = cluster_of(twins.home).library()
    with Network.open(twins.home.root).broker(TOWN) as broker:
        end = broker.end_offset(topic)
    library.delete_records({TopicPartition(topic, 0): end})
    library.close()


def test_a_receiver_whom_the_broker_does_not_know_holds_nobody_else_up(twins: Twins) -> None:
    root = twins.home.root
    other = MUNICIPALITIES[1]
    tasks.receive(root, other)
    library = cluster_of(twins.home).library()
    library.delete_topics([f"parcels.{TOWN}"])
    rows = [arrears(town, MONTH, range(2500, 2540)) for town in (TOWN, other)]
    folder = twins.home.participant(SENDER).sources
    paths = [
        export(folder, "rent", texts("rent", part), f"_{MONTH}_{town}")
        for town, part in zip((TOWN, other), rows, strict=True)
    ]
    (reason,) = tasks.send(root, SENDER, paths).postponed
    assert f"no topic parcels.{TOWN}" in reason.what
    assert _waiting(twins) == 1
    assert tasks.receive(root, other).verdicts["accepted"] == 40
    add_everybody(Network.open(root))
    assert tasks.send(root, SENDER, paths).parcels == 1
    library.close()
