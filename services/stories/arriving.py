"""After receiving: a node follows the stories, consents and quotes that came, and does nothing where none did.

What it has followed is known by the state of the tables that it rests on, and of the desk as it was before: a receipt
or an act of a person that ended halfway is made up for by the next receipt.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

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
        anyway: also when neither tables nor desk changed, since events were held that counted before.

    Raises:
        Retryable, Fatal: a file or table cannot be used; run again.
    """
    kind = network.directory.get(participant).kind
    if kind not in ("municipality", HUB):
        return 0
    state = _of_hub(network) if kind == HUB else _of_desk(network, participant)
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


def _of_hub(network: Network) -> str | None:
    """Return what names the state of the hub's tables about quotes; None while no quote came."""
    tables = _tables(network, HUB, _OF_QUOTES)
    return None if tables is None else _digest(tables)


def _of_desk(network: Network, municipality: str) -> str | None:
    """Return what names the state of a municipality's tables about stories and of its desk; None while no story came.

    It is asked before anything is done, so that what another process does at the desk meanwhile is followed next.
    """
    from services.stories.desk.records import open_desk  # noqa: PLC0415 - for who has stories

    tables = _tables(network, municipality, _OF_STORIES)
    return None if tables is None else _digest([tables, open_desk(network, municipality).to_bring_out()])


def _digest(state: object) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _tables(network: Network, participant: str, types: Sequence[str]) -> dict[str, Any] | None:
    """Return the states of these types' tables; None while nothing of the first came."""
    root = network.home.participant(participant).root
    states = table_states(root, "private", network.database(participant))
    found = {name: states.get(table_name(name)) for name in types}
    return None if found[types[0]] is None else found


def _followed(path: Path) -> str | None:
    with closing(open_database(path, _SCHEMA, durable=True)) as database, reading(path):
        found = database.execute("SELECT state FROM followed").fetchone()
    return found and str(found[0])


def _note(path: Path, state: str) -> None:
    with closing(open_database(path, _SCHEMA, durable=True)) as database, transaction(database, path):
        database.execute("DELETE FROM followed")
        database.execute("INSERT INTO followed VALUES (?)", (state,))
