"""Every way in which a parcel can be refused, by parcels that an attacker or a faulty sender really could put there.

The broker takes anything from anybody; what is refused is counted as a parcel, and against a sender only where its own
signature proves that it made it.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services import tasks
from services.avro.encode import block, encode_rows
from services.broker import MAX_MESSAGE_BYTES, SqliteBroker
from services.errors import Rejected
from services.network import Network
from services.privacy.header import InnerHeader, header_bytes
from services.privacy.keys import ParticipantKeys
from services.privacy.parcel import MAX_PARCEL_BYTES, parcel_hash, read_header, seal_parcel
from services.receiving.collecting import CollectReport, open_node
from services.status import participant_status
from services.store.accounts import conservation
from tests.network_state import events
from tests.small_network import MUNICIPALITIES, POSTCODES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN, OTHER = MUNICIPALITIES[:2]


@dataclass(frozen=True)
class Forge:
    """Makes parcels by hand: each the first of a stream of its own, unless it is told otherwise."""

    network: Network

    def parcel(
        self,
        *,
        sender: str = "es-stroom",
        receiver: str = TOWN,
        kind: str = "payment_arrears",
        keys: ParticipantKeys | None = None,
        seal_to: str | None = None,
        place: tuple[bytes, int, bytes] | None = None,
        inner: Mapping[str, Any] | None = None,
        avro: Callable[[bytes], bytes] = lambda avro: avro,
    ) -> bytes:
        """Seal two events.

        Args:
            sender: as the header names it.
            receiver: as the header names it.
            kind: the event type.
            keys: whose signature, when not the sender's.
            seal_to: to whose key it is sealed, when not the receiver's.
            place: stream, number and hash of the parcel before.
            inner: fields of the inner header that are told wrong.
            avro: changes the events' bytes.
        """
        event_type = self.network.registry.get(kind)
        stream, number, previous = place or (secrets.token_bytes(16), 0, bytes(32))
        named, delivery = (kind, event_type.version, event_type.sha256), secrets.token_bytes(16)
        told = InnerHeader(*named, delivery, "2026", 2, last_of_delivery=True)
        return seal_parcel(
            sender=sender,
            signing_key=(keys or self.network.keys(sender)).signing,
            receiver=receiver,
            receiver_key=self.network.directory.get(seal_to or receiver).public.seal,
            stream=stream,
            sequence=number,
            previous=previous,
            hour=self.network.hour(),
            inner=replace(told, **(inner or {})),
            avro=avro(block(encode_rows(event_type, self.events(kind)))),
        )

    def events(self, kind: str) -> pl.DataFrame:
        """Two sound events for the municipality."""
        row: dict[str, Any] = {
            "municipality": TOWN, "district": POSTCODES[TOWN][0][1], "partner_type": "energy", "amount_eur": 300,
            "arisen_on": 20_000, "signalled_on": 20_040, "crisis": None, "warm_handover": None,
            "reported_by": "municipality" if kind == "early_warning_case" else "partner", "signal_status": None,
            "commodity": "gas", "stage": "carried_out", "cause": "nuisance", "noticed_on": 20_040,
            "effective_on": 20_040, "arrears_eur": None, "household_reached": None, "contact_attempts": [],
            "reached": False, "result": None, "matched_on": None, "opened_on": 20_040, "closed_on": None,
            "signals": [bytes(16)],
        }  # fmt: skip
        names = [item["name"] for item in self.network.registry.get(kind).schema["fields"]]
        random = {"event_id": 16, "address": 32}
        rows = [
            {name: secrets.token_bytes(random[name]) if name in random else row[name] for name in names}
            for _ in range(2)
        ]
        dates = [name for name in names if name.endswith("_on")]
        return pl.DataFrame(rows).with_columns(pl.col(dates).cast(pl.Int32).cast(pl.Date))


def changed(value: bytes, at: int) -> bytes:
    """Turn one bit over."""
    at %= len(value)
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


def resigned(value: bytes, keys: ParticipantKeys) -> bytes:
    """Turn one bit of what is sealed over, and sign the result with the sender's own key."""
    header = header_bytes(read_header(value))
    start = 2 + len(header) + 4
    body = changed(value, start + 1500)[:-64]
    signed = b"spiegelnet/sig/v1" + len(header).to_bytes(2, "big") + header + body[start:]
    return body + Ed25519PrivateKey.from_private_bytes(keys.signing).sign(signed)


Case = tuple[str, str | None, list[bytes]]


