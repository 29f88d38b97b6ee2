"""A network's home, opened: settings, directory, event types, and the way to keys, key services and broker."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from services.access import Access
from services.broker import Broker, SqliteBroker
from services.config import CONFIG_FILE, Settings, load_settings
from services.directory import Directory
from services.errors import Fatal, NotAllowed
from services.home import Home
from services.keyservice import InProcessKeyService, KeyService
from services.keyservice.callers import service_id, token_for
from services.keyservice.counted import Asked, Counted
from services.privacy.errors import BadKey
from services.privacy.keys import ParticipantKeys
from services.registry import Registry, load_registry
from services.store.address import Database

Clock = Callable[[], dt.datetime]
"""Tells the time in UTC."""


def utc_now() -> dt.datetime:
    """Return the time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Network:
    """One network on one machine.

    Attributes:
        home: where its state lives.
        settings: validated configuration.
        clock: by which its participants here act.
    """

    home: Home
    settings: Settings
    clock: Clock = utc_now

    @staticmethod
    def open(root: Path, clock: Clock = utc_now) -> "Network":
        """Open the network in `root`.

        Raises:
            Fatal: there is none, or its configuration is refused.
        """
        home = Home(root).require()
        return Network(home, load_settings(root), clock)

    @cached_property
    def directory(self) -> Directory:
        """Participants and public keys."""
        return Directory.load(self.home.directory)

    @property
    def embargo_days(self) -> int:
        """Days after a period's end from which others may see what was released about it, as the directory says.

        Raises:
            Fatal: the settings of this home say another number.
        """
        agreed, here = self.directory.embargo_days, self.settings.release.embargo_days
        if here not in (None, agreed):
            raise Fatal(
                f"The directory has an embargo of {agreed} days, and the settings of this home say {here}.",
                "The whole network has one embargo: with two, one participant would show what another keeps back.",
                f"Take embargo_days out of {CONFIG_FILE} and the environment. Or agree on another number: where the "
                "directory is made, set it there, run `spiegelnet init` again and give everybody directory.json.",
            )
        return agreed

    @cached_property
    def registry(self) -> Registry:
        """Event types with schema and contract."""
        return load_registry()

    @property
    def epoch(self) -> str:
        """The epoch in which pseudonyms are made now: the calendar year."""
        return str(self.today().year)

    def now(self) -> dt.datetime:
        """Return the time in UTC."""
        return self.clock()

    def today(self) -> dt.date:
        """Return today's date in UTC."""
        return self.now().date()

    def hour(self) -> int:
        """Return the hours since 1970, all that a parcel's header tells about time."""
        return int(self.now().timestamp()) // 3600

    @contextmanager
    def broker(self, participant_id: str) -> Iterator[Broker]:
        """Open the log of parcels as one participant, and close it after.

        Nothing is connected before it is used, so that what needs no broker goes on while it is away.
        """
        server = self.settings.broker.server
        if self.settings.broker.kind == "sqlite" or server is None:
            with SqliteBroker(self.home.broker) as log:
                yield log
            return
        from services.broker.kafka import KafkaBroker  # noqa: PLC0415 - a slow import that one machine does not need

        access = self.access(participant_id)
        with KafkaBroker(server, access.participant, access.broker, self.home.ca) as remote:
            yield remote

    def database(self, participant_id: str) -> Database | None:
        """Return where the catalogs of a participant's warehouses are; None when they are files beside the tables."""
        server = self.settings.catalog.server
        if self.settings.catalog.kind == "sqlite" or server is None:
            return None
        return Database(server, participant_id, self.access(participant_id).catalog)

    def access(self, participant_id: str) -> Access:
        """Read a participant's passwords at the servers.

        Raises:
            NotAllowed: they are not on this machine.
            Fatal: the file is damaged.
        """
        return Access.load(self.home.participant(participant_id).access)

    def keys(self, participant_id: str) -> ParticipantKeys:
        """Read a participant's secret keys.

        Raises:
            NotAllowed: they are not on this machine.
            Fatal: the file is damaged.
        """
        path = self.require_keys(participant_id)
        try:
            return ParticipantKeys.from_text(path.read_text("utf-8"))
        except (BadKey, UnicodeDecodeError) as error:
            raise Fatal(
                f"The keys of {participant_id} cannot be used.", f"{error}", f"Restore {path} from a copy."
            ) from None

    @cached_property
    def asked(self) -> Asked:
        """What was asked of the key services by way of this object."""
        return Asked()

    def require_keys(self, participant_id: str) -> Path:
        """Return where a participant's secret keys are.

        Raises:
            NotAllowed: they are not on this machine.
        """
        path = self.home.participant(participant_id).keys
        if not path.exists():
            raise NotAllowed(
                f"The keys of {participant_id} are not on this machine.",
                "Only the participant itself can act in its name.",
                "Run the command where its keys are.",
            )
        return path

    def key_services(self, participant_id: str) -> tuple[KeyService, KeyService]:
        """Return the two key services as one participant asks them: at their addresses, or both in this process.

        Nothing is connected before the first question, and no token is read.
        """
        addresses = self.settings.key_services
        return (
            self._key_service("a", addresses.a, participant_id),
            self._key_service("b", addresses.b, participant_id),
        )

    def _key_service(self, name: str, address: str | None, participant_id: str) -> KeyService:
        if address is None:
            seed = (self.home.key_services / f"{name}.seed").read_bytes()
            return Counted(InProcessKeyService(service_id(name), seed), self.asked)
        from services.keyservice.client import RemoteKeyService  # noqa: PLC0415 - one machine does not need it

        file = self.home.participant(participant_id).access
        known = service_id(name)
        remote = RemoteKeyService(known, address, self.home.ca, lambda: token_for(Access.load(file), known))
        return Counted(remote, self.asked)
