"""The outbox: places in streams given out once, together with the position in the source."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.errors import Fatal
from services.privacy.header import InnerHeader
from services.privacy.keys import ParticipantKeys
from services.privacy.parcel import parcel_hash, read_header, seal_parcel, verify
from services.sending.outbox import Outbox

SENDER, RECEIVER = ParticipantKeys.generate("es-noord"), ParticipantKeys.generate("gm0518")
INNER = InnerHeader("payment_arrears", 1, bytes(32), bytes(16), "2025", 1, last_of_delivery=True)
SOURCE = b"d" * 32


def seal(avro: bytes) -> Callable[[bytes, int, bytes], bytes]:
    def sealed(stream: bytes, sequence: int, previous: bytes) -> bytes:
        return seal_parcel(
            sender="es-noord",
            signing_key=SENDER.signing,
            receiver="gm0518",
            receiver_key=RECEIVER.public.seal,
            stream=stream,
            sequence=sequence,
            previous=previous,
            hour=1,
            inner=INNER,
            avro=avro,
        )

    return sealed


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


def position(done: int) -> tuple[bytes, str, int]:
    return SOURCE, "payment_arrears", done


def test_parcels_of_a_stream_are_numbered_and_name_the_one_before(outbox: Outbox) -> None:
    assert outbox.enqueue("gm0518", [seal(b"1"), seal(b"2")], position(1)) == 2
    assert outbox.enqueue("gm0518", [seal(b"3")], position(2)) == 1
    waiting = outbox.pending()
    headers = [verify(each.value, SENDER.public) for each in waiting]
    assert [each.sequence for each in headers] == [0, 1, 2]
    assert len({each.stream for each in headers}) == 1
    hashes = [parcel_hash(each.value) for each in waiting]
    assert [each.previous_hash for each in headers] == [bytes(32), *hashes[:2]]
    assert [each.parcel_id for each in waiting] == [each.parcel_id for each in headers]


def test_each_receiver_has_a_stream_of_its_own(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [seal(b"1")], position(1))
    outbox.enqueue("gm0363", [seal(b"1")], position(1))
    headers = [read_header(each.value) for each in outbox.pending()]
    assert [each.sequence for each in headers] == [0, 0]
    assert headers[0].stream != headers[1].stream
    assert [each.receiver for each in outbox.pending()] == ["gm0518", "gm0363"]


def test_a_batch_done_before_is_left_alone(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [seal(b"1")], position(1))
    before = outbox.pending()
    assert outbox.enqueue("gm0518", [seal(b"1 again")], position(1)) == 0
    assert outbox.pending() == before
    assert outbox.position(SOURCE, "gm0518", "payment_arrears") == 1


def test_positions_are_kept_per_source_receiver_and_event_type(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [], position(1))
    assert outbox.position(SOURCE, "gm0518", "payment_arrears") == 1
    for other in [
        (b"e" * 32, "gm0518", "payment_arrears"),
        (SOURCE, "gm0363", "payment_arrears"),
        (SOURCE, "gm0518", "x"),
    ]:
        assert outbox.position(*other) == 0
    assert outbox.pending() == []


def test_a_batch_is_not_skipped(outbox: Outbox) -> None:
    with pytest.raises(Fatal, match="Batch 2"):
        outbox.enqueue("gm0518", [seal(b"2")], position(2))
    assert outbox.pending() == []


def test_a_failure_while_sealing_leaves_nothing_behind(outbox: Outbox) -> None:
    def fails(*_: object) -> bytes:
        raise RuntimeError

    outbox.enqueue("gm0518", [seal(b"1")], position(1))
    with pytest.raises(RuntimeError):
        outbox.enqueue("gm0518", [seal(b"2"), fails], position(2))
    assert len(outbox.pending()) == 1
    assert outbox.position(SOURCE, "gm0518", "payment_arrears") == 1
    outbox.enqueue("gm0518", [seal(b"2")], position(2))
    assert [read_header(each.value).sequence for each in outbox.pending()] == [0, 1]


def test_a_retry_sends_the_same_bytes_under_the_same_key(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        outbox.enqueue("gm0518", [seal(b"1")], position(1))
        first = outbox.pending()
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        assert outbox.pending() == first


def test_what_is_marked_as_sent_waits_no_more_and_its_bytes_are_gone(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [seal(b"1"), seal(b"2")], position(1))
    first, second = outbox.pending()
    outbox.mark_sent([first.parcel_id])
    outbox.mark_sent([first.parcel_id])
    assert outbox.pending() == [second]
    assert outbox.pending(limit=0) == []
    outbox.enqueue("gm0518", [seal(b"3")], position(2))
    last = read_header(outbox.pending()[-1].value)
    assert (last.sequence, last.previous_hash) == (2, parcel_hash(second.value))


def test_a_new_outbox_is_a_new_stream(tmp_path: Path) -> None:
    streams = []
    for name in ("a", "b"):
        with Outbox(tmp_path / f"{name}.sqlite") as outbox:
            outbox.enqueue("gm0518", [seal(b"1")], position(1))
            streams.append(read_header(outbox.pending()[0].value).stream)
    assert streams[0] != streams[1]


def test_pending_parcels_come_within_bytes_and_never_none(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [seal(bytes([number])) for number in range(4)], position(1))
    size = len(outbox.pending()[0].value)
    assert [len(outbox.pending(max_bytes=limit)) for limit in (0, size, 2 * size - 1, 2 * size, 9 * size)] == [
        1,
        1,
        1,
        2,
        4,
    ]


def test_receivers_can_be_passed_over(outbox: Outbox) -> None:
    for receiver in ("gm0518", "gm0363", "hub"):
        outbox.enqueue(receiver, [seal(b"1")], position(1))
    assert [each.receiver for each in outbox.pending(without=["gm0518", "hub"])] == ["gm0363"]
    assert outbox.pending(without={"gm0518", "hub", "gm0363"}) == []


def test_an_outbox_is_full_by_what_waits_and_not_by_what_was_sent(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", 300_000) as outbox:
        assert not outbox.full()
        outbox.enqueue("gm0518", [seal(bytes(200_000))], position(1))  # padded to 256 KiB
        assert not outbox.full()
        outbox.enqueue("gm0518", [seal(bytes(200_000))], position(2))
        assert outbox.full()
        parcels, size = outbox.backlog()
        assert parcels == 2
        assert size >= 2 * 262_144
        outbox.mark_sent([each.parcel_id for each in outbox.pending()])
        assert not outbox.full()
        assert outbox.backlog() == (0, 0)


def test_an_outbox_without_limit_is_never_full(outbox: Outbox) -> None:
    outbox.enqueue("gm0518", [seal(bytes(200_000))], position(1))
    assert not outbox.full()


def test_a_number_about_something_rises_whatever_is_asked_for(outbox: Outbox) -> None:
    assert [outbox.next_number(b"one", at_least) for at_least in (100, 40, 100, 500)] == [100, 101, 102, 500]
    assert outbox.next_number(b"other", 7) == 7
    with pytest.raises(ZeroDivisionError), outbox.together():
        assert outbox.next_number(b"one", 900) / 0
    assert outbox.next_number(b"one", 1) == 501
