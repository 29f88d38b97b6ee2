"""What containers need of the product: `python -m infra.containers`, in the home that the environment names.

It makes passwords, certificates and the servers' configuration by the same code as `spiegelnet up` does on one machine;
infra/compose says which container runs what.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from infra import airflow as airflow_server
from infra import kafka, trino
from infra.certificates import ensure_certificates
from infra.process import NotReadyError
from services.access import Access, OperatorAccess
from services.cli.console import out, show_error
from services.config import Settings, default_home, load_settings
from services.directory import HUB
from services.errors import Fatal
from services.faults import user_error
from services.home import Home
from services.network import Network

app = typer.Typer(help="What containers need of the product.", pretty_exceptions_enable=False, add_completion=False)

JVM = (
    "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:ReservedCodeCacheSize=256M",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
)
NODE_PROPERTIES = """\
node.environment=spiegelnet
node.id=coordinator
node.data-dir=/data/trino
node.internal-address=localhost
"""


@app.command()
def hub(host: Annotated[list[str], typer.Option(help="A name by which others reach the servers.")]) -> None:
    """Make passwords, certificates and configuration of the hub's servers, in a home that `spiegelnet init` made."""
    home, settings = _home()
    if not settings.broker.server or not settings.sql.server:
        raise Fatal(
            "The settings do not say where broker and Trino are.",
            "spiegelnet.toml has no [broker] server or no [sql] server.",
            "Copy infra/compose/hub/spiegelnet.toml to the network's folder, and mend its names.",
        )
    operator = OperatorAccess.load_or_create(home.operator)
    ensure_certificates(home, hosts=host)
    kafka.write_properties(home, settings.broker.server)
    etc = trino.write_configuration(home, settings)
    (etc / "node.properties").write_text(NODE_PROPERTIES, "ascii")
    (etc / "jvm.config").write_text("".join(f"{line}\n" for line in (f"-Xmx{settings.sql.memory_mib}M", *JVM)), "ascii")
    _secret(home, "broker", operator.broker)
    _secret(home, "catalog", operator.catalog)
    variables = trino.environment(home)
    _secret(home, "trino.env", "".join(f"{name}={value}\n" for name, value in variables.items()))
    _write_published(Network(home, settings))
    out().print(f"Passwords, certificates and configuration are in {home.servers}.", markup=False)


def _write_published(network: Network) -> None:
    """Write the compose file that gives Trino what each participant publishes, and nothing else of anybody.

    Only the hub's can be written to: the views of regions are files there. Folders of this machine are made here, since
    the engine would make them as its super-user's.
    """
    from services.sql_nodes import has_server_of_its_own, is_reached, published_place  # noqa: PLC0415 - a slow import

    volumes = []
    for participant in (HUB, *network.directory.municipalities):
        if is_reached(network, participant):
            folder = published_place(network, participant)[1] / "published"
            source = str(folder)
            if not has_server_of_its_own(network, participant):
                folder.mkdir(parents=True, exist_ok=True)
                source = f"${{SPIEGELNET_FOLDER}}/{folder.relative_to(network.home.root.absolute())}"
            mount = {"type": "bind", "source": source, "target": str(folder), "read_only": participant != HUB}
            volumes.append({**mount, "bind": {"create_host_path": False}})
    content = {"services": {"trino": {"volumes": volumes}}}
    (network.home.servers / "published.yaml").write_text(
        json.dumps(content, indent=1) + "\n", "utf-8"
    )  # YAML reads JSON


@app.command()
def node() -> None:
    """Make the password of the database server of a node."""
    home, _ = _home()
    _secret(home, "catalog", OperatorAccess.load_or_create(home.operator).catalog)
    out().print(f"The password of the database server is in {home.servers}.", markup=False)


@app.command()
def catalogs() -> None:
    """Make databases and published tables of the participants whose passwords are here, at the node's own server."""
    from services.published import ensure_published  # noqa: PLC0415 - slow imports
    from services.sql_nodes import publishing  # noqa: PLC0415
    from services.store.database import add_participants  # noqa: PLC0415

    home, settings = _home()
    if not settings.catalog.server:
        raise Fatal("The settings do not say where the database server is.", todo="Write [catalog] server.")
    network = Network(home, settings)
    paths = [home.participant(item).access for item in network.directory.participants]
    known = [Access.load(path) for path in paths if path.exists()]
    published = publishing(network, (item.participant for item in known))
    add_participants(settings.catalog.server, OperatorAccess.load(home.operator), known, published)
    for participant in published:  # so that Trino finds tables from the beginning
        ensure_published(network, participant)
    names = ", ".join(item.participant for item in known) or "nobody"
    out().print(f"Databases are there for {names}.", markup=False)


@app.command()
def airflow() -> None:
    """Prepare Airflow, and become it."""
    server = airflow_server.server(*_home())
    server.folder.mkdir(parents=True, exist_ok=True)
    server.prepare()
    os.chdir(server.folder)
    program = shutil.which(server.command[0]) or server.command[0]
    os.execve(program, list(server.command), {**os.environ, **server.environment})  # noqa: S606 - our own command


@app.command("airflow-health")
def airflow_health() -> None:
    """End with an error unless Airflow is healthy."""
    try:
        airflow_server.server(*_home()).ready()
    except NotReadyError as error:
        raise Fatal(f"Airflow is not healthy: {error}.") from None


def _home() -> tuple[Home, Settings]:
    home = Home(Path(default_home())).require()
    return home, load_settings(home.root)


def _secret(home: Home, name: str, content: str) -> None:
    """Write a file that a container is given as a secret; the folder is its owner's alone."""
    folder = home.servers / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.rename(path)


def main() -> NoReturn:
    """Run; an error is told as the command line tells it, and ends with its exit code."""
    try:
        app(standalone_mode=False)
    except Exception as error:
        known = user_error(error)
        if known is None:
            raise
        show_error(known)
        raise SystemExit(known.exit_code) from None
    raise SystemExit(0)


if __name__ == "__main__":
    main()
