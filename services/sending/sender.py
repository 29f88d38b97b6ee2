"""One participant as sender: its keys, files and the key services it asks, opened together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from services.broker import Broker
from services.directory import Directory, Participant
from services.keyservice import KeyService
from services.network import Network
from services.privacy import parcel, pseudonym
from services.privacy.keys import ParticipantKeys
from services.privacy.sealing import seal_bytes
from services.registry import Registry
from services.sending.addresses import AddressReference
from services.sending.journal import Journal
from services.sending.outbox import Outbox, Seal
from services.sending.pseudonyms import PseudonymCache

REFUSED_CONTEXT = b"spiegelnet/refused/v1"


@dataclass(frozen=True)
class Sender:
    """All that sending needs of one participant.

    Attributes:
        participant: who sends.
        keys: its secrets.
        directory: who takes part.
        registry: event types.
        journal: what was read, sent and refused.
        outbox: sealed parcels and positions in sources.
        cache: outer pseudonyms.
        key_services: both, always in the same order.
        reference_file: addresses; read at first use, since who only receives needs none.
        epoch: of the pseudonyms.
        hour: tells the hours since 1970.
        at: called with the name of each step before it, for tests that end the process there.
    """

    participant: Participant
    keys: ParticipantKeys
    directory: Directory
    registry: Registry
    journal: Journal
    outbox: Outbox
    cache: PseudonymCache
    key_services: tuple[KeyService, KeyService]
    reference_file: Path
    epoch: str
    hour: Callable[[], int]
    at: Callable[[str], None] = lambda _: None

    @property
    def id(self) -> str:
        """The participant's id."""
        return self.participant.id

    @cached_property
    def reference(self) -> AddressReference:
        """Where addresses lie.

        Raises:
            Fatal: there is no reference, or it has other columns.
        """
        return AddressReference.load(self.reference_file)

    @property
    def nodes(self) -> Sequence[str]:
        """Municipalities that take part, in alphabetical order."""
        return self.directory.municipalities

    def delivery_id(self, digest: bytes, receiver: str, event_type: str) -> bytes:
        """Return the id (16 bytes) of what this file brings this receiver: the same at every run."""
        return pseudonym.event_id(self.keys.event, "delivery", receiver, f"{event_type}#{digest.hex()}")

    def event_ids(self, event_type: str, source: str, keys: pl.Series) -> pl.Series:
        """Return an event id (16 bytes) per natural key."""
        return pseudonym.event_ids(self.keys.event, event_type, source, keys)

    def put(
        self,
        receiver: str,
        inners: Sequence[tuple[parcel.InnerHeader, bytes]],
        digest: bytes,
        event_type: str,
        done: int,
    ) -> int:
        """Seal parcels and store them with the position in the source, in one transaction of the outbox.

        Args:
            receiver: participant id.
            inners: inner header and Avro bytes of each parcel.
            digest: names the source.
            event_type: of all parcels.
            done: batches of the source that are done with this one.

        Returns:
            The number of parcels, 0 if this batch was done before.
        """
        to = self.directory.get(receiver)
        seals = [self._seal(to, inner, avro) for inner, avro in inners]
        return self.outbox.enqueue(receiver, seals, (digest, event_type, done))

    def _seal(self, to: Participant, inner: parcel.InnerHeader, avro: bytes) -> Seal:
        def seal(stream: bytes, sequence: int, previous: bytes) -> bytes:
            return parcel.seal_parcel(
                sender=self.id,
                signing_key=self.keys.signing,
                receiver=to.id,
                receiver_key=to.public.seal,
                stream=stream,
                sequence=sequence,
                previous=previous,
                hour=self.hour(),
                inner=inner,
                avro=avro,
            )

        return seal

    def push(self, broker: Broker) -> int:
        """Hand waiting parcels to the broker and return how many; a retry sends the same bytes."""
        sent = 0
        while waiting := self.outbox.pending():
            self.at("append")
            with broker.together():
                for receiver in sorted({item.receiver for item in waiting}):
                    items = [item for item in waiting if item.receiver == receiver]
                    broker.append_many(f"parcels.{receiver}", [(item.key, item.value) for item in items])
            self.at("appended")
            self.outbox.mark_sent([item.parcel_id for item in waiting])
            sent += len(waiting)
        return sent


@contextmanager
def open_sender(
    network: Network, participant_id: str, *, at: Callable[[str], None] = lambda _: None
) -> Iterator[Sender]:
    """Open a participant's files for sending and close them after.

    Args:
        network: the network.
        participant_id: who sends.
        at: see `Sender`.

    Raises:
        Fatal: the participant is not in the directory, or its keys are not on this machine.
    """
    participant = network.directory.get(participant_id)
    keys = network.keys(participant_id)
    home = network.home.participant(participant_id)
    journal = Journal(home.journal, lambda raw: seal_bytes(keys.store, raw, REFUSED_CONTEXT))
    outbox = Outbox(home.outbox)
    cache = PseudonymCache(home.pseudonyms, keys.cache)
    try:
        yield Sender(
            participant=participant,
            keys=keys,
            directory=network.directory,
            registry=network.registry,
            journal=journal,
            outbox=outbox,
            cache=cache,
            key_services=network.key_services(),
            reference_file=network.home.address_reference,
            epoch=network.epoch,
            hour=network.hour,
            at=at,
        )
    finally:
        journal.close()
        outbox.close()
        cache.close()