def cases(forge: Forge) -> dict[str, Case]:
    """By what is wrong: the fate, the sender that it is counted for, and the messages, of which the last is refused."""
    make, network = forge.parcel, forge.network
    good, stream = make(), secrets.token_bytes(16)
    first = make(place=(stream, 0, bytes(32)))
    vreemd = ParticipantKeys.generate("es-vreemd")
    stop_notice = network.registry.get("supply_stop_notice").sha256
    return {
        # before anything is opened
        "no parcel at all": ("malformed", None, [b"hello"]),
        "cut off": ("malformed", None, [make()[:-1]]),
        "longer than any parcel": ("too_large", None, [make().ljust(MAX_PARCEL_BYTES + 1, b"\0")]),
        "another format": ("unknown_suite", None, [changed(make(), 5)]),
        "a sender nobody knows": ("unknown_sender", None, [make(sender="es-vreemd", keys=vreemd)]),
        "signed by another": ("wrong_sender", None, [make(keys=network.keys("hc-huis"))]),
        "another's signature": ("bad_signature", None, [changed(make(), -1)]),
        "sealed bytes changed on the way": ("bad_signature", None, [changed(make(), 2000)]),
        # the stream
        "the same again": ("duplicate", "es-stroom", [good, good]),
        "another under the same number": ("fork", "es-stroom", [first, make(place=(stream, 0, bytes(32)))]),
        "another history": ("fork", "es-stroom", [make(place=(stream, 1, bytes([7]) * 32))]),
        # opening
        "for another receiver": ("not_my_key", "es-stroom", [make(receiver=OTHER)]),
        "sealed to another key": ("not_my_key", "es-stroom", [make(seal_to=OTHER)]),
        "sealed bytes changed by the sender": ("tampered", "es-stroom", [resigned(make(), network.keys("es-stroom"))]),
        # the contract
        "a type that it may not send": ("contract_not_allowed", "es-stroom", [make(kind="eviction_notice")]),
        "cases of another municipality": (
            "contract_not_allowed", OTHER, [make(sender=OTHER, kind="early_warning_case")],
        ),
        "the list of another municipality": ("contract_not_allowed", OTHER, [make(sender=OTHER)]),
        "figures for the hub": (
            "contract_not_allowed", OTHER, [make(sender=OTHER, inner={"event_type": "indicator_observation"})],
        ),
        "a type that is not there": ("contract_not_allowed", "es-stroom", [make(inner={"event_type": "story"})]),
        "a version that is not there": ("unknown_schema", "es-stroom", [make(inner={"version": 9})]),
        # decoding
        "a schema nobody knows": ("unknown_schema", "es-stroom", [make(inner={"schema_sha256": bytes(32)})]),
        "another type's schema": ("schema_of_another_type", "es-stroom", [make(inner={"schema_sha256": stop_notice})]),
        "more events than it says": ("not_canonical", "es-stroom", [make(inner={"event_count": 1})]),
        "fewer events than it says": ("count_impossible", "es-stroom", [make(inner={"event_count": 3})]),
        "far fewer than it says": ("count_impossible", "es-stroom", [make(inner={"event_count": 4_000_000_000})]),
        "bytes behind the events": ("not_canonical", "es-stroom", [make(avro=lambda avro: avro + b"\0")]),
        "an unknown code": ("enum_unknown", "es-stroom", [make(avro=_with_unknown_code)]),
    }  # fmt: skip


def _with_unknown_code(avro: bytes) -> bytes:
    """The partner type stands behind both texts: the index of "energy" (0) becomes 60."""
    at = avro.index(POSTCODES[TOWN][0][1].encode()) + len(POSTCODES[TOWN][0][1])
    assert avro[at] == 0
    return avro[:at] + bytes([120]) + avro[at + 1 :]


@dataclass(frozen=True)
class Outcome:
    """What became of all cases, put on one topic with sound parcels between them."""

    root: Path
    cases: dict[str, Case]
    fates: dict[str, list[tuple[str, str | None]]]
    sound: int
    report: CollectReport


