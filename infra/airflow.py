"""Airflow on one machine: LocalExecutor on SQLite, three parts in one session, one port, on 127.0.0.1.

There is no triggerer, since nothing here is deferred, and no server of log files, since the API server reads them from
the same disk; both would listen to the whole network. All settings are in `airflow.cfg`, made anew at each start; keys
and the password of the user `operator` are made once, in files of the owner.
"""

import base64
import configparser
import datetime as dt
import http.client
import json
import os
import secrets
import subprocess
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from infra.process import NotReadyError, Server
from services.config import HOME_VARIABLE, Settings
from services.errors import Fatal
from services.home import Home

NAME = "airflow"
USER = "operator"
PARTS = ("metadatabase", "scheduler", "dag_processor")
"""What must be healthy; there is no triggerer."""
_SECRET_BYTES = 32
_ANSWER_SECONDS = 5.0
_DATABASE_SECONDS = 30.0


def server(home: Home, settings: Settings) -> Server:
    """Describe Airflow at the port of `schedule.server`.

    Raises:
        Fatal: the settings name no address.
    """
    address = settings.schedule.server
    if address is None:
        raise Fatal(
            "The settings do not say where Airflow is.",
            "[schedule] in spiegelnet.toml has no server.",
            'Write server = "localhost:18080" there.',
        )
    folder, port = airflow_home(home), int(address.rpartition(":")[2])
    environment = {
        "AIRFLOW_HOME": str(folder),
        HOME_VARIABLE: str(home.root.absolute()),
        # its parts ask each other by HTTP; a proxy of the machine would not find them
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
    }
    return Server(
        name=NAME,
        folder=folder,
        port=port,
        command=[sys.executable, "-m", "infra.airflow_parts"],
        ready=partial(_require_ready, folder, port),
        prepare=partial(_prepare, folder, port, settings.machine.workers, environment),
        environment=environment,
        memory_mib=900,
        start_seconds=300,
        version=_version(),
    )


def airflow_home(home: Home) -> Path:
    """Return the folder that Airflow calls AIRFLOW_HOME."""
    return home.servers.absolute() / NAME


def password(home: Home) -> str:
    """Return the password of the user `operator`.

    Raises:
        Fatal: Airflow was never started here.
    """
    try:
        return str(json.loads(_passwords(airflow_home(home)).read_text("utf-8"))[USER])
    except (OSError, ValueError, KeyError):
        raise Fatal(
            "The password of Airflow is not on this machine.",
            f"There is no {_passwords(airflow_home(home))}.",
            "`spiegelnet up` makes it; where others run the servers, ask them.",
        ) from None


def _passwords(folder: Path) -> Path:
    return folder / "passwords.json"


def _version() -> str:
    try:
        return version("apache-airflow")
    except PackageNotFoundError:
        return ""


def _prepare(folder: Path, port: int, workers: int, environment: dict[str, str]) -> None:
    """Write the configuration, and bring the database up to this version of Airflow where it is not."""
    if not _version():
        raise Fatal(
            "Airflow is not installed in this environment.",
            "It comes with the servers' packages only.",
            "`make network` installs them.",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if not _passwords(folder).exists():
        _write_secret(_passwords(folder), json.dumps({USER: secrets.token_urlsafe(_SECRET_BYTES)}) + "\n")
    config = _config(folder, port, workers, _keys(folder))
    _write_secret(folder / "airflow.cfg", config)
    migrated = folder / "migrated"
    if migrated.exists() and migrated.read_text("utf-8") == _version():
        return
    log = folder / f"{NAME}.log"
    with log.open("ab") as out:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
            check=False,
        )
    if done.returncode:
        raise Fatal("Airflow's database could not be prepared.", f"It says why in {log}.", "Mend that and start again.")
    migrated.write_text(_version(), "utf-8")


def _keys(folder: Path) -> dict[str, str]:
    """Return the keys that Airflow signs and encrypts with, made at the first start."""
    path = folder / "keys.json"
    if not path.exists():
        made = {
            "fernet": base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode(),
            "api": secrets.token_urlsafe(_SECRET_BYTES),
            "jwt": secrets.token_urlsafe(_SECRET_BYTES * 2),
        }
        _write_secret(path, json.dumps(made))
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text("utf-8")).items()}
    except ValueError:
        raise Fatal(f"{path} cannot be read.", "It is not as it was written.", "Remove it, and start again.") from None


def _config(folder: Path, port: int, workers: int, keys: dict[str, str]) -> str:
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": Path(__file__).resolve().parents[1] / "dags",
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": workers,
            "max_active_tasks_per_dag": workers,
            "max_map_length": 4096,  # a task per participant
            "hostname_callable": "socket.gethostname",  # without asking a name server
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": _passwords(folder),
            "fernet_key": keys["fernet"],
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
        },
        # The scheduler ends when it has waited that long; SQLite's own five seconds are too few on a busy machine.
        "database": {"sql_alchemy_conn": f"sqlite:///{folder / 'airflow.db'}?timeout={_DATABASE_SECONDS:.0f}"},
        "api": {
            "host": "127.0.0.1",
            "port": port,
            "base_url": f"http://localhost:{port}",
            "workers": 1,
            "secret_key": keys["api"],
        },
        "api_auth": {"jwt_secret": keys["jwt"]},
        "scheduler": {
            "task_instance_heartbeat_timeout": 60,  # a task whose process was killed is found dead then, tried again
            # What waited in a scheduler that was killed waits until somebody looks. At the start of the next one that
            # scheduler may still count as alive, for half a minute; the next look would be after five minutes.
            "orphaned_tasks_check_interval": 15,
            "enable_health_check": False,
        },
        # The watcher of a task whose process has closed its files but not ended yet looks again after so many seconds;
        # with five, one task in ten took five more. Airflow may be away as long as ever: a quarter of a minute.
        "workers": {"min_heartbeat_interval": 1, "max_failed_heartbeats": 15},
        # the files change with an upgrade only, which starts Airflow anew
        "dag_processor": {"parsing_processes": 1, "min_file_process_interval": 300, "stale_dag_threshold": 60},
        "logging": {
            "base_log_folder": folder / "logs",
            "colored_console_log": False,
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
        },
    }
    parser = configparser.RawConfigParser()
    parser.read_dict({name: {key: str(value) for key, value in part.items()} for name, part in sections.items()})
    lines = ["# made anew at each start; a setting is overridden by a variable AIRFLOW__SECTION__KEY"]
    for name in parser.sections():
        # a percent sign would be read as the beginning of a name
        lines += ["", f"[{name}]", *(f"{key} = {value.replace('%', '%%')}" for key, value in parser.items(name))]
    return "\n".join(lines) + "\n"


def _write_secret(path: Path, content: str) -> None:
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.rename(path)


def _require_ready(folder: Path, port: int) -> None:
    """Ask Airflow for its health; a sign of life from before this start, which wrote `airflow.cfg`, does not count."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/api/v2/monitor/health")
        health = json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        raise NotReadyError("its API does not answer yet") from None
    finally:
        connection.close()
    started = dt.datetime.fromtimestamp((folder / "airflow.cfg").stat().st_mtime, dt.UTC)
    for name in PARTS:
        part = health.get(name, {})
        beat = part.get(f"latest_{name}_heartbeat")
        if part.get("status") != "healthy" or (beat and dt.datetime.fromisoformat(beat) < started):
            raise NotReadyError(f"its {name.replace('_', ' ')} is not healthy yet")
