"""Lists of provisions: product categories of iWmo and iJw, states of one assignment, and what is refused."""

from pathlib import Path

import pytest

from connectors import Batch, support_provisions
from tests.spec.test_events_layout import documented_code_lists

OWN_EXPORT = Path(__file__).parents[1] / "sources" / "voorzieningen_2025-12.csv"
HEADER = (
    "Toewijzingnummer;Postcode;Huisnummer;Huisletter;Toevoeging;Productcategorie;"
    "Soort aanbieder;Begindatum;Einddatum;Reden beëindiging"
)
CBS_GROUPS = {
    "help": {"01"},
    "at home": {"02", "03", "04", "06", "07", "09", "10"},
    "living and shelter": {"15", "16", "17", "18"},
    "aids and services": {"05", "08", "11", "12", "13", "14"},
}
"""Main groups of Wmo provisions by product category, as Statistics Netherlands defines them (CBS, Wmo-
maatwerkvoorziening, 2020)."""


def read(folder: Path, *rows: str) -> Batch:
    path = folder / "voorzieningen_test.csv"
    path.write_text("\n".join([HEADER, *rows, ""]), "utf-8")
    (batch,) = support_provisions.read(path)
    return batch


def test_the_export_gives_the_good_rows_and_a_reason_for_each_other() -> None:
    (batch,) = support_provisions.read(OWN_EXPORT)
    told = batch.rows.select("source_row", "source_key", "provision_key", "law", "kind", "provider_kind", "result")
    assert told.rows() == [
        (2, "T-0001#running", "T-0001", "wmo", "household_help", "contracted", None),
        (3, "T-0002#ended", "T-0002", "wmo", "guidance", "local_team", "as_planned"),
        (4, "T-0003#running", "T-0003", "youth_act", "youth_outpatient", None, None),
        (5, "T-0003#ended", "T-0003", "youth_act", "youth_outpatient", None, "early_by_client"),
        (13, "T-0011#ended", "T-0011", "wmo", "personal_care", "personal_budget", "deceased"),
        (15, "T-0001#running", "T-0001", "wmo", "household_help", "contracted", None),
    ]
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (6, "Einddatum", "ends_before_start"),
        (7, "Postcode, Huisnummer", "missing_address"),
        (8, "Productcategorie", "unknown_code"),
        (9, "Soort aanbieder", "unknown_code"),
        (10, "Toewijzingnummer", "bsn_in_field"),
        (11, "Productcategorie", "missing"),
        (12, "Begindatum", "not_a_date"),
        (14, "Reden beëindiging", "unknown_code"),
    ]


def test_no_category_is_left_out_and_those_that_cbs_keeps_apart_stay_apart() -> None:
    assert set(support_provisions.WMO) == {f"{number:02d}" for number in range(1, 19)}
    assert set(support_provisions.YOUTH) == {str(number) for number in range(40, 56)}
    kinds = [{support_provisions.WMO[category] for category in group} for group in CBS_GROUPS.values()]
    assert sum(map(len, kinds)) == len(set[str]().union(*kinds))


@pytest.mark.parametrize(("category", "law"), [("1", "wmo"), ("01", "wmo"), ("18", "wmo"), ("40", "youth_act")])
def test_the_law_follows_from_the_category_also_without_its_zero(tmp_path: Path, category: str, law: str) -> None:
    batch = read(tmp_path, f"T-1;1234AB;1;;;{category};;01-01-2025;;")
    assert batch.rows["law"].to_list() == [law]


@pytest.mark.parametrize("category", ["0", "00", "19", "31", "39", "56", "99", "001", "1a"])
def test_another_category_is_refused_without_telling_it(tmp_path: Path, category: str) -> None:
    batch = read(tmp_path, f"T-1;1234AB;1;;;{category};;01-01-2025;;")
    [refused] = batch.refused.to_dicts()
    assert (refused["reason"], refused["field"]) == ("unknown_code", "Productcategorie")
    assert f"{category} " not in refused["remedy"].replace("01 to 18", "").replace("40 to 55", "")


def test_the_dutch_words_in_the_docs_are_those_that_the_connector_reads() -> None:
    lists = documented_code_lists()
    assert dict(lists["ProviderKind"]) == support_provisions.PROVIDERS
    assert dict(lists["ProvisionResult"]) == support_provisions.RESULTS
    made = {*support_provisions.WMO.values(), *support_provisions.YOUTH.values()}
    assert {code for _, code in lists["ProvisionKind"]} == made
