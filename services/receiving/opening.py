"""From a message on the topic to events: size, header, sender, signature, replay, open, contract, strict decode.

The order matters: nothing costly is done for who is not known, nothing is opened that is not signed by its sender, and
nothing is decoded that this sender may not send. Each way to fail has its own name, by which refused parcels are
counted; a parcel that fails before it is opened is not counted against the sender whose name it bears.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from services.avro.decode import MAX_BLOCK_BYTES, decode_blocks, require_possible
from services.avro.encode import encode_rows
from services.avro.errors import DecodeError
from services.broker import Message
from services.contracts import RETIRED
from services.directory import HUB, Directory, Participant
from services.privacy import parcel, pseudonym
from services.privacy.errors import PrivacyError
from services.privacy.header import Header, InnerHeader
from services.receiving.landing import OpenedParcel
from services.receiving.replay import Arrival, ReplayWindow
from services.registry import EventType, Registry, RegistryError
from services.sending.routing import MUNICIPALITY, SELF
from services.store.parcels import ParcelFate
from services.stories.text import StoryKey, sealed_words, text_fields

UNKNOWN_SENDER = "unknown_sender"
CONTRACT_NOT_ALLOWED = "contract_not_allowed"
UNKNOWN_SCHEMA = "unknown_schema"


@dataclass(frozen=True)
class UndecodedParcel:
    """A parcel that was verified and opened, and may hold what it says; its events are not decoded yet.

    Attributes:
        header: its clear header, proven.
        inner: what it is about.
        event_type: of the registered schema that it names.
        avro: the events' bytes.
        message: as it stands on the topic.
    """

    header: Header
    inner: InnerHeader
    event_type: EventType
    avro: bytes
    message: Message


@dataclass(frozen=True)
class Opener:
    """What a receiver needs to open parcels.

    Attributes:
        participant: the receiver's id.
        keys: its private keys by key id.
        node_key: 32 bytes, makes the stored pseudonyms.
        story_key: gives the key under which words are stored; asked when some come.
        directory: who may send what.
        registry: schemas and contracts.
        replay: the replay window.
        reading_id: of the topic that is read; see `Position`.
        at: called with the name of each step before it, for tests that end the process there.
    """

    participant: str
    keys: Mapping[bytes, MLKEM768X25519PrivateKey]
    node_key: bytes
    story_key: Callable[[], StoryKey]
    directory: Directory
    registry: Registry
    replay: ReplayWindow
    reading_id: str
    at: Callable[[str], None] = lambda _: None

    def open(self, message: Message, now: dt.datetime) -> UndecodedParcel | ParcelFate:  # noqa: PLR0911 - one per way to fail
        """Open one message as far as its events' bytes, or say what became of it instead.

        Args:
            message: as it stands on the topic.
            now: time of the reading, UTC.
        """
        header: Header | None = None
        try:
            claimed = parcel.read_header(message.value)
            sender = self.directory.participants.get(claimed.sender)
            if sender is None:
                return self._fate(message, UNKNOWN_SENDER)
            self.at("verify")
            header = parcel.verify(message.value, sender.public)
            arrival = self.replay.classify(header, parcel.parcel_hash(message.value), message.offset, now)
            if arrival in (Arrival.DUPLICATE, Arrival.FORK):
                return self._fate(message, arrival.value, header)
            self.at("open")
            inner, avro = parcel.open_parcel(message.value, self.participant, self.keys)
            if not self._allowed(sender, inner):
                return self._fate(message, CONTRACT_NOT_ALLOWED, header)
            event_type = self._schema(inner)
            require_possible(event_type, avro, inner.event_count)
        except PrivacyError as error:
            return self._fate(message, error.code, header)
        except RegistryError:
            return self._fate(message, UNKNOWN_SCHEMA, header)
        except DecodeError as error:
            return self._fate(message, error.reason, header)
        return UndecodedParcel(header, inner, event_type, avro, message)

    def decode(self, parcels: Sequence[UndecodedParcel]) -> tuple[list[OpenedParcel], list[ParcelFate]]:
        """Decode parcels, small ones of one type together.

        Returns:
            Those whose events are what they claim to be, in the order of the topic; and what became of the others.
        """
        self.at("decode")
        decoded = [each for together in _by_type(parcels) for each in self._decoded_together(together)]
        opened = [each for each in decoded if isinstance(each, OpenedParcel)]
        refused = [each for each in decoded if isinstance(each, ParcelFate)]
        return sorted(opened, key=lambda item: item.offset), refused

    def _decoded_together(self, parcels: Sequence[UndecodedParcel]) -> list[OpenedParcel | ParcelFate]:
        try:
            blocks = [(item.inner.event_count, item.avro) for item in parcels]
            frame, rows = self._decoded(parcels[0].event_type, blocks)
        except (DecodeError, PrivacyError) as error:
            if len(parcels) > 1:  # each by itself: one that is refused does no harm to the others
                return [each for item in parcels for each in self._decoded_together([item])]
            reason = error.reason if isinstance(error, DecodeError) else error.code
            return [self._fate(parcels[0].message, reason, parcels[0].header)]
        found, start = list[OpenedParcel | ParcelFate](), 0
        for item in parcels:
            count, message = item.inner.event_count, item.message
            events = (frame.slice(start, count), rows.slice(start, count))
            found.append(OpenedParcel(item.header, item.inner, *events, message.offset, message.appended_at))
            start += count
        return found

    def _allowed(self, sender: Participant, inner: InnerHeader) -> bool:
        """Say whether this sender may send this version of this type to this receiver.

        A municipality reports to itself and to the hub: what it sends as its own list or case is not for another one.

        Raises:
            RegistryError: the type or version is not known here.
        """
        if inner.event_type not in sender.may_send:
            return False
        contract = self.registry.get(inner.event_type, inner.version).contract
        if contract.status == RETIRED:
            return False
        to = contract.receiver
        if to == HUB:
            return self.participant == HUB
        own = to == SELF or (to == MUNICIPALITY and sender.kind == MUNICIPALITY)
        return sender.id == self.participant if own else True

    def _schema(self, inner: InnerHeader) -> EventType:
        event_type = self.registry.by_sha(inner.schema_sha256)
        if (event_type.name, event_type.version) != (inner.event_type, inner.version):
            raise DecodeError("schema_of_another_type", inner.event_type)
        return event_type

    def _decoded(self, event_type: EventType, blocks: Sequence[tuple[int, bytes]]) -> tuple[pl.DataFrame, pa.Array]:
        """Decode strictly with the registered schema, and put this node's own pseudonyms in place of the outer ones.

        Returns:
            The events, words of persons open so that they can be judged; and their bytes, such words sealed.
        """
        frame, rows = decode_blocks(event_type, blocks)
        columns, words = pseudonym_columns(event_type), text_fields(event_type)
        if not columns and not words:
            return frame, rows
        own = [pseudonym.stored_many(self.node_key, frame[column]).alias(column) for column in columns]
        frame = frame.with_columns(own)
        stored = sealed_words(self.story_key(), event_type, frame) if words else frame
        return frame, encode_rows(event_type, stored)

    def _fate(self, message: Message, fate: str, header: Header | None = None) -> ParcelFate:
        """Name the sender only where the signature has proven it."""
        return ParcelFate(
            self.reading_id,
            message.offset,
            message.appended_at.date(),
            fate,
            sender=header.sender if header else None,
            parcel_id=header.parcel_id if header else None,
        )


def _by_type(parcels: Iterable[UndecodedParcel]) -> list[list[UndecodedParcel]]:
    """Part parcels by type and version, into as many as have the bytes of one large parcel together."""
    groups: list[list[UndecodedParcel]] = []
    filling: dict[bytes, tuple[list[UndecodedParcel], int]] = {}
    for item in parcels:
        key, size = item.event_type.sha256, len(item.avro)
        group, filled = filling.get(key, ([], 0))
        if not group or filled + size > MAX_BLOCK_BYTES:
            group, filled = [], 0
            groups.append(group)
        group.append(item)
        filling[key] = (group, filled + size)
    return groups


def pseudonym_columns(event_type: EventType) -> list[str]:
    """Return the columns that hold pseudonyms of addresses or persons."""
    return [field["name"] for field in event_type.schema["fields"] if _is_pseudonym(field["type"])]


def _is_pseudonym(kind: object) -> bool:
    return kind == "Pseudonym" or (isinstance(kind, Mapping) and kind.get("name") == "Pseudonym")
