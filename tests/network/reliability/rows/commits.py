"""The answer to a commit is lost: PostgreSQL commits, and the line is cut before the receiver hears of it."""

from services import tasks
from tests.network.reliability.children import DONE, Ending, finish, start
from tests.network.reliability.files import missing_files
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.proxy import Proxy, Weather
from tests.network.reliability.real import real
from tests.network.reliability.site import Place, Site, chance

EVENTS = 6_000
FILES = 4
COMMIT = b"COMMIT"
MANY = 1_000_000


def run(site: Site, seed: int) -> Outcome:
    """Lose the answer to one of the commits of a receiver, let it go on, and look."""
    line = real(site).catalog_line
    place, random = site.shared("commit-answer", 1, 1, lambda place: _prepare(place, line)), chance(seed)
    wrong, before, ended = list[str](), line.struck, Ending(DONE)
    while line.struck == before:
        wrong += place.send(place.export(EVENTS, FILES))
        line.weather = Weather(lose_answer_to=COMMIT, count=random.randrange(int(place.typical["commits"])))
        ended = start(tasks.receive, site.root, place.town).ending()
        line.heal()
        if ended.fault:
            wrong.append(f"the receiver {ended.fault}")
            break
    wrong += place.receive()
    found = place.check()
    wrong += [*found.wrong, *missing_files(site.root, place.town)]
    noticed = float(not ended.postponed)
    return Outcome(found.lost, found.twice, line.struck - before, tuple(wrong), {"went on by itself": noticed})


def _prepare(place: Place, line: Proxy) -> None:
    """Count the commits of an undisturbed run."""
    for _ in range(2):
        place.send(place.export(EVENTS, FILES))
        line.weather = Weather(lose_answer_to=COMMIT, count=MANY)
        finish(tasks.receive, place.site.root, place.town)
        place.typical["commits"] = MANY - line.weather.count
        line.heal()


ROW = Row(
    "commit-answer",
    "the answer to a commit is lost",
    "0 twice, no missing file",
    100,
    run,
    EVENTS,
    real_only=True,
)
