"""Events of several epochs under one name per household."""

import datetime as dt
from collections.abc import Sequence

import duckdb
import polars as pl

from services.households import ROLLOVER, first_names, under_one_name, views_under_one_name

DAY = dt.date(2026, 1, 5)
PAIRS = {
    "sent_by": pl.String,
    "old_epoch": pl.String,
    "new_epoch": pl.String,
    "old_address": pl.Binary,
    "new_address": pl.Binary,
    "received_on": pl.Date,
    "in_parcel": pl.Binary,
    "in_row": pl.Int32,
}
Pair = tuple[str, str, bytes, str, bytes]
"""Sender, old epoch and pseudonym, new epoch and pseudonym."""


def events(*rows: tuple[str, str, bytes]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"sent_by": pl.String, "epoch": pl.String, "address": pl.Binary}, orient="row")


def pairs(*told: Pair, days: Sequence[int] | None = None) -> pl.DataFrame:
    """Rollovers in the order in which they came: one a day."""
    rows = [
        (
            sender,
            old_epoch,
            new_epoch,
            old,
            new,
            DAY + dt.timedelta(days=days[number] if days else number),
            b"p",
            number,
        )
        for number, (sender, old_epoch, old, new_epoch, new) in enumerate(told)
    ]
    return pl.DataFrame(rows, schema=PAIRS, orient="row")


def named(given: pl.DataFrame, *told: Pair) -> list[bytes]:
    """The addresses by their newest names, in frames and in views alike."""
    in_frames = under_one_name({"a": given, ROLLOVER: pairs(*told)})["a"]
    with duckdb.connect(":memory:") as con:
        con.register("sent", given.with_row_index("place").to_arrow())
        con.execute("CREATE VIEW a AS SELECT * FROM sent")
        views_under_one_name(con, ["a"], pairs(*told))
        in_views = pl.DataFrame(con.sql("SELECT * EXCLUDE (place) FROM a ORDER BY place").to_arrow_table())
    assert in_views.equals(in_frames)
    return in_frames["address"].to_list()


def test_a_pair_moves_the_events_of_its_sender_in_its_epoch_and_no_others() -> None:
    given = events(("s", "2025", b"A"), ("t", "2025", b"A"), ("s", "2026", b"A"), ("s", "2025", b"B"))
    assert named(given, ("s", "2025", b"A", "2026", b"A2")) == [b"A2", b"A", b"A", b"B"]


def test_pairs_are_followed_from_epoch_to_epoch_and_over_one_that_was_left_out() -> None:
    given = events(("s", "2024", b"A"), ("s", "2025", b"A2"), ("s", "2026", b"A3"), ("t", "2024", b"A"))
    told = [
        ("s", "2025", b"A2", "2026", b"A3"),
        ("s", "2024", b"A", "2025", b"A2"),
        ("t", "2024", b"A", "2026", b"A3"),
    ]
    assert named(given, *told) == [b"A3"] * 4


def test_of_two_pairs_for_one_pseudonym_the_one_that_leads_further_is_followed() -> None:
    given = events(("s", "2024", b"A"))
    assert named(given, ("s", "2024", b"A", "2027", b"A4"), ("s", "2024", b"A", "2025", b"A2")) == [b"A4"]


def test_of_two_pairs_that_contradict_each_other_the_first_counts() -> None:
    """The gate stops the second; a delivery that a person lets through may bring one all the same."""
    given = events(("s", "2025", b"A"), ("s", "2025", b"B"))
    told = [("s", "2025", b"A", "2026", b"A2"), ("s", "2025", b"A", "2026", b"X"), ("s", "2025", b"B", "2026", b"A2")]
    assert named(given, *told) == [b"A2", b"B"]


def test_a_pair_that_leads_to_no_later_epoch_counts_for_nothing() -> None:
    given = events(("s", "2025", b"A"), ("s", "2026", b"B"))
    told = [("s", "2025", b"A", "2025", b"B"), ("s", "2026", b"B", "2025", b"A")]
    assert named(given, *told) == [b"A", b"B"]
    assert first_names(pairs(*told)) == {}


def test_tables_without_addresses_and_the_order_of_events_stay_as_they_were() -> None:
    figures = pl.DataFrame({"value": [1]})
    given = events(*(("s", "2025", bytes([number])) for number in range(50)))
    told = pairs(*(("s", "2025", bytes([number]), "2026", bytes([100 + number])) for number in range(0, 50, 2)))
    found = under_one_name({"a": given, "figures": figures, ROLLOVER: told})
    assert found["figures"] is figures
    assert found["a"].drop("address").equals(given.drop("address"))
    assert found["a"]["address"].to_list() == [bytes([n if n % 2 else 100 + n]) for n in range(50)]
    assert ROLLOVER not in found


def test_the_oldest_name_is_found_over_all_senders_and_of_equally_old_ones_that_came_first() -> None:
    told = [
        ("s", "2024", b"A", "2025", b"A2"),
        ("t", "2025", b"A2", "2026", b"A3"),
        ("liar", "2025", b"X", "2026", b"A3"),
        ("s", "2025", b"C2", "2026", b"C3"),
        ("t", "2025", b"D2", "2026", b"C3"),
    ]
    assert first_names(pairs(*told)) == {b"A2": b"A", b"A3": b"A", b"C3": b"C2"}
    assert first_names(pairs(*told, days=[0, 1, 2, 9, 3]))[b"C3"] == b"D2", "what came first, not what stands first"
