"""One suite for all connectors, run on the files that the sample generator writes for a month.

An export of a source that the generator does not know stands in tests/sources.
"""

import json
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import polars as pl
import pytest

from connectors import CONNECTORS, Batch, Connector, SourceError, connector_for
from connectors.base import BATCH_ROWS, REFUSED_SCHEMA
from connectors.bsn import holds_bsn
from services.samples import write_samples

pytestmark = pytest.mark.xdist_group("samples_month")

SCHEMAS = Path(__file__).parents[2] / "schemas"
OWN_EXPORTS = Path(__file__).parents[1] / "sources"
TABLES_OF_CBS = {"cbs_work_income", "population_reference", "low_income_children"}
"""Of whose rows some are passed over, and others give several events."""
PRIMITIVES = {"string": pl.String, "int": pl.Int32, "long": pl.Int64, "double": pl.Float64, "boolean": pl.Boolean}


def by_sender(event_type: str) -> set[str]:
    """Fields that no connector gives; a story's source says itself which municipality it is about."""
    always = {"event_id", "address", "district", "provision", "child", "teller"}
    return (
        always
        | ({"signals"} if event_type == "early_warning_case" else set())
        | (set() if event_type == "story" else {"municipality"})
    )


@cache
def files() -> tuple[Path, ...]:
    summary = write_samples(Path(mkdtemp()), seed=3, months=2)
    written = tuple(summary.folder / name for name in summary.rows) + tuple(summary.folder.glob("cbs/back/*.csv"))
    return written + tuple(sorted(path for path in OWN_EXPORTS.glob("*") if path.is_file()))


@cache
def batches(path: Path) -> tuple[Batch, ...]:
    return tuple(connector_for(path).read(path))


def read_all(connector: Connector) -> list[Batch]:
    return [batch for path in files() if connector_for(path) is connector for batch in batches(path)]


def dtype(kind: object) -> pl.DataType | type[pl.DataType]:
    """The column type of an Avro type, written out here so that connectors and encoder are held to the same."""
    if isinstance(kind, list):
        return dtype(next(part for part in kind if part != "null"))
    if isinstance(kind, str):
        return PRIMITIVES[kind]
    assert isinstance(kind, dict)
    if kind.get("logicalType") == "date":
        return pl.Date
    if kind["type"] == "enum":
        return pl.String
    if kind["type"] == "array":
        return pl.List(dtype(kind["items"]))
    assert kind["type"] == "record"
    return pl.Struct({field["name"]: dtype(field["type"]) for field in kind["fields"]})


def enum_symbols(kind: object) -> list[str] | None:
    if isinstance(kind, list):
        return enum_symbols(next(part for part in kind if part != "null"))
    return kind["symbols"] if isinstance(kind, dict) and kind.get("type") == "enum" else None


def fields(event_type: str) -> list[dict[str, object]]:
    """Fields of the newest version of an event type: a version that lacks one leaves its column out."""
    newest = max((SCHEMAS / event_type).glob("v*.avsc"), key=lambda path: int(path.stem[1:]))
    return list(json.loads(newest.read_text())["fields"])


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
class TestEveryConnector:
    def test_gives_each_of_its_event_types_and_no_other(self, connector: Connector) -> None:
        assert {batch.event_type for batch in read_all(connector)} == set(connector.event_types)

    def test_rows_have_the_columns_and_types_of_the_schema(self, connector: Connector) -> None:
        for batch in read_all(connector):
            expected = {
                field["name"]: dtype(field["type"])
                for field in fields(batch.event_type)
                if field["name"] not in by_sender(batch.event_type)
            }
            own = {"source_row": pl.Int64, "source_key": pl.String}
            if any(field["name"] == "address" for field in fields(batch.event_type)):
                own |= {"household": pl.String, "postcode": pl.String, "house_number": pl.Int64}
            if batch.event_type == "early_warning_case":
                own["signal_keys"] = pl.List(pl.String)
            if batch.event_type == "support_provision":
                own["provision_key"] = pl.String
            if batch.event_type == "approach_reach":
                own["child_key"] = pl.String
            if batch.event_type == "story":
                own["teller_key"] = pl.String
            assert dict(batch.rows.schema) == own | expected

    def test_required_fields_are_there_and_codes_are_of_the_schema(self, connector: Connector) -> None:
        for batch in read_all(connector):
            for field in fields(batch.event_type):
                name, kind = str(field["name"]), field["type"]
                if name in by_sender(batch.event_type):
                    continue
                optional = isinstance(kind, list) and "null" in kind
                assert optional or batch.rows[name].null_count() == 0, name
                if symbols := enum_symbols(kind):
                    assert set(batch.rows[name].drop_nulls()) <= set(symbols)

    def test_conserves_every_record(self, connector: Connector) -> None:
        for batch in read_all(connector):
            assert batch.rows_read == batch.rows.height + batch.refused.height
            assert batch.rows_read <= BATCH_ROWS or connector.name in TABLES_OF_CBS

    def test_natural_keys_are_unique_but_for_planted_doubles(self, connector: Connector) -> None:
        for path in files():
            if connector_for(path) is not connector:
                continue
            for batch in batches(path):
                keys = batch.rows.filter(pl.col("source_key").is_not_null())
                apart = keys.unique(set(keys.columns) - {"source_row"}) if keys.height else keys
                assert apart["source_key"].is_duplicated().sum() == 0

    def test_refused_rows_say_where_why_and_what_to_do(self, connector: Connector) -> None:
        for batch in read_all(connector):
            assert dict(batch.refused.schema) == REFUSED_SCHEMA
            assert batch.refused.null_count().sum_horizontal().item() == 0
            assert (batch.refused["remedy"].str.len_chars() > 10).all()
            overlap = set(batch.refused["source_row"]) & set(batch.rows["source_row"])
            assert not overlap or connector.name == "cbs_work_income"

    def test_no_citizen_service_number_passes(self, connector: Connector) -> None:
        for batch in read_all(connector):
            for column in batch.rows.select(pl.col(pl.String)):
                assert not column.to_frame("text").select(holds_bsn(pl.col("text")).any()).item()
            for column in batch.refused.select("field", "reason", "remedy"):
                assert not column.to_frame("text").select(holds_bsn(pl.col("text")).any()).item()


def test_a_file_of_no_source_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(SourceError, match="No connector knows rekening") as error:
        connector_for(Path("rekening.csv"))
    assert "energie_achterstanden*.csv" in error.value.todo


def test_every_sample_file_is_recognised_by_one_connector_only() -> None:
    for path in files():
        fits = [
            connector
            for connector in CONNECTORS
            if any(fnmatch(path.name.lower(), name) for name in connector.patterns)
        ]
        assert len(fits) == 1


def test_lines_of_the_text_exports_are_all_accounted_for() -> None:
    """Counted with nothing but line ends, the records of a text export are its accepted and refused rows."""
    for path in files():
        if path.suffix == ".csv" and connector_for(path).name not in TABLES_OF_CBS:
            lines = path.read_bytes().split(b"\n")
            records = sum(1 for line in lines[1:] if line.strip())
            assert records == sum(batch.rows_read for batch in batches(path))
