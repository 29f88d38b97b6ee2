"""Receiving without end: what arrives is stored within seconds, and a broker that is away is waited for."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from threading import Event

from services import tasks
from services.errors import Retryable
from services.parallel import each
from services.receiving.collecting import CollectReport


def receive_or_wait(root: Path, participant: str) -> CollectReport | Retryable:
    """Collect what waits for a participant; return the reason where that has to be tried again, so others go on."""
    try:
        return tasks.receive(root, participant)
    except Retryable as reason:
        return reason


def follow(
    root: Path,
    participants: Sequence[str],
    pool: Executor,
    ended: Event,
    pause: float,
    tell: Callable[[Sequence[CollectReport], Sequence[Retryable]], None],
) -> None:
    """Collect again and again until `ended` is set; a round that has begun is finished.

    Args:
        root: the network's home.
        participants: who receives.
        pool: the workers.
        ended: set it to stop.
        pause: seconds between two rounds.
        tell: called after each round with what arrived and with what has to be tried again; empty lists when nothing
            happened.

    Raises:
        Fatal, NotAllowed: a person must act first, for instance because a topic was made anew.
    """
    while not ended.is_set():
        results = each(pool, receive_or_wait, [(root, item) for item in participants], lambda: None)
        arrived = [item for item in results if isinstance(item, CollectReport) and (item.parcels or item.refused)]
        reasons = [[item] if isinstance(item, Retryable) else item.postponed for item in results]
        tell(arrived, [reason for some in reasons for reason in some])
        ended.wait(pause)
