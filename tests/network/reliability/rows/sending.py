"""A sender is killed at a random moment and run again."""

from services import tasks
from tests.network.reliability.children import DONE, KILLED, Ending, finish, killed_at_random
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Place, Site, chance

EVENTS = 5_000
FILES = 5
TOWNS = 2


def run(site: Site, seed: int) -> Outcome:
    """Kill a sender once, let it go on, receive and look."""
    place, random = site.shared("sender", TOWNS, prepare=_prepare), chance(seed)
    wrong, ended = list[str](), Ending(DONE)
    while ended.how == DONE:  # it was quicker than its kill: a next one
        files = place.export(EVENTS, FILES)
        work = (site.root, place.sender, files)
        ended = killed_at_random(tasks.send, work, place.typical["send"], random)
    if ended.how != KILLED:
        wrong.append(f"the sender ended as {ended.how} before its kill: {ended.text}")
    wrong += place.send(files) + place.receive()
    found = place.check()
    return Outcome(found.lost, found.twice, int(ended.how == KILLED), (*wrong, *found.wrong))


def _prepare(place: Place) -> None:
    """Measure an undisturbed run, and let the cache get its pseudonyms."""
    for _ in range(2):
        place.typical["send"] = finish(tasks.send, place.site.root, place.sender, place.export(EVENTS, FILES)).seconds


ROW = Row("sender", "kill -9 of a sender at random points", "0 lost, 0 twice", 200, run, EVENTS)
