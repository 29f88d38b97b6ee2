"""The way to the broker fails while parcels are sent and received: it is killed, cut off, slow or half closed.

A fault lasts 2 to 60 seconds, mostly the short end; every kind has every length in turn. What is sent meanwhile waits
in the outbox; after the fault all of it must be through within five minutes.
"""

import time
from collections.abc import Callable
from random import Random

from services import tasks
from tests.network.reliability.children import finish, start
from tests.network.reliability.outcome import TRIES, Outcome, Row
from tests.network.reliability.real import Real, real
from tests.network.reliability.site import Place, Site, chance

EVENTS = 8_000
FILES = 4
LONGEST_DRAIN = 300.0
SECONDS = (2, 2, 5, 5, 10, 60)

Fault = Callable[[Real, Random, float], None]
"""Makes the fault on engines, holds it for so many seconds, and ends it."""


def run(site: Site, seed: int) -> Outcome:
    """Send and receive through one fault, send more meanwhile, and look when all is through."""
    return _run(site, seed, lasts(seed))


def kind(seed: int) -> str:
    """Return the kind of fault of a run."""
    return list(FAULTS)[seed % len(FAULTS)]


def lasts(seed: int) -> int:
    """Return the seconds of a run's fault: from one run of a kind to its next one, the next of `SECONDS`."""
    turn, place = divmod(seed, len(FAULTS))
    return SECONDS[(turn - place) % len(SECONDS)]


def run_small(site: Site, seed: int) -> Outcome:
    """The same with the shortest faults."""
    return _run(site, seed, SECONDS[0])


def _run(site: Site, seed: int, seconds: float) -> Outcome:
    place, random, engines = site.shared("broker", 1, 2, _prepare), chance(seed), real(site)
    wrong, drained, struck = list[str](), 0.0, 0
    for _ in range(TRIES):
        before = engines.broker_line.struck
        wrong, drained = _through(place, kind(seed), random, seconds)
        struck = engines.broker_line.struck - before
        if struck or wrong:
            break
    found = place.check()
    facts = {"drained after (s)": drained}
    return Outcome(found.lost, found.twice, int(struck > 0), (*wrong, *found.wrong), facts)


def _through(place: Place, name: str, random: Random, seconds: float) -> tuple[list[str], float]:
    """Send and receive through a fault; return what went wrong, and the seconds until all was through after it."""
    engines, root = real(place.site), place.site.root
    before = [place.export(EVENTS // 2, FILES // 2, sender) for sender in place.senders]
    children = [start(tasks.send, root, place.senders[0], before[0]), start(tasks.receive, root, place.town)]
    time.sleep(random.uniform(0, place.typical["send"]))
    meanwhile = start(tasks.send, root, place.senders[1], before[1])
    FAULTS[name](engines, random, seconds)
    healed = time.monotonic()
    endings = [child.ending(LONGEST_DRAIN) for child in (*children, meanwhile)]
    wrong = [f"{name}: a process {item.fault}" for item in endings if item.fault]
    for sender, files in zip(place.senders, before, strict=True):
        wrong += place.send(files, sender)
    wrong += place.receive()
    drained = time.monotonic() - healed
    if drained > LONGEST_DRAIN:
        wrong.append(f"{name}: the backlog was through after {drained:.0f} seconds")
    return wrong, drained


def _killed(engines: Real, random: Random, seconds: float) -> None:
    del random
    engines.broker_line.struck += engines.broker_line.links  # they break with the broker
    engines.kill_broker()
    time.sleep(seconds)
    engines.start_broker()


def _cut(engines: Real, random: Random, seconds: float) -> None:
    del random
    engines.broker_line.cut(refuse=True)
    time.sleep(seconds)
    engines.broker_line.heal()


def _deaf(engines: Real, random: Random, seconds: float) -> None:
    del random
    engines.broker_line.weather.deaf = True
    time.sleep(seconds)
    engines.broker_line.heal()


def _slow(engines: Real, random: Random, seconds: float) -> None:
    engines.broker_line.weather.rate = random.choice((20_000, 100_000, 400_000))
    time.sleep(seconds)
    engines.broker_line.heal()


def _half_closed(engines: Real, random: Random, seconds: float) -> None:
    del random
    engines.broker_line.half_close()
    time.sleep(seconds)


def _broken_off(engines: Real, random: Random, seconds: float) -> None:
    """Cut connections in the middle of what they send, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        engines.broker_line.weather.cut_after = random.randrange(600_000)
        time.sleep(0.2)
    engines.broker_line.heal()


FAULTS: dict[str, Fault] = {
    "killed": _killed,
    "cut": _cut,
    "deaf": _deaf,
    "slow": _slow,
    "half closed": _half_closed,
    "broken off": _broken_off,
}


def _prepare(place: Place) -> None:
    """Measure undisturbed runs."""
    for _ in range(2):
        for sender in place.senders:
            files = place.export(EVENTS // 2, FILES // 2, sender)
            place.typical["send"] = finish(tasks.send, place.site.root, sender, files).seconds
        place.receive()


ROW = Row(
    "broker",
    "broker killed and restarted, network cut, slow, half closed, broken off",
    f"0 lost, 0 twice, backlog through within {LONGEST_DRAIN:.0f} s",
    100,
    run,
    EVENTS,
    real_only=True,
)
