"""Stories that a story point tells in the small network, so that patterns follow."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from services import tasks
from services.home import Home
from services.network import Network
from services.sending.enqueueing import enqueue_once
from services.sending.sender import open_sender
from services.setup import Member, create_network
from tests.small_network import MUNICIPALITIES, write

TOWN = MUNICIPALITIES[0]
POINT = "vp-zeeland"
HEADER = (
    "Verhaalnummer;Verteller;Rol;Gemeente;Thema;Aanpak;Aanbieder;Titel;Verhaal;Betekenis;Verteld op;Gebeurd in;"
    "Signalen;Waardering;Toestemming;Verzonnen"
)


def story(
    number: int,
    theme: str,
    signals: str = "",
    *,
    teller: str | None = None,
    uses: str = "Meetellen",
    rating: str = "",
    told: str = "10-11-2025",
) -> str:
    who = f"T-{number}" if teller is None else teller
    return f"V-{number};{who};Inwoner;{TOWN};{theme};;;De brief;Ik wachtte lang.;;{told};;{signals};{rating};{uses};ja"


def tell(root: Path, rows: Iterable[str]) -> None:
    """Send stories as a story point that joined the network, and let the municipality receive them."""
    create_network(root, [Member(POINT, "Vertelpunt", "story_point", None, (TOWN,))])
    tell_more(root, rows, "2025-12")


def tell_more(root: Path, rows: Iterable[str], month: str) -> None:
    """Send further stories, as a file of another month, and let the municipality receive them."""
    folder = Home(root).participant(POINT).sources
    path = write(folder / f"bestaande_verhalen_{month}.csv", "\n".join([HEADER, *rows, ""]).encode())
    assert not tasks.send(root, POINT, [path], ()).broken
    tasks.receive(root, TOWN)


def consent(root: Path, stories: list[bytes], uses: list[str], number: int) -> None:
    """Let the story point pass on what the tellers of some stories allow from now on."""
    with open_sender(Network.open(root), POINT) as sender:
        keys = pl.Series([item.hex() for item in stories])
        frame = pl.DataFrame(
            {
                "event_id": sender.event_ids("story_consent", str(number), keys),
                "story": stories,
                "uses": [uses] * len(stories),
                "number": [number] * len(stories),
                "changed_on": [dt.date(2025, 12, 20)] * len(stories),
            }
        )
        enqueue_once(sender, "story_consent", TOWN, frame, bytes([number]) * 32)
        with Network.open(root).broker(POINT) as broker:
            sender.push(broker)
    tasks.receive(root, TOWN)
