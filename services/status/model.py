"""What is said of a participant, of a server, and of the network as a whole."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.errors import SpiegelnetError
from services.keyservice.counted import Asked
from services.runs import TaskRecord
from services.store.standing import StoppedGroup

COUNTS = ("parcels", "opened", "accepted", "quarantined", "held", "duplicate")


@dataclass(frozen=True)
class Month:
    """How a month that is not closed yet stands at a municipality.

    Attributes:
        period: the month.
        missing: senders that owe a complete delivery statement.
        due: day from which it closes without them.
    """

    period: str
    missing: tuple[str, ...]
    due: dt.date


@dataclass
class ParticipantStatus:
    """How one participant stands.

    Attributes:
        participant: its id.
        name: as people know it.
        kind: as the directory has it.
        senders: per sender the sums of `COUNTS` over all days, and `balanced` (on every day).
        refused: parcels that were not opened, by reason.
        refused_on: day of the last of them, by reason.
        waiting: parcels in its outbox that the broker does not have yet.
        waiting_bytes: how large they are together.
        waiting_since: since when, as far as a run has noted it.
        unread: messages on its topic that it has not collected; None when the broker does not tell.
        unread_since: when the oldest of them came to the broker.
        gaps: streams with parcels missing for more than a quarter of an hour.
        gaps_of: their senders, with since when the first is missed.
        closed: the last month that was closed, for municipalities.
        owing: for the month asked for, senders without a complete delivery statement.
        months: months that have ended and are not closed, in order.
        releases: by kind of period the last one that was released, and the day of its release.
        stopped: events that are stopped and not mended, by delivery and rule.
        rules: events by (sender, verdict, rule) that are quarantined or held by their latest verdict.
        refused_rows: rows of its own sources that are not mended, by (file, reason).
        actions: days on which open actions of its sessions are due, in order.
        newest: the newest day on which something came, with its events and senders.
        tasks: its kinds of tasks, and how they ended last.
        asked: what it asked of key services, ever.
        error: why something of this is not known, or as it was; None when all is.
    """

    participant: str
    name: str
    kind: str = ""
    senders: list[dict[str, object]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refused_on: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    waiting_bytes: int = 0
    waiting_since: dt.datetime | None = None
    unread: int | None = 0
    unread_since: dt.datetime | None = None
    gaps: int = 0
    gaps_of: dict[str, dt.datetime] = field(default_factory=dict)
    closed: str | None = None
    owing: tuple[str, ...] = ()
    months: list[Month] = field(default_factory=list)
    releases: dict[str, tuple[str, str]] = field(default_factory=dict)
    stopped: list[StoppedGroup] = field(default_factory=list)
    rules: list[tuple[str, str, str, int]] = field(default_factory=list)
    refused_rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    actions: tuple[dt.date, ...] = ()
    newest: tuple[str, int, int] | None = None
    tasks: list[TaskRecord] = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)
    error: SpiegelnetError | None = None

    @property
    def balanced(self) -> bool:
        """Whether every event of every opened parcel has its verdict."""
        return all(bool(item["balanced"]) for item in self.senders)


class ServerState(Protocol):
    """What is told of a server, whoever looked at it; see `AddressState`."""

    @property
    def name(self) -> str: ...  # noqa: D102 - see `AddressState`
    @property
    def address(self) -> str: ...  # noqa: D102
    @property
    def here(self) -> bool: ...  # noqa: D102
    @property
    def healthy(self) -> bool: ...  # noqa: D102
    @property
    def since(self) -> dt.datetime | None: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def problem(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class AddressState:
    """How one server is, seen from outside.

    Attributes:
        name: such as kafka or key-service-a.
        address: host:port.
        here: whether it is to run on this machine.
        healthy: whether it answers.
        since: when its process began, where that is known, UTC.
        version: of its software, where that is known.
        problem: what is wrong, in a sentence; empty when it is well.
    """

    name: str
    address: str
    here: bool
    healthy: bool
    since: dt.datetime | None = None
    version: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Matter:
    """Something that somebody has to see to, or that is being waited for.

    Attributes:
        kind: `conservation`, `server`, `unknown`, `task`, `gap`, `parcel`, `held`, `waiting`, `unread`, `close`,
            `statement`, `quarantine`, `source` or `action`.
        text: what it is, in a sentence.
        turn: whose turn it is: participants, or `operator`, who runs the servers.
        since: since when, UTC; None when that is not known.
        todo: what to do.
        urgent: whether nothing goes on by itself until somebody acts.
        count: of what it is about: parcels, events, rows or actions.
    """

    kind: str
    text: str
    turn: tuple[str, ...]
    since: dt.datetime | dt.date | None = None
    todo: str = ""
    urgent: bool = False
    count: int = 1


@dataclass
class NetworkStatus:
    """How the network stands, as far as it is seen from this machine.

    Attributes:
        at: when it was looked at, UTC.
        participants: those whose keys are here, or that were asked for.
        others: id, name and kind of the others in the directory.
        servers: those that the settings name.
        alerts: the last alarms of the schedule, the newest last.
        matters: what waits, failed or has to be seen to, the most urgent first.
    """

    at: dt.datetime
    participants: list[ParticipantStatus]
    others: Sequence[Mapping[str, str]] = ()
    servers: Sequence[ServerState] = ()
    alerts: Sequence[Mapping[str, str]] = ()
    matters: list[Matter] = field(default_factory=list)
