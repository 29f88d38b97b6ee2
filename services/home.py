"""Where a network's state lives on one machine: one folder, and one folder in it per participant.

A participant's folder holds all that this participant alone may read: its keys, its private warehouse, its outbox.
Only `published/` is meant for others.
"""

from dataclasses import dataclass
from pathlib import Path

from services.errors import Fatal


@dataclass(frozen=True)
class ParticipantHome:
    """The folder of one participant."""

    root: Path

    @property
    def keys(self) -> Path:
        """Secret keys, readable by the owner only."""
        return self.root / "keys.json"

    @property
    def story_key(self) -> Path:
        """The key under which words of stories are sealed, readable by the owner only."""
        return self.root / "story.key"

    @property
    def outbox(self) -> Path:
        """Sealed parcels, sent and waiting."""
        return self.root / "outbox.sqlite"

    @property
    def pseudonyms(self) -> Path:
        """Encrypted cache of pseudonyms per receiver and epoch."""
        return self.root / "pseudonyms.sqlite"

    @property
    def journal(self) -> Path:
        """What was read, sent and refused at the source."""
        return self.root / "journal.sqlite"

    @property
    def parcels(self) -> Path:
        """What became of each parcel that arrived."""
        return self.root / "parcels.sqlite"

    @property
    def replay(self) -> Path:
        """The replay window: sequences seen per stream."""
        return self.root / "replay.sqlite"

    @property
    def runs(self) -> Path:
        """When its tasks ran last and how they ended."""
        return self.root / "runs.sqlite"

    @property
    def standing(self) -> Path:
        """What its store holds, counted; follows from the store and may be removed."""
        return self.root / "standing.sqlite"

    @property
    def asked(self) -> Path:
        """Who asked its private events, when, what for and what."""
        return self.root / "asked.sqlite"

    @property
    def stories(self) -> Path:
        """What a municipality does with stories: who read them, what was answered, quotes; texts in it are sealed."""
        return self.root / "stories.sqlite"

    @property
    def sessions(self) -> Path:
        """Duiding sessions of a municipality: agendas, readings, conclusions, actions; their words are sealed."""
        return self.root / "sessions.sqlite"

    @property
    def access(self) -> Path:
        """This participant's passwords at the servers of the network."""
        return self.root / "access.json"

    @property
    def sources(self) -> Path:
        """Exports of this participant's own systems."""
        return self.root / "sources"


@dataclass(frozen=True)
class Home:
    """The folder of a network on one machine."""

    root: Path

    @property
    def directory(self) -> Path:
        """Participants and their public keys."""
        return self.root / "directory.json"

    @property
    def broker(self) -> Path:
        """The log of parcels."""
        return self.root / "broker.sqlite"

    @property
    def key_services(self) -> Path:
        """Seeds of the two key services that run in process here."""
        return self.root / "key-services"

    @property
    def servers(self) -> Path:
        """Configuration, data, logs and process ids of the servers that run here."""
        return self.root / "servers"

    @property
    def operator(self) -> Path:
        """The passwords of the operator of the servers."""
        return self.servers / "operator.json"

    @property
    def ca(self) -> Path:
        """The certificate by which clients know the servers of the network (PEM)."""
        return self.root / "ca.pem"

    @property
    def alerts(self) -> Path:
        """What the schedule has raised the alarm about, a line of JSON each."""
        return self.root / "alerts.jsonl"

    def lineage(self, participant_id: str) -> Path:
        """Return the file of a participant's OpenLineage events, a line of JSON each."""
        return self.root / "lineage" / f"{participant_id}.jsonl"

    @property
    def address_reference(self) -> Path:
        """Postcode and house number to municipality and district."""
        return self.root / "address_reference.csv"

    def participant(self, participant_id: str) -> ParticipantHome:
        """Return the folder of a participant, whether it exists or not."""
        return ParticipantHome(self.root / "participants" / participant_id)

    def require(self) -> "Home":
        """Return this home.

        Raises:
            Fatal: no network was set up here.
        """
        if not self.directory.exists():
            raise Fatal(
                f"There is no network in {self.root}.",
                "The folder has no directory.json.",
                f"Run `spiegelnet demo`, or `spiegelnet init --home {self.root}`, or name another folder with --home.",
            )
        return self
