"""The files that tell Trino who may do what."""

import json
import re
import stat
from pathlib import Path

import bcrypt
import pytest

from services.errors import Fatal, NotAllowed, Rejected
from services.federation.access import ANALYST, OPERATOR, PARTICIPANT, resource_groups, rules
from services.federation.catalogs import published_catalog, stored_properties
from services.federation.trino_files import TrinoFiles
from services.federation.users import UserFiles, check_analyst
from services.network import Network
from services.node import add_participants, remove_participant
from services.sql_nodes import states
from services.sql_users import add_analyst
from tests import small_network

SECTIONS = {
    "catalogs", "schemas", "tables", "functions", "procedures", "queries", "impersonation", "system_information",
    "system_session_properties", "catalog_session_properties", "authorization",
}  # fmt: skip
"""Of Trino's documentation, all but the outdated `principals`; one that is left out would allow everything."""
NOTHING = ("none", False, [])


def test_every_section_is_there_and_ends_with_a_rule_that_refuses_the_rest() -> None:
    made = rules(["gm0518", "gm0599"])
    assert set(made) == SECTIONS
    for name, section in made.items():
        last = section[-1]
        granted = {key: last[key] for key in last if key in ("allow", "privileges", "owner")}
        assert next(iter(granted.values())) in NOTHING, name
        others = {key: value for key, value in last.items() if key not in granted}
        assert set(others.values()) <= {".*"}, f"the last rule of {name} is not for everybody"


def test_no_rule_lets_a_reader_change_anything() -> None:
    for section in rules(["gm0518"]).values():
        for rule in section:
            if rule.get("group") != OPERATOR:
                assert set(rule.get("privileges", [])) <= {"SELECT", "EXECUTE"}  # type: ignore[call-overload]  # a list
                assert rule.get("owner") in (None, False)
                assert rule.get("allow") in (None, False, "none", "read-only", [], ["execute"], ["read"])


def test_names_of_hidden_tables_fit_no_rule() -> None:
    tables = [rule for rule in rules(["gm0518"])["tables"] if rule.get("privileges") and rule["catalog"] != "system"]
    assert tables
    for rule in tables:
        for hidden in ("cells$files", "figures$snapshots", "region_pv28$x", "cells$properties"):
            assert not re.fullmatch(str(rule["table"]), hidden)


def test_only_a_participants_own_tables_come_without_an_embargo() -> None:
    free = [
        rule
        for rule in rules(["gm0518", "gm0599"])["tables"]
        if rule.get("group") != OPERATOR and rule.get("privileges") and "filter" not in rule and "schema" in rule
    ]
    kept_back = [rule for rule in free if rule["table"] in ("cells", "quality", "sessions", "actions")]
    own = {(rule.get("user"), rule["catalog"]) for rule in kept_back if rule["schema"] == "published"}
    assert own == {("gm0518", "gm0518"), ("gm0599", "gm0599")}
    others = {(rule["schema"], rule["table"]) for rule in free if rule["schema"] != "jdbc" and "user" not in rule}
    words = {("benchmark", "stories"), ("published", "stories"), ("published", "missing")}
    assert others == {("benchmark", "indicators"), ("metadata", "table_comments")} | words


def test_a_network_without_nodes_has_rules_too() -> None:
    text = json.dumps(rules([]))
    assert '"catalog": ""' not in text


def test_each_user_has_a_group_of_queries_of_its_own() -> None:
    groups = resource_groups()
    assert groups["selectors"][-1]["group"] == "readers.${USER}"
    assert all("userGroup" in selector for selector in groups["selectors"]), "who has no role is not selected"


def test_passwords_are_kept_as_hashes_that_fit_and_of_a_kind_that_trino_reads(tmp_path: Path) -> None:
    files = UserFiles(tmp_path / "access")
    assert files.add_many(PARTICIPANT, {"gm0518": "first password", "gm0599": "second password"}) == [
        "gm0518",
        "gm0599",
    ]
    lines = dict(line.split(":", 1) for line in files.passwords.read_text().splitlines())
    assert lines["gm0518"].startswith("$2y$08$")
    assert bcrypt.checkpw(b"first password", lines["gm0518"].replace("$2y$", "$2b$").encode())
    assert stat.S_IMODE(files.passwords.stat().st_mode) == 0o600
    assert files.groups.read_text() == "participant:gm0518,gm0599\n"


