"""Verifiable oblivious pseudorandom function: RFC 9497, VOPRF mode, ristretto255-SHA512.

The client sends r·H(x) with a fresh random r: whatever x is, that is a uniformly random point, so a key service learns
nothing of x, nor that two clients ask for the same x. Its answer carries one proof for the batch, so that a service
that used another key than its published one is found out before a pseudonym is made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from voprf import ristretto

from services.privacy.errors import BadElement, BadKey, BadProof, Malformed

ELEMENT_SIZE = 32
"""Bytes of a group element, and of a public key."""
PROOF_SIZE = 64
OUTPUT_SIZE = 64
SEED_SIZE = 32

Evaluator = ristretto.Evaluator


@dataclass(frozen=True)
class Blinding:
    """A batch under way: what was sent, and the secret blinds that undo it.

    The same blinded batch may be sent to several key services: r·H(x) hides x from all of them together. It must not
    be kept for later, nor used for other inputs.
    """

    clients: Sequence[ristretto.Client] = field(repr=False)
    blinded: list[bytes]


def derive_evaluator(seed: bytes, info: bytes) -> Evaluator:
    """Derive a key pair by RFC 9497's DeriveKeyPair.

    Args:
        seed: 32 secret random bytes.
        info: public label, at most 65,500 bytes; another label gives an independent key.

    Raises:
        BadKey: seed or info has the wrong length.
    """
    try:
        return Evaluator.from_seed(seed, info)
    except ValueError as error:
        raise BadKey("An OPRF key needs a seed of 32 bytes and an info of at most 65,500.") from error


def public_key(evaluator: Evaluator) -> bytes:
    """Return the 32 bytes by which clients check this evaluator's proofs."""
    return evaluator.public_key.serialize()


def blind(inputs: Sequence[bytes]) -> Blinding:
    """Blind each input with a fresh random scalar of its own.

    Args:
        inputs: 1 to 65,535 bytes each.

    Raises:
        Malformed: an input is empty or too long.
    """
    try:
        pairs = [ristretto.Client.blind(each) for each in inputs]
    except ValueError as error:
        raise Malformed("An OPRF input is empty or longer than 65,535 bytes.") from error
    return Blinding([client for client, _ in pairs], [element.serialize() for _, element in pairs])


def evaluate(evaluator: Evaluator, blinded: Sequence[bytes]) -> bytes:
    """Multiply each blinded element by the key and prove, once for the batch, that it was this key.

    Returns:
        The proof of 64 bytes, then the evaluated elements of 32 bytes each in the order of `blinded`.

    Raises:
        BadElement: an element is not 32 bytes, not canonical or the identity; or the batch is empty.
    """
    if not blinded:
        raise BadElement("The batch holds no blinded element.")
    elements = [_element(position, each) for position, each in enumerate(blinded)]
    return evaluator.evaluate_batch(elements).serialize()


def _element(position: int, data: bytes) -> ristretto.BlindedInput:
    # The package ignores bytes after the first 32, so the length is checked here.
    if len(data) == ELEMENT_SIZE:
        try:
            return ristretto.BlindedInput.deserialize(data)
        except ValueError:
            pass
    raise BadElement(f"Element {position} of the batch is not a valid group element of {ELEMENT_SIZE} bytes.")


def finalize(blinding: Blinding, output: bytes, public_key: bytes) -> list[bytes]:
    """Check the proof, undo the blinds and return the function's values.

    Args:
        blinding: the batch as `blind` made it.
        output: the answer of `evaluate`.
        public_key: the 32 bytes that the key service has published.

    Returns:
        64 bytes for each input, in its order.

    Raises:
        BadKey: the public key is not an element.
        Malformed: the answer has the wrong length or holds a wrong element.
        BadProof: the answer was not made with this public key's secret.
    """
    if len(output) != ELEMENT_SIZE * len(blinding.blinded) + PROOF_SIZE:
        raise Malformed("The key service's answer does not fit the number of elements sent.")
    key = _public(public_key)
    try:
        answer = ristretto.VerifiableBatchOutput.deserialize(output)
    except ValueError as error:
        raise Malformed("The key service's answer holds an invalid element or proof.") from error
    try:
        return ristretto.Client.finalize_batch(blinding.clients, answer, key)
    except BaseException as error:
        # voprf 0.2.0 reports a wrong proof as a Rust panic, which is no Exception and whose class cannot be imported.
        if isinstance(error, ValueError) or type(error).__name__ == "PanicException":
            raise BadProof("The key service's answer was not made with its published key.") from error
        raise


def _public(data: bytes) -> ristretto.PublicKey:
    if len(data) == ELEMENT_SIZE:
        try:
            return ristretto.PublicKey.deserialize(data)
        except ValueError:
            pass
    raise BadKey(f"A key service's public key is a group element of {ELEMENT_SIZE} bytes.")
