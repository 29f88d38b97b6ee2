"""A sender that is killed (SIGKILL) at any point and run again sends each batch of its source exactly once."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.broker import SqliteBroker
from services.privacy.keys import ParticipantKeys, opening_keys
from services.privacy.parcel import open_parcel, parcel_hash, verify
from services.receiving.replay import Arrival, ReplayWindow

BATCHES = 6
SENDER = """
import os, signal, sys
from functools import partial
from pathlib import Path
from services.broker import SqliteBroker
from services.privacy.header import InnerHeader
from services.privacy.keys import ParticipantKeys, PublicKeys
from services.privacy.parcel import seal_parcel
from services.sending.outbox import Outbox

home, point, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
keys = ParticipantKeys.from_text((home / "sender.json").read_text())
to = PublicKeys.from_text((home / "receiver.json").read_text())
passed = 0

def at(here):
    global passed
    passed += here == point
    if here == point and passed == count:
        os.kill(os.getpid(), signal.SIGKILL)

def seal(batch, part, stream, sequence, previous):
    at("sealing")
    inner = InnerHeader("payment_arrears", 1, bytes(32), bytes(16), "2025", 1, last_of_delivery=False)
    return seal_parcel(sender="es-noord", signing_key=keys.signing, receiver="gm0518", receiver_key=to.seal,
        stream=stream, sequence=sequence, previous=previous, hour=1, inner=inner, avro=b"%d.%d" % (batch, part))

with Outbox(home / "outbox.sqlite") as outbox, SqliteBroker(home / "broker.sqlite") as broker:
    broker.create_topic("parcels.gm0518")
    def push():
        while waiting := outbox.pending(limit=2):
            at("before append")
            broker.append_many("parcels.gm0518", [(each.key, each.value) for each in waiting])
            at("appended")
            outbox.mark_sent([each.parcel_id for each in waiting])
            at("marked")
    for batch in range(outbox.position(b"d" * 32, "gm0518", "payment_arrears"), 6):
        seals = [partial(seal, batch, part) for part in range(2)]
        outbox.enqueue("gm0518", seals, (b"d" * 32, "payment_arrears", batch + 1))
        at("enqueued")
        if batch % 2:
            push()
    push()
"""


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("sealing", 1),
        ("sealing", 6),
        ("enqueued", 3),
        ("before append", 2),
        ("appended", 1),
        ("appended", 3),
        ("marked", 2),
    ],
)
def test_killed_and_run_again_every_event_arrives_once_in_one_unbroken_chain(
    tmp_path: Path, point: str, count: int
) -> None:
    sender, receiver = ParticipantKeys.generate("es-noord"), ParticipantKeys.generate("gm0518")
    (tmp_path / "sender.json").write_text(sender.to_text())
    (tmp_path / "receiver.json").write_text(receiver.public.to_text())
    command = [sys.executable, "-c", SENDER, str(tmp_path), point]
    killed = subprocess.run([*command, str(count)], check=False)  # noqa: S603 - the script above
    assert killed.returncode == -signal.SIGKILL
    subprocess.run([*command, "0"], check=True)  # noqa: S603 - the same, to its end
    with SqliteBroker(tmp_path / "broker.sqlite") as broker:
        messages = broker.read("parcels.gm0518", 0)
    arrivals, events, previous = Counter[Arrival](), [], bytes(32)
    with ReplayWindow(tmp_path / "replay.sqlite") as window:
        for message in messages:
            header = verify(message.value, sender.public)
            arrival = window.classify(header, parcel_hash(message.value), message.offset, datetime.now(UTC))
            arrivals[arrival] += 1
            if arrival is Arrival.NEW:
                assert header.previous_hash == previous
                previous = parcel_hash(message.value)
                events.append(open_parcel(message.value, "gm0518", opening_keys(receiver))[1].decode())
        assert window.gaps() == []
    assert events == [f"{batch}.{part}" for batch in range(BATCHES) for part in range(2)]
    again = 2 if point == "appended" else 0  # appended, and killed before that was noted: sent again, known as such
    assert arrivals == Counter({Arrival.NEW: 12, Arrival.DUPLICATE: again})
