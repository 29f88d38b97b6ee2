"""`make bench-network`: speed through real servers, each figure beside a named baseline of the same run.

Sets up the sample network in a home of its own, on ports of its own, moves the demo's months through it, measures, and
ends the servers. Writes `build/bench-network.json`.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import stack
from infra.bench.latency import file_to_row
from infra.bench.results import write_results
from infra.bench.through_kafka import Route, through_kafka
from infra.bench.trino_catalogs import QUESTIONS, many_catalogs, trino_queries
from services.cli.console import err, progress
from services.config import CONFIG_FILE, SERVERS_CONFIG, load_settings
from services.demo import run_demo
from services.home import Home
from services.network import Network
from services.node import add_everybody, operator_of
from services.parallel import warmed, workers
from services.registry import load_registry
from services.setup import create_network, sample_members

ROOT = Path("build/bench-network")
OUT = Path("build/bench-network.json")
SERVERS = ("postgresql", "kafka", "key-services", "trino")
OWN_PORTS = {":19092": ":29092", ":15432": ":25432", ":18181": ":28181", ":18182": ":28182", ":18443": ":28443"}
SENDER, RECEIVER = "es-lichtkade", "gm0106"
CAPTION = (
    "send: encode, seal, append, acknowledged; receive: read, verify, open, strict decode; collect: all that, the gate"
    " and the store; baseline: one fastavro event per AES-GCM-sealed message with the same client; tool: Kafka's own"
    " producer-performance moving as many bytes"
)


def main() -> None:
    """Measure, print a table, write the JSON."""
    with _running_network() as network:
        route = Route.of(network.home, SENDER, RECEIVER)
        event_type = load_registry().get("payment_arrears")
        measurements: tuple[tuple[str, Callable[[], dict[str, float]]], ...] = (
            ("From file to row", lambda: file_to_row(route)),
            ("Trino", lambda: trino_queries(operator_of(network), QUESTIONS)),
            ("Through Kafka", lambda: through_kafka(route, event_type)),
            ("Many catalogs", lambda: many_catalogs(network, RECEIVER)),
        )
        results: dict[str, float] = {}
        for title, measure in measurements:
            err().print(f"{title} …")
            results |= measure()
    write_results(OUT, results, "Speed through real servers", CAPTION)


@contextmanager
def _running_network() -> Iterator[Network]:
    """Yield the sample network with twelve months in it; its servers end with the block, its files go."""
    stack.down(Home(ROOT))
    shutil.rmtree(ROOT, ignore_errors=True)
    home = create_network(ROOT, sample_members(), servers=True)
    config = SERVERS_CONFIG
    for usual, own in OWN_PORTS.items():
        config = config.replace(usual, own)
    (ROOT / CONFIG_FILE).write_text(config, "utf-8")
    try:
        stack.up(home, load_settings(ROOT), names=SERVERS, say=err().print)
        add_everybody(Network.open(ROOT))
        with workers(Network.open(ROOT).settings.machine.workers) as pool:
            run_demo(ROOT, pool, warmed(pool), progress, err().print)
        yield Network.open(ROOT)
    finally:
        stack.down(home)
        shutil.rmtree(ROOT, ignore_errors=True)


if __name__ == "__main__":
    main()
