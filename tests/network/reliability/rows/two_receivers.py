"""Two live receivers of one node at the same moment."""

from services import tasks
from tests.network.reliability.children import start
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Site

EVENTS = 6_000
FILES = 6
ENOUGH = 10
"""Rounds after which two receivers that still overtake each other are a fault."""


def run(site: Site, seed: int) -> Outcome:  # noqa: ARG001 - who is first is the machine's choice, not the seed's
    """Start two receivers together, those that were overtaken again, and look."""
    place = site.shared("two-receivers")
    wrong = place.send(place.export(EVENTS, FILES))
    live, overtaken, rounds = 2, 0, 0
    while live and rounds < ENOUGH:
        rounds += 1
        children = [start(tasks.receive, site.root, place.town) for _ in range(live)]
        endings = [child.ending() for child in children]
        live = sum(bool(ending.postponed) for ending in endings)
        overtaken += live
        wrong += [f"a receiver {ending.fault}" for ending in endings if ending.fault]
    if live:
        wrong.append(f"the receivers overtook each other in {rounds} rounds")
    found = place.check()
    return Outcome(found.lost, found.twice, 1, (*wrong, *found.wrong), {"overtaken": overtaken})


ROW = Row("two-receivers", "two live receivers of one node", "0 twice", 100, run, EVENTS)
