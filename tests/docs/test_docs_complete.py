"""What a user meets is documented: commands, options, exit codes, settings, tables and columns; and nothing else is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from services import errors
from services.cli.app import app
from services.config import HOME_VARIABLE, Settings
from services.federation.surface import query
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.indicators import load_catalogue
from services.setup import members_from
from services.surface import open_published
from tests.docs.example_network import PARTICIPANTS, ExampleNetwork
from tests.docs.markdown import ROOT, blocks, first_column, section

COMMANDS_PAGE = ROOT / "docs" / "commands.md"
SQL_PAGE = ROOT / "docs" / "sql.md"
OPERATIONS_PAGE = ROOT / "docs" / "operations-one-machine.md"


def commands(group: Any, name: str = "spiegelnet") -> Iterator[tuple[str, Any]]:
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_all_its_options_and_no_other(name: str) -> None:
    text = section(COMMANDS_PAGE, f"`{name}`")
    options = {spelling for option in COMMANDS[name].params for spelling in (*option.opts, *option.secondary_opts)}
    options = {spelling for spelling in options if spelling.startswith("-")} - {"--home", "--json"}
    assert set(re.findall(r"`(--?[a-z-]+)", text)) - {"--home", "--json"} == options
    takes_json = any("--json" in option.opts for option in COMMANDS[name].params)
    assert takes_json == ("`--json`" in text)
    assert all("--home" in option.opts for option in COMMANDS[name].params if option.name == "home")


def test_every_section_about_a_command_is_about_one_that_exists() -> None:
    headings = re.findall(r"^## `(spiegelnet [a-z -]+)`$", COMMANDS_PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


def test_every_exit_code_is_documented_with_its_group() -> None:
    rows = re.findall(r"^\| (\d) \| ([a-z ]+) \|", section(COMMANDS_PAGE, "Exit codes"), flags=re.MULTILINE)
    groups = {
        str(kind.exit_code): kind.group
        for kind in errors.SpiegelnetError.__subclasses__()
        if kind.__module__ == errors.__name__
    }
    assert dict(rows) == {"0": "done", "1": "fault", "2": "usage", **groups}


def test_every_setting_and_its_variable_is_documented() -> None:
    names = {
        f"SPIEGELNET_{part}__{key}".upper(): f"{part}.{key}"
        for part, info in Settings.model_fields.items()
        for key in info.annotation.model_fields  # type: ignore[union-attr]  # every part is a model
    }
    text = section(OPERATIONS_PAGE, "Settings")
    assert sorted(first_column(text)) == sorted(names.values())
    assert set(re.findall(r"SPIEGELNET_\w+", text)) == {*names, HOME_VARIABLE}


def test_the_example_of_a_network_has_every_kind_that_the_text_explains() -> None:
    members = members_from(PARTICIPANTS)
    assert {member.kind for member in members} >= {"municipality", "energy_supplier", "housing_corporation", "hub"}
    shown = [block.text for block in blocks(OPERATIONS_PAGE, "toml") if block.text.startswith("[[participant]]")]
    assert shown
    assert all(block in PARTICIPANTS.read_text("utf-8") for block in shown)


@pytest.mark.xdist_group("docs_network")
@pytest.mark.parametrize(
    "table", [*(f"hub.{name}" for name in HUB_TABLES), *(f"gm0281.{name}" for name in NODE_TABLES)]
)
def test_every_table_is_documented_with_exactly_its_columns(table: str, network: ExampleNetwork) -> None:
    found = [row["column_name"] for row in query(open_published(network.home), f"DESCRIBE {table}").to_pylist()]
    documented = first_column(section(SQL_PAGE, f"`{table}`"))
    expanded = [name.replace("{nl,en}", language) for name in documented for language in ("nl", "en")]
    assert sorted(set(expanded)) == sorted(found)


def test_every_status_and_verdict_word_is_explained() -> None:
    text = section(SQL_PAGE, "Words in the columns")
    words = "published suppressed missing zero not_applicable lower similar higher not_compared stable rising falling"
    assert set(f"{words} too_short not_assessed".split()) <= set(re.findall(r"`(\w+)`", text))


def test_every_indicator_is_listed_where_the_catalogue_is_explained() -> None:
    assert sorted(first_column(section(SQL_PAGE, "The indicators"))) == sorted(load_catalogue())
