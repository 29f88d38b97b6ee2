"""The national early-warning message: signals, cases, and what real messages leave out."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from connectors import Batch, SourceError, early_warning_message
from connectors import codes_ddas as codes
from services.samples import write_samples

VNG = Path(__file__).parents[3] / "shared" / "data" / "vng"
shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not VNG.is_dir(), reason="the published message is not beside the repository"),
]


def signal(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "ID": key,
        "crisissignaal": False,
        "warmeOverdracht": True,
        "bedrag": 450,
        "ontstaansdatum": "2025-01-10",
        "signaaldatum": "2025-03-05",
        "signaalpartner": {"type": "Energie"},
        "client": {
            "Burgerservicenummer": "999990019",
            "Postcode": "1234AB",
            "Huisnummer": "10",
            "Huisnummertoevoeging": "A",
        },
    } | changes


def case(*keys: str, **changes: Any) -> dict[str, Any]:
    return {
        "resultaat": "(Budget)advies en/of quick fix",
        "matchingsdatum": "2025-03-06",
        "datum_opgepakt": "2025-03-10",
        "vroegsignalen": [{"ID": key} for key in keys],
        "contactpogingen": [
            {"soort": "Brief", "bereikt": False, "datum": "2025-03-11", "dagdeel": "Ochtend"},
            {"soort": "Telefoon", "bereikt": True, "datum": "2025-03-20"},
        ],
    } | changes


def read(tmp_path: Path, signals: list[Any], cases: list[Any]) -> tuple[Batch, ...]:
    path = tmp_path / "vroegsignalen_2025-03.json"
    path.write_text(json.dumps({"leveringen": [{"vroegsignalen": signals, "vroegsignaalzaken": cases}]}))
    return tuple(early_warning_message.read(path))


def test_a_signal_and_its_case(tmp_path: Path) -> None:
    signals, cases = read(tmp_path, [signal("VS-1")], [case("VS-1")])
    assert signals.rows.row(0, named=True) == {
        "source_row": 1, "source_key": "VS-1", "household": "1234AB|10|A", "postcode": "1234AB", "house_number": 10,
        "partner_type": "energy", "amount_eur": 450, "arisen_on": date(2025, 1, 10), "signalled_on": date(2025, 3, 5),
        "crisis": False, "warm_handover": True, "reported_by": "municipality", "signal_status": None,
    }  # fmt: skip
    assert cases.rows.row(0, named=True) == {
        "source_row": 1, "source_key": "VS-1#closed", "household": "1234AB|10|A", "postcode": "1234AB",
        "house_number": 10, "signal_keys": ["VS-1"],
        "contact_attempts": [
            {"kind": "letter", "reached": False, "attempted_on": date(2025, 3, 11), "part_of_day": "morning"},
            {"kind": "phone", "reached": True, "attempted_on": date(2025, 3, 20), "part_of_day": None},
        ],
        "reached": True, "result": "advice_or_quick_fix", "matched_on": date(2025, 3, 6),
        "opened_on": date(2025, 3, 10), "closed_on": date(2025, 3, 20),
    }  # fmt: skip


def test_a_case_without_result_is_open_and_its_closing_is_another_event(tmp_path: Path) -> None:
    (_, open_case) = read(tmp_path, [signal("VS-1")], [case("VS-1", resultaat=None)])
    (_, closed) = read(tmp_path, [signal("VS-1")], [case("VS-1")])
    assert open_case.rows["closed_on"].to_list() == [None]
    assert open_case.rows["source_key"].to_list() != closed.rows["source_key"].to_list()


def test_a_case_that_was_not_taken_up_opens_and_closes_with_the_matching(tmp_path: Path) -> None:
    untouched = case("VS-1", datum_opgepakt=None, contactpogingen=[], resultaat="Niet opgepakt: andere reden")
    (_, cases) = read(tmp_path, [signal("VS-1")], [untouched])
    (row,) = cases.rows.to_dicts()
    assert (row["opened_on"], row["closed_on"], row["reached"]) == (date(2025, 3, 6), date(2025, 3, 6), False)
    assert row["contact_attempts"] == []


def test_a_case_of_earlier_signals_may_carry_the_address_itself(tmp_path: Path) -> None:
    moved = case("VS-9", client={"Postcode": "5678cd", "Huisnummer": 7})
    (cases,) = read(tmp_path, [], [moved])
    assert cases.rows["household"].to_list() == ["5678CD|7|"]


CASES = {
    "signals in an earlier message": (case("VS-9"), "vroegsignalen", "signal_not_in_message"),
    "signals at two addresses": (case("VS-1", "VS-2"), "vroegsignalen", "signals_at_several_addresses"),
    "no signals": (case(), "vroegsignalen", "missing"),
    "unknown result": (case("VS-1", resultaat="Opgelost"), "resultaat", "unknown_code"),
    "unknown day": (case("VS-1", datum_opgepakt="10-03-2025"), "datum_opgepakt", "not_a_date"),
    "no day at all": (case("VS-1", datum_opgepakt=None, matchingsdatum=None), "datum_opgepakt", "missing"),
    "unknown contact": (case("VS-1", contactpogingen=[{"soort": "Fax"}]), "contactpogingen.soort", "unknown_code"),
    "BSN as signal": (case("999990019"), "vroegsignalen", "bsn_in_field"),
    "no record": ("zaak", "vroegsignalen", "missing"),
}


@pytest.mark.parametrize(("record", "field", "reason"), CASES.values(), ids=CASES)
def test_a_wrong_case_is_refused_by_itself(tmp_path: Path, record: Any, field: str, reason: str) -> None:
    known = [signal("VS-1"), signal("VS-2", client={"Postcode": "5678CD", "Huisnummer": "1"})]
    (_, cases) = read(tmp_path, known, [case("VS-1"), record])
    assert cases.refused.select("source_row", "field", "reason").rows() == [(2, field, reason)]
    assert json.loads(cases.refused["raw"].item()) == record
    assert cases.rows.height == 1


SIGNALS = {
    "unknown partner": (signal("VS-2", signaalpartner={"type": "Kabel"}), "signaalpartner.type", "unknown_code"),
    "partner as text": (signal("VS-2", signaalpartner="Energie"), "signaalpartner.type", "missing"),
    "no amount": (signal("VS-2", bedrag=None), "bedrag", "missing"),
    "Dutch date": (signal("VS-2", signaaldatum="05-03-2025"), "signaaldatum", "not_a_date"),
    "no client": (signal("VS-2", client=None), "client.Postcode, client.Huisnummer", "missing_address"),
    "unknown status": (signal("VS-2", status="Zoek"), "status", "unknown_code"),
    "maybe": (signal("VS-2", crisissignaal="misschien"), "crisissignaal", "unknown_code"),
    "no key": (signal(""), "ID", "missing"),
    "no record": (None, "ID", "missing"),
}


@pytest.mark.parametrize(("record", "field", "reason"), SIGNALS.values(), ids=SIGNALS)
def test_a_wrong_signal_is_refused_by_itself(tmp_path: Path, record: Any, field: str, reason: str) -> None:
    (signals,) = read(tmp_path, [signal("VS-1"), record], [])
    assert signals.refused.select("source_row", "field", "reason").rows() == [(2, field, reason)]
    assert json.loads(signals.refused["raw"].item()) == record
    assert signals.rows.height == 1


def test_numbers_and_texts_may_stand_for_each_other_and_unknown_members_do_no_harm(tmp_path: Path) -> None:
    loose = signal("VS-1", ID=17, bedrag="450.50", extra={"a": 1})
    loose["client"] |= {"Huisnummer": 10, "Huisnummertoevoeging": None}
    (signals,) = read(tmp_path, [loose, signal("VS-2", bedrag=450.49)], [])
    assert signals.rows["source_key"].to_list() == ["17", "VS-2"]
    assert signals.rows["amount_eur"].to_list() == [451, 450]
    assert signals.rows["household"].to_list()[0] == "1234AB|10|"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"leveringen": {}}', '{"leveringen": [1]}', '{"leveringen": [{', "\udcff"]
)
def test_what_is_no_message_is_refused_as_a_whole(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vroegsignalen.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(SourceError):
        list(early_warning_message.read(path))


def test_a_message_without_deliveries_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "vroegsignalen.json"
    path.write_text('{"codeGegevensleverancier": "X"}')
    assert list(early_warning_message.read(path)) == []


class TestPublishedMessage:
    pytestmark = shared

    def test_the_published_example_passes(self) -> None:
        signals, cases = early_warning_message.read(VNG / "ddas_vroegsignalering_v0.9.example.json")
        assert (signals.rows.height, cases.rows.height) == (1, 1)
        assert signals.refused.is_empty()
        assert cases.refused.is_empty()
        (row,) = cases.rows.to_dicts()
        assert (row["result"], row["reached"], row["closed_on"]) == ("no_help_needed", True, date(2025, 1, 15))

    def test_every_code_of_the_published_lists_is_known(self) -> None:
        definitions = json.loads((VNG / "ddas_vroegsignalering_v0.9.schema.json").read_text())["$defs"]
        ours = {
            "EnumSignaalpartner": codes.PARTNER_TYPES,
            "EnumContactsoort": codes.CONTACT_KINDS,
            "EnumEindresultaat": codes.RESULTS,
            "EnumDagdeel": codes.PARTS_OF_DAY,
            "EnumSignaalstatus": codes.SIGNAL_STATUS,
        }
        assert {name: set(known) for name, known in ours.items()} == {
            name: set(definitions[name]["enum"]) for name in ours
        }

    @pytest.mark.xdist_group("samples_month")
    def test_sample_messages_are_valid_but_for_what_is_planted(self, tmp_path: Path) -> None:
        write_samples(tmp_path, seed=5, months=2)
        schema = json.loads((VNG / "ddas_vroegsignalering_v0.9.schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        for name in ("gm0221", "gm0981"):
            for path in sorted(tmp_path.glob(f"{name}/*/vroegsignalen*.json")):
                wrong = {
                    error.json_path.rsplit(".", 1)[-1] for error in validator.iter_errors(json.loads(path.read_text()))
                }
                assert wrong <= {"type"}, "an unknown type of partner is the only planted kind that a schema can see"
