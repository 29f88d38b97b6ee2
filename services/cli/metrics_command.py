"""Metrics for Prometheus."""

import signal
import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out
from services.cli.options import HomeOption
from services.cli.servers import server_states
from services.errors import Fatal

if TYPE_CHECKING:  # a slow import that --help does not need
    from services.metrics import Metrics


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet metrics --listen 127.0.0.1:9464")(metrics)


def metrics(
    home: HomeOption,
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT to answer at /metrics; without it they are printed once.")
    ] = None,
) -> None:
    """Print metrics of the participants whose keys are on this machine, or serve them until it is interrupted."""
    from services.metrics import Metrics
    from services.network import Network

    Network.open(home)  # a wrong home or setting is told at once, not at the first scrape
    found = Metrics(home, server_states)
    if listen is None:
        sys.stdout.write(found.text())
        return
    _serve(found, *_address(listen))


def _serve(found: "Metrics", host: str, port: int) -> None:
    from prometheus_client import start_http_server

    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        server, thread = start_http_server(port, host, found.registry())
    except OSError as error:
        raise Fatal(
            f"Metrics cannot be served at {host}:{port}.", f"{error.strerror or error}.", "Name another address."
        ) from None
    out().print(f"Metrics are at http://{host}:{server.server_port}/metrics until this is interrupted.", markup=False)
    sys.stdout.flush()
    ended.wait()
    server.shutdown()
    thread.join()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the highest port
        raise Fatal(f"{text} is not an address.", todo="Write HOST:PORT, such as 127.0.0.1:9464.")
    return host.strip("[]"), int(port)
