"""Attacks on parcels by who sees them pass, by other participants, and by the broker."""

import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.privacy import parcel
from services.privacy.errors import (
    BadSignature,
    Malformed,
    NotMyKey,
    PrivacyError,
    Tampered,
    TooLarge,
    UnknownSuite,
    WrongSender,
)
from services.privacy.header import InnerHeader, inner_bytes
from services.privacy.keys import ParticipantKeys, PublicKeys, key_id, opening_keys, sealing_key

SENDER, MALLORY = ParticipantKeys.generate("es-noord"), ParticipantKeys.generate("hc-mallory")
RECEIVER, OTHER = ParticipantKeys.generate("gm0518"), ParticipantKeys.generate("gm0363")
KEYS = opening_keys(RECEIVER)
INNER = InnerHeader("payment_arrears", 1, b"\x11" * 32, b"\x22" * 16, "2025", 3, last_of_delivery=True)


def seal(sender: ParticipantKeys = SENDER, receiver: PublicKeys = RECEIVER.public, sequence: int = 7) -> bytes:
    return parcel.seal_parcel(
        sender=sender.participant,
        signing_key=sender.signing,
        receiver=receiver.participant,
        receiver_key=receiver.seal,
        stream=b"\x33" * 16,
        sequence=sequence,
        previous=b"\x44" * 32,
        hour=489_000,
        inner=INNER,
        avro=b"1234AB in clear" * 5,
    )


PARCEL = seal()
HEADER_END = 2 + int.from_bytes(PARCEL[:2], "big")
SEALED_START, SEALED_END = HEADER_END + 4, len(PARCEL) - 64


def receive(data: bytes, sender: PublicKeys = SENDER.public) -> tuple[InnerHeader, bytes]:
    parcel.verify(data, sender)
    return parcel.open_parcel(data, "gm0518", KEYS)


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def sign_anew(header: bytes, sealed: bytes, key: bytes) -> bytes:
    """What a participant can do who takes a sealed part out of another's parcel and puts its own name on it."""
    size = len(header).to_bytes(2, "big")
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(b"spiegelnet/sig/v1" + size + header + sealed)
    return size + header + len(sealed).to_bytes(4, "big") + sealed + signature


def test_every_flipped_bit_of_header_and_lengths_is_refused() -> None:
    for bit in range(8 * SEALED_START):
        with pytest.raises((BadSignature, Malformed, UnknownSuite, WrongSender)):
            receive(flip(PARCEL, bit))


def test_flipped_bits_anywhere_in_the_sealed_part_are_a_bad_signature() -> None:
    for bit in random.Random(1).sample(range(8 * SEALED_START, 8 * SEALED_END), 300):
        with pytest.raises(BadSignature):
            receive(flip(PARCEL, bit))


def test_every_flipped_bit_of_the_signature_is_a_bad_signature() -> None:
    for bit in range(8 * SEALED_END, 8 * len(PARCEL)):
        with pytest.raises(BadSignature):
            receive(flip(PARCEL, bit))


def test_without_the_signature_check_a_flipped_bit_still_does_not_open() -> None:
    bits = random.Random(2).sample(range(8 * SEALED_START, 8 * SEALED_END), 100)
    edges = [8 * SEALED_START, 8 * (SEALED_START + 1088), 8 * (SEALED_START + 1120), 8 * SEALED_END - 1]
    for bit in bits + edges:
        with pytest.raises(Tampered):
            parcel.open_parcel(flip(PARCEL, bit), "gm0518", KEYS)


def test_a_header_changed_and_signed_anew_by_its_own_sender_does_not_open() -> None:
    header = PARCEL[2:HEADER_END]
    hour = header[:-5] + (489_001).to_bytes(4, "big") + header[-1:]
    forged = sign_anew(hour, PARCEL[SEALED_START:SEALED_END], SENDER.signing)
    with pytest.raises(Tampered):
        receive(forged)


def test_a_header_swapped_with_another_parcels_does_not_open() -> None:
    other = seal(sequence=8)
    with pytest.raises(BadSignature):
        receive(other[:SEALED_START] + PARCEL[SEALED_START:])
    with pytest.raises(Tampered):
        receive(sign_anew(other[2:HEADER_END], PARCEL[SEALED_START:SEALED_END], SENDER.signing))


def test_nobody_can_put_its_own_name_on_what_another_sealed() -> None:
    header = seal(MALLORY)[2:]
    header = header[: int.from_bytes(seal(MALLORY)[:2], "big")]
    stolen = sign_anew(header, PARCEL[SEALED_START:SEALED_END], MALLORY.signing)
    with pytest.raises(Tampered):
        receive(stolen, MALLORY.public)


def test_nobody_can_sign_in_anothers_name() -> None:
    with pytest.raises(BadSignature):
        receive(sign_anew(PARCEL[2:HEADER_END], PARCEL[SEALED_START:SEALED_END], MALLORY.signing))
    renamed = PARCEL[2:HEADER_END].replace(SENDER.public.signing_id, MALLORY.public.signing_id)
    with pytest.raises(WrongSender):
        receive(sign_anew(renamed, PARCEL[SEALED_START:SEALED_END], MALLORY.signing))


