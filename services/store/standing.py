"""What a participant's store holds, counted: kept beside the store and brought up to date by what is new in it only.

A file of its own in SQLite, which follows from `intake` and the log of parcels and may be removed at any time. So that
`status` and `metrics` may be asked every few seconds, nothing is opened at all while the store has not changed.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from services.sqlite import errors_named, open_database, reading, transaction

VERDICTS = ("accepted", "quarantined", "held", "duplicate")
OPENED = "opened"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdicts (
    sender TEXT NOT NULL, received_on TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL,
    events INTEGER NOT NULL, PRIMARY KEY (sender, received_on, verdict, rule)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS opened (
    sender TEXT NOT NULL, received_on TEXT NOT NULL, parcels INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (sender, received_on)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (fate TEXT PRIMARY KEY, parcels INTEGER NOT NULL, last_on TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stopped (
    identity BLOB NOT NULL, ref TEXT NOT NULL PRIMARY KEY, sender TEXT NOT NULL, delivery_id BLOB NOT NULL,
    event_type TEXT NOT NULL, received_on TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_identity ON stopped (identity);
"""


@dataclass(frozen=True)
class Stopped:
    """An event that is stopped now.

    Attributes:
        identity: by which a later event is known to be the same one; see `identity`.
        ref: by which it is named in quarantine.
        sender: participant id.
        delivery_id: 16 bytes.
        event_type: its name.
        received_on: day of receipt.
        verdict: `quarantined` or `held`.
        rule: that stopped it.
    """

    identity: bytes
    ref: str
    sender: str
    delivery_id: bytes
    event_type: str
    received_on: str
    verdict: str
    rule: str


@dataclass(frozen=True)
class StoppedGroup:
    """Events stopped by one rule in one delivery.

    Attributes:
        sender: participant id.
        delivery: id, hex.
        event_type: its name.
        verdict: `quarantined` or `held`.
        rule: its id.
        events: how many.
        since: day of receipt of the first.
        ref: names one of them in quarantine.
    """

    sender: str
    delivery: str
    event_type: str
    verdict: str
    rule: str
    events: int
    since: str
    ref: str


def identity(sender: str, event_id: bytes) -> bytes:
    """Return 16 bytes that stand for an event of a sender, without telling its id."""
    return blake2b(sender.encode() + b"\0" + event_id, digest_size=16).digest()


