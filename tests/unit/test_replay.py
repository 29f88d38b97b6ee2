"""The replay window: repeated, forked and missing parcels of a stream."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from services.privacy.header import SUITE, Header
from services.receiving.replay import Arrival, ReplayWindow

NOW = datetime(2025, 12, 10, 8, 0, tzinfo=UTC)
ZERO = bytes(32)


def header(sequence: int, previous: bytes, sender: str = "es-noord", stream: bytes = b"s" * 16) -> Header:
    return Header(SUITE, "gm0518", bytes(8), sender, bytes(8), bytes(16), stream, sequence, previous, 489_000, 0)


def hashed(sequence: int) -> bytes:
    return bytes([sequence + 1]) * 32


def arrive(window: ReplayWindow, sequence: int, offset: int, *, at: datetime = NOW) -> Arrival:
    """A parcel of an honest stream, whose hashes are 1, 2, 3, …."""
    previous = hashed(sequence - 1) if sequence else ZERO
    return window.classify(header(sequence, previous), hashed(sequence), offset, at)


@pytest.fixture
def window(tmp_path: Path) -> ReplayWindow:
    return ReplayWindow(tmp_path / "replay.sqlite")


def test_parcels_in_order_are_new_and_leave_no_gap(window: ReplayWindow) -> None:
    assert [arrive(window, number, number) for number in range(5)] == [Arrival.NEW] * 5
    assert window.gaps() == []


def test_our_own_second_reading_is_told_apart_from_a_repeated_parcel(window: ReplayWindow) -> None:
    arrive(window, 0, 10)
    assert arrive(window, 0, 10) == Arrival.SAME_OFFSET
    assert arrive(window, 0, 11) == Arrival.DUPLICATE
    assert arrive(window, 0, 10) == Arrival.SAME_OFFSET


def test_what_was_seen_is_known_after_a_restart(tmp_path: Path) -> None:
    with ReplayWindow(tmp_path / "replay.sqlite") as window:
        arrive(window, 0, 10)
    with ReplayWindow(tmp_path / "replay.sqlite") as window:
        assert arrive(window, 0, 12) == Arrival.DUPLICATE


def test_other_bytes_under_the_same_number_are_a_fork_however_often(window: ReplayWindow) -> None:
    arrive(window, 0, 0)
    for _ in range(2):
        assert window.classify(header(0, ZERO), b"f" * 32, 1, NOW) == Arrival.FORK
    assert window.classify(header(0, ZERO), b"f" * 32, 0, NOW) == Arrival.FORK
    assert arrive(window, 1, 2) == Arrival.NEW


def test_a_parcel_that_names_another_predecessor_is_a_fork(window: ReplayWindow) -> None:
    arrive(window, 0, 0)
    assert window.classify(header(1, b"x" * 32), hashed(1), 1, NOW) == Arrival.FORK
    assert arrive(window, 1, 2) == Arrival.NEW


def test_a_late_parcel_that_its_successor_does_not_name_is_a_fork(window: ReplayWindow) -> None:
    arrive(window, 1, 0)
    assert window.classify(header(0, ZERO), b"x" * 32, 1, NOW) == Arrival.FORK
    assert arrive(window, 0, 2) == Arrival.NEW


def test_a_first_parcel_that_names_a_predecessor_is_a_fork(window: ReplayWindow) -> None:
    assert window.classify(header(0, b"x" * 32), hashed(0), 0, NOW) == Arrival.FORK
    assert window.gaps() == []


def test_one_sender_cannot_disturb_anothers_stream(window: ReplayWindow) -> None:
    assert window.classify(header(0, ZERO, sender="hc-mallory"), b"m" * 32, 0, NOW) == Arrival.NEW
    assert window.classify(header(9, b"m" * 32, sender="hc-mallory"), b"m" * 32, 1, NOW) == Arrival.NEW
    assert arrive(window, 0, 2) == Arrival.NEW
    assert {gap.sender for gap in window.gaps()} == {"hc-mallory"}


def test_a_gap_alarms_after_fifteen_minutes_and_blocks_nothing(window: ReplayWindow) -> None:
    arrive(window, 0, 0)
    assert arrive(window, 3, 1) == Arrival.NEW
    (gap,) = window.gaps()
    assert (gap.sender, gap.stream, gap.first, gap.last, gap.noticed_at) == ("es-noord", b"s" * 16, 1, 2, NOW)
    assert window.gap_alarms(NOW + timedelta(minutes=15)) == []
    assert window.gap_alarms(NOW + timedelta(minutes=15, seconds=1)) == [gap]


def test_late_parcels_close_their_part_of_a_gap_and_the_rest_keeps_its_age(window: ReplayWindow) -> None:
    arrive(window, 5, 0)
    later = NOW + timedelta(minutes=10)
    assert arrive(window, 2, 1, at=later) == Arrival.NEW
    assert [(gap.first, gap.last, gap.noticed_at) for gap in window.gaps()] == [(0, 1, NOW), (3, 4, NOW)]
    for number in (0, 4, 3, 1):
        assert arrive(window, number, 10 + number, at=later) == Arrival.NEW
    assert window.gaps() == []


def test_gaps_are_what_is_missing_in_whatever_order_parcels_come(tmp_path: Path) -> None:
    random = Random(3)
    for round_ in range(20):
        with ReplayWindow(tmp_path / f"{round_}.sqlite") as window:
            order = random.sample(range(30), 30)
            for offset, number in enumerate(order):
                assert arrive(window, number, offset) == Arrival.NEW
                came = set(order[: offset + 1])
                missing = {gone for gap in window.gaps() for gone in range(gap.first, gap.last + 1)}
                assert missing == set(range(max(came))) - came


def test_a_stream_that_claims_an_enormous_number_costs_one_row(window: ReplayWindow) -> None:
    assert window.classify(header(2**62, ZERO), b"x" * 32, 0, NOW) == Arrival.NEW
    assert [(gap.first, gap.last) for gap in window.gaps()] == [(0, 2**62 - 1)]
