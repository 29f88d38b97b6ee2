"""Properties of parcels, headers, masks and pseudonyms over generated inputs."""

from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.privacy import header, masking, oprf, parcel, pseudonym
from services.privacy.errors import BadKey, Malformed, PrivacyError
from services.privacy.keys import ParticipantKeys, opening_keys

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
SENDER, RECEIVER = ParticipantKeys.generate("es-noord"), ParticipantKeys.generate("gm0518")
HEADERS = st.builds(
    header.Header,
    suite=st.just(header.SUITE),
    receiver=NAMES,
    receiver_key_id=st.binary(min_size=8, max_size=8),
    sender=NAMES,
    signing_key_id=st.binary(min_size=8, max_size=8),
    parcel_id=st.binary(min_size=16, max_size=16),
    stream=st.binary(min_size=16, max_size=16),
    sequence=st.integers(0, header.MAX_SEQUENCE),
    previous_hash=st.binary(min_size=32, max_size=32),
    hour=st.integers(0, 2**32 - 1),
    pad_bucket=st.integers(0, 255),
)
INNERS = st.builds(
    header.InnerHeader,
    event_type=NAMES,
    version=st.integers(0, 2**16 - 1),
    schema_sha256=st.binary(min_size=32, max_size=32),
    delivery_id=st.binary(min_size=16, max_size=16),
    epoch=st.from_regex(r"20[0-9]{2}", fullmatch=True),
    event_count=st.integers(0, 2**32 - 1),
    last_of_delivery=st.booleans(),
)


@given(HEADERS)
def test_a_header_is_read_as_it_was_written_and_has_one_spelling(head: header.Header) -> None:
    data = header.header_bytes(head)
    assert header.parse_header(data) == head
    assert len(data) <= header.MAX_HEADER


@given(HEADERS, st.data())
def test_whatever_is_read_as_a_header_is_written_as_the_same_bytes(head: header.Header, data: st.DataObject) -> None:
    raw = bytearray(header.header_bytes(head))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        read = header.parse_header(bytes(raw))
    except PrivacyError:
        return
    assert header.header_bytes(read) == bytes(raw)


@given(st.binary(max_size=600))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for read in (header.parse_header, header.parse_inner, parcel.read_header):
        try:
            read(data)
        except PrivacyError:
            continue
        assert read is header.parse_inner


@settings(max_examples=40)
@given(INNERS, st.binary(max_size=20_000))
def test_every_parcel_opens_to_what_was_put_in(inner: header.InnerHeader, avro: bytes) -> None:
    made = parcel.seal_parcel(
        sender="es-noord",
        signing_key=SENDER.signing,
        receiver="gm0518",
        receiver_key=RECEIVER.public.seal,
        stream=bytes(16),
        sequence=0,
        previous=bytes(32),
        hour=1,
        inner=inner,
        avro=avro,
    )
    parcel.verify(made, SENDER.public)
    assert parcel.open_parcel(made, "gm0518", opening_keys(RECEIVER)) == (inner, avro)


MEMBERS = {f"gm{number:04}": bytes([number + 1]) * 32 for number in range(8)}
PUBLIC = {
    member: X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    for member, private in MEMBERS.items()
}


def shares(values: dict[str, int], label: bytes) -> list[int]:
    peers = {member: PUBLIC[member] for member in values}
    return [masking.masked_share(value, member, MEMBERS[member], peers, label) for member, value in values.items()]


VALUES = st.dictionaries(st.sampled_from(sorted(MEMBERS)), st.integers(0, 2**50), min_size=2)


@settings(max_examples=30)
@given(VALUES, st.binary(max_size=40))
def test_the_sum_of_all_shares_is_the_sum_of_the_values(values: dict[str, int], label: bytes) -> None:
    assert masking.sum_of_shares(shares(values, label)) == sum(values.values())


@settings(max_examples=30)
@given(VALUES, st.binary(max_size=40))
def test_no_smaller_set_of_shares_shows_its_sum(values: dict[str, int], label: bytes) -> None:
    made = dict(zip(values, shares(values, label), strict=True))
    for size in range(1, len(values)):
        for some in combinations(values, size):
            assert masking.sum_of_shares(made[member] for member in some) != sum(values[member] for member in some)


@given(st.integers(0, 7), st.integers(0, 7), st.binary(max_size=20), st.integers(0, 2**40))
def test_both_of_a_pair_derive_the_same_mask_below_the_modulus(a: int, b: int, label: bytes, index: int) -> None:
    assume(a != b)
    one, two = f"gm{a:04}", f"gm{b:04}"
    derived = masking.mask(MEMBERS[one], PUBLIC[two], label, index)
    assert derived == masking.mask(MEMBERS[two], PUBLIC[one], label, index)
    assert 0 <= derived < 2**62
    assert derived != masking.mask(MEMBERS[one], PUBLIC[two], label, index + 1)
    assert derived != masking.mask(MEMBERS[one], PUBLIC[two], label + b"x", index)


def test_a_share_alone_or_out_of_range_or_with_a_weak_key_is_not_made() -> None:
    with pytest.raises(Malformed):
        masking.masked_share(1, "gm0000", MEMBERS["gm0000"], {"gm0000": PUBLIC["gm0000"]}, b"l")
    for value in (-1, 2**62):
        with pytest.raises(Malformed):
            masking.masked_share(value, "gm0000", MEMBERS["gm0000"], PUBLIC, b"l")
    with pytest.raises(Malformed):
        masking.mask(MEMBERS["gm0000"], PUBLIC["gm0001"], b"l", -1)
    for weak in (bytes(32), bytes(31)):
        with pytest.raises(BadKey):
            masking.mask(MEMBERS["gm0000"], weak, b"l")


@settings(max_examples=20)
@given(st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=6), st.binary(min_size=32, max_size=32))
def test_the_oblivious_way_gives_what_the_key_gives_directly(inputs: list[bytes], seed: bytes) -> None:
    evaluator = oprf.derive_evaluator(seed, b"info")
    blinding = oprf.blind(inputs)
    values = oprf.finalize(blinding, oprf.evaluate(evaluator, blinding.blinded), oprf.public_key(evaluator))
    assert values == [evaluator.evaluate_known_input(each) for each in inputs]


@given(st.tuples(st.text(min_size=1), st.text(min_size=1)), st.tuples(st.text(min_size=1), st.text(min_size=1)))
def test_different_kinds_or_identifiers_never_give_the_same_input(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert (pseudonym.oprf_input(*one) == pseudonym.oprf_input(*two)) == (one == two)