@pytest.fixture(scope="module")
def outcome(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    root = copied(stages.empty, tmp_path_factory.mktemp("opening") / "home")
    forge = Forge(Network.open(root))
    found, names = cases(forge), []
    with forge.network.broker("hub") as broker:
        for name, (_, _, values) in found.items():
            _put(broker, [*values, forge.parcel()])
            names += [name] * len(values) + ["sound"]
    report = tasks.receive(root, TOWN)
    fates = open_node(forge.network, TOWN).parcels.fates().sort("topic_offset").select("fate", "sender").rows()
    by_name: dict[str, list[tuple[str, str | None]]] = {}
    for name, fate in zip(names, fates, strict=True):
        by_name.setdefault(name, []).append(fate)
    return Outcome(root, found, by_name, len(found), report)


def _put(broker: SqliteBroker, values: list[bytes]) -> None:
    broker.append_many(f"parcels.{TOWN}", [(secrets.token_bytes(16), value) for value in values])


def test_each_refused_parcel_is_logged_with_its_reason_and_with_its_sender_where_that_is_proven(
    outcome: Outcome,
) -> None:
    found = {name: outcome.fates[name][-1] for name in outcome.cases}
    assert found == {name: (fate, sender) for name, (fate, sender, _) in outcome.cases.items()}


def test_sound_parcels_around_refused_ones_land(outcome: Outcome) -> None:
    assert outcome.fates["sound"] == [("opened", "es-stroom")] * outcome.sound
    first_ones = 2  # of "the same again" and of "another under the same number"
    assert outcome.report.parcels == outcome.sound + first_ones
    assert events(outcome.root, TOWN, "payment_arrears").height == 2 * outcome.report.parcels


def test_refused_parcels_count_as_parcels_and_not_as_anybody_s_events(outcome: Outcome) -> None:
    expected = Counter(fate for fate, _, _ in outcome.cases.values())
    assert outcome.report.refused == expected
    node = open_node(Network.open(outcome.root), TOWN)
    accounts = conservation(node)
    assert accounts["sender"].to_list() == ["es-stroom"]
    assert accounts.select("parcels", "opened", "accepted").row(0) == (
        outcome.report.parcels,
        2 * outcome.report.parcels,
        2 * outcome.report.parcels,
    )
    status = participant_status(outcome.root, TOWN, None)
    assert (status.balanced, status.refused) == (True, expected)


def test_reading_the_topic_again_counts_no_refused_parcel_twice(outcome: Outcome, tmp_path: Path) -> None:
    root = copied(outcome.root, tmp_path / "home")
    assert tasks.receive(root, TOWN).refused == Counter()
    assert participant_status(root, TOWN, None).refused == outcome.report.refused


def test_what_is_checked_first_decides(stages: Stages, tmp_path: Path) -> None:
    """Size before all else, then who sends, its signature, and the stream; only then is anything opened."""
    root = copied(stages.empty, tmp_path / "home")
    forge = Forge(Network.open(root))
    sound = forge.parcel()
    not_allowed = forge.parcel(kind="eviction_notice")
    twice_wrong = {
        "too_large": changed(sound, -1).ljust(MAX_PARCEL_BYTES + 1, b"\0"),
        "unknown_sender": changed(forge.parcel(sender="es-vreemd", keys=ParticipantKeys.generate("es-vreemd")), -1),
        "bad_signature": changed(sound, 2000),  # of a parcel that came before
        "duplicate": not_allowed,  # it may not be sent, and came before
        "not_my_key": forge.parcel(receiver=OTHER, kind="eviction_notice"),
        "contract_not_allowed": forge.parcel(kind="eviction_notice", avro=lambda avro: avro + b"\0"),
        "unknown_schema": forge.parcel(inner={"schema_sha256": bytes(32)}, avro=lambda avro: avro + b"\0"),
    }
    with forge.network.broker("hub") as broker:
        _put(broker, [sound, not_allowed, *twice_wrong.values()])
    tasks.receive(root, TOWN)
    fates = open_node(forge.network, TOWN).parcels.fates().sort("topic_offset")["fate"].to_list()
    assert fates == ["opened", "contract_not_allowed", *twice_wrong]


def test_the_broker_takes_no_message_larger_than_a_parcel_can_be(stages: Stages, tmp_path: Path) -> None:
    root = copied(stages.empty, tmp_path / "home")
    assert MAX_PARCEL_BYTES < MAX_MESSAGE_BYTES
    with Network.open(root).broker("hub") as broker, pytest.raises(Rejected, match="too large"):
        _put(broker, [bytes(MAX_MESSAGE_BYTES + 1)])


def test_a_stream_with_a_history_of_its_own_goes_on_after_a_fork(stages: Stages, tmp_path: Path) -> None:
    root, stream = copied(stages.empty, tmp_path / "home"), secrets.token_bytes(16)
    forge = Forge(Network.open(root))
    one = forge.parcel(place=(stream, 0, bytes(32)))
    other = forge.parcel(place=(stream, 0, bytes(32)))
    two = forge.parcel(place=(stream, 1, parcel_hash(one)))
    with forge.network.broker("hub") as broker:
        _put(broker, [one, other, two])
    report = tasks.receive(root, TOWN)
    assert (report.parcels, report.refused) == (2, Counter(fork=1))
