"""The worker of Trino that docs/operations.md writes out joins the coordinator."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.artifacts import java, trino_home
from infra.trino import environment
from services.access import OperatorAccess
from services.config import load_settings
from services.federation.access import OPERATOR
from services.federation.trino_client import TrinoUser, run
from services.home import Home
from tests.docs.markdown import ROOT, blocks
from tests.network.homes import free_ports

PATIENCE = 300.0
"""Seconds: two Javas start beside each other."""
NODE, CONFIG = [
    item.text
    for item in blocks(ROOT / "docs" / "operations.md", "text")
    if item.text.startswith(("node.environment", "coordinator=false"))
]


@pytest.fixture
def worker(trino: Home, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker on this machine, with the certificate of its servers."""
    coordinator = str(load_settings(trino.root).sql.server).rpartition(":")[2]
    places = {
        "sql.spiegelnet.example:18443": f"localhost:{coordinator}",
        "port=18443": f"port={free_ports()[0]}",
        "worker-1.spiegelnet.example": "localhost",
        "10.0.0.21": "127.0.0.1",
        "/srv/trino/worker-1.pem": str((trino.servers / "tls" / "server.pem").absolute()),
        "/srv/trino/ca.pem": str(trino.ca.absolute()),
        "/srv/trino": str(tmp_path),
    }
    node, config = NODE, CONFIG
    for example, ours in places.items():
        node, config = node.replace(example, ours), config.replace(example, ours)
    (tmp_path / "config.properties").write_text(config, "utf-8")
    (tmp_path / "data").mkdir()
    settings = [f"-D{line}" for line in node.splitlines()]
    settings += [f"-Dconfig={tmp_path / 'config.properties'}", f"-Dplugin.dir={trino_home() / 'plugin'}"]
    program = [str(java()), "-Xmx1024M", *settings, "-cp", f"{trino_home() / 'lib'}/*", "io.trino.server.TrinoServer"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own
            program, cwd=tmp_path, env={**os.environ, **environment(trino)}, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_with_the_settings_of_the_page_joins(
    trino: Home, worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    access = OperatorAccess.load(trino.operator)
    operator = TrinoUser(str(load_settings(trino.root).sql.server), OPERATOR, access.sql, trino.ca)
    deadline = time.monotonic() + PATIENCE
    nodes: set[tuple[object, ...]] = set()
    while ("worker-1", False, "active") not in nodes:
        nodes = {tuple(row) for row in run(operator, "SELECT node_id, coordinator, state FROM system.runtime.nodes")}
        said = (tmp_path / "log").read_text("utf-8", "replace")[-2000:]
        assert worker.poll() is None, said
        assert time.monotonic() < deadline, f"nodes are {nodes}; the worker says {said}"
        time.sleep(0.5)
