"""The national message for debt counselling: which case becomes which event, and what is left unread."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from connectors import Batch, SourceError, debt_counselling_message
from connectors import codes_debt_counselling as codes
from services.samples import write_samples

VNG = Path(__file__).parents[3] / "shared" / "data" / "vng"
TOLD = "2025-12-31T23:59:59Z"
shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not VNG.is_dir(), reason="the published message is not beside the repository"),
]


def case(**changes: Any) -> dict[str, Any]:
    """A case of which the application is known; changes are whole members."""
    return {
        "gemeentecode": "GM0518",
        "omschrijving": "J. Piëst belt terug",
        "startdatum": "2025-03-05",
        "aanmelding": {"startdatum": "2025-03-03", "crisisinterventie": False},
        "client": [client()],
    } | changes


def client(**changes: Any) -> dict[str, Any]:
    home = {"Postcode": "1234AB", "Huisnummer": "10", "Huisnummertoevoeging": "A"}
    return {"Burgerservicenummer": "999990019", "Geboortedatum": "1980-05-01"} | home | changes


def read(tmp_path: Path, *cases: Any, told: str | None = TOLD) -> Batch:
    path = tmp_path / "schuldhulpverlening_2025.json"
    path.write_text(json.dumps({"aanleverdatumEnTijd": told, "leveringen": [{"schuldhulptrajecten": cases}]}))
    (batch,) = debt_counselling_message.read(path)
    return batch


def only(tmp_path: Path, record: Any, told: str | None = TOLD) -> dict[str, Any]:
    (row,) = read(tmp_path, record, told=told).rows.to_dicts()
    return row


def test_a_case_with_all_its_steps(tmp_path: Path) -> None:
    record = case(
        intake={
            "startdatum": "2025-03-20",
            "beschikkingsdatum": "2025-04-08",
            "beschikkingssoort": "Toelatingsbeschikking",
        },
        planVanAanpak={"datumAfronding": "2025-04-10"},
        schuldregeling={"datum": "2025-06-02", "toegekend": "2025-09-15"},
        oplossing={"soort": "Schuldbemiddeling", "startdatum": "2025-10-01", "vtlb": 1650},
        uitstroom={"datum": "2025-12-01", "reden": "Afgerond", "omschrijving": "tevreden"},
    )
    assert only(tmp_path, record) == {
        "source_row": 1,
        "source_key": "1234AB|10|A/2025-03-03/1#talk.decision.plan.solution.asked.reason.end.amicable",
        "household": "1234AB|10|A", "postcode": "1234AB", "house_number": 10,
        "applied_on": date(2025, 3, 3), "crisis": False, "first_talk_on": date(2025, 3, 20),
        "decision": "admitted", "decided_on": date(2025, 4, 8), "plan_ready_on": date(2025, 4, 10),
        "solution": "debt_mediation", "arrangement_asked_on": date(2025, 6, 2), "arrangement_result": "amicable",
        "arrangement_ended_on": date(2025, 9, 15), "end_reason": "completed", "ended_on": date(2025, 12, 1),
        "latest_step_on": date(2025, 12, 1),
    }  # fmt: skip


ARRANGEMENTS = {
    "granted": ({"toegekend": "2025-09-15"}, {}, "amicable", date(2025, 9, 15)),
    "granted after a refusal": (
        {"afgewezen": "2025-08-01", "toegekend": "2025-09-15"}, {}, "amicable", date(2025, 9, 15),
    ),
    "granted by the court": ({"dwangakkoord": True, "toegekend": "2025-09-15"}, {}, "statutory", date(2025, 9, 15)),
    "granted, the court was asked": (
        {"datumVerzoekDwangakkoord": "2025-08-01", "toegekend": "2025-09-15"}, {}, "statutory", date(2025, 9, 15),
    ),
    "granted, the court was asked and not needed": (
        {"datumVerzoekDwangakkoord": "2025-08-01", "dwangakkoord": False, "toegekend": "2025-09-15"}, {},
        "amicable", date(2025, 9, 15),
    ),
    "paid in full, which nobody grants": (
        {}, {"soort": "Betalingsregeling", "startdatum": "2025-10-01"}, "amicable", date(2025, 10, 1),
    ),
    "refused": ({"afgewezen": "2025-08-01"}, {}, "refused", date(2025, 8, 1)),
    "withdrawn": ({"ingetrokken": "2025-08-01"}, {}, "withdrawn", date(2025, 8, 1)),
    "refused, then withdrawn": (
        {"afgewezen": "2025-08-01", "ingetrokken": "2025-08-09"}, {}, "withdrawn", date(2025, 8, 9),
    ),
    "refused and withdrawn on one day": (
        {"afgewezen": "2025-08-01", "ingetrokken": "2025-08-01"}, {}, "refused", date(2025, 8, 1),
    ),
    "before the court": ({"datum": "2025-06-01", "dwangakkoord": True}, {}, None, None),
    "to begin next year": ({}, {"soort": "Saneringskrediet", "startdatum": "2026-02-01"}, None, None),
    "none": ({}, {}, None, None),
}  # fmt: skip


@pytest.mark.parametrize(("arrangement", "solution", "result", "day"), ARRANGEMENTS.values(), ids=ARRANGEMENTS)
def test_how_an_arrangement_ended_follows_from_several_members(
    tmp_path: Path, arrangement: dict[str, Any], solution: dict[str, Any], result: str | None, day: date | None
) -> None:
    row = only(tmp_path, case(schuldregeling=arrangement, oplossing=solution))
    assert (row["arrangement_result"], row["arrangement_ended_on"]) == (result, day)
    assert row["latest_step_on"] == (day or row["applied_on"])


def test_a_case_told_again_is_the_same_event_and_every_further_step_makes_another(tmp_path: Path) -> None:
    arrangement = {"datum": "2025-06-02"}
    states = [
        case(),
        case(intake={"startdatum": "2025-03-20"}),
        case(intake={"startdatum": "2025-03-20"}, schuldregeling=arrangement),
        case(intake={"startdatum": "2025-03-20"}, schuldregeling=arrangement | {"afgewezen": "2025-08-01"}),
        case(
            intake={"startdatum": "2025-03-20"},
            schuldregeling=arrangement | {"afgewezen": "2025-08-01", "toegekend": "2025-09-15", "dwangakkoord": True},
        ),
    ]
    keys = [only(tmp_path, state)["source_key"] for state in states]
    assert len(set(keys)) == len(states)
    assert [only(tmp_path, state)["source_key"] for state in states] == keys


def test_a_step_on_a_mended_day_keeps_its_key(tmp_path: Path) -> None:
    first, mended = (only(tmp_path, case(intake={"startdatum": day})) for day in ("2025-03-20", "2025-03-21"))
    assert first["source_key"] == mended["source_key"]


def test_two_cases_of_one_home_and_day_are_two_events(tmp_path: Path) -> None:
    batch = read(tmp_path, case(), case(client=[client(Burgerservicenummer="999951075")]), case())
    assert [key[-2:] for key in batch.rows["source_key"]] == ["1#", "2#", "3#"]


def test_an_appointment_is_no_talk_and_no_plan_yet(tmp_path: Path) -> None:
    record = case(intake={"startdatum": "2025-03-20"}, planVanAanpak={"datumAfronding": "2025-03-21"})
    before = only(tmp_path, record, told="2025-03-19T08:00:00Z")
    on_the_day = only(tmp_path, record, told="2025-03-20T08:00:00Z")
    assert (before["first_talk_on"], before["plan_ready_on"]) == (None, None)
    assert (on_the_day["first_talk_on"], on_the_day["plan_ready_on"]) == (date(2025, 3, 20), None)
    assert only(tmp_path, record, told=None)["first_talk_on"] == date(2025, 3, 20)


def test_partners_at_one_address_are_one_household_and_one_address_is_enough(tmp_path: Path) -> None:
    together = only(tmp_path, case(client=[client(), client(Postcode="1234 ab", Burgerservicenummer="999951075")]))
    half = only(tmp_path, case(client=[client(Postcode=None), client()]))
    assert together["household"] == half["household"] == "1234AB|10|A"


WRONG = {
    "no client": (case(client=[]), "client.Postcode, client.Huisnummer", "missing_address"),
    "no house number": (case(client=[client(Huisnummer="")]), "client.Postcode, client.Huisnummer", "missing_address"),
    "half a postcode": (
        case(client=[client(Postcode="1234")]), "client.Postcode, client.Huisnummer", "unreadable_address",
    ),
    "BSN as house number": (
        case(client=[client(Huisnummer="999990019")]), "client.Postcode, client.Huisnummer", "bsn_in_field",
    ),
    "clients at two addresses": (
        case(client=[client(), client(Huisnummer="12")]), "client.Postcode, client.Huisnummer",
        "clients_at_several_addresses",
    ),
    "no application": (case(aanmelding={}), "aanmelding.startdatum", "missing"),
    "application as text": (case(aanmelding="2025-03-03"), "aanmelding.startdatum", "missing"),
    "Dutch date": (case(aanmelding={"startdatum": "03-03-2025"}), "aanmelding.startdatum", "not_a_date"),
    "no such day": (case(intake={"startdatum": "2025-02-30"}), "intake.startdatum", "not_a_date"),
    "unknown decision": (case(intake={"beschikkingssoort": "Besluit"}), "intake.beschikkingssoort", "unknown_code"),
    "unknown solution": (case(oplossing={"soort": "Loterij"}), "oplossing.soort", "unknown_code"),
    "unknown reason": (case(uitstroom={"reden": "Onbekend"}), "uitstroom.reden", "unknown_code"),
    "maybe": (case(schuldregeling={"dwangakkoord": "misschien"}), "schuldregeling.dwangakkoord", "unknown_code"),
    "no record": ("traject", "client.Postcode, client.Huisnummer", "missing_address"),
}  # fmt: skip


@pytest.mark.parametrize(("record", "field", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_case_is_refused_by_itself(tmp_path: Path, record: Any, field: str, reason: str) -> None:
    batch = read(tmp_path, case(), record)
    assert batch.refused.select("source_row", "field", "reason").rows() == [(2, field, reason)]
    assert json.loads(batch.refused["raw"].item()) == record
    assert batch.rows.height == 1


@pytest.mark.parametrize(
    "content", ["", "[]", '{"leveringen": {}}', '{"leveringen": [{"schuldhulptrajecten": {"a": 1}}]}', "\udcff"]
)
def test_what_is_no_message_is_refused_as_a_whole(tmp_path: Path, content: str) -> None:
    path = tmp_path / "schuldhulpverlening.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(SourceError):
        list(debt_counselling_message.read(path))


def test_a_message_without_cases_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "schuldhulpverlening.json"
    path.write_text('{"leveringen": [{"teller": 1}]}')
    assert list(debt_counselling_message.read(path)) == []


class TestPublishedMessage:
    pytestmark = shared

    def test_the_published_example_passes(self) -> None:
        (batch,) = debt_counselling_message.read(VNG / "ddas_schuldhulpverlening_v1.0.example.json")
        assert batch.refused.is_empty()
        (row,) = batch.rows.to_dicts()
        assert (row["household"], row["applied_on"], row["crisis"]) == ("5678CD|10|A", date(2024, 1, 1), True)
        assert (row["arrangement_asked_on"], row["arrangement_ended_on"]) == (date(2024, 6, 1), date(2024, 6, 20))
        assert (row["arrangement_result"], row["end_reason"]) == ("statutory", None)

    def test_every_code_of_the_published_lists_is_known(self) -> None:
        definitions = json.loads((VNG / "ddas_schuldhulpverlening_v1.0.schema.json").read_text())["$defs"]
        ours = {
            "EnumBeschikkingssoort": codes.DECISIONS,
            "EnumOplossingssoort": codes.SOLUTIONS,
            "EnumUitstroomreden": codes.ENDS,
        }
        assert {name: set(known) for name, known in ours.items()} == {
            name: set(definitions[name]["enum"]) for name in ours
        }

    @pytest.mark.xdist_group("samples_month")
    def test_sample_messages_are_valid_but_for_what_is_planted(self, tmp_path: Path) -> None:
        write_samples(tmp_path, seed=5, months=2)
        schema = json.loads((VNG / "ddas_schuldhulpverlening_v1.0.schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        for name in ("gm0221", "gm0981"):
            paths = sorted(tmp_path.glob(f"{name}/*/schuldhulp*.json"))
            assert len(paths) == 2
            for path in paths:
                wrong = {
                    error.json_path.rsplit(".", 1)[-1] for error in validator.iter_errors(json.loads(path.read_text()))
                }
                assert wrong <= {"reden"}, "an unknown reason is the only planted kind that a schema can see"