@dataclass(frozen=True)
class Standing:
    """The file; opened for each call."""

    path: Path

    @contextmanager
    def changed(self) -> Iterator["Change"]:
        """Change all that is known in one transaction.

        Raises:
            Retryable: the file stayed locked.
            Fatal: it is damaged; it may be removed.
        """
        with self._opened() as database, transaction(database, self.path):
            yield Change(database)

    def known(self) -> dict[str, Any]:
        """Return what was written down by name."""
        with reading(self.path), self._opened() as database:
            return {name: json.loads(value) for name, value in database.execute("SELECT name, value FROM known")}

    def senders(self) -> list[dict[str, object]]:
        """Return per sender `parcels`, `opened` (events), events by verdict, and `balanced` (on every day)."""
        with self._opened() as database:
            verdicts = database.execute(
                "SELECT sender, received_on, verdict, sum(events) FROM verdicts GROUP BY 1, 2, 3"
            ).fetchall()
            opened = database.execute("SELECT sender, received_on, parcels, events FROM opened").fetchall()
        return _senders(verdicts, opened)

    def rules(self) -> list[tuple[str, str, str, int]]:
        """Return (sender, verdict, rule, events) of what is quarantined or held by its latest verdict."""
        with self._opened() as database:
            return database.execute(
                "SELECT sender, verdict, rule, sum(events) FROM verdicts WHERE verdict IN ('quarantined', 'held')"
                " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            ).fetchall()

    def refused(self) -> dict[str, tuple[int, str]]:
        """Return parcels that were not opened by reason: how many, and the day of the last."""
        with self._opened() as database:
            rows = database.execute("SELECT fate, parcels, last_on FROM refused ORDER BY fate").fetchall()
        return {fate: (parcels, last) for fate, parcels, last in rows}

    def newest(self) -> tuple[str, int, int] | None:
        """Return the newest day on which something came, with its events and senders."""
        with self._opened() as database:
            row = database.execute(
                "SELECT received_on, sum(events), count(DISTINCT sender) FROM opened GROUP BY 1 ORDER BY 1 DESC LIMIT 1"
            ).fetchone()
        return tuple(row) if row else None

    def stopped(self) -> list[StoppedGroup]:
        """Return what is stopped now and not mended, by delivery and rule."""
        with self._opened() as database:
            rows = database.execute(
                "SELECT sender, delivery_id, event_type, verdict, rule, count(*), min(received_on), min(ref)"
                " FROM stopped GROUP BY 1, 2, 3, 4, 5 ORDER BY min(received_on), sender, rule"
            ).fetchall()
        return [StoppedGroup(sender, delivery.hex(), *rest) for sender, delivery, *rest in rows]

    @contextmanager
    def _opened(self) -> Iterator[Connection]:
        with closing(open_database(self.path, _SCHEMA, durable=False)) as database, errors_named(self.path):
            yield database


@dataclass(frozen=True)
class Change:
    """A change of the file under way."""

    database: Connection

    def know(self, name: str, value: Any) -> None:
        """Write something down by name."""
        self.database.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (name, json.dumps(value)))

    def forget_all(self) -> None:
        """Forget all counts."""
        for table in ("verdicts", "opened", "refused", "stopped"):
            self.database.execute(f"DELETE FROM {table}")

    def add_verdicts(self, rows: Iterable[tuple[str, dt.date, str, str | None, int]]) -> None:
        """Add (sender, received on, verdict, rule, events)."""
        self.database.executemany(
            "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sender, received_on, verdict, rule) DO UPDATE SET events = events + excluded.events",
            [(sender, on.isoformat(), verdict, rule or "", events) for sender, on, verdict, rule, events in rows],
        )

    def add_parcels(self, rows: Iterable[tuple[str, str | None, str, int, int]]) -> None:
        """Add (fate, sender, received on, parcels, events); the sender of parcels that were opened is known."""
        known = list(rows)
        self.database.executemany(
            "INSERT INTO opened VALUES (?, ?, ?, ?) ON CONFLICT (sender, received_on)"
            " DO UPDATE SET parcels = parcels + excluded.parcels, events = events + excluded.events",
            [(sender, on, parcels, events) for fate, sender, on, parcels, events in known if fate == OPENED],
        )
        self.database.executemany(
            "INSERT INTO refused VALUES (?, ?, ?) ON CONFLICT (fate)"
            " DO UPDATE SET parcels = parcels + excluded.parcels, last_on = max(last_on, excluded.last_on)",
            [(fate, parcels, on) for fate, _, on, parcels, _ in known if fate != OPENED],
        )

    def stop(self, events: Iterable[Stopped]) -> None:
        """Add stopped events."""
        self.database.executemany(
            "INSERT OR REPLACE INTO stopped VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [tuple(vars(each).values()) for each in events],
        )

    def stopped_identities(self) -> set[bytes]:
        """Return the identities of quarantined events."""
        rows = self.database.execute("SELECT DISTINCT identity FROM stopped WHERE verdict = 'quarantined'")
        return {identity for (identity,) in rows}

    def let_go(self, identities: Iterable[bytes]) -> None:
        """Take out quarantined events that have come again and were taken."""
        self.database.executemany(
            "DELETE FROM stopped WHERE identity = ? AND verdict = 'quarantined'", [(each,) for each in identities]
        )


def _senders(
    verdicts: Sequence[tuple[str, str, str, int]], opened: Sequence[tuple[str, str, int, int]]
) -> list[dict[str, object]]:
    judged, by_verdict = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for sender, day, verdict, events in verdicts:
        judged[sender, day] += events
        by_verdict[sender, verdict] += events
    came = {(sender, day): events for sender, day, _, events in opened}
    parcels, events_of = Counter[str](), Counter[str]()
    for sender, _, number, events in opened:
        parcels[sender] += number
        events_of[sender] += events
    uneven = {key[0] for key in {*judged, *came} if judged[key] != came.get(key, 0)}
    return [
        _sums(name, parcels, events_of, by_verdict, name not in uneven)
        for name in sorted({*parcels, *{s for s, _ in judged}})
    ]


def _sums(
    sender: str,
    parcels: Mapping[str, int],
    events: Mapping[str, int],
    verdicts: Mapping[tuple[str, str], int],
    even: bool,  # noqa: FBT001
) -> dict[str, object]:
    counts = {verdict: verdicts[sender, verdict] for verdict in VERDICTS}
    return {"sender": sender, "parcels": parcels[sender], "opened": events[sender], **counts, "balanced": even}
