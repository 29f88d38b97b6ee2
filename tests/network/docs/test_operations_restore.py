"""The backup and the restore of a node's store that docs/operations.md describes, by its own lines, on PostgreSQL."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra import stack
from infra.postgresql import program
from services import tasks
from services.access import OperatorAccess
from services.config import load_settings
from services.errors import Retryable
from services.home import Home
from services.status import participant_status
from tests.command import run
from tests.docs.markdown import ROOT, blocks
from tests.network import homes
from tests.network_state import receiver_state, release_state
from tests.small_network import AFTER, BACK, LIVE, MUNICIPALITIES, write_sources

TOWN = MUNICIPALITIES[0]
CELLS = f"SELECT * FROM {TOWN}.published.cells"
(BACKUP, RESTORE) = [item for item in blocks(ROOT / "docs" / "operations.md", "text") if "--username" in item.text]


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of its own with all servers but Airflow, since a node's store is removed here."""
    with homes.new_home() as made:
        homes.start(made, *homes.SERVERS)
        stack.make_known(made, load_settings(made.root), homes.SERVERS)
        yield made


def do(text: str, home: Home, desk: Path) -> None:
    """Run lines of the page, on this home and this municipality."""
    port = str(load_settings(home.root).catalog.server).rpartition(":")[2]
    for example, ours in {"/srv/spiegelnet": shlex.quote(str(home.root)), "gm0281": TOWN, "15432": port}.items():
        text = text.replace(example, ours)
    product = f'spiegelnet() {{ {shlex.quote(sys.executable)} -c "from services.cli import main; main()" "$@"; }}\n'
    environment = {
        **os.environ,
        "PATH": f"{program('pg_dump').parent}:{os.environ['PATH']}",
        "PGPASSWORD": OperatorAccess.load(home.operator).catalog,
    }
    done = subprocess.run(  # noqa: S603 - our own documentation, as a reader would run it
        ["bash", "-euc", product + text],  # noqa: S607 - whichever bash the reader has
        cwd=desk,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}: {done.stderr}"


def lose(home: Home) -> None:
    """Remove what a node has stored: both its databases and both its folders."""
    host, _, port = str(load_settings(home.root).catalog.server).partition(":")
    password = OperatorAccess.load(home.operator).catalog
    with psycopg.connect(host=host, port=int(port), user="postgres", password=password, autocommit=True) as connection:
        for kind in ("private", "published"):
            connection.execute(f'DROP DATABASE "{TOWN}_{kind}" WITH (FORCE)'.encode())
    do(
        "rm -r /srv/spiegelnet/participants/gm0281/private /srv/spiegelnet/participants/gm0281/published",
        home,
        home.root,
    )


def send(home: Home, months: tuple[str, ...]) -> None:
    for sender, files in write_sources(home, months).items():
        tasks.send(home.root, sender, files, months)


def stored(home: Home) -> dict[str, Any]:
    """Return what the node holds, and what Trino tells of it."""
    told = run("sql", CELLS, "--engine", "trino", "--json", "--home", home.root)
    if told.code == Retryable.exit_code:  # the database under a connection that Trino kept is another one
        told = run("sql", CELLS, "--engine", "trino", "--json", "--home", home.root)
    assert told.code == 0, told.err
    cells = sorted(map(repr, json.loads(told.out)))
    return {**receiver_state(home.root, TOWN), **release_state(home.root, TOWN), "trino": cells}


def accepted_of_others(home: Home) -> dict[object, object]:
    """Return how many events of each other sender count; to itself it has sent receipts again."""
    found = participant_status(home.root, TOWN, None).senders
    return {item["sender"]: item["accepted"] for item in found if item["sender"] != TOWN}


def test_a_restored_store_goes_on_from_its_copy_with_the_same_closes_and_nothing_twice(
    home: Home, tmp_path: Path
) -> None:
    send(home, BACK)
    tasks.receive(home.root, TOWN)
    tasks.month(home.root, TOWN, BACK, AFTER)
    copied = stored(home)
    assert copied["trino"]
    do(BACKUP.text, home, tmp_path)

    send(home, LIVE)
    assert tasks.receive(home.root, TOWN).verdicts["accepted"] > 0
    before = stored(home)
    assert before != copied
    accepted = accepted_of_others(home)

    lose(home)
    do(RESTORE.text, home, tmp_path)
    assert stored(home) == before
    assert participant_status(home.root, TOWN, None).balanced
    assert accepted_of_others(home) == accepted
    tasks.receive(home.root, TOWN)
    assert stored(home) == before
