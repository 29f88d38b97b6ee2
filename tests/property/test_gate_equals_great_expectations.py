"""The gate finds the rows that Great Expectations' own validation of the same suite finds, and no others."""

import datetime as dt
import random
from typing import Any

import polars as pl
import pytest

from services.gate.rows import gate
from services.registry import load_registry

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

EVENT_TYPE = load_registry().get("payment_arrears")
DAYS = [dt.date(2025, 12, day) for day in range(1, 7)]
VALUES: dict[str, list[Any]] = {
    "municipality": ["gm0518"] * 4 + ["gm518", "gm0599"],
    "district": ["wk051801"] * 4 + ["wk0518zz", "WK051801"],
    "partner_type": ["rent"] * 3 + ["energy", "water"],
    "amount_eur": [-1, 0, 1, 25_000, 25_001, 100_000, 100_001],
    "arisen_on": DAYS[:4],
    "signalled_on": DAYS[2:],
    "received_on": DAYS[3:],
    "reported_by": ["partner", "partner", "municipality"],
    "signal_status": [None, None, "deceased"],
    "received_by": ["gm0518"],
    "sender_kind": ["housing_corporation", "housing_corporation", "municipality", "energy_supplier"],
}
SCHEMA = {"signal_status": pl.String, "amount_eur": pl.Int32}


def _frame(seed: int, height: int) -> pl.DataFrame:
    chance = random.Random(seed)
    rows = [{name: chance.choice(values) for name, values in VALUES.items()} for _ in range(height)]
    keys = chance.sample(range(10 * height), height)
    return pl.DataFrame(rows, schema_overrides=SCHEMA).with_columns(pl.Series("_row", keys, pl.Int64))


def _validated(frame: pl.DataFrame) -> dict[str, set[int]]:
    """Failing rows by rule, from a suite that is validated in the documented way."""
    import great_expectations as gx  # noqa: PLC0415 - takes seconds
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    rules = EVENT_TYPE.contract.row_rules
    expectations = [get_expectation_impl(rule.expectation)(**rule.kwargs, meta={"rule": rule.id}) for rule in rules]
    suite = gx.ExpectationSuite(name="suite", expectations=expectations)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame.to_pandas()})
    keys = {"result_format": "COMPLETE", "unexpected_index_column_names": ["_row"]}
    results: list[Any] = batch.validate(suite, result_format=keys).results
    return {
        result.expectation_config.meta["rule"]: {int(row["_row"]) for row in result.result["unexpected_index_list"]}
        for result in results
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_first_failing_rule_and_all_warnings_are_those_of_great_expectations(seed: int) -> None:
    frame = _frame(seed, 300)
    found = _validated(frame)
    assert all(found[rule.id] for rule in EVENT_TYPE.contract.row_rules), "each rule is broken somewhere"
    for row, rule, error, warned in gate(EVENT_TYPE, frame).iter_rows():
        broken = [known for known in EVENT_TYPE.contract.row_rules if row in found[known.id]]
        assert error is None
        assert rule == next((known.id for known in broken if known.severity == "fail"), None)
        assert warned == (",".join(known.id for known in broken if known.severity == "warn") or None)


def test_each_row_is_judged_by_itself_so_micro_batches_may_be_cut_anywhere() -> None:
    frame = _frame(3, 24)
    apart = pl.concat([gate(EVENT_TYPE, frame[start : start + 5]) for start in range(0, frame.height, 5)])
    assert gate(EVENT_TYPE, frame).rows() == apart.rows()
