"""The steps that the schedule runs: the same as one command, killed and run again, two at once, and when it waits."""

import datetime as dt
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import month, steps, tasks
from services.arrivals import arrivals
from services.errors import Fatal, Rejected, Retryable
from services.home import Home
from services.network import Network
from services.sending.sender import open_sender
from services.sending.sources import source_files
from tests.network_state import events, messages, published, release_state, sender_state
from tests.small_network import AFTER, BACK, BEFORE, KINDS, MUNICIPALITIES, PARTNERS, arrears, copied, export, texts

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]
At = Callable[[str], None]
CHAIN = (steps.close, steps.release, steps.report)
STEPS = {
    "close": {"keep snapshots", "write close"},
    "release": {"publish cells", "log releases", "publish quality"},
    "report": {"enqueue", "enqueued", "append", "appended"},
}


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def chain(root: Path, town: str, months: tuple[str, ...]) -> None:
    for one in months:
        for step in CHAIN:
            step(root, town, [one])


def test_the_steps_month_by_month_give_the_same_release_as_one_command_for_all(at_stage: AtStage) -> None:
    together, apart = at_stage("received"), at_stage("received")
    tasks.month(together, TOWN, BACK, AFTER)
    chain(apart, TOWN, BACK)
    expected = release_state(together, TOWN)
    found = release_state(apart, TOWN)
    assert found.keys() == expected.keys()
    for name in ("published.cells", "published.quality"):
        assert found[name] == expected[name], name
    ids = [{row[0] for row in state["node.releases"]} for state in (found, expected)]
    assert ids[0] == ids[1]
    assert len(set(messages(apart, "hub"))) == len(set(messages(together, "hub")))
    tasks.benchmark(apart)
    tasks.benchmark(together)
    cells = [published(root, "hub")["network.cells"] for root in (apart, together)]
    assert cells[0].equals(cells[1])


@pytest.mark.parametrize("number", range(len(CHAIN)), ids=list(STEPS))
def test_a_step_that_ended_at_any_point_and_ran_again_leaves_the_same(number: int, at_stage: AtStage) -> None:
    step, one, chance = CHAIN[number], ["2025-11"], random.Random(number)
    start = at_stage("received")
    for before in CHAIN[:number]:
        before(start, TOWN, one)
    whole = copied(start, start.parent / f"{start.name}-whole")
    passed: Counter[str] = Counter()
    step(whole, TOWN, one, at=lambda name: passed.update([name]))
    assert set(passed) == list(STEPS.values())[number]
    expected = (release_state(whole, TOWN), sender_state(whole, TOWN), len(messages(whole, "hub")))
    for name, times in passed.items():
        root = copied(start, start.parent / f"{start.name}-{name}")
        with pytest.raises(EndedHere):
            step(root, TOWN, one, at=_ends_at(name, chance.randint(1, times)))
        step(root, TOWN, one)
        found = (release_state(root, TOWN), sender_state(root, TOWN), len(set(messages(root, "hub"))))
        assert found == expected, name


def _ends_at(step: str, nth: int) -> At:
    left = [nth]

    def at(name: str) -> None:
        left[0] -= name == step
        if not left[0]:
            raise EndedHere

    return at


def test_of_two_that_close_the_same_month_at_once_one_writes_it_down_and_the_other_finds_it(at_stage: AtStage) -> None:
    """Between the look and the writing of the second, events arrive and the first closes."""
    root, one = at_stage("received"), ["2025-11"]
    network = Network.open(root)
    released: dict[str, object] = {}

    def first(name: str) -> None:
        if name != "write close" or released:
            return
        path = export(Home(root).participant("hc-huis").sources, "rent", more(), "_later")
        tasks.send(root, "hc-huis", [path])
        chain(root, TOWN, ("2025-11",))
        released.update(release_state(root, TOWN))
        tasks.receive(root, TOWN)

    with open_sender(network, TOWN, at=first) as sender, pytest.raises(Retryable):
        month.close(network, sender, one, today=AFTER)
    chain(root, TOWN, ("2025-11",))
    found = release_state(root, TOWN)
    assert found["node.closes"] == released["node.closes"]
    assert found["published.cells"] == released["published.cells"]


