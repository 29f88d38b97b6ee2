"""One participant as sender: its keys, files and the key services it asks, opened together."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from services.broker import Broker, UnknownTopic
from services.directory import Directory, Participant
from services.errors import Retryable, SpiegelnetError
from services.keyservice import KeyService
from services.network import Network
from services.privacy import parcel, pseudonym
from services.privacy.keys import ParticipantKeys
from services.privacy.sealing import seal_bytes
from services.registry import Registry
from services.sending.addresses import AddressReference
from services.sending.journal import Journal
from services.sending.outbox import Outbox, Seal
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.used_addresses import UsedAddresses

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
        sources: folder of its own exports.
        epoch: of the pseudonyms.
        hour: tells the hours since 1970.
        at: called with the name of each step before it, for tests that end the process there.
        asking: called with (new addresses asked so far, to ask) while key services are asked.
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
    sources: Path
    epoch: str
    hour: Callable[[], int]
    at: Callable[[str], None] = lambda _: None
    asking: Callable[[int, int], None] = lambda _, __: None

    @property
    def id(self) -> str:
        """The participant's id."""
        return self.participant.id

    @property
    def used(self) -> UsedAddresses:
        """Which addresses events were sealed about; in the outbox, and its transactions."""
        return self.outbox.used(self.keys.cache)

    @property
    def today(self) -> dt.date:
        """Today's date in UTC."""
        return dt.datetime.fromtimestamp(self.hour() * 3600, dt.UTC).date()

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
        """Hand waiting parcels to the broker and return how many; a retry sends the same bytes.

        A receiver whom the broker does not know holds nobody else up.

        Raises:
            UnknownTopic: parcels for such a receiver wait; all others were handed over.
            Retryable, Fatal, NotAllowed: the broker is away, or does not take them.
        """
        sent, unknown = 0, dict[str, UnknownTopic]()
        while waiting := self.outbox.pending(without=unknown):
            topics = {f"parcels.{item.receiver}": item.receiver for item in waiting}
            self.at("append")
            try:
                with broker.together(topics):
                    for topic, receiver in sorted(topics.items()):
                        broker.append_many(
                            topic, [(item.key, item.value) for item in waiting if item.receiver == receiver]
                        )
            except UnknownTopic as error:
                unknown[topics[error.topic]] = error
                continue
            self.at("appended")
            self.outbox.mark_sent([item.parcel_id for item in waiting])
            sent += len(waiting)
        for reason in unknown.values():
            raise reason
        return sent

    def hand_over(self, broker: Broker) -> tuple[int, list[Retryable]]:
        """Push, and let the parcels wait where the broker is away or does not know their receiver yet.

        Returns:
            How many parcels the broker took now, and why the others wait; no reason when none waits for the broker.

        Raises:
            Fatal, NotAllowed: see `push`.
        """
        before = self.outbox.waiting()
        try:
            return self.push(broker), []
        except (Retryable, UnknownTopic) as reason:
            left = self.outbox.waiting()
            what = f"{left} parcels of {self.id} wait in its outbox; nothing is lost. {reason.what}"
            return before - left, [Retryable(what, reason.why, reason.todo)]

    def make_room(self, broker: Broker) -> int:
        """Push when the outbox is full, and return how many parcels the broker took.

        Raises:
            Retryable: it stays full.
        """
        if not self.outbox.full():
            return 0
        before = self.outbox.waiting()
        try:
            self.push(broker)
        except SpiegelnetError as error:
            if self.outbox.full():
                raise self._full(error) from None
        return before - self.outbox.waiting()

    def _full(self, error: SpiegelnetError) -> Retryable:
        parcels, size = self.outbox.backlog()
        return Retryable(
            f"The outbox of {self.id} is full: {parcels} parcels of {size >> 20} MiB wait. {error.what}",
            "Nothing more is sealed until the broker takes some; nothing is lost, and a file goes on where it was.",
            f"Run again when the broker takes parcels, or allow more by outbox_mib. {error.todo}",
        )


@contextmanager
def open_sender(
    network: Network,
    participant_id: str,
    *,
    at: Callable[[str], None] = lambda _: None,
    asking: Callable[[int, int], None] = lambda _, __: None,
) -> Iterator[Sender]:
    """Open a participant's files for sending and close them after.

    Args:
        network: the network.
        participant_id: who sends.
        at: see `Sender`.
        asking: likewise.

    Raises:
        Fatal: the participant is not in the directory, or its keys are not on this machine.
    """
    participant = network.directory.get(participant_id)
    keys = network.keys(participant_id)
    home = network.home.participant(participant_id)
    journal = Journal(home.journal, lambda raw: seal_bytes(keys.store, raw, REFUSED_CONTEXT))
    outbox = Outbox(home.outbox, network.settings.broker.outbox_mib << 20)
    cache = PseudonymCache(home.pseudonyms, keys.cache)
    key_services = network.key_services(participant_id)
    try:
        yield Sender(
            participant=participant,
            keys=keys,
            directory=network.directory,
            registry=network.registry,
            journal=journal,
            outbox=outbox,
            cache=cache,
            key_services=key_services,
            reference_file=network.home.address_reference,
            sources=home.sources,
            epoch=network.epoch,
            hour=network.hour,
            at=at,
            asking=asking,
        )
    finally:
        journal.close()
        outbox.close()
        cache.close()
        for service in key_services:
            service.close()
