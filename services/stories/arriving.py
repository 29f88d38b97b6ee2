"""After receiving: a node follows the stories, consents and quotes that came, and does nothing where none did.

What it has followed is known by the state of the tables that it rests on, so a run that ended halfway is made up for by
the next one.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from services.directory import HUB
from services.network import Network
from services.sending.sender import Sender
from services.sqlite import open_database, reading, transaction
from services.store.events import table_name
from services.store.newest import table_states

_OF_STORIES: Final = ("story", "story_consent", "withdrawal", "correction")
_OF_QUOTES: Final = ("story_quote", "withdrawal", "correction")
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS followed (state TEXT NOT NULL)"


def follow_stories(network: Network, participant: str, sender: Sender, *, anyway: bool = False) -> int:
    """Bring desk, quotes and what others are told up to what a participant received; return the number of parcels.

    A municipality notes new stories as received, tells back what happened, and withdraws quotes without consent. The
    hub shows the quotes that stand.

    Args:
        network: the network.
        participant: who received.
        sender: the same.
        anyway: also when no table changed, since events were held that counted before.

    Raises:
        Retryable, Fatal: a file or table cannot be used; run again.
    """
    kind = network.directory.get(participant).kind
    if kind not in ("municipality", HUB):
        return 0
    types = _OF_QUOTES if kind == HUB else _OF_STORIES
    state = _state(network, participant, types)
    path = network.home.participant(participant).stories
    if state is None or (not anyway and state == _followed(path)):
        return 0
    parcels = _at_hub(network) if kind == HUB else _at_desk(network, participant, sender)
    _note(path, state)
    return parcels


def _at_hub(network: Network) -> int:
    from services.stories.at_hub import follow_quotes  # noqa: PLC0415 - for who has quotes

    follow_quotes(network)
    return 0


def _at_desk(network: Network, municipality: str, sender: Sender) -> int:
    from services.stories.desk.following import follow  # noqa: PLC0415 - for who has stories

    return follow(network, municipality, sender)


def _state(network: Network, participant: str, types: Sequence[str]) -> str | None:
    """Return what names the state of these types' tables together; None while nothing of the first came."""
    root = network.home.participant(participant).root
    states = table_states(root, "private", network.database(participant))
    found = {name: states.get(table_name(name)) for name in types}
    if found[types[0]] is None:
        return None
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _followed(path: Path) -> str | None:
    with closing(open_database(path, _SCHEMA, durable=True)) as database, reading(path):
        found = database.execute("SELECT state FROM followed").fetchone()
    return found and str(found[0])


def _note(path: Path, state: str) -> None:
    with closing(open_database(path, _SCHEMA, durable=True)) as database, transaction(database, path):
        database.execute("DELETE FROM followed")
        database.execute("INSERT INTO followed VALUES (?)", (state,))
