"""Where Trino finds what a municipality publishes, and what is said where that is not known."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.errors import Fatal, NotAllowed
from services.home import Home
from services.network import Network
from services.node import add_participants
from services.sql_nodes import is_reached, published_place
from tests import small_network

SERVERS = '[catalog]\nkind = "postgresql"\nserver = "localhost:1"\n[sql]\nserver = "localhost:1"\n'
"""At which nobody answers: whatever asks one of them fails as Retryable."""
TOWN = "gm0664"


def network_of(folder: Path, more: str = "") -> Network:
    return Network.open(small_network.create(folder / "home", SERVERS + more, servers=True).root)


def test_a_node_of_another_machine_is_refused_before_anything_is_made_for_it(tmp_path: Path) -> None:
    network = network_of(tmp_path)
    network.home.participant(TOWN).keys.unlink()
    with pytest.raises(NotAllowed, match=f"Where Trino finds what {TOWN} publishes is not known") as caught:
        add_participants(network, [TOWN, "es-stroom"])
    assert f"[sql.nodes.{TOWN}]" in caught.value.todo
    assert not (network.home.participant(TOWN).root / "published").exists()
    assert not (network.home.servers / "withdrawn").exists()


def test_settings_name_its_server_and_folder_and_of_the_others_both_are_the_hubs(tmp_path: Path) -> None:
    more = f'[sql.nodes.{TOWN}]\ncatalog_server = "node.example:5432"\nwarehouse = "/srv/{TOWN}/published"\n'
    network = network_of(tmp_path, more)
    network.home.participant(TOWN).keys.unlink()
    assert is_reached(network, TOWN)
    assert published_place(network, TOWN) == ("node.example:5432", Path(f"/srv/{TOWN}"))
    assert published_place(network, "gm0687") == ("localhost:1", network.home.participant("gm0687").root.absolute())


def test_a_section_of_nobody_is_refused(tmp_path: Path) -> None:
    more = '[sql.nodes.gm9999]\ncatalog_server = "node.example:5432"\nwarehouse = "/srv/published"\n'
    with pytest.raises(Fatal, match="no municipality gm9999"):
        add_participants(network_of(tmp_path, more), [TOWN])


@pytest.mark.parametrize("warehouse", ["published", "./published", "/srv/gm0664", "/srv/gm0664/private", ""])
def test_a_warehouse_is_a_whole_path_to_what_is_published(tmp_path: Path, warehouse: str) -> None:
    more = f'[sql.nodes.{TOWN}]\ncatalog_server = "node.example:5432"\nwarehouse = "{warehouse}"\n'
    with pytest.raises(Fatal, match=rf"sql\.nodes\.{TOWN}\.warehouse: .*whose last part is published"):
        network_of(tmp_path, more)


def test_a_network_without_servers_says_so_instead_of_telling_who_is_known(tmp_path: Path) -> None:
    home = small_network.create(tmp_path / "home")
    for command in (["add", TOWN, "es-stroom"], ["remove", TOWN]):
        told = told_by(home, *command)
        assert "no servers, so nothing was done" in told
        assert "spiegelnet init --servers" in told
        assert "Known" not in told
        assert "withdrawn" not in told
    assert '"servers": false' in told_by(home, "add", TOWN, "--json")


def told_by(home: Home, *command: str) -> str:
    done = CliRunner().invoke(app, ["node", *command, "--home", str(home.root)], catch_exceptions=False)
    assert done.exit_code == 0
    return " ".join(done.output.split())
