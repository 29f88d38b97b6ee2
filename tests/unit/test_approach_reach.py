"""Lists of children whom approaches reached: approaches, who is a child, states, and what is refused."""

from pathlib import Path

from connectors import Batch, approach_reach
from services.indicators import load_catalogue
from tests.spec.test_events_layout import documented_code_lists

OWN_LIST = Path(__file__).parents[1] / "sources" / "bereik_kinderen_2025-12.csv"
HEADER = "Kindnummer;Geboortejaar;Postcode;Huisnummer;Huisletter;Toevoeging;Aanpak;Begindatum;Einddatum"


def read(folder: Path, *rows: str) -> Batch:
    path = folder / "bereik_kinderen_test.csv"
    path.write_text("\n".join([HEADER, *rows, ""]), "utf-8")
    (batch,) = approach_reach.read(path)
    return batch


def test_the_list_gives_the_good_rows_and_a_reason_for_each_other() -> None:
    (batch,) = approach_reach.read(OWN_LIST)
    told = batch.rows.select("source_row", "source_key", "child_key", "birth_year", "approach")
    assert told.rows() == [
        (2, "K-0001#child_package#2025-03-01#running", "K-0001", 2015, "child_package"),
        (3, "K-0001#leergeld#2025-09-15#ended", "K-0001", 2015, "leergeld"),
        (4, "K-0002#youth_fund_sport_culture#2025-01-01#ended", "K-0002", 2007, "youth_fund_sport_culture"),
        (5, "K-0002#youth_fund_sport_culture#2025-01-01#running", "K-0002", 2007, "youth_fund_sport_culture"),
        (6, "K-0003#jarige_job#2025-12-24#ended", "K-0003", 2025, "jarige_job"),
        (16, "K-0013#other#2019-06-01#running", "K-0013", 2012, "other"),
    ]
    assert batch.rows["household"].to_list()[:2] == ["1234AB|10|A"] * 2
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (7, "Geboortejaar", "not_a_child"),
        (8, "Aanpak", "unknown_code"),
        (9, "Einddatum", "ends_before_start"),
        (10, "Geboortejaar", "not_a_year"),
        (11, "Kindnummer", "bsn_in_field"),
        (12, "Postcode, Huisnummer", "missing_address"),
        (13, "Geboortejaar", "missing"),
        (14, "Begindatum", "not_a_date"),
        (15, "Geboortejaar", "not_a_child"),
    ]


def test_who_turns_18_in_the_year_of_the_first_day_may_still_be_a_child(tmp_path: Path) -> None:
    rows = [f"K-{born};{born};1234AB;1;;;Stadspas;31-12-2025;" for born in (2006, 2007, 2025, 2026)]
    assert read(tmp_path, *rows).rows["birth_year"].to_list() == [2007, 2025]


def test_nothing_of_the_child_but_number_year_and_address_is_read() -> None:
    """A name is no column of the connector; a list without an end would say that all still runs, so it is required."""
    assert set(approach_reach.REACHES.required) == set(HEADER.split(";"))
    assert approach_reach.REACHES.optional == ()


def test_the_dutch_words_in_the_docs_and_the_titles_in_the_catalogue_are_those_that_the_connector_reads() -> None:
    documented = dict(documented_code_lists()["Approach"])
    assert documented == approach_reach.APPROACHES
    dimension = load_catalogue()["children_in_poverty_reached_share"].dimension
    assert dimension is not None
    assert {part.title.nl: part.code for part in dimension.parts} == documented
    assert [part.code for part in dimension.parts if not part.compared] == ["other"]
