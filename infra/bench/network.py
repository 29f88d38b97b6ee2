"""`make bench-network`: speed through real servers, each figure beside a named baseline of the same run.

Sets up the sample network in a home of its own, on ports of its own, moves the demo's months through it, measures, and
ends the servers. Writes `build/bench-network.json`.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra import stack
from infra.bench.latency import file_to_row
from infra.bench.results import Target, show_results, write_results
from infra.bench.through_kafka import Route, through_kafka
from infra.bench.trino_catalogs import many_catalogs
from infra.bench.trino_queries import QUESTIONS, analyst, trino_queries
from services.cli.console import err, progress
from services.config import CONFIG_FILE, SERVERS_CONFIG, load_settings
from services.demo import run_demo
from services.home import Home
from services.network import Network
from services.node import add_everybody
from services.parallel import warmed, workers
from services.registry import load_registry
from services.setup import create_network, sample_members

ROOT = Path("build/bench-network")
OUT = Path("build/bench-network.json")
SERVERS = ("postgresql", "kafka", "key-services", "trino")
OWN_PORTS = {":19092": ":29092", ":15432": ":25432", ":18181": ":28181", ":18182": ":28182", ":18443": ":28443"}
TRINO_HEAP_MIB = 3_072
"""Room for the catalogs of all municipalities."""
SENDER, RECEIVER = "es-lichtkade", "gm0106"
TARGETS = (
    Target("file_to_row_median_s", 30, most=True),
    Target("trino_query_p95_s", 1, most=True),
    Target("send_events_per_s", 400_000),
    Target("receive_events_per_s", 250_000),
)
CAPTION = (
    "send: encode, seal, append, acknowledged; outbox_send: the same with all parcels on the disk before they go, as"
    " `spiegelnet send` does; receive: read, verify, open, strict decode; collect: all that, the gate and the store;"
    " baseline: one fastavro event per AES-GCM-sealed message with the same client; tool: Kafka's own"
    " kafka-producer-perf-test with messages of the same size; catalogs_N_added: with N more than were there"
)


def main() -> None:
    """Measure, write the JSON after each measurement, print a table."""
    with _running_network() as network, analyst(network) as user:
        route = Route.of(network.home, SENDER, RECEIVER)
        event_type = load_registry().get("payment_arrears")
        results: dict[str, float] = {}

        def keep(figures: Mapping[str, float]) -> None:
            results.update(figures)
            write_results(OUT, results)

        measurements: tuple[tuple[str, Callable[[], dict[str, float]]], ...] = (
            ("From file to row", lambda: file_to_row(route)),
            ("Trino", lambda: trino_queries(user, QUESTIONS)),
            ("Through Kafka", lambda: through_kafka(route, event_type)),
            ("Many catalogs", lambda: many_catalogs(network, user, RECEIVER, keep=keep)),
        )
        for title, measure in measurements:
            err().print(f"{title} …")
            keep(measure())
    show_results(results, "Speed through real servers", f"{CAPTION}; in {OUT}", TARGETS)


@contextmanager
def _running_network() -> Iterator[Network]:
    """Yield the sample network with twelve months in it; its servers end with the block, its files go."""
    stack.down(Home(ROOT))
    shutil.rmtree(ROOT, ignore_errors=True)
    home = create_network(ROOT, sample_members(), servers=True)
    config = SERVERS_CONFIG
    for usual, own in OWN_PORTS.items():
        config = config.replace(usual, own)
    config = config.replace("[sql]\n", f"[sql]\nmemory_mib = {TRINO_HEAP_MIB}\n")
    (ROOT / CONFIG_FILE).write_text(config, "utf-8")
    try:
        stack.up(home, load_settings(ROOT), names=SERVERS, say=err().print)
        add_everybody(Network.open(ROOT))
        with workers(Network.open(ROOT).settings.machine.workers) as pool:
            run_demo(ROOT, pool, warmed(pool), progress, err().print, lambda: None)
        yield Network.open(ROOT)
    finally:
        stack.down(home)
        shutil.rmtree(ROOT, ignore_errors=True)


if __name__ == "__main__":
    main()
