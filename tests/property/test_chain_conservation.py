"""Nothing is lost and nothing counts twice, whatever is sent, sent again, taken back, doubled or damaged on the way.

Rows read are refused rows and events; events of opened parcels are accepted, quarantined, held and duplicate, per
sender and day; and what a sender counted as sent is what its receivers counted as opened.
"""

import datetime as dt
import random
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.network import Network, utc_now
from services.privacy.keys import opening_keys
from services.privacy.parcel import open_parcel, read_header
from services.quarantine import replay
from services.receiving.collecting import open_node
from services.sending.sender import open_sender
from services.store.accounts import conservation
from tests.network_state import events, intake, messages
from tests.small_network import (
    KINDS,
    MUNICIPALITIES,
    PARTNERS,
    arrears,
    as_bytes,
    case,
    message,
    record,
    texts,
    write,
)
from tests.standing import require_same_as_the_store

pytestmark = pytest.mark.xdist_group("network")

FORMS = {
    "es-stroom": ("energy", "stops"),
    "hc-huis": ("rent", "evictions"),
    "wc-water": ("water",),
    "hi-zorg": ("premium", "premium_unkeyed"),
}
OWN = ("payment_arrears", "supply_stop_notice", "eviction_notice", "early_warning_case")
WRONG = {
    "number": "",
    "postcode": "4811DJ",
    "amount": "onbekend",
    "key": "999990019",
    "signalled": "31/31",
    "code": "X9",
}
"""Cells that are refused at the source, by role."""


