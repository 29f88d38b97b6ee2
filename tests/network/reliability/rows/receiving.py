"""A receiver is killed, at a random moment or at a named step, and run again."""

from services import tasks
from tests.network.reliability.children import DONE, KILLED, Ending, finish, killed_at_random
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Place, Site, chance

EVENTS = 6_000
FILES = 4
SENDERS = 2
STEPS = (
    "fetch",
    "verify",
    "open",
    "decode",
    "gate",
    "record parcels",
    "write",
    "commit",
    "committed",
    "append typed",
    "typed appended",
    "enqueue",
    "enqueued",
    "append",
    "appended",
)
"""Steps of one run of receiving; from `enqueue` on they answer with receipts."""
ONCE = ("fetch", "append", "appended")
"""Steps to which a run comes once: what was there when it began is read in one go, and so is pushed what is sent."""
PER_STEP = 20


def at_random(site: Site, seed: int) -> Outcome:
    """Kill a receiver once at a random moment, let it go on, and look."""
    place, random = site.shared("receiver", 1, SENDERS, _prepare), chance(seed)
    wrong, ended = list[str](), Ending(DONE)
    while ended.how == DONE:
        wrong += _sent(place)
        ended = killed_at_random(tasks.receive, (site.root, place.town), place.typical["receive"], random)
    return _gone_on(place, ended, wrong)


def at_step(site: Site, seed: int) -> Outcome:
    """Kill a receiver before one of its steps, at one of the times it comes there, let it go on, and look."""
    place, random = site.shared("receiver", 1, SENDERS, _prepare), chance(seed)
    step = STEPS[seed % len(STEPS)]
    wrong = _sent(place)
    passes = 1 if step in ONCE else 2
    ended = finish(tasks.receive, site.root, place.town, die_at=(step, random.randint(1, passes)))
    return _gone_on(place, ended, wrong)


def _sent(place: Place) -> list[str]:
    """Send new events from all senders."""
    return [
        text
        for sender in place.senders
        for text in place.send(place.export(EVENTS // SENDERS, FILES // SENDERS, sender), sender)
    ]


def _gone_on(place: Place, ended: Ending, wrong: list[str]) -> Outcome:
    if ended.how != KILLED:
        wrong.append(f"the receiver ended as {ended.how} before its kill: {ended.text}")
    wrong += place.receive()
    found = place.check()
    return Outcome(found.lost, found.twice, int(ended.how == KILLED), (*wrong, *found.wrong))


def _prepare(place: Place) -> None:
    """Measure an undisturbed run."""
    for _ in range(2):
        _sent(place)
        place.typical["receive"] = finish(tasks.receive, place.site.root, place.town).seconds


RANDOM = Row("receiver", "kill -9 of a receiver at random points", "0 lost, 0 twice", 200, at_random, EVENTS)
NAMED = Row(
    "receiver-steps",
    f"kill -9 of a receiver at each of {len(STEPS)} steps",
    "0 lost, 0 twice",
    PER_STEP * len(STEPS),
    at_step,
    EVENTS,
)
