"""Setting up a network: members read from a file, keys made once, everybody's topic and right to send."""

from pathlib import Path

import pytest

from services.broker import SqliteBroker
from services.directory import Directory
from services.errors import Fatal
from services.registry import load_registry
from services.setup import Member, create_network, members_from, sample_members

MEMBERS = """
[[participant]]
id = "gm0518"
name = "Den Haag"
kind = "municipality"
province = "pv28"

[[participant]]
id = "hc-huis"
name = "Huis"
kind = "housing_corporation"
serves = ["gm0518"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "participants.toml"
    path.write_text(text, "utf-8")
    return path


def test_members_are_read_from_a_file_and_the_hub_is_added(tmp_path: Path) -> None:
    assert members_from(written(tmp_path, MEMBERS)) == [
        Member("gm0518", "Den Haag", "municipality", "pv28", ("gm0518",)),
        Member("hc-huis", "Huis", "housing_corporation", None, ("gm0518",)),
        Member("hub", "Hub", "hub"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[participant]]\nid = "gm0518"\nname = "x"\n', "participant 1"),
        ('[[participant]]\nid = "gm0518"\nname = "x"\nkind = "bank"\n', "kind must be one of"),
        ('[[participant]]\nid = "gm0518"\nname = "x"\nkind = "hub"\nkey = "k"\n', "key"),
        (
            '[[participant]]\nid = "hc-a"\nname = "x"\nkind = "housing_corporation"\nserves = "gm0518"\n',
            "must be a list",
        ),
        ('[[participant]]\nid = "../keys"\nname = "x"\nkind = "housing_corporation"\n', "id is not usable"),
        ('[[participant]]\nid = "GM0518"\nname = "x"\nkind = "municipality"\n', "id is not usable"),
        ('[participant]\nid = "gm0518"\nname = "x"\nkind = "municipality"\n', "double brackets"),
        ("participant = 3\n", "double brackets"),
        ("[[participant]\n", "cannot be read"),
        (MEMBERS + MEMBERS, "twice"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Fatal) as refused:
        members_from(written(tmp_path, text))
    assert told in str(refused.value)
    assert "participants.toml" in str(refused.value)


def test_a_network_has_keys_topics_and_rights_for_everybody(tmp_path: Path) -> None:
    home = create_network(tmp_path, members_from(written(tmp_path, MEMBERS)))
    directory, registry = Directory.load(home.directory), load_registry()
    with SqliteBroker(home.broker) as broker:
        for item in directory.participants.values():
            assert broker.end_offset(f"parcels.{item.id}") == 0
            assert home.participant(item.id).keys.stat().st_mode & 0o777 == 0o600
            allowed = {name for name in registry.names() if item.kind in registry.get(name).contract.sender}
            assert set(item.may_send) == allowed
    assert "eviction_notice" in directory.get("hc-huis").may_send
    assert "eviction_notice" not in directory.get("gm0518").may_send
    seeds = {(home.key_services / f"{name}.seed").read_bytes() for name in "ab"}
    assert {len(seed) for seed in seeds} == {32}
    assert len(seeds) == 2


def test_setting_up_again_adds_what_is_missing_and_keeps_every_key(tmp_path: Path) -> None:
    home = create_network(tmp_path, members_from(written(tmp_path, MEMBERS)))
    (tmp_path / "spiegelnet.toml").write_text("[month]\nclose_day = 12\n", "utf-8")
    with SqliteBroker(home.broker) as broker:
        topic = broker.topic_id("parcels.gm0518")
    secrets = [*tmp_path.rglob("keys.json"), *tmp_path.rglob("story.key"), *home.key_services.iterdir()]
    assert len(secrets) == 3 + 1 + 2, "keys of three; of stories for who may be told one"
    kept = {path: path.read_bytes() for path in secrets}
    kept[tmp_path / "spiegelnet.toml"] = (tmp_path / "spiegelnet.toml").read_bytes()
    create_network(tmp_path, [Member("wc-water", "Water", "water_company", None, ("gm0518",))])
    assert {path: path.read_bytes() for path in kept} == kept
    directory = Directory.load(home.directory)
    assert set(directory.participants) == {"gm0518", "hc-huis", "hub", "wc-water"}
    assert directory.get("gm0518").public.to_text() in home.directory.read_text("utf-8").replace('\\"', '"').replace(
        "\\n", "\n"
    )
    with SqliteBroker(home.broker) as broker:
        assert broker.topic_id("parcels.gm0518") == topic
        assert broker.end_offset("parcels.wc-water") == 0


def test_the_sample_network_has_19_municipalities_16_partners_3_story_points_cbs_and_the_hub() -> None:
    members = sample_members()
    assert sum(item.kind == "municipality" for item in members) == 19
    assert {item.id for item in members if not item.serves} == {"cbs", "hub"}
    assert sum(item.kind == "story_point" for item in members) == 3
    assert len(members) == 19 + 16 + 3 + 2
