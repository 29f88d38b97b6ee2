"""Attacks on pseudonyms: by a key service, on a key service, with a stolen seed, and on the sender's cache."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal, Rejected
from services.keyservice import MAX_BATCH, InProcessKeyService
from services.privacy import oprf, pseudonym
from services.privacy.errors import BadElement, BadKey, BadProof, Malformed
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.pseudonyms import outer_pseudonyms

ONE, TWO = InProcessKeyService("ks-a", b"a" * 32), InProcessKeyService("ks-b", b"b" * 32)
ADDRESSES = pl.Series(["1234AB|10|A", "1234AB|12|", "1234AB|10|A"])
KEY = b"c" * 32


class Spy:
    """A key service that writes down what it is asked, and can answer with another key or other bytes."""

    id = "ks-spy"

    def __init__(self, shown: InProcessKeyService, used: InProcessKeyService | None = None) -> None:
        self.shown, self.used = shown, used or shown
        self.asked: list[list[bytes]] = []

    def public_key(self, receiver: str, epoch: str) -> bytes:
        return self.shown.public_key(receiver, epoch)

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        self.asked.append(list(blinded))
        return self.used.evaluate(receiver, epoch, blinded)


def ask(
    cache: Path, *services: object, receiver: str = "gm0518", epoch: str = "2025", addresses: pl.Series = ADDRESSES
) -> pl.Series:
    with PseudonymCache(cache, KEY) as opened:
        return outer_pseudonyms(services, opened, receiver, epoch, "household", addresses)  # type: ignore[arg-type]


def test_equal_addresses_are_blinded_to_different_points(tmp_path: Path) -> None:
    spy = Spy(ONE)
    for number in range(3):
        ask(tmp_path / f"{number}.sqlite", spy, TWO)
    points = [point for batch in spy.asked for point in batch]
    assert len(points) == len(set(points)) == 3 * 2
    assert len({point for each in (b"x",) * 50 for point in oprf.blind([each]).blinded}) == 50


def test_a_key_service_sees_neither_address_nor_pseudonym(tmp_path: Path) -> None:
    spy = Spy(ONE)
    outers = ask(tmp_path / "c.sqlite", spy, TWO)
    seen = b"".join(spy.asked[0])
    assert not any(secret in seen for secret in [*outers, *(address.encode() for address in ADDRESSES)])


def test_a_service_that_answers_with_another_key_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    stranger = InProcessKeyService("ks-a", b"z" * 32)
    for services in [(Spy(ONE, stranger), TWO), (ONE, Spy(TWO, stranger))]:
        with pytest.raises(Fatal, match="wrong answer"):
            ask(tmp_path / "c.sqlite", *services)
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        assert cache.load(cache.scope("gm0518", "2025", "household")).is_empty()


def test_a_service_that_changes_its_published_key_within_an_epoch_is_refused(tmp_path: Path) -> None:
    known = ask(tmp_path / "c.sqlite", ONE, TWO)
    more = pl.Series([*ADDRESSES, "1234AB|14|"])
    stranger = InProcessKeyService("ks-b", b"z" * 32)
    with pytest.raises(Fatal, match="another public key"):
        ask(tmp_path / "c.sqlite", ONE, stranger, addresses=more)
    with pytest.raises(Fatal, match="another public key"):
        ask(tmp_path / "c.sqlite", TWO, ONE, addresses=more)
    assert ask(tmp_path / "c.sqlite", ONE, stranger).to_list() == known.to_list()  # nothing needs to be asked


@pytest.mark.parametrize("receiver_epoch", [("gm0363", "2025"), ("gm0518", "2026")])
def test_pseudonyms_for_another_receiver_or_epoch_do_not_join(tmp_path: Path, receiver_epoch: tuple[str, str]) -> None:
    here = set(ask(tmp_path / "c.sqlite", ONE, TWO))
    there = ask(tmp_path / "c.sqlite", ONE, TWO, receiver=receiver_epoch[0], epoch=receiver_epoch[1])
    assert not here & set(there)


@pytest.mark.parametrize("leaked", [0, 1])
def test_one_leaked_seed_does_not_suffice_to_compute_a_pseudonym(tmp_path: Path, leaked: int) -> None:
    """Who holds one seed can compute one value of an address; every guess at the other leaves the pseudonym unknown."""
    outer = ask(tmp_path / "c.sqlite", ONE, TWO)[0]
    message = pseudonym.oprf_input("household", ADDRESSES[0])
    values = [service._evaluator("gm0518", "2025").evaluate_known_input(message) for service in (ONE, TWO)]
    assert pseudonym.combine(*values) == outer
    guess = InProcessKeyService("guess", b"g" * 32)._evaluator("gm0518", "2025").evaluate_known_input(message)
    for other in (bytes(64), guess, values[leaked]):
        tried = (values[0], other) if leaked == 0 else (other, values[1])
        assert pseudonym.combine(*tried) != outer


def answers() -> list[bytes]:
    blinding = oprf.blind([b"x", b"y"])
    good = ONE.evaluate("gm0518", "2025", blinding.blinded)
    proof, first, second = good[:64], good[64:96], good[96:]
    flipped = [bytes([good[at] ^ 1 if at == place else good[at] for at in range(128)]) for place in (0, 63)]
    return [
        b"",
        good[:-1],
        good + b"\0",
        good[:96],
        proof + second + first,
        proof + first + first,
        proof + bytes(32) + second,
        bytes(64) + first + second,
        *flipped,
    ]


@pytest.mark.parametrize("place", range(10))
def test_a_changed_answer_is_refused(place: int) -> None:
    blinding = oprf.blind([b"x", b"y"])
    good = ONE.evaluate("gm0518", "2025", blinding.blinded)
    bad = answers()[place]
    with pytest.raises((Malformed, BadProof)):
        oprf.finalize(blinding, bad, ONE.public_key("gm0518", "2025"))
    assert len(oprf.finalize(blinding, good, ONE.public_key("gm0518", "2025"))) == 2


def test_an_answer_under_another_public_key_is_a_bad_proof() -> None:
    blinding = oprf.blind([b"x"])
    answer = ONE.evaluate("gm0518", "2025", blinding.blinded)
    with pytest.raises(BadProof):
        oprf.finalize(blinding, answer, TWO.public_key("gm0518", "2025"))
    for key in (b"", bytes(32), b"\xff" * 32, ONE.public_key("gm0518", "2025") + b"\0"):
        with pytest.raises(BadKey):
            oprf.finalize(blinding, answer, key)


POINT = oprf.blind([b"x"]).blinded[0]


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(bytes(32), id="identity"),
        pytest.param(b"", id="empty"),
        pytest.param(POINT[:31], id="short"),
        pytest.param(POINT + b"\0", id="long"),
        pytest.param(b"\x01" + bytes(31), id="negative field element"),
        pytest.param(b"\xff" * 32, id="not reduced"),
        pytest.param(b"\xed" + b"\xff" * 30 + b"\x7f", id="the field's prime"),
    ],
)
def test_malformed_and_identity_elements_are_refused_with_their_place(element: bytes) -> None:
    with pytest.raises(Rejected, match="Element 1 of the batch"):
        ONE.evaluate("gm0518", "2025", [POINT, element])
    with pytest.raises(BadElement):
        oprf.evaluate(oprf.derive_evaluator(bytes(32), b""), [element])


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1])
def test_empty_and_oversize_batches_are_refused(size: int) -> None:
    with pytest.raises(Rejected, match=f"batch of {size}"):
        ONE.evaluate("gm0518", "2025", [POINT] * size)


@pytest.mark.parametrize("receiver_epoch", [("", "2025"), ("GM 0518", "2025"), ("gm0518", "25"), ("gm0518", "2025\n")])
def test_there_is_no_key_for_what_cannot_be_a_receiver_or_epoch(receiver_epoch: tuple[str, str]) -> None:
    with pytest.raises(Rejected):
        ONE.public_key(*receiver_epoch)


def test_receiver_and_epoch_do_not_run_into_each_other() -> None:
    keys = {ONE.public_key(receiver, epoch) for receiver in ("gm1", "gm12", "gm120") for epoch in ("2025", "2026")}
    assert len(keys) == 6
    assert TWO.public_key("gm1", "2025") not in keys


def test_the_cache_file_shows_no_address_pseudonym_receiver_or_epoch(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with PseudonymCache(path, KEY) as cache:
        outers = outer_pseudonyms((ONE, TWO), cache, "gm0518", "2025", "household", ADDRESSES)
        tags = cache.tags(cache.scope("gm0518", "2025", "household"), ADDRESSES)
    on_disk = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    secrets = [*outers, *tags, b"1234AB", b"gm0518", b"household", ONE.public_key("gm0518", "2025")]
    assert not any(secret in on_disk for secret in secrets)
    assert path.stat().st_mode & 0o077 == 0


def test_the_cache_does_not_open_with_another_key(tmp_path: Path) -> None:
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        scope = cache.scope("gm0518", "2025", "household")
        cache.add(scope, [bytes(32)], [bytes(32)])
    with PseudonymCache(tmp_path / "c.sqlite", b"d" * 32) as stranger:
        assert stranger.scope("gm0518", "2025", "household") != scope
        with pytest.raises(Fatal, match="does not open"):
            stranger.load(scope)


def test_a_segment_moved_to_another_receiver_does_not_open(tmp_path: Path) -> None:
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        here, there = (cache.scope(receiver, "2025", "household") for receiver in ("gm0518", "gm0363"))
        cache.add(here, [bytes(32)], [bytes(32)])
        cache._db.execute("UPDATE segments SET scope = ?", (there,))
        with pytest.raises(Fatal, match="does not open"):
            cache.load(there)
