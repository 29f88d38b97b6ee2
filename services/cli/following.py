"""Showing what is received without end, until the process is asked to stop."""

import signal
from collections.abc import Sequence
from threading import Event

from services.cli.console import print_json, show_error
from services.cli.reports import receive_json, show_received
from services.errors import SpiegelnetError
from services.following import follow
from services.network import Network
from services.parallel import workers
from services.receiving.collecting import CollectReport


def follow_and_show(network: Network, participants: Sequence[str], pause: int, *, json: bool) -> None:
    """Receive until SIGINT or SIGTERM; each round that brought something is shown, and who waits or is left out."""
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())

    def tell(arrived: Sequence[CollectReport], reasons: Sequence[SpiegelnetError]) -> None:
        if arrived and json:
            print_json([receive_json(report) for report in arrived])
        elif arrived:
            show_received(arrived)
        for reason in reasons:
            show_error(reason)

    with workers(min(network.settings.machine.workers, len(participants))) as pool:
        follow(network.home.root, participants, pool, ended, pause, tell)
