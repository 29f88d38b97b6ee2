"""Kinds of poison: what somebody with a place in the directory may put on another's topic."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from services.network import Network
from services.privacy.header import InnerHeader
from services.privacy.keys import ParticipantKeys
from services.privacy.parcel import MAX_PARCEL_BYTES, seal_parcel
from tests.network.raw_batches import GZIP, SNAPPY, Record, batch
from tests.network.reliability.site import EVENT_TYPE, Place

ROGUE = 1
"""Of the place's senders the one that has keys and a place in the directory, and sends poison."""
BOMB_BYTES = 200 << 20


@dataclass(frozen=True)
class Poison:
    """One kind.

    Attributes:
        fate: how the receiver should count it.
        make: its bytes, from a good parcel.
        raw: whether they are a batch of Kafka's own form, not a message.
    """

    fate: str
    make: Callable[[Place, bytes, Random], bytes]
    raw: bool = False


def _hostile(place: Place, good: bytes, random: Random) -> bytes:
    del place, good
    return random.randbytes(random.randrange(5_000))


def _signature(place: Place, good: bytes, random: Random) -> bytes:
    del place
    end = bytearray(good)
    end[-1 - random.randrange(64)] ^= 1 << random.randrange(8)
    return bytes(end)


def _undecodable(place: Place, good: bytes, random: Random) -> bytes:
    """A parcel of a known sender with all rights, whose events are rubbish and lie about their number."""
    del good
    network = Network.open(place.site.root)
    return _own_parcel(place, network.keys(place.senders[ROGUE]), random.randbytes(20))


def _unknown(place: Place, good: bytes, random: Random) -> bytes:
    del good, random
    return _own_parcel(place, ParticipantKeys.generate("es-nobody"), b"")


def _too_large(place: Place, good: bytes, random: Random) -> bytes:
    del place, good
    return random.randbytes(MAX_PARCEL_BYTES + 1)


def _own_parcel(place: Place, keys: ParticipantKeys, avro: bytes) -> bytes:
    network = Network.open(place.site.root)
    event_type = network.registry.get(EVENT_TYPE)
    inner = InnerHeader(EVENT_TYPE, 1, event_type.sha256, secrets.token_bytes(16), "2025", 20, last_of_delivery=True)
    return seal_parcel(
        sender=keys.public.participant,
        signing_key=keys.signing,
        receiver=place.town,
        receiver_key=network.directory.get(place.town).public.seal,
        stream=secrets.token_bytes(16),
        sequence=0,
        previous=bytes(32),
        hour=network.hour(),
        inner=inner,
        avro=avro,
    )


def _bomb(place: Place, good: bytes, random: Random) -> bytes:
    del place, good, random
    return batch([Record(bytes(BOMB_BYTES))], GZIP)


def _unknown_codec(place: Place, good: bytes, random: Random) -> bytes:
    """Compressed in a way that the receiver has no package for."""
    del place, random
    return batch([Record(good)], SNAPPY)


POISONS = (
    Poison("malformed", _hostile),
    Poison("bad_signature", _signature),
    Poison("malformed", _bomb, raw=True),
    Poison("count_impossible", _undecodable),
    Poison("unknown_sender", _unknown),
    Poison("malformed", _unknown_codec, raw=True),
    Poison("too_large", _too_large),
)