def more() -> pl.DataFrame:
    return texts("rent", arrears(TOWN, "2025-11", range(4001, 4061)))


def test_months_of_one_node_at_once_are_each_released_once(at_stage: AtStage) -> None:
    root, alone = at_stage("received"), at_stage("received")
    chain(alone, TOWN, BACK)

    def insist(one: str) -> None:
        for step in CHAIN:
            while True:
                try:
                    step(root, TOWN, [one])
                except Retryable:
                    continue
                break

    both = [threading.Thread(target=insist, args=(one,)) for one in (*BACK, *BACK)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    found, expected = published(root, TOWN)["published.cells"], published(alone, TOWN)["published.cells"]
    assert found.sort(found.columns).equals(expected.sort(expected.columns))
    assert len(release_state(root, TOWN)["node.releases"]) == len(release_state(alone, TOWN)["node.releases"])


def test_nothing_is_released_of_a_month_that_is_not_closed(at_stage: AtStage) -> None:
    root = at_stage("received")
    for step in (steps.release, steps.report):
        with pytest.raises(Fatal, match=f"{TOWN} has not closed 2025-11"):
            step(root, TOWN, ["2025-11"])


def test_a_close_is_awaited_until_all_have_stated_or_the_closing_day(at_stage: AtStage) -> None:
    root = at_stage("closed")
    network = Network.open(root)
    with pytest.raises(Retryable, match="No complete delivery statement of"):
        month.await_close(network, TOWN, ["2025-12"], BEFORE)
    month.await_close(network, TOWN, ["2025-12"], AFTER)
    month.await_close(network, TOWN, list(BACK), dt.date(2025, 10, 1))  # closed before
    for sender in (*PARTNERS, *MUNICIPALITIES):
        tasks.send(root, sender, [], ["2025-12"])
    tasks.receive(root, TOWN)
    month.await_close(network, TOWN, ["2025-12"], dt.date(2026, 1, 1))
    with pytest.raises(Retryable, match="The month has not ended"):
        month.await_close(network, TOWN, ["2025-12"], dt.date(2025, 12, 31))


def test_a_month_of_which_nobody_stated_anything_closes_only_when_somebody_asks_for_it(at_stage: AtStage) -> None:
    root = at_stage("closed")
    steps.await_close(root, TOWN, ["2025-12"], asked_for=True)
    with pytest.raises(Rejected, match=f"{TOWN} does not close 2025-12 by itself") as refused:
        steps.await_close(root, TOWN, ["2025-12"], asked_for=False)
    assert "`spiegelnet schedule run node_month --period 2025-12`" in refused.value.todo
    tasks.send(root, "hc-huis", [], ["2025-12"])
    tasks.receive(root, TOWN)
    steps.await_close(root, TOWN, ["2025-12"], asked_for=False)
    tasks.month(root, TOWN, ["2025-09"], AFTER)  # asked for
    steps.await_close(root, TOWN, ["2025-09"], asked_for=False)


def test_who_has_nothing_waiting_is_not_bothered(at_stage: AtStage) -> None:
    root = at_stage("sent")
    assert steps.waiting(root) == [*MUNICIPALITIES, "hub"]
    for name in (*MUNICIPALITIES, "hub"):
        tasks.receive(root, name)
    answered = {"cbs", *PARTNERS, *MUNICIPALITIES}
    assert steps.waiting(root) == sorted(answered)
    Home(root).participant("hc-huis").keys.unlink()
    assert steps.waiting(root) == sorted(answered - {"hc-huis"})
    for name in steps.waiting(root):
        tasks.receive(root, name)
    assert steps.waiting(root) == []


def test_a_held_delivery_is_told_with_the_sentence_of_its_contract_until_it_is_lifted(at_stage: AtStage) -> None:
    root = at_stage("empty")
    steps.require_nothing_held(root, TOWN)
    send_dirty(root)
    with pytest.raises(Rejected) as refused:
        steps.require_nothing_held(root, TOWN)
    assert "gm0664 holds 1 delivery; " in refused.value.what
    assert "payment_arrears of es-stroom, 45 events, quarantined_share: " in refused.value.why
    assert "more than 20% of the events are quarantined" in refused.value.why
    assert f"spiegelnet quarantine list {TOWN}" in refused.value.todo


def send_dirty(root: Path) -> None:
    """Deliver 60 signals, a quarter of them with an amount that no contract allows."""
    cells = texts("energy", arrears(TOWN, "2025-11", range(3001, 3061)))
    amount = KINDS["energy"].roles["amount"]
    bad = pl.int_range(pl.len()) % 4 == 0
    cells = cells.with_columns(pl.when(bad).then(pl.lit("-12")).otherwise(amount).alias(amount))
    path = export(Home(root).participant("es-stroom").sources, "energy", cells, "_dirty")
    assert not tasks.send(root, "es-stroom", [path]).broken
    tasks.receive(root, TOWN)


def test_exports_are_sent_once_they_are_whole_and_the_month_before_is_stated_at_its_beginning(
    at_stage: AtStage,
) -> None:
    root = at_stage("made")
    sources = Home(root).participant("es-stroom").sources
    assert "es-stroom" in steps.senders(root)
    fresh = steps.send_new(root, "es-stroom", dt.date(2025, 12, 3))
    assert (fresh.files, fresh.statements, fresh.parcels) == ([], 0, 0)
    for path in sources.iterdir():
        os.utime(path, (0, 0))
    sent = steps.send_new(root, "es-stroom", dt.date(2025, 12, 6))
    assert len(sent.files) == 2
    assert sent.statements == 0
    stated = steps.send_new(root, "es-stroom", dt.date(2025, 12, 5))
    assert stated.statements == len(MUNICIPALITIES)
    again = steps.send_new(root, "es-stroom", dt.date(2025, 12, 5))
    assert again.parcels == 0
    (sources / "energie_achterstanden_2026.csv").write_text("no export\n")
    os.utime(sources / "energie_achterstanden_2026.csv", (0, 0))
    with pytest.raises(Rejected, match="1 of 3 files of es-stroom could not be read"):
        steps.send_new(root, "es-stroom", dt.date(2026, 1, 2))


def test_who_has_nothing_to_send_states_the_month_all_the_same(at_stage: AtStage) -> None:
    root = at_stage("empty")
    assert steps.senders(root) == sorted({*PARTNERS, *MUNICIPALITIES})
    for sender in ("hc-huis", TOWN):
        assert source_files(Home(root).participant(sender).sources) == []
        assert steps.send_new(root, sender, dt.date(2025, 12, 3)).statements > 0
    tasks.receive(root, TOWN)
    stated = events(root, TOWN, "delivery_statement")
    assert set(stated.select("sent_by", "period", "event_count", "complete").iter_rows()) == {
        ("hc-huis", "2025-11", 0, True),
        (TOWN, "2025-11", 0, True),
    }


def test_the_benchmark_waits_for_all_until_nothing_comes_any_more_and_names_who_is_missing(at_stage: AtStage) -> None:
    root = at_stage("received")
    network = Network.open(root)
    for town in MUNICIPALITIES[:2]:
        tasks.month(root, town, BACK, AFTER)
    tasks.receive(root, "hub")
    today = came_on(root)
    tomorrow = today + dt.timedelta(days=1)
    october, november = arrivals(network)
    assert (october.period, november.period) == BACK
    assert november.missing == MUNICIPALITIES[2:]
    assert [item.is_due(today) for item in (october, november)] == [False, False]
    assert [item.is_due(tomorrow) for item in (october, november)] == [True, True]
    assert steps.run_benchmark(network, today=today).periods == []
    steps.run_benchmark(network, today=tomorrow)
    told = published(root, "hub")["benchmark.periods"].filter(period="2025-11").row(0, named=True)
    assert (told["municipalities"], told["released"], told["missing"], told["complete"]) == (3, 2, ["gm0715"], False)
    assert [item.is_new for item in arrivals(network)] == [False, False]
    tasks.month(root, MUNICIPALITIES[2], BACK, AFTER)
    tasks.receive(root, "hub")
    assert [item.is_due(today) for item in arrivals(network)] == [True, True]
    steps.benchmark(root, [])
    assert published(root, "hub")["benchmark.periods"]["complete"].to_list() == [True, True]
    assert [item.is_new for item in arrivals(network)] == [False, False]


@pytest.mark.parametrize("step", ["publish benchmark.figures", "publish benchmark.periods", "publish network.cells"])
def test_a_benchmark_that_ended_before_all_was_told_is_made_again(step: str, at_stage: AtStage) -> None:
    root = at_stage("received")
    network = Network.open(root)
    for town in MUNICIPALITIES[:2]:
        tasks.month(root, town, BACK, AFTER)
    tasks.receive(root, "hub")
    steps.run_benchmark(network, today=came_on(root) + dt.timedelta(days=1))
    tasks.month(root, MUNICIPALITIES[2], BACK, AFTER)
    tasks.receive(root, "hub")

    def end(name: str) -> None:
        if name == step:
            raise EndedHere

    with pytest.raises(EndedHere):
        steps.benchmark(root, [], at=end)
    assert [item.is_due(came_on(root)) for item in arrivals(network)] == [True, True]
    steps.benchmark(root, [])
    assert published(root, "hub")["benchmark.periods"]["complete"].to_list() == [True, True]
    assert [item.is_new for item in arrivals(network)] == [False, False]


def test_a_period_that_nobody_may_close_late_waits_until_the_closing_day_is_over(at_stage: AtStage) -> None:
    [asked] = [item for item in steps.standing(at_stage("closed"), ["2099-12"]) if item.missing == MUNICIPALITIES]
    assert [asked.is_due(dt.date(2100, 1, day)) for day in (9, 10, 11)] == [False, False, True]


def test_what_was_published_once_stays_while_the_benchmark_waits_for_more(at_stage: AtStage) -> None:
    root = at_stage("received")
    network = Network.open(root)
    tasks.month(root, TOWN, BACK, AFTER)
    tasks.receive(root, "hub")
    steps.run_benchmark(network, today=came_on(root) + dt.timedelta(days=1))
    tasks.month(root, MUNICIPALITIES[1], BACK, AFTER)
    tasks.receive(root, "hub")
    today = came_on(root)
    assert [(item.is_new, item.is_due(today)) for item in arrivals(network)] == [(True, False)] * len(BACK)
    assert [item.period for item in steps.run_benchmark(network, today=today).periods] == list(BACK)


def came_on(root: Path) -> dt.date:
    """The day on which the hub got its last observation."""
    day = events(root, "hub", "indicator_observation")["received_on"].max()
    assert isinstance(day, dt.date)
    return day


def test_a_period_that_nobody_released_is_told_once_asked_for(at_stage: AtStage) -> None:
    root = at_stage("closed")
    assert steps.periods_about(["2025-12", "2025-Q2"]) == ["2025", "2025-12", "2025-Q2", "2025-Q4"]
    [asked] = [item for item in steps.standing(root, ["2025-12"]) if item.period == "2025-12"]
    assert (asked.released, asked.missing, asked.is_new) == ((), MUNICIPALITIES, True)
    steps.benchmark(root, ["2025-12"])
    told = published(root, "hub")["benchmark.periods"].filter(period="2025-12").row(0, named=True)
    assert (told["released"], told["complete"]) == (0, False)
    assert not any(item.is_new for item in steps.standing(root, ["2025-12"]))


def test_sums_that_were_refused_are_an_error_that_names_them() -> None:
    steps.require_sums([])
    with pytest.raises(Rejected, match="evictions of pv29 in 2025 was not released"):
        steps.require_sums([("2025", "pv29", "evictions")])
