"""From a partner's file to a queryable row: `spiegelnet send` of one signal, while the municipality's intake runs."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from infra.bench.through_kafka import Route
from services.errors import Fatal
from services.receiving.collecting import open_node
from services.sending.addresses import AddressReference
from services.store.events import table_name
from services.store.snapshots import scan
from services.store.tables import load_table

FILES = 15
PAUSE_SECONDS = 2
"""Between two rounds of the intake that runs without end."""
LONGEST_SECONDS = 120.0
EVENT_TYPE = "payment_arrears"
EXPORT = "energie_achterstanden_"
_COLUMNS = "Dossiernr;Postcode;Huisnr;Toev;Openstaand bedrag;Ontstaan op;Gemeld op;Crisis;Warme overdracht"
_POLL = 0.1


def file_to_row(route: Route, files: int = FILES) -> dict[str, float]:
    """Send files of one signal each, and wait each time until its row can be queried at the municipality.

    Args:
        route: a network that runs, an energy supplier, and a municipality.
        files: how many.

    Returns:
        Median and 95th percentile, in seconds from the start of the command that sends.

    Raises:
        Fatal: the municipality has fewer postcodes, sending failed, or a row did not come.
    """
    seconds = []
    with _intake(route):
        rows = _rows(route)
        for number, export in enumerate(_one_signal_exports(route, files)):
            path = route.network.home.root / "bench" / f"{EXPORT}bench_{number:03d}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(export)
            began = time.perf_counter()
            _send(route, path)
            rows = _await_more(route, rows, began)
            seconds.append(time.perf_counter() - began)
    return {
        "file_to_row_median_s": float(np.median(seconds)),
        "file_to_row_p95_s": float(np.quantile(seconds, 0.95)),
    }


@contextmanager
def _intake(route: Route) -> Iterator[None]:
    home = str(route.network.home.root)
    process = _spiegelnet("receive", route.pair.receiver, "--follow", str(PAUSE_SECONDS), "--home", home)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _send(route: Route, path: Path) -> None:
    code = _spiegelnet("send", route.pair.sender, str(path), "--home", str(route.network.home.root)).wait()
    if code:
        raise Fatal(f"`spiegelnet send` of {path.name} ended with {code}.", todo="Read what it wrote.")


def _spiegelnet(*arguments: str) -> subprocess.Popen[bytes]:
    code = "from services.cli import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)  # noqa: S603 - our own


def _one_signal_exports(route: Route, count: int) -> Iterator[bytes]:
    """Exports as an energy supplier writes them, of one household each; no rule or reader has anything against it."""
    places = AddressReference.load(route.network.home.address_reference).ranges.filter(
        pl.col("municipality") == route.pair.receiver
    )
    if places.height < count:
        raise Fatal(f"The address reference has fewer than {count} postcodes in {route.pair.receiver}.")
    for postcode, house in places.head(count).select("postcode", "house_number_from").iter_rows():
        # in a key of its own, so that the same home can be measured again
        row = f"BENCH-{time.time_ns()};{postcode};{house};;250,00;15-10-2025;01-12-2025;N;N"
        yield f"{_COLUMNS}\r\n{row}\r\n".encode("ascii")


def _rows(route: Route) -> int:
    table = load_table(open_node(route.network, route.pair.receiver).catalog, table_name(EVENT_TYPE))
    return int(scan(table).select(pl.len()).collect().item()) if table else 0


def _await_more(route: Route, before: int, began: float) -> int:
    while (now := _rows(route)) <= before:
        if time.perf_counter() - began > LONGEST_SECONDS:
            raise Fatal(f"A row did not come within {LONGEST_SECONDS:.0f} seconds.", todo="See spiegelnet status.")
        time.sleep(_POLL)
    return now
