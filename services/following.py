"""Receiving without end: what arrives is stored within seconds, and one participant's trouble is not another's."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from threading import Event

from services import tasks
from services.errors import Retryable, SpiegelnetError
from services.parallel import each
from services.receiving.collecting import CollectReport


def receive_or_tell(root: Path, participant: str) -> CollectReport | SpiegelnetError:
    """Collect what waits for a participant; return the reason where that fails, so that others go on."""
    try:
        return tasks.receive(root, participant)
    except SpiegelnetError as reason:
        return reason


def follow(
    root: Path,
    participants: Sequence[str],
    pool: Executor,
    ended: Event,
    pause: float,
    tell: Callable[[Sequence[CollectReport], Sequence[SpiegelnetError]], None],
) -> None:
    """Collect again and again until `ended` is set or nobody is left; a round that has begun is finished.

    A participant for whom a person must act first is left out from then on.

    Args:
        root: the network's home.
        participants: who receives.
        pool: the workers.
        ended: set it to stop.
        pause: seconds between two rounds.
        tell: called after each round with what arrived, and with what has to be tried again or ended for a participant;
            empty lists when nothing happened.

    Raises:
        Fatal, NotAllowed: at the end, the first reason for which a participant was left out, for instance because a
            topic was made anew.
    """
    going, failed = list(participants), list[SpiegelnetError]()
    while going and not ended.is_set():
        results = each(pool, receive_or_tell, [(root, item) for item in going], lambda: None)
        reports = [item for item in results if isinstance(item, CollectReport)]
        errors = [item for item in results if isinstance(item, SpiegelnetError)]
        postponed = [reason for item in reports for reason in item.postponed]
        tell([item for item in reports if item.parcels or item.refused], [*errors, *postponed])
        failed += [item for item in errors if not isinstance(item, Retryable)]
        going = [who for who, item in zip(going, results, strict=True) if isinstance(item, CollectReport | Retryable)]
        if going:
            ended.wait(pause)
    if failed:
        raise failed[0]
