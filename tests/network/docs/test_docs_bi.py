"""What docs/bi.md says to do is done as an analyst, to the letter, against a real Trino with a benchmark in it."""

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.artifacts import java, trino_cli
from infra.superset.pack import FOLDER
from services import tasks
from services.config import load_settings
from services.errors import NotAllowed
from services.federation.trino_client import TrinoUser, query
from services.home import Home
from services.network import Network
from services.sql_users import add_analyst
from tests import small_network
from tests.docs.markdown import ROOT, Block, blocks
from tests.network.sql.site import until

PAGE = ROOT / "docs" / "bi.md"
DATASETS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob("datasets/**/*.yaml"))}
NAME = "bi.docs"
OTHERS_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def a_block(language: str, begins: str) -> Block:
    (found,) = [block for block in blocks(PAGE, language) if begins in block.text]
    return found


@pytest.fixture(scope="module")
def analyst(servers: Home, tmp_path_factory: pytest.TempPathFactory) -> TrinoUser:
    """An analyst of the shared network, in which months were closed."""
    password = tmp_path_factory.mktemp("password") / "password"
    add_analyst(Network.open(servers.root), NAME, None, password)
    server = load_settings(servers.root).sql.server
    assert server is not None
    user = TrinoUser(server, NAME, password.read_text("utf-8").strip(), servers.ca)
    until(lambda: is_let_in(user))  # within a second or two, as `spiegelnet user add` says
    if query(user, "SELECT municipality FROM hub.benchmark.figures LIMIT 1").num_rows == 0:
        fill(servers)
    return user


def is_let_in(user: TrinoUser) -> bool:
    try:
        return query(user, "SHOW TABLES FROM hub.benchmark").num_rows > 0
    except NotAllowed:
        return False


def fill(home: Home) -> None:
    for participant, files in small_network.write_sources(home, small_network.BACK).items():
        tasks.send(home.root, participant, files, small_network.BACK)
    for town in small_network.MUNICIPALITIES:
        tasks.receive(home.root, town)
    for town in small_network.MUNICIPALITIES:
        tasks.month(home.root, town, small_network.BACK, small_network.AFTER)
    tasks.benchmark(home.root)


@pytest.fixture
def environment(analyst: TrinoUser) -> dict[str, str]:
    """What the examples take from the environment, beside what a user's own has, but for others' certificates."""
    host, _, port = analyst.server.rpartition(":")
    kept = {name: value for name, value in os.environ.items() if name not in OTHERS_CERTIFICATES}
    return {
        **kept,
        "TRINO_HOST": host,
        "TRINO_PORT": port,
        "TRINO_USER": analyst.name,
        "TRINO_PASSWORD": analyst.password,
        "TRINO_CA": str(analyst.ca.absolute()),
        "PATH": f"{java().parent}:{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


def said(command: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own documentation, as a reader would run it
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("begins", ["trino.dbapi", "sqlalchemy"])
@pytest.mark.parametrize("others", [(), OTHERS_CERTIFICATES], ids=["plain", "others' certificates named"])
def test_python_prints_rows(begins: str, others: tuple[str, ...], environment: dict[str, str], tmp_path: Path) -> None:
    text = a_block("python", begins).text.replace("gm0281", small_network.MUNICIPALITIES[0])
    stranger = tmp_path / "stranger.pem"
    stranger.touch()
    named = dict.fromkeys(others, str(stranger))
    lines = said([sys.executable, "-c", text], environment | named, tmp_path).splitlines()
    if begins == "sqlalchemy":
        assert any("signals_per_1000_households" in line for line in lines)
    else:
        assert [line.split()[0] for line in lines] == list(small_network.BACK)


def test_the_command_line_writes_a_file_for_a_spreadsheet(environment: dict[str, str], tmp_path: Path) -> None:
    block = a_block("bash", "trino-cli")
    (tmp_path / "trino-cli-476-executable.jar").symlink_to(trino_cli())
    said(["bash", "-euc", block.text], environment, tmp_path)
    with (tmp_path / "reached_share.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["municipality"] for row in rows} >= set(small_network.MUNICIPALITIES)
    assert all((row["value"] != "") == (row["status"] == "published") for row in rows)
    keys = [(row["municipality"], row["period"]) for row in rows]
    assert keys == sorted(keys)


def test_superset_is_handed_the_connection(environment: dict[str, str], tmp_path: Path) -> None:
    said(["bash", "-euc", a_block("bash", "infra.superset.pack").text], environment, tmp_path)
    with zipfile.ZipFile(tmp_path / "spiegelnet-benchmark.zip") as packed:
        database = yaml.safe_load(packed.read("benchmark/databases/Spiegelnet.yaml"))
        everything = b"".join(packed.read(name) for name in packed.namelist())
    place = f"{environment['TRINO_HOST']}:{environment['TRINO_PORT']}"
    assert database["sqlalchemy_uri"] == f"trino://{NAME}:XXXXXXXXXX@{place}/hub"
    assert environment["TRINO_PASSWORD"].encode() not in everything


@pytest.mark.parametrize("block", blocks(PAGE, "sql"), ids=lambda block: block.name)
def test_a_question_of_the_page_is_answered(block: Block, analyst: TrinoUser) -> None:
    assert query(analyst, block.text.replace("gm0281", small_network.MUNICIPALITIES[0])).num_rows > 0


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
def test_a_dataset_of_the_dashboard_has_rows_and_its_columns(dataset: dict[str, Any], analyst: TrinoUser) -> None:
    answer = query(analyst, f"SELECT * FROM ({dataset['sql']})")
    assert answer.num_rows > 0
    assert answer.column_names == [column["column_name"] for column in dataset["columns"]]
    text = {"VARCHAR": "string", "DOUBLE": "double", "BIGINT": "int64"}
    kinds = {name: str(kind) for name, kind in zip(answer.column_names, answer.schema.types, strict=True)}
    assert kinds == {column["column_name"]: text[column["type"]] for column in dataset["columns"]}


def test_an_expression_of_the_dashboard_gives_one_row_its_figure_and_several_none(analyst: TrinoUser) -> None:
    dataset = DATASETS["spiegelnet_figures"]
    expressions = ", ".join(f"{metric['expression']} AS {metric['metric_name']}" for metric in dataset["metrics"])
    where = f"WHERE municipality = '{small_network.MUNICIPALITIES[0]}' AND title = 'Signals of payment arrears'"
    several = query(analyst, f"SELECT {expressions} FROM ({dataset['sql']}) {where}").to_pylist()
    assert several == [{metric["metric_name"]: None for metric in dataset["metrics"]}]
    one = query(analyst, f"SELECT {expressions}, max(value) AS value FROM ({dataset['sql']}) {where} GROUP BY period")
    assert one.num_rows == len(small_network.BACK)
    assert one["own_figure"].to_pylist() == one["value"].to_pylist() != [None, None]


def test_peers_begin_with_the_municipality_itself(analyst: TrinoUser) -> None:
    own = query(
        analyst,
        f"SELECT DISTINCT municipality, area, who FROM ({DATASETS['spiegelnet_peers']['sql']}) WHERE likeness = 0",
    ).to_pylist()
    assert own
    assert all(row["area"] == row["municipality"] and row["who"] == "own municipality" for row in own)
