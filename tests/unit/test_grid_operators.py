"""Use of energy by range of postcodes: both operators' files as they are, and what is wrong in them by its row."""

import csv
import re
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from connectors import Batch, SourceError, connector_for, grid_operator

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "sources"
SHARED = ROOT.parent / "shared" / "data" / "energy"
COTEQ = "street,zipcode_from,zipcode_to,num_connections,delivery_perc,perc_of_active_connections,annual_consume"
WESTLAND = "zipcode_from,zipcode_to,city,delivery_perc,perc_of_active_connections,annual_consume,num_connections"
FIGURES = ("postcode_from", "postcode_to", "value", "units", "in_use_pct", "net_use_pct")


def one_batch(path: Path) -> Batch:
    (batch,) = connector_for(path).read(path)
    return batch


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_the_operators_order_their_columns_differently_and_mean_the_same(tmp_path: Path) -> None:
    coteq = written(tmp_path, "coteq_gas_2019.csv", COTEQ, "Kade,1234AB,1234AE,18,97.5,94.44,1457")
    westland = written(tmp_path, "westland-infra_gas_2019.csv", WESTLAND, "1234AB,1234AE,OORD,97.5,94.44,1457,18")
    ours, theirs = one_batch(coteq).rows, one_batch(westland).rows
    assert ours.select(FIGURES).rows() == theirs.select(FIGURES).rows() == [("1234AB", "1234AE", 1457, 18, 94.44, 97.5)]
    assert ours["source_key"].to_list() == ["coteq|gas|2019|1234AB|1234AE"]
    assert theirs["source_key"].to_list() == ["westland-infra|gas|2019|1234AB|1234AE"]


def test_what_is_used_and_when_is_told_by_the_name_of_the_file() -> None:
    rows = pl.concat([one_batch(path).rows for path in (*OWN.glob("coteq_*"), *OWN.glob("westland-infra_*"))])
    assert set(rows.select("trait", "reference_date", "source").rows()) == {
        ("gas_use_m3", date(2019, 1, 1), "Coteq, use of small consumers of gas, 2019"),
        ("electricity_use_kwh", date(2018, 1, 1), "Westland Infra, use of small consumers of electricity, 2018"),
    }


def test_rows_that_cannot_be_read_are_refused_by_themselves() -> None:
    batch = one_batch(OWN / "coteq_gas_2019.csv")
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (5, "zipcode_from, zipcode_to", "range_reversed"),
        (6, "num_connections", "missing"),
        (7, "annual_consume", "not_a_number"),
        (8, "zipcode_from", "not_a_postcode"),
        (9, "perc_of_active_connections", "not_a_number"),
        (10, "zipcode_from, zipcode_to", "double_row"),
        (11, "row", "ragged_row"),
    ]
    assert batch.rows["source_row"].to_list() == [2, 3, 4, 12]
    assert batch.rows.filter(source_row=4)["postcode_from"].to_list() == ["1235AA"]


def test_a_share_that_is_not_stated_is_null_and_half_a_connection_is_none() -> None:
    batch = one_batch(OWN / "westland-infra_electricity_2018.csv")
    assert batch.rows["in_use_pct"].to_list() == [100.0, 100.0, None]
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (5, "zipcode_to", "missing"),
        (6, "num_connections", "not_a_number"),
    ]


def test_neither_street_nor_city_nor_a_code_of_the_operator_is_in_an_event() -> None:
    for path in (*OWN.glob("coteq_*"), *OWN.glob("westland-infra_*")):
        texts = " ".join(str(cell) for row in one_batch(path).rows.rows() for cell in row).lower()
        assert re.search("lindelaan|kade|voorbeeld|8716800", texts) is None


def test_a_file_without_a_year_and_one_without_the_column_of_use_are_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be dated"):
        list(grid_operator.read(written(tmp_path, "coteq_gas.csv", COTEQ)))
    lacking = written(tmp_path, "coteq_gas_2019.csv", COTEQ.removesuffix(",annual_consume"))
    with pytest.raises(SourceError, match="annual_consume"):
        list(grid_operator.read(lacking))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the operators' files are not beside the repository")
def test_every_row_of_the_real_files_is_read_or_refused_and_its_figures_are_those_of_the_file() -> None:
    """Against Python's own reader: a row is refused where its range runs backwards, and only there."""
    files, refused = sorted(SHARED.glob("*.csv")), Counter[str]()
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        good = [line for line in lines if line["zipcode_from"] <= line["zipcode_to"]]
        batches = list(connector_for(path).read(path))
        rows = pl.concat([batch.rows for batch in batches])
        assert sum(batch.rows_read for batch in batches) == len(lines)
        assert rows.select(FIGURES).rows() == [
            (
                line["zipcode_from"],
                line["zipcode_to"],
                float(line["annual_consume"]),
                int(line["num_connections"]),
                float(line["perc_of_active_connections"]),
                float(line["delivery_perc"]),
            )
            for line in good
        ]
        assert rows["source_key"].is_unique().all()
        refused.update(reason for batch in batches for reason in batch.refused["reason"])
        assert refused["range_reversed"] == refused.total()
    assert len(files) == 8
    assert refused.total() == 1
