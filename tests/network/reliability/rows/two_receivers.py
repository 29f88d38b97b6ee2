"""Two live receivers of one node at the same moment."""

from services import tasks
from tests.network.reliability.children import at_once, start
from tests.network.reliability.outcome import TRIES, Outcome, Row
from tests.network.reliability.site import Place, Site

EVENTS = 6_000
FILES = 6
ENOUGH = 10
"""Rounds after which two receivers that still overtake each other are a fault."""


def run(site: Site, seed: int) -> Outcome:  # noqa: ARG001 - who is first is the machine's choice, not the seed's
    """Start two receivers together, those that were overtaken again, and look."""
    place = site.shared("two-receivers")
    wrong, overtaken, met = list[str](), 0, False
    for _ in range(TRIES):
        wrong += place.send(place.export(EVENTS, FILES))
        met, times, told = _together(place)
        overtaken += times
        wrong += told
        if met or wrong:
            break
    found = place.check()
    return Outcome(found.lost, found.twice, int(met), (*wrong, *found.wrong), {"overtaken": overtaken})


def _together(place: Place) -> tuple[bool, int, list[str]]:
    """Receive in two processes; return whether both worked at once, how often one was overtaken, what went wrong."""
    live, overtaken, rounds, met, wrong = 2, 0, 0, False, list[str]()
    while live and rounds < ENOUGH:
        rounds += 1
        children = [start(tasks.receive, place.site.root, place.town) for _ in range(live)]
        endings = [child.ending() for child in children]
        met = met or (live > 1 and at_once(endings))
        live = sum(bool(ending.postponed) for ending in endings)
        overtaken += live
        wrong += [f"a receiver {ending.fault}" for ending in endings if ending.fault]
    if live:
        wrong.append(f"the receivers overtook each other in {rounds} rounds")
    return met, overtaken, wrong


ROW = Row("two-receivers", "two live receivers of one node", "0 twice", 100, run, EVENTS)
