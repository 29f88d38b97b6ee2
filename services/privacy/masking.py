"""Additive shares of a region's sum: each member adds masks that cancel out over all members.

Every pair of members derives the same mask from their X25519 keys; the one with the lower id adds it, the other
subtracts it, modulo 2^62. A share alone, or any set of shares that lacks one member's, is uniformly random to who holds
no member's key; the sum of all members' shares is the sum of their values. (Bonawitz et al., "Practical Secure
Aggregation", CCS 2017, section 4, without drop-out recovery: a region is summed when all its members have reported.)
"""

import hmac
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.privacy.errors import BadKey, Malformed

MODULUS = 2**62
"""Sums are taken modulo this; 62 bits fit Avro's long with its sign."""

_LABEL = b"spiegelnet/mask/v1"


def mask(own_private: bytes, peer_public: bytes, label: bytes, index: int = 0) -> int:
    """Return the mask that both members of a pair derive, uniform in [0, 2^62).

    Args:
        own_private: raw X25519 key, 32 bytes.
        peer_public: the other one's raw public key, 32 bytes.
        label: what is summed: period, region, indicator, definition, members. One label serves one sum only: the
            same mask under two values would show their difference.
        index: which of several numbers under this label, at least 0.

    Raises:
        BadKey: a key has the wrong length or is a point of low order.
        Malformed: index is negative.
    """
    if index < 0:
        raise Malformed("A mask's index is at least 0.")
    try:
        private = X25519PrivateKey.from_private_bytes(own_private)
        shared = private.exchange(X25519PublicKey.from_public_bytes(peer_public))
    except ValueError as error:
        raise BadKey("A mask needs X25519 keys of 32 bytes; a point of low order is refused.") from error
    # Both public keys, sorted, so that the mask belongs to this pair and both sides derive the same.
    pair = b"".join(sorted((private.public_key().public_bytes_raw(), peer_public)))
    pair_key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_LABEL + pair).derive(shared)
    digest = hmac.digest(pair_key, index.to_bytes(8, "big") + label, "sha256")
    return int.from_bytes(digest[:8], "big") % MODULUS  # 2^62 divides 2^64: no value is likelier than another


def masked_share(
    value: int, own_id: str, own_private: bytes, peers: Mapping[str, bytes], label: bytes, index: int = 0
) -> int:
    """Hide `value` among the other members' shares.

    Args:
        value: at least 0, below 2^62; so must the region's sum be.
        own_id: this member's participant id.
        own_private: its raw X25519 mask key.
        peers: raw public mask keys of all other members by participant id; an entry for `own_id` is left out.
        label: see `mask`; the same for all members.
        index: see `mask`.

    Returns:
        The share, in [0, 2^62).

    Raises:
        BadKey: see `mask`.
        Malformed: the value is out of range, or there is no other member, so that nothing would hide it.
    """
    if not 0 <= value < MODULUS:
        raise Malformed("A share's value lies between 0 and 2^62.")
    others = {peer: key for peer, key in peers.items() if peer != own_id}
    if not others:
        raise Malformed("A share needs at least one other member; alone it would show the value.")
    share = value
    for peer, public in others.items():
        pair_mask = mask(own_private, public, label, index)
        share += pair_mask if own_id < peer else -pair_mask
    return share % MODULUS


def sum_of_shares(shares: Iterable[int]) -> int:
    """Return the sum of the members' values; it means something only when every member's share is there, once."""
    return sum(shares) % MODULUS