def test_adding_again_changes_nothing_and_another_password_only_its_own_line(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    files.add_many(PARTICIPANT, {"gm0518": "first password", "gm0599": "second password"})
    before = files.passwords.read_text().splitlines()
    assert files.add_many(PARTICIPANT, {"gm0518": "first password"}) == []
    assert files.passwords.read_text().splitlines() == before
    assert files.add_many(PARTICIPANT, {"gm0518": "another password"}) == ["gm0518"]
    assert files.passwords.read_text().splitlines()[1:] == before[1:]


def test_who_is_removed_has_neither_password_nor_role(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    files.add_many(ANALYST, {"j.jansen": "a long password"})
    assert (files.role_of("j.jansen"), files.users(ANALYST)) == (ANALYST, ["j.jansen"])
    assert files.remove("j.jansen")
    assert (files.passwords.read_text(), files.groups.read_text()) == ("", "")
    assert not files.remove("j.jansen")


def test_nobody_has_two_roles(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    files.add_many(PARTICIPANT, {"gm0518": "first password"})
    with pytest.raises(Rejected, match="participant"):
        files.add_many(ANALYST, {"gm0518": "second password"})


@pytest.mark.parametrize(
    ("name", "password"),
    [("Jan", "long enough indeed"), ("j:x", "long enough indeed"), ("operator", "long enough indeed"),
     ("j,x", "long enough indeed"), ("j.jansen", "short"), ("j.jansen", "x" * 73), ("..", "long enough indeed"),
     ("jansen", "long enough indeed"), ("gm0599", "long enough indeed"), (".jansen", "long enough indeed"),
     ("jansen.", "long enough indeed")],
)  # fmt: skip
def test_a_name_or_password_that_trino_would_misread_or_anybody_guess_is_refused(name: str, password: str) -> None:
    with pytest.raises(Rejected):
        check_analyst(name, password)


def test_an_analyst_is_no_participant_and_its_password_goes_into_a_new_file_only(tmp_path: Path) -> None:
    home = small_network.create(tmp_path / "home")
    (home.root / "spiegelnet.toml").write_text('[sql]\nserver = "localhost:1"\n')
    network = Network.open(home.root)
    with pytest.raises(NotAllowed):
        add_analyst(network, "j.jansen", None, tmp_path / "password")
    files = TrinoFiles.of(home).users
    files.add_many(OPERATOR, {"operator": "password of the operator"})
    with pytest.raises(Rejected, match="participant"):
        add_analyst(network, "gm0664", "a long password")
    assert add_analyst(network, "j.jansen", None, tmp_path / "password")
    made = (tmp_path / "password").read_text().strip()
    line = next(line for line in files.passwords.read_text().splitlines() if line.startswith("j.jansen:"))
    assert bcrypt.checkpw(made.encode(), line.removeprefix("j.jansen:").replace("$2y$", "$2b$").encode())
    with pytest.raises(Fatal, match="there already"):
        add_analyst(network, "j.jansen", None, tmp_path / "password")


def test_a_catalog_knows_one_published_warehouse_and_holds_no_password(tmp_path: Path) -> None:
    found = published_catalog("localhost:5432", "gm0518", tmp_path)
    assert found["iceberg.jdbc-catalog.connection-url"] == "jdbc:postgresql://localhost:5432/gm0518_published"
    assert (found["local.location"], found["iceberg.security"]) == (str(tmp_path), "read_only")
    assert found["iceberg.jdbc-catalog.connection-password"].startswith("${ENV:")
    assert not any("private" in value for key, value in found.items() if key != "local.location")
    assert "iceberg.security" not in published_catalog("localhost:5432", "hub", tmp_path, writable=True)


def test_properties_are_read_as_trino_writes_them(tmp_path: Path) -> None:
    # a file as Trino 476 wrote it
    (tmp_path / "gm0518.properties").write_text(
        "#Sun Nov 22 21:38:12 UTC 2026\nconnector.name=iceberg\n"
        "iceberg.jdbc-catalog.connection-url=jdbc\\:postgresql\\://localhost\\:5432/gm0518_published\n"
        "iceberg.jdbc-catalog.connection-password=${ENV\\:X}\nlocal.location=/a b/c\\=d/\\u00E9\\\\\n"
    )
    assert stored_properties(tmp_path, "gm0518") == {
        "iceberg.jdbc-catalog.connection-url": "jdbc:postgresql://localhost:5432/gm0518_published",
        "iceberg.jdbc-catalog.connection-password": "${ENV:X}",
        "local.location": "/a b/c=d/é\\",
    }
    assert stored_properties(tmp_path, "gm0599") == {}


def test_without_servers_there_is_nothing_to_do(tmp_path: Path) -> None:
    network = Network.open(small_network.create(tmp_path / "home").root)
    assert add_participants(network, ["gm0664"]).participants == ["gm0664"]
    assert remove_participant(network, "gm0664").catalogs == []
    assert [(item.user, item.catalog) for item in states(network)] == [(False, None)] * len(small_network.EVERYBODY)
    with pytest.raises(Fatal, match="directory"):
        add_participants(network, ["gm9999"])
    with pytest.raises(NotAllowed):
        remove_participant(network, "hub")
