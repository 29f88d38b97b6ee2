"""Receiving without end takes what comes while it runs, waits where it must, and ends when it is told to."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar, cast

import pytest

from services import tasks
from services.broker import Message, SqliteBroker
from services.errors import Fatal, Retryable, SpiegelnetError
from services.following import follow
from services.home import Home
from services.network import Network
from services.parallel import InThisProcess
from services.receiving.collecting import CollectReport, collect, open_node
from services.store.intake import Position
from tests.small_network import MUNICIPALITIES, write_sources

P = ParamSpec("P")
T = TypeVar("T")
TOWN = MUNICIPALITIES[0]
MONTH = ("2025-10",)


def test_what_is_sent_while_it_runs_is_stored_in_the_next_round(at_stage: Callable[[str], Path]) -> None:
    root, ended = at_stage("empty"), Event()
    rounds: list[int] = []

    def tell(arrived: Sequence[CollectReport], waiting: Sequence[SpiegelnetError]) -> None:
        assert not waiting
        rounds.append(sum(item.verdicts["accepted"] for item in arrived))
        if len(rounds) == 1:
            files = write_sources(Home(root), MONTH)["es-stroom"]
            assert tasks.send(root, "es-stroom", files).parcels > 0
        if len(rounds) == 3:
            ended.set()

    follow(root, [TOWN], InThisProcess(), ended, 0.01, tell)
    assert rounds[0] == 0
    assert rounds[1] == 20 + 6  # arrears of 20 houses and 6 stop notices of this municipality
    assert rounds[2] == 0


class _Busy(SqliteBroker):
    """A broker on whose topics something new stands after each read."""

    def read(self, topic: str, offset: int, **how: Any) -> list[Message]:
        found = super().read(topic, offset, **{**how, "max_messages": 1})
        self.append(topic, b"", b"not a parcel")
        return found


def test_a_topic_to_which_something_comes_all_the_time_is_left_when_what_was_there_is_stored(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("sent")
    network = Network.open(root)
    with _Busy(network.home.broker) as broker:
        end = broker.end_offset(f"parcels.{TOWN}")
        report = collect(network, TOWN, broker)
    assert report.parcels == end
    assert open_node(network, TOWN).position() == Position(topic_of(root), end)


def topic_of(root: Path) -> str:
    with Network.open(root).broker(TOWN) as broker:
        return broker.topic_id(f"parcels.{TOWN}")


def test_one_that_has_to_wait_keeps_the_others_from_nothing(at_stage: Callable[[str], Path]) -> None:
    root, ended = at_stage("sent"), Event()
    told: list[tuple[list[str], int]] = []

    def tell(arrived: Sequence[CollectReport], waiting: Sequence[SpiegelnetError]) -> None:
        told.append(([item.participant for item in arrived], len(waiting)))
        ended.set()

    follow(root, MUNICIPALITIES, _RefusesFirst(TOWN), ended, 0.01, tell)
    assert told == [(list(MUNICIPALITIES[1:]), 1)]


class _RefusesFirst(InThisProcess):
    """An executor in which one participant's task meets a broker that is away."""

    def __init__(self, participant: str) -> None:
        self._participant = participant

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._participant not in args:
            return super().submit(fn, *args, **kwargs)
        future: Future[T] = Future()
        future.set_result(cast("T", Retryable("The broker is away.")))
        return future


def test_what_a_person_must_mend_ends_it(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    with pytest.raises(Fatal, match="gm9999"):
        follow(root, ["gm9999"], InThisProcess(), Event(), 0.01, lambda *_: None)


def test_one_for_whom_a_person_must_act_is_told_of_once_and_the_others_go_on(at_stage: Callable[[str], Path]) -> None:
    root, ended = at_stage("sent"), Event()
    told: list[tuple[list[str], list[str]]] = []

    def tell(arrived: Sequence[CollectReport], reasons: Sequence[SpiegelnetError]) -> None:
        told.append(([item.participant for item in arrived], [item.group for item in reasons]))
        if len(told) == 3:
            ended.set()

    with pytest.raises(Fatal, match="gm9999"):
        follow(root, ["gm9999", TOWN], InThisProcess(), ended, 0.01, tell)
    assert told[0] == ([TOWN], ["fatal"])
    assert [reasons for _, reasons in told[1:]] == [[], []]
