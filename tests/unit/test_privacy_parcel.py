"""Parcels: what is sealed comes out, of five sizes, and each refusal has its own name."""

from dataclasses import replace

import pytest

from services.privacy import header, parcel
from services.privacy.errors import Malformed, NotMyKey, TooLarge, UnknownSuite, WrongSender
from services.privacy.keys import ParticipantKeys, opening_keys

SENDER, RECEIVER, OTHER = map(ParticipantKeys.generate, ("es-noord", "gm0518", "gm0363"))
INNER = header.InnerHeader("payment_arrears", 1, b"\x11" * 32, b"\x22" * 16, "2025", 3, last_of_delivery=False)


def sealed(avro: bytes = b"avro", **changes: object) -> bytes:
    given: dict[str, object] = {
        "sender": "es-noord",
        "signing_key": SENDER.signing,
        "receiver": "gm0518",
        "receiver_key": RECEIVER.public.seal,
        "stream": b"\x33" * 16,
        "sequence": 7,
        "previous": b"\x44" * 32,
        "hour": 489_000,
        "inner": INNER,
        "avro": avro,
    }
    return parcel.seal_parcel(**(given | changes))  # type: ignore[arg-type]  # given by name, some wrong on purpose


def test_a_sealed_parcel_is_verified_and_opened_by_its_receiver() -> None:
    made = sealed(b"some events")
    head = parcel.verify(made, SENDER.public)
    assert (head.sender, head.receiver, head.sequence, head.hour) == ("es-noord", "gm0518", 7, 489_000)
    assert (head.stream, head.previous_hash) == (b"\x33" * 16, b"\x44" * 32)
    assert parcel.open_parcel(made, "gm0518", opening_keys(RECEIVER)) == (INNER, b"some events")


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2**32 - 1])
def test_the_inner_header_comes_out_as_it_went_in(count: int, last: bool) -> None:  # noqa: FBT001 - a parameter
    inner = replace(INNER, event_count=count, last_of_delivery=last)
    opened, avro = parcel.open_parcel(sealed(b"", inner=inner), "gm0518", opening_keys(RECEIVER))
    assert opened == inner
    assert avro == b""


INNER_SIZE = len(header.inner_bytes(INNER, 0))


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (INNER_SIZE, 4096),
        (4096, 4096),
        (4097, 16_384),
        (16_384, 16_384),
        (16_385, 65_536),
        (65_537, 262_144),
        (262_145, 1_048_576),
        (1_048_576, 1_048_576),
    ],
)
def test_what_is_sealed_has_one_of_five_sizes(content: int, size: int) -> None:
    avro = b"\xff" * (content - INNER_SIZE)
    made = sealed(avro)
    header_size = int.from_bytes(made[:2], "big")
    overhead = 2 + header_size + 4 + 1120 + 16 + 64  # lengths, encapsulated key, tag, signature
    assert len(made) - overhead == size
    assert parcel.open_parcel(made, "gm0518", opening_keys(RECEIVER))[1] == avro


def test_more_than_a_mebibyte_is_too_large_to_seal() -> None:
    with pytest.raises(TooLarge):
        sealed(bytes(1_048_576 - INNER_SIZE + 1))


def test_zero_bytes_at_the_end_of_the_events_are_not_taken_for_padding() -> None:
    assert parcel.open_parcel(sealed(b"a\0\0"), "gm0518", opening_keys(RECEIVER))[1] == b"a\0\0"


def test_sealing_twice_gives_other_bytes_and_another_parcel_id() -> None:
    first, second = sealed(), sealed()
    assert first != second
    assert parcel.read_header(first).parcel_id != parcel.read_header(second).parcel_id
    assert parcel.parcel_hash(first) != parcel.parcel_hash(second)


def test_another_receiver_is_told_that_it_is_not_its_key() -> None:
    with pytest.raises(NotMyKey):
        parcel.open_parcel(sealed(), "gm0363", opening_keys(OTHER))


def test_a_parcel_under_my_key_and_anothers_name_is_not_mine() -> None:
    with pytest.raises(NotMyKey):
        parcel.open_parcel(sealed(receiver="gm0363"), "gm0518", opening_keys(RECEIVER))


def test_a_former_key_still_opens_what_was_sealed_to_it() -> None:
    new = ParticipantKeys.generate("gm0518")
    made = sealed(b"old")
    assert parcel.open_parcel(made, "gm0518", opening_keys(new, RECEIVER))[1] == b"old"
    with pytest.raises(NotMyKey):
        parcel.open_parcel(made, "gm0518", opening_keys(new))


def test_a_sender_with_another_registered_key_is_the_wrong_sender() -> None:
    with pytest.raises(WrongSender):
        parcel.verify(sealed(), replace(OTHER.public, participant="es-noord"))


def test_a_parcel_in_anothers_name_is_of_the_wrong_sender() -> None:
    with pytest.raises(WrongSender):
        parcel.verify(sealed(sender="es-zuid"), SENDER.public)


@pytest.mark.parametrize(
    ("known", "other"), [(b"AES-256", b"AES-128"), (b"MLKEM768", b"MLKEM512"), (b"Ed25519", b"Ed00000")]
)
def test_only_the_known_suite_is_read(known: bytes, other: bytes) -> None:
    with pytest.raises(UnknownSuite):
        parcel.read_header(sealed().replace(known, other, 1))


def test_another_format_version_is_an_unknown_suite() -> None:
    made = sealed()
    with pytest.raises(UnknownSuite):
        parcel.read_header(made[:5] + b"\x02" + made[6:])


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": ""},
        {"receiver": "x" * 65},
        {"receiver": "gm 0518"},
        {"sender": "é"},
        {"stream": bytes(15)},
        {"previous": bytes(31)},
        {"sequence": -1},
        {"sequence": 2**62 + 1},
        {"hour": 2**32},
        {"inner": replace(INNER, schema_sha256=bytes(20))},
        {"inner": replace(INNER, delivery_id=b"")},
        {"inner": replace(INNER, event_count=2**32)},
        {"inner": replace(INNER, version=-1)},
        {"inner": replace(INNER, epoch="")},
    ],
)
def test_headers_out_of_range_are_not_made(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        sealed(b"avro", **changes)
