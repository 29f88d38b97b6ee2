"""The VOPRF against RFC 9497's vectors, and against a second implementation: the RFC's text over libsodium (rbcl)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rbcl

from services.privacy import oprf

FILE = json.loads((Path(__file__).parent / "vectors" / "voprf.json").read_text("utf-8"))
VECTORS = FILE["vectors"]
SEED, INFO, SECRET, PUBLIC = (bytes.fromhex(FILE[name]) for name in ("Seed", "KeyInfo", "skSm", "pkSm"))
CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"


def unhex(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def sized(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def expand_message(message: bytes, label: bytes) -> bytes:
    """expand_message_xmd of RFC 9380, section 5.3.1, with SHA-512 to 64 bytes: one block of output."""
    tag = label + bytes([len(label)])
    start = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + tag).digest()
    return hashlib.sha512(start + b"\x01" + tag).digest()


def hash_to_group(message: bytes) -> bytes:
    point: bytes = rbcl.crypto_core_ristretto255_from_hash(expand_message(message, b"HashToGroup-" + CONTEXT))
    return point


def hash_to_scalar(message: bytes, label: bytes = b"HashToScalar-") -> bytes:
    scalar: bytes = rbcl.crypto_core_ristretto255_scalar_reduce(expand_message(message, label + CONTEXT))
    return scalar


def times(scalar: bytes, point: bytes) -> bytes:
    product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar, point)
    return product


def composites(public: bytes, before: list[bytes], after: list[bytes]) -> tuple[bytes, bytes]:
    """ComputeComposites, section 2.2.2."""
    seed = hashlib.sha512(sized(public) + sized(b"Seed-" + CONTEXT)).digest()
    left, right = b"", b""
    for number, (c, d) in enumerate(zip(before, after, strict=True)):
        index = number.to_bytes(2, "big")
        weight = hash_to_scalar(sized(seed) + index + sized(c) + sized(d) + b"Composite")
        m, z = times(weight, c), times(weight, d)
        left = rbcl.crypto_core_ristretto255_add(left, m) if left else m
        right = rbcl.crypto_core_ristretto255_add(right, z) if right else z
    return left, right


def challenge(public: bytes, m: bytes, z: bytes, t2: bytes, t3: bytes) -> bytes:
    return hash_to_scalar(b"".join(map(sized, (public, m, z, t2, t3))) + b"Challenge")


def prove(secret: bytes, public: bytes, before: list[bytes], after: list[bytes], nonce: bytes) -> bytes:
    """GenerateProof, section 2.2.1."""
    m, z = composites(public, before, after)
    t2 = rbcl.crypto_scalarmult_ristretto255_base(nonce)
    c = challenge(public, m, z, t2, times(nonce, m))
    s: bytes = rbcl.crypto_core_ristretto255_scalar_sub(nonce, rbcl.crypto_core_ristretto255_scalar_mul(c, secret))
    return c + s


def verifies(public: bytes, before: list[bytes], after: list[bytes], proof: bytes) -> bool:
    """VerifyProof, section 2.2.2."""
    m, z = composites(public, before, after)
    c, s = proof[:32], proof[32:]
    add = rbcl.crypto_core_ristretto255_add
    t2 = add(rbcl.crypto_scalarmult_ristretto255_base(s), times(c, public))
    return challenge(public, m, z, t2, add(times(s, m), times(c, z))) == c


def unblind(blind: bytes, evaluated: bytes, message: bytes) -> bytes:
    """Finalize, section 3.3.1."""
    point = times(rbcl.crypto_core_ristretto255_scalar_invert(blind), evaluated)
    return hashlib.sha512(sized(message) + sized(point) + b"Finalize").digest()


@pytest.mark.parametrize("vector", VECTORS, ids=["1", "2", "batch"])
def test_the_second_implementation_gives_the_rfcs_values(vector: dict[str, Any]) -> None:
    inputs, blinds, outputs = unhex(vector["Input"]), unhex(vector["Blind"]), unhex(vector["Output"])
    blinded, evaluated = unhex(vector["BlindedElement"]), unhex(vector["EvaluationElement"])
    assert hash_to_scalar(SEED + sized(INFO) + b"\0", b"DeriveKeyPair") == SECRET
    assert [times(blind, hash_to_group(each)) for blind, each in zip(blinds, inputs, strict=True)] == blinded
    assert [times(SECRET, each) for each in blinded] == evaluated
    proof = prove(SECRET, PUBLIC, blinded, evaluated, bytes.fromhex(vector["ProofRandomScalar"]))
    assert proof.hex() == vector["Proof"]
    assert [unblind(*each) for each in zip(blinds, evaluated, inputs, strict=True)] == outputs


@pytest.mark.parametrize("vector", VECTORS, ids=["1", "2", "batch"])
def test_ours_gives_the_rfcs_key_elements_and_outputs(vector: dict[str, Any]) -> None:
    evaluator = oprf.derive_evaluator(SEED, INFO)
    assert oprf.public_key(evaluator) == PUBLIC
    inputs, outputs = unhex(vector["Input"]), unhex(vector["Output"])
    assert [evaluator.evaluate_known_input(each) for each in inputs] == outputs
    blinded = unhex(vector["BlindedElement"])
    answer = oprf.evaluate(evaluator, blinded)
    evaluated = [answer[at : at + 32] for at in range(64, len(answer), 32)]
    assert evaluated == unhex(vector["EvaluationElement"])
    assert verifies(PUBLIC, blinded, evaluated, answer[:64])
    blinding = oprf.blind(inputs)
    assert oprf.finalize(blinding, oprf.evaluate(evaluator, blinding.blinded), PUBLIC) == outputs


def test_ours_accepts_what_the_second_implementation_evaluates_and_proves() -> None:
    messages = [f"spiegelnet/psn/v1 {number}".encode() for number in range(5)]
    blinding = oprf.blind(messages)
    evaluated = [times(SECRET, each) for each in blinding.blinded]
    proof = prove(SECRET, PUBLIC, blinding.blinded, evaluated, rbcl.crypto_core_ristretto255_scalar_random())
    values = oprf.finalize(blinding, proof + b"".join(evaluated), PUBLIC)
    assert values == [
        hashlib.sha512(sized(each) + sized(times(SECRET, hash_to_group(each))) + b"Finalize").digest()
        for each in messages
    ]