@dataclass
class World:
    """One network under random treatment, and what must come out of it by our own counting.

    Attributes:
        root: its folder.
        chance: source of all chance.
        sent: events put into parcels, by sender.
        genuine: parcels of senders on each municipality's topic.
        refused: parcels put there that must not be opened, by municipality and fate.
        misdirected: parcels put on a topic that is not their receiver's.
    """

    root: Path
    chance: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    genuine: dict[str, list[bytes]] = field(default_factory=lambda: {town: [] for town in MUNICIPALITIES})
    refused: dict[str, Counter[str]] = field(default_factory=lambda: {town: Counter() for town in MUNICIPALITIES})
    misdirected: set[tuple[str, bytes]] = field(default_factory=set)

    def send(self) -> None:
        """One sender exports, under a new name or an old one, and sends."""
        sender = self.chance.choice([*PARTNERS, MUNICIPALITIES[0]])
        path = self._list() if sender in MUNICIPALITIES else self._export(sender)
        before = {town: len(messages(self.root, town)) for town in MUNICIPALITIES}
        report = tasks.send(self.root, sender, [path], mended=True)
        assert not report.broken
        for town, end in before.items():
            self.genuine[town] += messages(self.root, town)[end:]
        for item in report.files:
            if not item.sent_before:
                assert item.rows_read == item.refused.total() + item.events.total()
                self.sent[sender] += item.events.total()

    def _export(self, sender: str) -> Path:
        kind = self.chance.choice(FORMS[sender])
        cells = pl.concat([
            texts(kind, arrears(town, f"2025-{self.chance.randint(9, 10):02d}", self._houses()))
            for town in self.chance.sample(MUNICIPALITIES, 2)
        ])  # fmt: skip
        badness = self.chance.choice([0.05, 0.1, 0.5])
        rows = [self._spoilt(kind, row, badness) for row in cells.to_dicts()]
        rows += self.chance.sample(rows, min(3, len(rows)))  # exact doubles
        content = as_bytes(kind, pl.DataFrame(rows, schema=cells.schema))
        if self.chance.random() < 0.3:
            content = content[: -self.chance.randint(3, 30)]  # ends within a line
        name = f"{KINDS[kind].stem}_{self.chance.randint(1, 3)}.csv"
        return write(Home(self.root).participant(sender).sources / name, content)

    def _spoilt(self, kind: str, row: dict[str, str], badness: float) -> dict[str, str]:
        roles = KINDS[kind].roles
        what = self.chance.choice(list(WRONG)) if self.chance.random() < 0.15 else ""
        if what in roles:
            row[roles[what]] = WRONG[what]
        elif self.chance.random() < badness and "amount" in roles:
            row[roles["amount"]] = "-5"  # stopped at the receiver
        return row

    def _list(self) -> Path:
        town = MUNICIPALITIES[0]
        rows = [*arrears(town, "2025-10", self._houses()).iter_rows(named=True)]
        signals = [record("energy", row) for row in rows]
        cases = [case(item, accepted=True) for item in signals[::2]]
        for item in signals[::5]:
            item["bedrag"] = self.chance.choice([-3, "veel", 20])
        name = f"vroegsignalen_{self.chance.randint(1, 2)}.json"
        return write(Home(self.root).participant(town).sources / name, message(signals, cases))

    def _houses(self) -> list[int]:
        return sorted(self.chance.sample(range(1, 80), self.chance.randint(1, 60)))

    def send_again(self) -> None:
        """A sender names all its files again, as they are: nothing is sent."""
        sender = self.chance.choice(list(PARTNERS))
        files = sorted(Home(self.root).participant(sender).sources.glob("*_[0-9].csv"))
        report = tasks.send(self.root, sender, files)
        assert (report.parcels, report.events.total()) == (0, 0)
        assert all(item.sent_before for item in report.files)

    def take_back(self) -> None:
        """A partner withdraws some rows of a file that it sent; where nothing is known of them they wait there."""
        files = [path for name in PARTNERS for path in Home(self.root).participant(name).sources.glob("*_[0-9].csv")]
        if not files:
            return
        path = self.chance.choice(sorted(files))
        before = {town: len(messages(self.root, town)) for town in MUNICIPALITIES}
        rows = self.chance.sample(range(2, 30), 5)
        tasks.take_back(self.root, path.parents[1].name, path, rows)
        for town, end in before.items():
            self.genuine[town] += messages(self.root, town)[end:]

    def change_epoch(self, *senders: str) -> None:
        """Somebody, or who is named, makes the pseudonyms of the next year known."""
        before = {town: len(messages(self.root, town)) for town in MUNICIPALITIES}
        for sender in senders or [self.chance.choice(list(PARTNERS))]:
            tasks.rollover(self.root, sender, clock=_next_year)
        for town, end in before.items():
            self.genuine[town] += messages(self.root, town)[end:]

    def meddle(self) -> None:
        """Someone with the broker in hand repeats, damages or misdirects a parcel."""
        town, other = self.chance.sample(MUNICIPALITIES, 2)
        if not self.genuine[town]:
            return
        value = self.chance.choice(self.genuine[town])
        match self.chance.choice(["repeat", "damage", "misdirect"]):
            case "repeat":
                self._put(town, value, "duplicate")
            case "damage":
                at = self.chance.randrange(600, len(value) - 64)  # within what is sealed
                self._put(town, value[:at] + bytes([value[at] ^ 4]) + value[at + 1 :], "bad_signature")
            case _:
                again = (other, value) in self.misdirected
                self.misdirected.add((other, value))
                self._put(other, value, "duplicate" if again else "not_my_key")

    def _put(self, town: str, value: bytes, fate: str) -> None:
        with Network.open(self.root).broker("hub") as broker:
            broker.append(f"parcels.{town}", secrets.token_bytes(16), value)
        self.refused[town][fate] += 1

    def pass_a_day(self) -> None:
        """Put all that is on the topics a day back, so that what comes now comes on another day."""
        with sqlite3.connect(Home(self.root).broker) as broker:
            broker.execute("UPDATE messages SET appended_us = appended_us - 86400000000")
        broker.close()

    def receive(self) -> None:
        """A municipality receives, and its counts must be whole at once; sometimes somebody looks how it stands."""
        town = self.chance.choice(MUNICIPALITIES)
        tasks.receive(self.root, town)
        assert conservation(open_node(Network.open(self.root), town))["balanced"].all()
        if self.chance.random() < 0.6:
            require_same_as_the_store(self.root, town)

    def judge_again(self) -> None:
        """A municipality judges what it stopped once more: the rules are the same, and so are the verdicts."""
        network = Network.open(self.root)
        node = open_node(network, self.chance.choice(MUNICIPALITIES))
        assert replay(node, network.registry, network.now()).is_empty()


