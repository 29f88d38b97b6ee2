"""Who gets which row, and what becomes of rows that nobody here is entitled to."""

import polars as pl
import pytest

from services.contracts import RECEIVERS
from services.sending.routing import outside, refuse, route

NODES = ("gm0344", "gm0518")


def routed(to: str, rows: pl.DataFrame) -> dict[str, list[int]]:
    return {receiver: part["source_row"].to_list() for receiver, part in route(to, "gm0518", rows, NODES)}


def test_a_signal_goes_to_the_municipality_of_its_address_in_the_order_of_the_source() -> None:
    rows = pl.DataFrame({"source_row": [4, 2, 9, 3], "municipality": ["gm0518", "gm0344", "gm0344", "gm0518"]})
    assert routed("municipality", rows) == {"gm0344": [2, 9], "gm0518": [3, 4]}


def test_a_case_goes_to_its_own_municipality_and_a_figure_to_the_hub() -> None:
    rows = pl.DataFrame({"source_row": [1, 2]})
    assert routed("self", rows) == {"gm0518": [1, 2]}
    assert routed("hub", rows) == {"hub": [1, 2]}


def test_a_population_figure_goes_to_the_hub_and_to_whose_area_or_district_it_is_about() -> None:
    rows = pl.DataFrame({"source_row": [1, 2, 3, 4], "area": ["gm0518", "wk034401", "pv28", "gm9999"]})
    assert routed("area", rows) == {"hub": [1, 2, 3, 4], "gm0344": [2], "gm0518": [1]}


def test_every_kind_of_receiver_of_the_contracts_has_a_rule_but_the_sender_of_a_delivery() -> None:
    rows = pl.DataFrame({"source_row": [1], "municipality": ["gm0518"], "area": ["gm0518"]})
    for to in set(RECEIVERS) - {"sender", "holder"}:  # receipts, and what takes events back, are sent one by one
        assert routed(to, rows)
    with pytest.raises(ValueError, match="nobody"):
        routed("nobody", rows)


def test_rows_of_municipalities_that_do_not_take_part_are_refused_with_the_whole_row_to_seal() -> None:
    rows = pl.DataFrame({"source_row": [2, 3], "municipality": ["gm0518", "gm0014"], "amount_eur": [1, 2]})
    inside, refused = outside(rows, NODES)
    assert inside["source_row"].to_list() == [2]
    [row] = refused.to_dicts()
    assert (row["source_row"], row["field"], row["reason"]) == (3, "postcode", "receiver_unknown")
    assert '"amount_eur":2' in row["raw"]
    assert "gm0014" not in row["remedy"]


def test_refusing_leaves_out_bytes() -> None:
    refused = refuse(pl.DataFrame({"source_row": [1], "id": [b"\xff"], "name": ["x"]}), "why", "field", "do")
    assert refused["raw"].to_list() == ['{"source_row":1,"name":"x"}']
