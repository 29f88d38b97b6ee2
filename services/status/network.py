"""How the network stands, looked at from this machine in one pass."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from services.config import Settings
from services.errors import SpiegelnetError
from services.home import Home
from services.network import Network
from services.status.matters import matters
from services.status.model import NetworkStatus, ParticipantStatus, ServerState
from services.status.participant import from_files, look_at_topic
from services.status.servers import states_by_address

Look = Callable[[Home, Settings], Sequence[ServerState]]
AT_ONCE = 12
"""Participants whose topics are looked at together: mostly waiting for the broker."""
ALERTS_TOLD = 20
_ALERT_FIELDS = ("time", "dag", "task", "participant", "run", "period", "group", "what", "why", "todo")


def network_status(
    network: Network, chosen: Sequence[str] | None = None, month: str | None = None, look: Look = states_by_address
) -> NetworkStatus:
    """Say how the network stands.

    Args:
        network: the network.
        chosen: participants; None for all whose keys are on this machine.
        month: of which missing statements are asked for; see `participant_status`.
        look: says how the servers are.

    Raises:
        NotAllowed: the keys of a participant that was named are not on this machine.
        Fatal: a participant that was named is not in the directory.
    """
    names = list(chosen) if chosen else own_participants(network)
    for name in names:
        network.directory.get(name)
        network.require_keys(name)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        servers = pool.submit(look, network.home, network.settings)
        looks: list[Future[None]] = []
        found = []
        for name in names:  # the stores are read one by one: only those that have changed take any time
            status, offset = _told(network, name, month)
            found.append(status)
            if offset is not None:
                looks.append(pool.submit(look_at_topic, network, status, offset))
        for topic in looks:
            topic.result()
        result = NetworkStatus(network.now(), found, _others(network, names), servers.result())
    result.alerts = last_alerts(network.home.alerts)
    result.matters = matters(result)
    return result


def own_participants(network: Network) -> list[str]:
    """Return the participants whose keys are on this machine, in alphabetical order."""
    return [name for name in sorted(network.directory.participants) if network.home.participant(name).keys.exists()]


def last_alerts(path: Path) -> list[dict[str, str]]:
    """Return the last alarms of the schedule, the newest last; a line that is not whole is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8", "replace").splitlines()[-ALERTS_TOLD:]:
        try:
            alert = json.loads(line)
            found.append({name: str(alert[name]) for name in _ALERT_FIELDS if alert.get(name) is not None})
        except (ValueError, AttributeError, TypeError):
            continue
    return found


def _told(network: Network, name: str, month: str | None) -> tuple[ParticipantStatus, int | None]:
    """Say what a participant's files tell; where they cannot be read, why not."""
    try:
        return from_files(network, name, month)
    except SpiegelnetError as error:
        entry = network.directory.get(name)
        return ParticipantStatus(name, entry.name, entry.kind, unread=None, error=error), None


def _others(network: Network, names: Sequence[str]) -> list[dict[str, str]]:
    people = network.directory.participants
    return [
        {"id": key, "name": people[key].name, "kind": people[key].kind} for key in sorted(people) if key not in names
    ]
