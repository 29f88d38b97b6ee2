"""CBS's table of low incomes by region: which rows are read of it, in which unit, and what a made-up file says."""

from datetime import date
from pathlib import Path

from connectors import Batch, low_income_children
from connectors.population_reference import CONNECTOR as KEY_FIGURES
from services.samples.network import DATA, load_network

OWN_EXPORT = Path(__file__).parents[1] / "sources" / "85678NED_2021_2022.csv"
MADE_UP = DATA / "85678NED_voorbeeld.csv"


def read(path: Path) -> Batch:
    (batch,) = low_income_children.read(path)
    return batch


def test_children_of_all_households_below_the_low_income_line_are_read_in_units_of_one() -> None:
    batch = read(OWN_EXPORT)
    assert batch.rows.select("source_row", "source_key", "area", "reference_date", "value").rows() == [
        (4, "2022|gm9001|low_income_children", "gm9001", date(2022, 1, 1), 300.0),
        (5, "2021|gm9001|low_income_children", "gm9001", date(2021, 1, 1), 400.0),
        (9, "2022|gm9002|low_income_children", "gm9002", date(2022, 1, 1), 1100.0),
        (10, "2022|gm9003|low_income_children", "gm9003", date(2022, 1, 1), None),
    ]
    assert set(batch.rows["source"]) == {"CBS, Laag en langdurig laag inkomen, regio (85678NED), CC BY 4.0"}
    assert set(batch.rows.select("area_kind", "area_vintage", "trait").rows()) == {
        ("municipality", 2023, "low_income_children")
    }
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (11, "MinderjarigeKinderen_3", "not_a_number"),
        (12, "Perioden", "not_a_year"),
        (13, "RegioS", "unknown_area"),
    ]


def test_the_sample_says_in_every_event_that_it_is_made_up_and_no_figure_of_cbs() -> None:
    batch = read(MADE_UP)
    (source,) = set(batch.rows["source"])
    assert source.startswith("Verzonnen voor het voorbeeldnetwerk")
    assert "geen cijfer van het CBS" in source
    assert set(batch.rows["area"]) == {item.id for item in load_network().municipalities}
    assert batch.refused.is_empty()
    assert "**made up**" in (DATA / "README.md").read_text("utf-8")


def test_a_rounded_zero_is_no_figure_since_it_may_be_forty_children(tmp_path: Path) -> None:
    """As a denominator of nobody it would tell whether any child was reached."""
    text = MADE_UP.read_text("utf-8").replace(",0.6,", ",0.0,")
    path = tmp_path / MADE_UP.name
    path.write_text(text, "utf-8")
    before, after = read(MADE_UP).rows["value"], read(path).rows["value"]
    assert (600.0 in before, before.null_count()) == (True, 0)
    assert after.to_list() == [None if value == 600 else value for value in before]


def test_the_trait_is_no_trait_of_another_connector() -> None:
    assert low_income_children.CONNECTOR.event_types == KEY_FIGURES.event_types
    assert not set(low_income_children.CONNECTOR.patterns) & set(KEY_FIGURES.patterns)
