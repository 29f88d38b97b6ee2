"""The key services, or the hub with its broker, are away for a day.

A day is 24 rounds of sending and receiving, one for each hour, one right after the other. Only the waiting between them
is left out; no clock is set.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from services import tasks
from services.errors import Retryable
from tests.network.reliability.children import DONE, finish, start
from tests.network.reliability.events import HOUSES
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.real import real
from tests.network.reliability.site import Place, Site

ROUNDS = 24
EACH = 50
"""Events of a round."""
PATIENCE = 1_200.0
"""Seconds for a whole day."""


def run(site: Site, seed: int) -> Outcome:
    """Let a day pass without one of them, bring it back, and look."""
    return _run(site, seed, ROUNDS)


def run_small(site: Site, seed: int) -> Outcome:
    """The same with a few rounds."""
    return _run(site, seed, 3)


def day(
    root: Path, sender: str, town: str, rounds: Sequence[Path], *, at: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Send and receive, round after round; return why sending and receiving had to be tried again."""
    at("day")
    sending, receiving = list[str](), list[str]()
    for path in rounds:
        try:
            sending += [str(reason) for reason in tasks.send(root, sender, [path]).postponed[:1]]
        except Retryable as reason:
            sending.append(str(reason))
        try:
            tasks.receive(root, town)
        except Retryable as reason:
            receiving.append(str(reason))
    return sending, receiving


def _run(site: Site, seed: int, rounds: int) -> Outcome:
    place = site.shared("away", 1, 1, _prepare)
    return (_without_hub if seed % 2 else _without_key_services)(place, rounds)


def _without_key_services(place: Place, rounds: int) -> Outcome:
    """Addresses that were asked before go on; a file with new ones waits and loses nothing."""
    engines, root = real(place.site), place.site.root
    engines.stop_key_services()
    known = place.export(rounds * EACH, rounds)
    ending = start(day, root, place.sender, place.town, known).ending(PATIENCE)
    wrong = [f"the day {ending.fault}"] if ending.fault else []
    if ending.how == DONE and any(ending.result):
        wrong.append(f"intake did not go on from the cache: {[*ending.result[0], *ending.result[1]][0]}")
    through = place.check()
    wrong += through.wrong
    if through.lost:
        wrong.append(f"{through.lost} events with known addresses did not come through meanwhile")
    new = place.export(EACH, 1, first_house=place.runs * HOUSES + 1)
    waits = finish(tasks.send, root, place.sender, new)
    if not waits.postponed:
        wrong.append(f"sending new addresses without key services ended as {waits.how}: {waits.text}")
    engines.start_key_services()
    return _back(place, new, wrong, met=bool(waits.postponed))


def _without_hub(place: Place, rounds: int) -> Outcome:
    """What is sent waits in the outbox, in its order."""
    engines, root = real(place.site), place.site.root
    engines.stop_broker()
    files = place.export(rounds * EACH, rounds)
    ending = start(day, root, place.sender, place.town, files).ending(PATIENCE)
    wrong = [f"the day {ending.fault}"] if ending.fault else []
    if ending.how == DONE and not all(len(said) == rounds for said in ending.result):
        wrong.append("a round without broker did not say that it must be run again")
    engines.start_broker()
    met = ending.how == DONE and any(ending.result)
    return _back(place, [], wrong, met=met)


def _back(place: Place, files: list[Path], wrong: list[str], *, met: bool) -> Outcome:
    """Let all come through; `met` says whether anybody missed what was away."""
    wrong = [*wrong, *place.send(files), *place.receive()]
    found = place.check()
    return Outcome(found.lost, found.twice, int(met), (*wrong, *found.wrong))


def _prepare(place: Place) -> None:
    """Ask for all pseudonyms once."""
    place.send(place.export(HOUSES, 1))
    place.receive()


ROW = Row(
    "away",
    "key service or hub away for a day (24 rounds, the waiting left out)",
    "intake goes on from cache and outbox, 0 lost",
    20,
    run,
    ROUNDS * EACH,
    real_only=True,
)
