"""One act of a person at the desk: done in the desk's own file, and then brought out and told to whom it concerns."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from services.errors import Retryable
from services.network import Network
from services.runs import running
from services.sending.sender import open_sender
from services.sessions.publishing import follow_stories
from services.stories.desk.publishing import bring_out, withdraw_without_consent
from services.stories.desk.records import Desk, open_desk
from services.stories.desk.showing import find
from services.stories.desk.telling import tell
from services.stories.reading import stories

Result = TypeVar("Result")


@dataclass(frozen=True)
class AtDesk:
    """A municipality's desk, with the stories that its node holds now.

    Attributes:
        network: the network.
        municipality: whose desk.
        desk: its file.
        stories: as `services.stories.reading.stories` gives them.
    """

    network: Network
    municipality: str
    desk: Desk
    stories: pl.DataFrame

    @property
    def today(self) -> dt.date:
        """The day."""
        return self.network.today()

    def story(self, name: str) -> dict[str, Any]:
        """Return the row of a story; see `showing.find`."""
        return find(self.stories, name)


def at_desk(root: Path, municipality: str) -> AtDesk:
    """Open a municipality's desk.

    Raises:
        NotAllowed: it is no municipality, or its keys are not on this machine.
        Retryable, Fatal: the store or the desk's file cannot be used.
    """
    network = Network.open(root)
    desk = open_desk(network, municipality)
    return AtDesk(network, municipality, desk, stories(network, municipality))


def act(root: Path, municipality: str, do: Callable[[AtDesk], Result]) -> tuple[Result, list[Retryable]]:
    """Do something at the desk, then make what is published, and what tellers and hub are told, what it says now.

    Args:
        root: the network's home.
        municipality: whose desk.
        do: changes the desk's file; what it refuses is raised, and nothing is told.

    Returns:
        What `do` returned, and why parcels wait in the outbox, if they do.

    Raises:
        NotAllowed, Retryable, Fatal: as `at_desk`; what was done stays, and is told by the next act or receipt.
    """
    here = at_desk(root, municipality)
    result = do(here)
    with (
        running(here.network, municipality, "stories") as run,
        open_sender(here.network, municipality) as sender,
        here.network.broker(municipality) as broker,
    ):
        present = stories(here.network, municipality)  # consent may have been withdrawn since somebody began to act
        withdraw_without_consent(here.desk, present, here.today)
        parcels = bring_out(here.network, sender, here.desk, present)
        follow_stories(here.network, municipality)
        parcels += tell(here.desk, present, sender)
        _, waits = sender.hand_over(broker)
        run.brings({"parcels": parcels})
        run.waits(waits)
    return result, waits