def test_a_parcel_for_another_municipality_is_told_apart_from_a_tampered_one() -> None:
    with pytest.raises(NotMyKey):
        receive(seal(receiver=OTHER.public))
    redirected = PARCEL[2:HEADER_END].replace(RECEIVER.public.seal_id, OTHER.public.seal_id)
    redirected = redirected.replace(b"gm0518", b"gm0363")
    forged = sign_anew(redirected, PARCEL[SEALED_START:SEALED_END], SENDER.signing)
    with pytest.raises(Tampered):
        parcel.open_parcel(forged, "gm0363", opening_keys(OTHER))


def test_a_parcel_cut_off_or_lengthened_anywhere_is_malformed() -> None:
    ends = [*range(400), SEALED_START, SEALED_END - 1, SEALED_END, len(PARCEL) - 1]
    for end in ends:
        with pytest.raises(Malformed):
            receive(PARCEL[:end])
    for tail in (b"\0", b"x" * 64, PARCEL):
        with pytest.raises(Malformed):
            receive(PARCEL + tail)


def test_more_than_a_parcel_can_be_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        parcel.read_header(bytes(parcel.MAX_PARCEL_BYTES + 1))


def test_a_length_that_points_beyond_the_parcel_is_malformed() -> None:
    for size in (0, 1, 512, 513, 65_535):
        with pytest.raises(Malformed):
            receive(size.to_bytes(2, "big") + PARCEL[2:])
    with pytest.raises(Malformed):
        receive(PARCEL[:HEADER_END] + b"\xff\xff\xff\xff" + PARCEL[SEALED_START:])


def test_a_header_with_bytes_after_its_last_field_is_malformed() -> None:
    for tail in (b"\0", b"\0" * 100):
        with pytest.raises(Malformed):
            receive(sign_anew(PARCEL[2:HEADER_END] + tail, PARCEL[SEALED_START:SEALED_END], SENDER.signing))


def test_another_size_named_in_the_header_is_malformed() -> None:
    for bucket in range(1, 256):
        with pytest.raises(Malformed):
            receive(PARCEL[: HEADER_END - 1] + bytes([bucket]) + PARCEL[HEADER_END:])


def hostile(plain: Callable[[bytes], bytes]) -> bytes:
    """A parcel by a registered sender whose sealed part does not follow the rules."""
    header = PARCEL[2:HEADER_END]
    content = plain(inner_bytes(INNER, 3) + b"abc")
    sealed = parcel._HPKE.encrypt(content, sealing_key(RECEIVER.public.seal), info=b"spiegelnet/parcel/v1" + header)
    return sign_anew(header, sealed, SENDER.signing)


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(lambda inner: inner.ljust(4095, b"\0") + b"\1", id="last byte of the padding"),
        pytest.param(lambda inner: (inner + b"\1").ljust(4096, b"\0"), id="first byte of the padding"),
        pytest.param(lambda _: bytes(4096), id="no inner header"),
        pytest.param(lambda _: b"\xff" * 4096, id="names that are none"),
        pytest.param(
            lambda inner: inner.replace(b"\0\0\0\3abc", b"\xff\xff\xff\xffabc").ljust(4096, b"\0"), id="length"
        ),
        pytest.param(lambda inner: inner.replace(b"\1\0\0\0\3abc", b"\2\0\0\0\3abc").ljust(4096, b"\0"), id="flag"),
    ],
)
def test_a_sealed_part_against_the_rules_is_malformed(plain: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        receive(hostile(plain))


def test_the_rules_are_what_makes_the_hostile_ones_malformed() -> None:
    assert receive(hostile(lambda inner: inner.ljust(4096, b"\0"))) == (INNER, b"abc")


def test_a_parcel_shows_nothing_of_what_is_in_it() -> None:
    for inside in (b"1234AB", b"payment_arrears", INNER.schema_sha256, INNER.delivery_id):
        assert inside not in PARCEL


def test_no_error_names_what_was_sealed_or_the_participants() -> None:
    for data in (flip(PARCEL, 8 * SEALED_START), seal(receiver=OTHER.public), PARCEL[:-1], flip(PARCEL, 30)):
        with pytest.raises(PrivacyError) as refusal:
            receive(data)
        shown = str(refusal.value)
        assert not any(name in shown for name in ("1234AB", "payment_arrears", "es-noord", "gm0518", "gm0363"))


def test_a_key_id_alone_does_not_make_a_key() -> None:
    """Who registers a key with the same id (8 bytes, so findable with much work) still cannot open or sign."""
    assert key_id(OTHER.public.seal) != key_id(RECEIVER.public.seal)
    collided = {RECEIVER.public.seal_id: opening_keys(OTHER)[OTHER.public.seal_id]}
    with pytest.raises(Tampered):
        parcel.open_parcel(PARCEL, "gm0518", collided)
