"""What containers are given: made in a home as `compose run prepare` does, and the broker's start script with it."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from infra import artifacts, kafka
from infra.certificates import ensure_certificates
from infra.linux import session_members
from infra.process import NotReadyError
from services.access import Access, OperatorAccess
from services.config import HOME_VARIABLE, load_settings
from services.directory import Directory
from services.federation.tables import NODE_TABLES
from services.home import Home
from services.keyservice import callers
from tests.command import run_apart
from tests.network import homes
from tests.small_network import MUNICIPALITIES, PARTNERS

COMPOSE = Path(__file__).resolve().parents[2] / "infra" / "compose"
HOSTS = ("localhost", "sql.spiegelnet.example")


@pytest.fixture
def hub() -> Iterator[Home]:
    """Give a home of the hub, prepared for its containers, of which the broker is at a free port of this machine."""
    with homes.open_folder() as folder:
        home = Home(folder / "network")
        home.root.mkdir()
        settings = (COMPOSE / "hub" / "spiegelnet.toml").read_text("utf-8")
        port = homes.free_ports()[0]
        (home.root / "spiegelnet.toml").write_text(
            settings.replace("broker.spiegelnet.example:9092", f"localhost:{port}"), "utf-8"
        )
        made = run_apart("init", "--home", home.root, "--network", "docs/examples/participants.toml")
        assert made.code == 0, made.err
        prepare(home)
        yield home


def prepare(home: Home) -> None:
    """Do what `docker compose run --rm prepare` does."""
    contained(home, "hub", *(f"--host={name}" for name in HOSTS))


def contained(home: Home, *arguments: str) -> None:
    """Run what a container runs once, in a home."""
    command = [sys.executable, "-m", "infra.containers", *arguments]
    environment = {**os.environ, HOME_VARIABLE: str(home.root)}
    subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 - our own


def answering(hub: Home, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the operator may log in; return the cluster's id."""
    server = kafka.server(hub, load_settings(hub.root))
    while True:
        assert process.poll() is None
        try:
            server.ready()
        except NotReadyError:
            time.sleep(0.1)
        else:
            lines = (hub.servers / "kafka" / "data" / "meta.properties").read_text("ascii").splitlines()
            return next(line for line in lines if line.startswith("cluster.id="))


def test_every_file_of_the_network_that_a_container_is_given_is_there(hub: Home) -> None:
    content = yaml.safe_load((COMPOSE / "hub" / "compose.yaml").read_text("utf-8"))
    mounted = [volume for service in content["services"].values() for volume in service.get("volumes", [])]
    sources = [volume.split("}")[1].split(":")[0] for volume in mounted if volume.startswith("${SPIEGELNET_FOLDER}")]
    sources += [secret["file"].split("}")[1] for secret in content["secrets"].values()]
    sources += [file["path"].split("}")[1] for file in content["services"]["trino"]["env_file"]]
    assert len(sources) >= 10
    assert [source for source in sources if not (hub.root / source.lstrip("/")).exists()] == []
    expected = {"config", "node", "access-control", "password-authenticator", "catalog-store"}
    assert expected <= {path.stem for path in (hub.servers / "trino" / "etc").iterdir()}


def test_trino_is_given_what_is_published_alone_and_writes_only_the_hubs(hub: Home) -> None:
    """A node whose keys are here publishes here, one of the settings where these say; of another nothing is known."""
    here, there, unknown, *_ = Directory.load(hub.directory).municipalities
    for town in (there, unknown):
        hub.participant(town).keys.unlink()
    with (hub.root / "spiegelnet.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[sql.nodes.{there}]\ncatalog_server = "node.example:5432"\nwarehouse = "/mnt/{there}/published"\n'
        )
    prepare(hub)
    content = yaml.safe_load((COMPOSE / "hub" / "compose.yaml").read_text("utf-8"))
    mounted = content["services"]["trino"]["volumes"]
    assert not [volume for volume in mounted if "participants" in volume]
    written = [volume.split(":")[0] for volume in mounted if not volume.endswith(":ro")]
    assert written == ["${SPIEGELNET_FOLDER}/servers/trino/catalogs", "trino"], "not who may do what"
    made = yaml.safe_load((hub.servers / "published.yaml").read_text("utf-8"))
    assert set(made) == {"services"}
    assert set(made["services"]) == {"trino"}
    assert set(made["services"]["trino"]) == {"volumes"}
    volumes = {volume["source"]: volume for volume in made["services"]["trino"]["volumes"]}
    own = [f"${{SPIEGELNET_FOLDER}}/participants/{item}/published" for item in ("hub", here)]
    assert {*own, f"/mnt/{there}/published"} <= set(volumes)
    assert not [source for source in volumes if unknown in source or not source.endswith("/published")]
    assert [source for source, volume in volumes.items() if not volume["read_only"]] == own[:1]
    assert not any(volume["bind"]["create_host_path"] for volume in volumes.values())
    assert volumes[f"/mnt/{there}/published"]["target"] == f"/mnt/{there}/published", "as its catalog names it"
    for item in ("hub", here):
        folder = hub.participant(item).root.absolute() / "published"
        assert folder.is_dir()
        assert volumes[f"${{SPIEGELNET_FOLDER}}/participants/{item}/published"]["target"] == str(folder)


