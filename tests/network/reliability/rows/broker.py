"""The way to the broker fails while parcels are sent and received: it is killed, cut off, slow or half closed.

How long is shortened: a minute of the real world is 2 to 60 seconds here, mostly the short end. What is sent meanwhile
waits in the outbox; after the fault all of it must be through within five minutes.
"""

import time
from collections.abc import Callable
from random import Random

from services import tasks
from tests.network.reliability.children import finish, start
from tests.network.reliability.outcome import Outcome, Row
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
    random = chance(seed)
    return _run(site, seed, random.choice(SECONDS))


def run_small(site: Site, seed: int) -> Outcome:
    """The same with the shortest faults."""
    return _run(site, seed, SECONDS[0])


def _run(site: Site, seed: int, seconds: float) -> Outcome:
    place, random, engines = site.shared("broker", 1, 2, _prepare), chance(seed), real(site)
    name = list(FAULTS)[seed % len(FAULTS)]
    before = [place.export(EVENTS // 2, FILES // 2, sender) for sender in place.senders]
    children = [start(tasks.send, site.root, place.senders[0], before[0]), start(tasks.receive, site.root, place.town)]
    time.sleep(random.uniform(0, place.typical["send"]))
    meanwhile = start(tasks.send, site.root, place.senders[1], before[1])
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
    found = place.check()
    return Outcome(found.lost, found.twice, 1, (*wrong, *found.wrong), {"drained after (s)": drained})


def _killed(engines: Real, random: Random, seconds: float) -> None:
    engines.kill_broker()
    time.sleep(min(seconds, random.uniform(0, 5)))
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
