"""A network's home, opened: settings, directory, event types, and the way to keys, key services and broker."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from services.broker import SqliteBroker
from services.config import Settings, load_settings
from services.directory import Directory
from services.errors import Fatal, NotAllowed
from services.home import Home
from services.keyservice import InProcessKeyService, KeyService
from services.privacy.errors import BadKey
from services.privacy.keys import ParticipantKeys
from services.registry import Registry, load_registry


@dataclass(frozen=True)
class Network:
    """One network on one machine.

    Attributes:
        home: where its state lives.
        settings: validated configuration.
    """

    home: Home
    settings: Settings

    @staticmethod
    def open(root: Path) -> "Network":
        """Open the network in `root`.

        Raises:
            Fatal: there is none, or its configuration is refused.
        """
        home = Home(root).require()
        return Network(home, load_settings(root))

    @cached_property
    def directory(self) -> Directory:
        """Participants and public keys."""
        return Directory.load(self.home.directory)

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
        return dt.datetime.now(dt.UTC)

    def today(self) -> dt.date:
        """Return today's date in UTC."""
        return self.now().date()

    def hour(self) -> int:
        """Return the hours since 1970, all that a parcel's header tells about time."""
        return int(self.now().timestamp()) // 3600

    def broker(self) -> SqliteBroker:
        """Open the log of parcels."""
        return SqliteBroker(self.home.broker)

    def keys(self, participant_id: str) -> ParticipantKeys:
        """Read a participant's secret keys.

        Raises:
            NotAllowed: they are not on this machine.
            Fatal: the file is damaged.
        """
        path = self.home.participant(participant_id).keys
        if not path.exists():
            raise NotAllowed(
                f"The keys of {participant_id} are not on this machine.",
                "Only the participant itself can act in its name.",
                "Run the command where its keys are.",
            )
        try:
            return ParticipantKeys.from_text(path.read_text("utf-8"))
        except (BadKey, UnicodeDecodeError) as error:
            raise Fatal(
                f"The keys of {participant_id} cannot be used.", f"{error}", f"Restore {path} from a copy."
            ) from None

    def key_services(self) -> tuple[KeyService, KeyService]:
        """Return the two key services; on one machine both run in this process, each on its own seed."""
        a, b = (
            InProcessKeyService(f"ks-{name}", (self.home.key_services / f"{name}.seed").read_bytes()) for name in "ab"
        )
        return a, b
