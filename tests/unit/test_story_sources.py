"""Stories out of a story point's forms, an interviewer's list and a file of existing stories."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors import Batch, SourceError, connector_for
from connectors.identifiers import REMEDY
from services.samples.exports import write_workbook
from tests.told_stories import existing

FORM: dict[str, Any] = {
    "Verhaalnummer": "VP-1",
    "Verteller": "A-17",
    "Rol": "Inwoner",
    "Gemeente": "gm0518",
    "Thema": "Schuldhulpverlening",
    "Titel": "De brief",
    "Verhaal": "Ik kreeg een brief die ik niet begreep.",
    "Verteld op": "2025-12-10",
    "Toestemming": ["Meetellen"],
}


def read(path: Path) -> Batch:
    (batch,) = connector_for(path).read(path)
    return batch


def form(folder: Path, *forms: Any) -> Batch:
    path = folder / "verhalen_formulier.json"
    path.write_text(json.dumps(list(forms)), "utf-8")
    return read(path)


def refused(folder: Path, **changes: Any) -> tuple[str, str]:
    (row,) = form(folder, {**FORM, **changes}).refused.iter_rows(named=True)
    return row["field"], row["reason"]


def test_a_form_becomes_a_story_and_nothing_else_of_it_is_read(tmp_path: Path) -> None:
    told = {
        **FORM,
        "Naam": "A. van Aalderen",
        "Signalen": ["Lang wachten", "lang wachten", "Niet gehoord"],
        "Effecten": ["Ongewenst: Gezin", "Onvoorzien: buren"],
        "Onzekerheden": ["Wie beslist"],
        "Overwegingen": ["Eigen regie"],
        "Antwoorden": {"hoe_snel": 0.7, "wie_hielp": [0.2, 0.5, 0.3], "weet_u": "ja"},
        "Waardering": 4,
        "Gebeurd in": "2023-12",
    }
    (row,) = form(tmp_path, told).rows.iter_rows(named=True)
    assert "van Aalderen" not in repr(row)
    assert row["signals"] == ["long_wait", "not_heard"], "what is named twice counts once"
    assert row["effects"] == [
        {"effect": "unwanted", "felt_by": "family"},
        {"effect": "unforeseen", "felt_by": "neighbours"},
    ]
    assert (row["uncertainties"], row["considerations"]) == (["who_decides"], ["own_direction"])
    assert [tuple(answer.values()) for answer in row["answers"]] == [
        ("hoe_snel", 0.7, None, None, None),
        ("wie_hielp", 0.2, 0.5, 0.3, None),
        ("weet_u", None, None, None, "ja"),
    ]
    assert (row["rating"], row["way"], row["uses"], row["made_up"]) == (4, "form", ["count"], False)
    assert (row["naming"], row["teller_key"], row["happened_in"]) == ("pseudonymous", "A-17", "2023-12")


def test_of_who_is_anonymous_no_number_is_kept(tmp_path: Path) -> None:
    found = form(tmp_path, {**FORM, "Naamgeving": "Anoniem"}, {**FORM, "Verteller": None}).rows
    assert found.select("teller_key", "naming").rows() == [(None, "anonymous")] * 2


@pytest.mark.parametrize("field", ["Titel", "Verhaal", "Betekenis", "Aanbieder"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bsn", "Mijn nummer is 999990019"),
        ("iban", "Op NL91 ABNA 0417 1643 00"),
        ("phone", "Bel 06-12345678"),
        ("email", "Mail a.verzonnen@example.nl"),
    ],
)
def test_a_text_with_a_direct_identifier_is_refused_with_a_friendly_remedy(
    field: str, kind: str, text: str, tmp_path: Path
) -> None:
    batch = form(tmp_path, {**FORM, field: text})
    assert batch.rows.is_empty()
    (row,) = batch.refused.iter_rows(named=True)
    assert (row["field"], row["reason"]) == (field, f"{kind}_in_text")
    assert row["remedy"] == f"{REMEDY[kind]} The story is told as well without it."
    assert text not in row["remedy"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Verteller": "999990019"}, ("Verteller", "bsn_in_field")),
        ({"Naamgeving": "Met naam", "Verteller": None}, ("Verteller", "missing")),
        ({"Gemeente": "Rotterdam"}, ("Gemeente", "not_a_municipality")),
        ({"Verhaal": ""}, ("Verhaal", "missing")),
        ({"Verhaal": "a" * 20_001}, ("Verhaal", "too_long")),
        ({"Titel": "a" * 201}, ("Titel", "too_long")),
        ({"Verteld op": "gisteren"}, ("Verteld op", "not_a_date")),
        ({"Gebeurd in": "2023-11"}, ("Gebeurd in", "too_long_ago")),
        ({"Gebeurd in": "2026-01"}, ("Gebeurd in", "not_yet")),
        ({"Gebeurd in": "mei"}, ("Gebeurd in", "not_a_month")),
        ({"Signalen": ["Boos"]}, ("Signalen", "unknown_code")),
        ({"Effecten": ["Ongewenst"]}, ("Effecten", "unknown_code")),
        ({"Toestemming": ["Verkopen"]}, ("Toestemming", "unknown_code")),
        ({"Waardering": 0}, ("Waardering", "not_a_rating")),
        ({"Antwoorden": {"wie_hielp": [0.5, 0.5]}}, ("Antwoorden", "not_an_answer")),
        ({"Antwoorden": {"wie_hielp": [0.5, 0.2, 0.2, 0.1]}}, ("Antwoorden", "not_an_answer")),
        ({"Antwoorden": {"hoe_snel": 1.2}}, ("Antwoorden", "not_an_answer")),
        ({"Antwoorden": {"hoe_snel": "heel erg snel"}}, ("Antwoorden", "not_an_answer")),
        ({"Antwoorden": {"Hoe snel?": 0.5}}, ("Antwoorden", "not_an_answer")),
    ],
)
def test_a_form_that_is_no_story_is_refused_with_the_reason(
    changes: dict[str, Any], reason: tuple[str, str], tmp_path: Path
) -> None:
    assert refused(tmp_path, **changes) == reason


def test_lines_that_are_no_form_are_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "verhalen_formulier.jsonl"
    path.write_text(f'{json.dumps(FORM)}\n{{"Verhaal\n[1]\n\n{json.dumps(FORM)}\n', "utf-8")
    batch = read(path)
    assert batch.rows["source_row"].to_list() == [1, 5]
    assert batch.refused.select("source_row", "reason").rows() == [(2, "no_form"), (3, "no_form")]
    (tmp_path / "verhalen_formulier.json").write_text("{", "utf-8")
    with pytest.raises(SourceError, match="no complete JSON"):
        read(tmp_path / "verhalen_formulier.json")


def test_a_workbook_of_an_interviewer_says_the_same_as_a_form(tmp_path: Path) -> None:
    cells = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in FORM.items()}
    cells |= {"Antwoorden": "hoe_snel=0,7; wie_hielp=0,2/0,5/0,3; weet_u=ja", "Verteld op": "10-12-2025"}
    path = tmp_path / "verhalen_interview_2025.xlsx"
    write_workbook(path, pl.DataFrame([cells]))
    answers = {"hoe_snel": 0.7, "wie_hielp": [0.2, 0.5, 0.3], "weet_u": "ja"}
    told = form(tmp_path, {**FORM, "Antwoorden": answers}).rows
    found = read(path).rows
    assert found["way"].to_list() == ["interview"]
    assert found.drop("way", "source_row").equals(told.drop("way", "source_row"))


def test_an_existing_story_may_span_lines(tmp_path: Path) -> None:
    path = existing(tmp_path, [{"Verhaal": "Eerst dit;\ntoen dat."}, {}])
    assert read(path).rows["body"].to_list()[0] == "Eerst dit;\ntoen dat."
