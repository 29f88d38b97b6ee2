"""Stories that a story point tells in the small network, so that patterns follow."""

from collections.abc import Iterable
from pathlib import Path

from services import tasks
from services.home import Home
from services.setup import Member, create_network
from tests.small_network import MUNICIPALITIES, write

TOWN = MUNICIPALITIES[0]
POINT = "vp-zeeland"
HEADER = (
    "Verhaalnummer;Verteller;Rol;Gemeente;Thema;Aanpak;Aanbieder;Titel;Verhaal;Betekenis;Verteld op;Gebeurd in;"
    "Signalen;Toestemming;Verzonnen"
)


def story(number: int, theme: str, signals: str = "", *, teller: str | None = None, uses: str = "Meetellen") -> str:
    who = f"T-{number}" if teller is None else teller
    return f"V-{number};{who};Inwoner;{TOWN};{theme};;;De brief;Ik wachtte lang.;;10-11-2025;;{signals};{uses};ja"


def tell(root: Path, rows: Iterable[str]) -> None:
    """Send stories as a story point that joined the network, and let the municipality receive them."""
    create_network(root, [Member(POINT, "Vertelpunt", "story_point", None, (TOWN,))])
    folder = Home(root).participant(POINT).sources
    path = write(folder / "bestaande_verhalen_2025-12.csv", "\n".join([HEADER, *rows, ""]).encode())
    assert not tasks.send(root, POINT, [path], ()).broken
    tasks.receive(root, TOWN)
