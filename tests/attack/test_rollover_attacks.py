"""A sender with false pairs of pseudonyms, and who looks for addresses in what a rollover leaves behind."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import tasks
from services.home import Home
from services.households import ROLLOVER, under_one_name
from services.network import Network
from services.sending.enqueueing import enqueue_once
from services.sending.pseudonyms import outer_pseudonyms
from services.sending.sender import open_sender
from tests.epochs import ENERGY, RENT, THIS_YEAR, TOWN, counted, receive, send_january, send_over_new_year
from tests.network_state import events, intake
from tests.small_network import POSTCODES
from tests.unit.test_households import events as events_of
from tests.unit.test_households import pairs

network = pytest.mark.xdist_group("network")

PERIODS = ["2025-12", "2026-01"]
INDICATORS = ("households_with_signal_share", "multiple_signals_share", "consecutive_signals_share")


def address(house: int) -> str:
    code, _ = POSTCODES[TOWN][house % 2]
    return f"{code}|{house}"


def say(root: Path, sender_id: str, told: list[tuple[int, int]]) -> None:
    """Let a sender say of houses that each is another one in the new year; it may ask pseudonyms of any address."""
    opened = Network.open(root, THIS_YEAR)
    with open_sender(opened, sender_id) as sender, opened.broker(sender_id) as broker:

        def called(epoch: str, side: int) -> pl.Series:
            houses = pl.Series([address(pair[side]) for pair in told])
            return outer_pseudonyms(sender.key_services, sender.cache, TOWN, epoch, "address", houses)

        old, new = called("2025", 0), called("2026", 1)
        frame = pl.DataFrame({"old_address": old, "new_address": new}).with_columns(
            pl.lit("2025").alias("old_epoch"),
            pl.lit("2026").alias("new_epoch"),
            sender.event_ids(ROLLOVER, ROLLOVER, pl.Series([f"{pair}" for pair in told])).alias("event_id"),
        )
        enqueue_once(sender, ROLLOVER, TOWN, frame, bytes(32))
        sender.push(broker)


def households(root: Path) -> list[int]:
    told = counted(root, PERIODS)
    return [told(indicator, period)[0] for indicator in INDICATORS for period in PERIODS]


@network
@pytest.mark.parametrize("first", [True, False])
def test_false_pairs_neither_join_nor_part_the_households_of_another(
    first: bool,  # noqa: FBT001 - a parameter of the test
    at_stage: Callable[[str], Path],
) -> None:
    """The liar swaps houses and joins two in one, before or after the truth is told; it sends no event of its own."""
    root = at_stage("empty")
    liar, false = "wc-water", [(number, number + 1) for number in range(1, 30)] + [(30, 1), (40, 35)]
    send_over_new_year(root)
    if first:
        say(root, liar, false)
    send_january(root)
    if not first:
        say(root, liar, false)
    receive(root)
    told = events(root, TOWN, ROLLOVER)["sent_by"].value_counts().sort("sent_by").rows()
    assert told == [(RENT, 30), (liar, len(false))], "the pairs are there, and were not stopped by chance"
    assert households(root) == [40, len([*range(1, 13), *range(30, 46)]), 10, 0, 0, 12 + 11]


@given(st.data())
def test_whatever_a_liar_says_the_events_of_others_go_by_what_they_said_themselves(data: st.DataObject) -> None:
    names, epochs = st.sampled_from([b"A", b"B", b"C", b"D"]), st.sampled_from(["2024", "2025", "2026"])
    rows = st.tuples(st.sampled_from(["honest", "other", "liar"]), epochs, names)
    given_events = events_of(*data.draw(st.lists(rows, max_size=12)))
    said = data.draw(
        st.lists(st.tuples(st.sampled_from(["honest", "other"]), epochs, names, epochs, names), max_size=6)
    )
    false = data.draw(st.lists(st.tuples(st.just("liar"), epochs, names, epochs, names), max_size=8))
    mixed = data.draw(st.permutations([*said, *false]))
    truth = [pair for pair in mixed if pair[0] != "liar"]

    def of_others(told: list[tuple[str, str, bytes, str, bytes]]) -> pl.DataFrame:
        return under_one_name({"a": given_events, ROLLOVER: pairs(*told)})["a"].filter(pl.col("sent_by") != "liar")

    assert of_others(mixed).equals(of_others(truth))


@network
def test_no_address_stands_in_outbox_cache_store_or_parcels_after_a_rollover(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    send_january(root)
    receive(root)
    sources = {Home(root).participant(item).sources for item in (RENT, ENERGY)}
    wanted = {code.encode() for code, _ in POSTCODES[TOWN]}
    files = [path for path in root.rglob("*") if path.is_file() and not sources & set(path.parents)]
    assert {"outbox.sqlite", "pseudonyms.sqlite", "broker.sqlite"} <= {path.name for path in files}
    telling = {path.name for path in files if any(code in path.read_bytes() for code in wanted)}
    assert telling == {"address_reference.csv"}
    payloads = intake(root, TOWN).filter(event_type=ROLLOVER)["payload"].to_list()
    assert payloads
    assert not any(code in payload for code in wanted for payload in payloads)


@network
def test_what_the_town_stores_of_a_pair_is_its_own_and_not_what_travelled(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    tasks.rollover(root, RENT, clock=THIS_YEAR)
    receive(root)
    with open_sender(Network.open(root, THIS_YEAR), RENT) as sender:
        houses = pl.Series([address(number) for number in range(1, 31)])
        outer = {
            each
            for epoch in ("2025", "2026")
            for each in outer_pseudonyms(sender.key_services, sender.cache, TOWN, epoch, "address", houses)
        }
    stored = events(root, TOWN, ROLLOVER)
    assert len(outer) == 60
    assert not outer & {*stored["old_address"], *stored["new_address"]}
    signals = events(root, TOWN, "payment_arrears").filter(sent_by=RENT)
    assert {*stored["old_address"]} == {*signals["address"]}, "by the town's key both are what its events go by"