def test_secrets_are_for_their_owner_alone_and_doing_it_again_keeps_them(hub: Home) -> None:
    folder = hub.servers / "secrets"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"broker", "catalog", "trino.env"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    access = OperatorAccess.load(hub.operator)
    assert before["broker"].decode() == access.broker
    etc = b"".join(path.read_bytes() for path in (hub.servers / "trino" / "etc").iterdir())
    assert not any(secret.encode() in etc for secret in (access.reader, access.writer, access.internal, access.sql))
    prepare(hub)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_broker_of_the_container_lets_the_operator_in_and_keeps_its_data(hub: Home, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    classpath = os.pathsep.join(str(path) for path in artifacts.kafka_classpath())
    for name, main in {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}.items():
        command = shlex.join([str(artifacts.java()), "-Xmx512m", "-cp", classpath, main])
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
        (programs / name).chmod(0o755)
    environment = {
        **os.environ,
        "KAFKA_PROGRAMS": str(programs),
        "KAFKA_CONFIG": str(hub.servers / "kafka" / "server.properties"),
        "KAFKA_PASSWORD_FILE": str(hub.servers / "secrets" / "broker"),
        "KAFKA_LISTEN": "127.0.0.1",
    }
    clusters = []
    for _ in range(2):
        process = subprocess.Popen(  # noqa: S603 - our own
            ["/bin/sh", str(COMPOSE / "hub" / "start-kafka.sh")],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            clusters.append(answering(hub, process))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            assert session_members(process.pid) == []
    assert clusters[0] == clusters[1]


def test_a_node_has_its_password_and_the_databases_of_those_whose_passwords_it_has() -> None:
    town, *others = MUNICIPALITIES
    with homes.new_home() as home:
        for other in (*others, *PARTNERS, "cbs", "hub"):
            home.participant(other).access.unlink()
        contained(home, "node")
        secret = home.servers / "secrets" / "catalog"
        assert secret.read_text("utf-8") == OperatorAccess.load(home.operator).catalog
        assert secret.stat().st_mode & 0o777 == 0o600
        homes.start(home, "postgresql")  # which has that password from the same file
        contained(home, "catalogs")
        host, _, port = str(load_settings(home.root).catalog.server).partition(":")
        own = Access.load(home.participant(town).access).catalog
        for kind, tables in (
            ("private", []),
            ("published", sorted(name.removeprefix("published.") for name in NODE_TABLES)),
        ):
            with psycopg.connect(
                host=host, port=int(port), user=town, password=own, dbname=f"{town}_{kind}"
            ) as connection:
                found = connection.execute("SELECT table_name FROM iceberg_tables ORDER BY 1").fetchall()
                assert found == [(name,) for name in tables]
        with psycopg.connect(
            host=host, port=int(port), user="postgres", password=secret.read_text("utf-8"), dbname="postgres"
        ) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%\\_published'").fetchall()
        assert found == [(f"{town}_published",)]


def test_the_key_service_of_the_container_starts_and_its_health_check_finds_it(tmp_path: Path) -> None:
    home, port = Home(tmp_path / "network"), str(homes.free_ports()[0])
    home.root.mkdir()
    ensure_certificates(home, hosts=["key-service.first.example"])
    (tmp_path / "server.pem").write_bytes((home.servers / "tls" / "server.pem").read_bytes())
    (tmp_path / "seed").write_bytes(bytes(range(32)))
    callers.add(home, [Access.generate(MUNICIPALITIES[0])])
    (tmp_path / "callers.json").write_bytes(callers.callers_file(home, "a").read_bytes())
    text = (COMPOSE / "key-service" / "compose.yaml").read_text("utf-8")
    text = re.sub(r"\$\{KEY_SERVICE_ID[^}]*\}", "ks-a", re.sub(r"\$\{\w+:-(\w+)\}", r"\1", text))
    text = text.replace("0.0.0.0", "127.0.0.1").replace("8181", port).replace("/key-service/", f"{tmp_path}/")  # noqa: S104
    service = yaml.safe_load(text)["services"]["key-service"]
    program = [sys.executable, *service["entrypoint"][1:], *service["command"]]
    check = [sys.executable, *service["healthcheck"]["test"][2:]]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        while subprocess.run(check, check=False, capture_output=True).returncode:  # noqa: S603 - our own
            assert process.poll() is None
    finally:
        process.terminate()
        process.wait()
    assert subprocess.run(check, check=False, capture_output=True).returncode  # noqa: S603 - our own