def _next_year() -> dt.datetime:
    return dt.datetime(utc_now().year + 1, 1, 3, tzinfo=dt.UTC)


def require_every_address_told(root: Path, town: str) -> None:
    """Of every address that a partner's events are about, the town has one pair of that partner, and no other."""
    pairs = events(root, town, "pseudonym_rollover").select("sent_by", address="old_address")
    assert pairs.is_unique().all()
    used = pl.concat([events(root, town, kind).select("sent_by", "address") for kind in OWN]).unique()
    lacking = used.filter(pl.col("sent_by").is_in(list(PARTNERS))).join(pairs, on=["sent_by", "address"], how="anti")
    assert lacking.is_empty()
    assert intake(root, town).filter(event_type="pseudonym_rollover", verdict="quarantined").is_empty()


def require_all_there(world: World) -> None:
    """Compare what each sender counted, what each receiver counted, and what is in the parcels themselves."""
    network = Network.open(world.root)
    opened: Counter[str] = Counter()
    for town in MUNICIPALITIES:
        rows = intake(world.root, town).filter(pl.col("event_type").is_in(OWN))
        arrived = Counter(rows.filter(attempt=0)["sender"])
        opened += arrived
        node, keys = open_node(network, town), opening_keys(network.keys(town))
        assert conservation(node)["balanced"].all()
        told: Counter[str] = Counter()
        for value in world.genuine[town]:
            inner, _ = open_parcel(value, town, keys)
            told[read_header(value).sender] += inner.event_count * (inner.event_type in OWN)
        assert arrived == +told
        fates = node.parcels.fates().filter(pl.col("fate") != "opened")
        assert Counter(fates["fate"]) == +world.refused[town]
        latest = rows.sort("attempt").unique(["parcel_id", "row"], keep="last")
        gone = events(world.root, town, "withdrawal").select("event_type", "withdrawn", "sent_by")
        for kind in OWN:
            still = events(world.root, town, kind).select("event_id", "sent_by")
            left = still.join(gone.filter(event_type=kind), left_on=still.columns, right_on=["withdrawn", "sent_by"])
            assert left.is_empty()
        taken = latest.filter(pl.col("verdict").is_in(["accepted", "held"]))
        assert taken.select("sender", "event_id").is_unique().all()
        for sender in (*PARTNERS, MUNICIPALITIES[0]):
            with open_sender(network, sender) as opened_by:
                noted = opened_by.journal.dated().filter(pl.col("receiver") == town, pl.col("event_type").is_in(OWN))
            assert noted["events"].sum() == arrived[sender]
    assert opened == +world.sent


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_and_nothing_counts_twice(seed: int, at_stage: Callable[[str], Path]) -> None:
    world = World(at_stage("empty"), random.Random(seed))
    steps = [world.send] * 8 + [world.meddle] * 6 + [world.receive] * 4
    steps += [world.pass_a_day, world.send_again, world.judge_again]
    steps += [world.take_back, world.change_epoch] * 3
    world.chance.shuffle(steps)
    for step in steps:
        step()
    world.change_epoch(*PARTNERS)
    for town in MUNICIPALITIES:
        tasks.receive(world.root, town)
        require_same_as_the_store(world.root, town)
        require_every_address_told(world.root, town)
    require_all_there(world)
    verdicts = Counter(verdict for town in MUNICIPALITIES for verdict in intake(world.root, town)["verdict"])
    assert verdicts["accepted"] > 50
    assert verdicts["quarantined"] > 0
    assert verdicts["duplicate"] > 0
