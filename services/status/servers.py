"""Which servers the settings name, and whether something answers at their addresses."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from services.config import Settings
from services.home import Home
from services.places import Place, knock, places
from services.status.model import AddressState, ServerState


def states_by_address(home: Home, settings: Settings) -> Sequence[ServerState]:
    """Return the servers that the settings name, and whether they answer."""
    named = places(settings)
    with ThreadPoolExecutor(max(len(named), 1)) as pool:
        return list(pool.map(lambda place: _probe(home, place), named))


def _probe(home: Home, place: Place) -> AddressState:
    """Say whether something answers at a place, and since when the process runs that was started there."""
    try:
        knock(place)
    except OSError as error:
        problem = f"Nobody answers there ({type(error).__name__})."
        return AddressState(place.name, place.address, place.here, healthy=False, problem=problem)
    since = _since(home, place.name) if place.here else None
    return AddressState(place.name, place.address, place.here, healthy=True, since=since)


def _since(home: Home, name: str) -> dt.datetime | None:
    """When the server's pid file was written, which is when it was started."""
    try:
        written = (home.servers / name / f"{name}.pid").stat().st_mtime
    except OSError:
        return None
    return dt.datetime.fromtimestamp(written, dt.UTC)
