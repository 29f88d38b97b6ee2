"""A participant's keys: made, named by id, written down and read again.

Each key serves one thing, and none is derived from another, so that each can be replaced, or leak, on its own.
All are plain bytes, so that they can be handed to a worker process.
"""

import base64
import json
import secrets
from dataclasses import dataclass, fields
from hashlib import sha256, shake_256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from services.privacy.errors import BadKey

KEY_ID_SIZE = 8
SECRET_SIZE = 32
_MLKEM_SEED_SIZE = 64
_MLKEM_PUBLIC_SIZE = 1184
_X25519_SIZE = 32
_PUBLIC_SIZES = {"seal": _MLKEM_PUBLIC_SIZE + _X25519_SIZE, "signing": 32, "mask": _X25519_SIZE}
_SECRET_FORMAT = "spiegelnet/secret-keys/v1"  # noqa: S105 - the name of a file format
_PUBLIC_FORMAT = "spiegelnet/public-keys/v1"


@dataclass(frozen=True)
class PublicKeys:
    """What the directory tells of a participant.

    Attributes:
        participant: its id.
        seal: ML-KEM-768 key (1184 bytes), then X25519 key (32 bytes), as draft-ietf-hpke-pq writes them.
        signing: Ed25519 key (32 bytes).
        mask: X25519 key of the masks of regional shares (32 bytes).
    """

    participant: str
    seal: bytes
    signing: bytes
    mask: bytes

    def __post_init__(self) -> None:
        if any(len(value) != _PUBLIC_SIZES[name] for name, value in _values(self).items()):
            raise BadKey("A participant's public keys have 1216, 32 and 32 bytes.")

    @property
    def seal_id(self) -> bytes:
        """Id of the key to seal to, as a parcel's header names it."""
        return key_id(self.seal)

    @property
    def signing_id(self) -> bytes:
        """Id of the signing key, as a parcel's header names it."""
        return key_id(self.signing)

    def to_text(self) -> str:
        """Write the keys down as JSON, with a check sum against damage (not against forgery)."""
        return _to_text(self, _PUBLIC_FORMAT)

    @staticmethod
    def from_text(text: str) -> "PublicKeys":
        """Read what `to_text` wrote.

        Raises:
            BadKey: another format, a missing or further key, or damage.
        """
        participant, values = _from_text(text, _PUBLIC_FORMAT, PublicKeys)
        return PublicKeys(participant, **values)


@dataclass(frozen=True, repr=False)
class ParticipantKeys:
    """The secrets of one participant, 32 bytes each.

    Attributes:
        participant: its id.
        seal: seed of the hybrid key that opens what was sealed to this participant.
        signing: Ed25519 key that signs parcels.
        mask: X25519 key of the masks of regional shares.
        node: makes stored pseudonyms of outer ones; another key cuts the history of every household.
        event: makes event ids.
        release: makes the cell keys of disclosure control.
        cache: seals the cache of outer pseudonyms.
        store: seals refused, quarantined and held rows.
    """

    participant: str
    seal: bytes
    signing: bytes
    mask: bytes
    node: bytes
    event: bytes
    release: bytes
    cache: bytes
    store: bytes

    def __post_init__(self) -> None:
        if any(len(secret) != SECRET_SIZE for secret in _values(self).values()):
            raise BadKey(f"Each secret key of a participant has {SECRET_SIZE} bytes.")

    def __repr__(self) -> str:
        return f"ParticipantKeys(participant={self.participant!r})"

    @staticmethod
    def generate(participant: str) -> "ParticipantKeys":
        """Make all keys of a new participant from the system's randomness."""
        return ParticipantKeys(
            participant, **{name: secrets.token_bytes(SECRET_SIZE) for name in _names(ParticipantKeys)}
        )

    @property
    def public(self) -> PublicKeys:
        """What others may, and must, know."""
        mlkem, x25519 = _expand(self.seal)
        return PublicKeys(
            self.participant,
            seal=mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw(),
            signing=Ed25519PrivateKey.from_private_bytes(self.signing).public_key().public_bytes_raw(),
            mask=X25519PrivateKey.from_private_bytes(self.mask).public_key().public_bytes_raw(),
        )

    def to_text(self) -> str:
        """Write the keys down as JSON, with a check sum against damage. Whoever reads the text has the keys."""
        return _to_text(self, _SECRET_FORMAT)

    @staticmethod
    def from_text(text: str) -> "ParticipantKeys":
        """Read what `to_text` wrote.

        Raises:
            BadKey: another format, a missing or further key, or damage.
        """
        participant, values = _from_text(text, _SECRET_FORMAT, ParticipantKeys)
        return ParticipantKeys(participant, **values)


def key_id(public: bytes) -> bytes:
    """Return the 8 bytes that name a public key in a header: the start of its SHA-256. A name, not a proof."""
    return sha256(public).digest()[:KEY_ID_SIZE]


def sealing_key(public: bytes) -> MLKEM768X25519PublicKey:
    """Make the library's key to seal to of `PublicKeys.seal`.

    Raises:
        BadKey: the bytes are no such key.
    """
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_SIZE])
        x25519 = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_SIZE:])
    except ValueError as error:
        raise BadKey("The receiver's key to seal to is not a valid one.") from error
    return MLKEM768X25519PublicKey(mlkem, x25519)


def opening_keys(*own: ParticipantKeys) -> dict[bytes, MLKEM768X25519PrivateKey]:
    """Make the library's keys that open, by key id: of the present keys and of any kept after a change."""
    return {keys.public.seal_id: MLKEM768X25519PrivateKey(*_expand(keys.seal)) for keys in own}


def _expand(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """Make both private keys of one seed: draft-ietf-hpke-pq, MLKEM768-X25519, as X-Wing's expandDecapsulationKey."""
    expanded = shake_256(seed).digest(_MLKEM_SEED_SIZE + _X25519_SIZE)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE]),
        X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:]),
    )


def _to_text(keys: ParticipantKeys | PublicKeys, kind: str) -> str:
    encoded = {name: base64.b64encode(value).decode() for name, value in _values(keys).items()}
    body = {"format": kind, "participant": keys.participant, "keys": encoded}
    return json.dumps({**body, "check": _check(body)}, indent=1) + "\n"


def _from_text(text: str, kind: str, shape: type[ParticipantKeys] | type[PublicKeys]) -> tuple[str, dict[str, bytes]]:
    try:
        read = json.loads(text)
        body = {name: read[name] for name in ("format", "participant", "keys")}
        whole = read["check"] == _check(body)
        values = {name: base64.b64decode(value, validate=True) for name, value in body["keys"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        # The cause is left out: it would quote what stands in the file.
        raise BadKey(f"Not a key file of the form {kind}, or a damaged one.") from None
    if body["format"] != kind or not whole or list(values) != _names(shape):
        raise BadKey(f"Not a key file of the form {kind}, or a damaged one.")
    return str(body["participant"]), values


def _check(body: dict[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _names(shape: type[ParticipantKeys] | type[PublicKeys]) -> list[str]:
    return [each.name for each in fields(shape) if each.name != "participant"]


def _values(keys: ParticipantKeys | PublicKeys) -> dict[str, bytes]:
    return {name: getattr(keys, name) for name in _names(type(keys))}
