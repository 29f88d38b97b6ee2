"""The directory: who takes part, read and written, and what follows from it."""

import hashlib
import json
from pathlib import Path

import pytest

from services.directory import Directory, Participant, members_digest
from services.errors import Fatal
from services.privacy.keys import ParticipantKeys


def participant(name: str, kind: str, province: str | None = None, serves: tuple[str, ...] = ()) -> Participant:
    return Participant(name, name.upper(), kind, province, serves, ("receipt",), ParticipantKeys.generate(name).public)


@pytest.fixture
def directory() -> Directory:
    return Directory.of(
        [
            participant("gm0518", "municipality", "pv28", ("gm0518",)),
            participant("gm0344", "municipality", "pv26", ("gm0344",)),
            participant("gm0503", "municipality", "pv28", ("gm0503",)),
            participant("hc-huis", "housing_corporation", None, ("gm0518", "gm0503")),
            participant("es-stroom", "energy_supplier", None, ("gm0344",)),
            participant("hub", "hub"),
        ]
    )


def test_what_is_written_is_read_again(directory: Directory, tmp_path: Path) -> None:
    directory.save(tmp_path / "directory.json")
    assert Directory.load(tmp_path / "directory.json") == directory


def test_the_file_holds_public_keys_only(directory: Directory, tmp_path: Path) -> None:
    directory.save(tmp_path / "directory.json")
    entries = json.loads((tmp_path / "directory.json").read_text("utf-8"))["participants"]
    for entry in entries:
        assert set(json.loads(entry["public"])["keys"]) == {"seal", "signing", "mask"}


def test_who_owes_a_municipality_a_statement_is_who_serves_it_itself_included(directory: Directory) -> None:
    assert [item.id for item in directory.senders_to("gm0518")] == ["gm0518", "hc-huis"]
    assert [item.id for item in directory.senders_to("gm0344")] == ["es-stroom", "gm0344"]
    assert directory.municipalities == ["gm0344", "gm0503", "gm0518"]


def test_a_province_s_members_are_named_in_order_and_by_one_digest(directory: Directory) -> None:
    assert directory.region_members("pv28") == ("gm0503", "gm0518")
    assert directory.region_members("pv20") == ()
    assert members_digest(["gm0518", "gm0503"]) == hashlib.sha256(b"gm0503,gm0518").hexdigest()


def test_a_participant_that_is_not_there_is_an_error_that_names_it(directory: Directory) -> None:
    assert directory.get("hub").kind == "hub"
    with pytest.raises(Fatal, match="gm0001 is not in the directory"):
        directory.get("gm0001")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"participants": [{"id": "gm0518"}]}', '{"participants": 3}'])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text(content, "utf-8")
    with pytest.raises(Fatal, match=r"directory\.json cannot be read"):
        Directory.load(path)


def test_a_damaged_key_is_an_error_of_the_file(directory: Directory, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    directory.save(path)
    entries = json.loads(path.read_text("utf-8"))
    entries["participants"][0]["public"] = entries["participants"][0]["public"].replace("A", "B")
    path.write_text(json.dumps(entries), "utf-8")
    with pytest.raises(Fatal, match=r"directory\.json cannot be read"):
        Directory.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"directory\.json cannot be read"):
        Directory.load(tmp_path / "directory.json")


@pytest.mark.parametrize("name", ["../keys", "GM0518", "j.jansen", "a|b", "", "x" * 65, 518])
def test_an_id_that_could_name_something_else_is_refused(directory: Directory, tmp_path: Path, name: object) -> None:
    path = tmp_path / "directory.json"
    directory.save(path)
    content = json.loads(path.read_text("utf-8"))
    content["participants"][0]["id"] = name
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(Fatal, match=r"directory\.json cannot be read"):
        Directory.load(path)
