"""A half-sent file goes on under another address reference, or with other participants: nothing is lost or doubled.

What should have come is counted from the rows and the two references alone: batches that were reached go by the old
reference, the others by the new one.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from connectors import connector_for
from services import tasks
from services.home import Home
from services.sending.delivery import digest_of
from services.sending.outbox import Outbox
from services.store.parcels import OPENED, ParcelLog
from tests.network_state import events, sender_state
from tests.small_network import HIGHEST_NUMBER, MUNICIPALITIES, POSTCODES, arrears, export, texts

pytestmark = pytest.mark.xdist_group("network")

SENDER = "hc-huis"
COPIES = 1_250
HOUSES = range(1, 31)
FIRST, SECOND, THIRD = MUNICIPALITIES
OLD = {code: (town, district) for town, places in POSTCODES.items() for code, district in places}
MOVED, GONE = POSTCODES[FIRST][0][0], POSTCODES[THIRD][1][0]
NEW = {**OLD, MOVED: (SECOND, POSTCODES[SECOND][0][1])}
del NEW[GONE]


def rows_in(path: Path, batches: int) -> int:
    """How many rows the first batches of an export have."""
    return sum(batch.rows_read for batch in islice(connector_for(path).read(path), batches))


Places = dict[str, tuple[str, str]]
Counts = Counter[tuple[str, str, int]]


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def ends_at(step: str, nth: int, placed: list[str]) -> Callable[[str], None]:
    """End at the `nth` time of a step, and note how many batches were placed."""
    left = [nth]

    def at(name: str) -> None:
        left[0] -= name == step
        if not left[0]:
            raise EndedHere
        if name == "place":
            placed.append(name)

    return at


def write_reference(root: Path, places: Places) -> None:
    rows = [(code, 1, HIGHEST_NUMBER, *place) for code, place in places.items()]
    header = ["postcode", "house_number_from", "house_number_to", "municipality", "district"]
    pl.DataFrame(rows, schema=header, orient="row").write_csv(Home(root).address_reference)


def rows_of_all_towns() -> pl.DataFrame:
    """More than two batches of rows, of all towns by turns until the third one has no more."""
    houses = pl.concat([arrears(town, "2025-12", HOUSES) for town in MUNICIPALITIES])
    few = houses.filter(pl.col("municipality") != THIRD)
    parts = [houses if copy < COPIES // 2 else few for copy in range(COPIES)]
    numbered = [part.with_columns(pl.col("number") + 100 * copy) for copy, part in enumerate(parts)]
    return pl.concat(numbered).with_columns(number=pl.int_range(pl.len()))


def should_come(rows: pl.DataFrame, reached: int) -> tuple[Counts, int]:
    """Events by town, district and whole euros, and the rows that have no address; `reached` rows go by the old."""
    counts, refused = Counts(), 0
    for number, (code, cents) in enumerate(rows.select("postcode", "cents").iter_rows()):
        place = (OLD if number < reached else NEW).get(code)
        if place:
            counts[*place, (cents + 50) // 100] += 1
        refused += place is None
    return counts, refused


def came(root: Path) -> Counts:
    """Events by town, district and whole euros; each id is there once in the whole network."""
    counts, ids = Counts(), pl.Series("event_id", dtype=pl.Binary)
    for town in MUNICIPALITIES:
        assert tasks.receive(root, town).verdicts.keys() <= {"accepted"}
        found = events(root, town, "payment_arrears")
        ids = pl.concat([ids, found["event_id"].cast(pl.Binary)])
        grouped = found.group_by("district", "amount_eur").len()
        counts.update({(town, district, euros): count for district, euros, count in grouped.rows()})
    assert ids.n_unique() == len(ids) == counts.total()
    return counts


def assert_deliveries_end(root: Path, counts: Counts) -> None:
    """Each town's delivery has one last parcel, and what the sender will state of it is what came."""
    by_town = Counter[str]()
    for (town, _, _), count in counts.items():
        by_town[town] += count
        fates = ParcelLog(Home(root).participant(town).parcels).fates().filter(pl.col("fate") == OPENED)
        assert fates.filter(event_type="payment_arrears")["last"].sum() == 1
    dated = sender_state(root, SENDER)["dated"]
    assert {row[0]: row[5] for row in dated if row[1] == "payment_arrears"} == dict(by_town)
    assert all(row[3] for row in dated)


@pytest.mark.parametrize(
    ("step", "nth", "reached"),
    [("place", 2, 1), ("enqueue", 3, 2), ("enqueue", 5, 3), ("finish file", 1, 3)],
)
def test_batches_that_were_reached_stay_where_they_went_and_the_others_go_by_the_new_reference(
    at_stage: Callable[[str], Path], step: str, nth: int, reached: int
) -> None:
    root, placed = at_stage("empty"), list[str]()
    rows = rows_of_all_towns()
    path = export(Home(root).participant(SENDER).sources, "rent", texts("rent", rows), "_2025-12")
    assert rows_in(path, 1) < rows_in(path, 2) < rows_in(path, 3) == rows.height
    with pytest.raises(EndedHere):
        tasks.send(root, SENDER, [path], at=ends_at(step, nth, placed))
    assert len(placed) == reached
    write_reference(root, NEW)
    report = tasks.send(root, SENDER, [path])
    counts, refused = should_come(rows, rows_in(path, reached))
    assert (report.events.total(), report.refused.total()) == (counts.total(), refused)
    assert came(root) == counts
    assert len(sender_state(root, SENDER)["refused"]) == refused
    assert_deliveries_end(root, counts)
    with closing(Outbox(Home(root).participant(SENDER).outbox)) as outbox:
        assert [outbox.places(digest_of(path), number) for number in range(3)] == [None] * 3
    assert tasks.send(root, SENDER, [path]).parcels == 0


def test_a_municipality_that_joins_in_between_gets_its_rows_from_the_next_batch_on(
    at_stage: Callable[[str], Path],
) -> None:
    root, placed = at_stage("empty"), list[str]()
    rows = rows_of_all_towns()
    path = export(Home(root).participant(SENDER).sources, "rent", texts("rent", rows), "_2025-12")
    directory = Home(root).directory
    everybody = directory.read_text("utf-8")
    content = json.loads(everybody)
    content["participants"] = [entry for entry in content["participants"] if entry["id"] != FIRST]
    directory.write_text(json.dumps(content), "utf-8")
    with pytest.raises(EndedHere):
        tasks.send(root, SENDER, [path], at=ends_at("enqueue", 1, placed))
    assert len(placed) == 2
    directory.write_text(everybody, "utf-8")
    write_reference(root, NEW)
    report = tasks.send(root, SENDER, [path])
    assert report.events.total() + report.refused.total() == rows.height
    reached = rows_in(path, 2)
    counts, unknown = should_come(rows, reached)
    before, _ = should_come(rows.head(reached), reached)
    strangers = {key: count for key, count in before.items() if key[0] == FIRST}
    assert report.refused == Counter(receiver_unknown=sum(strangers.values())) + Counter(address_unknown=unknown)
    assert came(root) == counts - Counter(strangers)
