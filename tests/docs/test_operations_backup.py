"""What docs/operations-one-machine.md says about copies that are put back."""

import shutil
from pathlib import Path

import pytest

from services import tasks
from services.status import participant_status
from tests.docs.example_network import CLOSED, ExampleNetwork

pytestmark = pytest.mark.xdist_group("docs_network")

SENDER, RECEIVER = "es-lichtkade", "gm0301"


@pytest.fixture
def own(network: ExampleNetwork, tmp_path: Path) -> ExampleNetwork:
    return network.copy(tmp_path)


def exports(network: ExampleNetwork) -> list[Path]:
    return sorted((network.desk / "exports" / SENDER).iterdir())


def test_an_old_outbox_that_is_put_back_forks_its_streams(own: ExampleNetwork) -> None:
    sender = own.home / "participants" / SENDER
    shutil.copy(sender / "outbox.sqlite", own.desk)
    tasks.send(own.home, SENDER, exports(own)[:1])
    shutil.copy(own.desk / "outbox.sqlite", sender)
    tasks.send(own.home, SENDER, exports(own)[1:])
    report = tasks.receive(own.home, RECEIVER)
    assert report.refused["fork"] > 0


def test_without_outbox_and_journal_all_is_sent_again_and_nothing_counts_twice(own: ExampleNetwork) -> None:
    sender = own.home / "participants" / SENDER
    for name in ("outbox.sqlite", "journal.sqlite"):
        (sender / name).unlink()
    before = participant_status(own.home, RECEIVER, None)
    again = tasks.send(own.home, SENDER, sorted(sender.glob("sources/back/*")), CLOSED)
    report = tasks.receive(own.home, RECEIVER)
    assert again.events.total() > 0
    assert not report.refused
    assert set(report.rules) == set()
    assert report.verdicts["duplicate"] > 0
    after = participant_status(own.home, RECEIVER, None)
    accepted = [sum(int(str(item["accepted"])) for item in status.senders) for status in (before, after)]
    assert accepted[1] - accepted[0] == report.verdicts["accepted"]


def test_receiving_goes_on_from_an_older_copy_of_the_private_store(own: ExampleNetwork) -> None:
    receiver = own.home / "participants" / RECEIVER
    shutil.copytree(receiver / "private", own.desk / "private")
    tasks.send(own.home, SENDER, exports(own))
    first = tasks.receive(own.home, RECEIVER)
    shutil.rmtree(receiver / "private")
    shutil.copytree(own.desk / "private", receiver / "private")
    second = tasks.receive(own.home, RECEIVER)
    assert first.verdicts["accepted"] == second.verdicts["accepted"] > 0
    assert participant_status(own.home, RECEIVER, None).balanced
