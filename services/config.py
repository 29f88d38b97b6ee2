"""The one place that reads the environment: `spiegelnet.toml` of a network's home, overridden by `SPIEGELNET_…`.

A nested key `workers` under `[machine]` is overridden by `SPIEGELNET_MACHINE__WORKERS`.
"""

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from services.errors import Fatal

SectionT = TypeVar("SectionT", bound=BaseModel)

CONFIG_FILE = "spiegelnet.toml"
HOME_VARIABLE = "SPIEGELNET_HOME"
_LOG_FORM = "SPIEGELNET_LOG__FORM"
CACHE_VARIABLE = "XDG_CACHE_HOME"
DEFAULT_HOME = Path("build/demo")
DEFAULT_SERVERS_HOME = Path("build/network")


class Machine(BaseModel):
    """What this machine may use."""

    model_config = ConfigDict(extra="forbid")
    # one more than cores, since a worker also waits for the disk
    workers: Annotated[int, Field(ge=1, le=64)] = (os.cpu_count() or 1) + 1


class Gate(BaseModel):
    """Size of the micro-batches in which events are checked."""

    model_config = ConfigDict(extra="forbid")
    rows: Annotated[int, Field(ge=1_000, le=1_000_000)] = 100_000


class Month(BaseModel):
    """When a month closes."""

    model_config = ConfigDict(extra="forbid")
    close_day: Annotated[int, Field(ge=1, le=28)] = 10


_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:([0-9]{1,5})")
_HIGHEST_PORT = 65_535


def _host_and_port(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= _HIGHEST_PORT:
        raise ValueError(f"must be host:port with a port up to {_HIGHEST_PORT}, and nothing else")
    return text


Address = Annotated[str, AfterValidator(_host_and_port)]
"""`host:port`."""


class Broker(BaseModel):
    """Where parcels wait: a file in this home, or Apache Kafka."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["sqlite", "kafka"] = "sqlite"
    server: Address | None = None
    # parcels that the broker does not have yet; beyond it nothing more is sealed until it takes some
    outbox_mib: Annotated[int, Field(ge=16)] = 20_480

    @model_validator(mode="after")
    def _server_of_kafka(self) -> "Broker":
        return _require(self, self.kind == "kafka", self.server)


class Catalog(BaseModel):
    """Where the list of a warehouse's tables is: a file beside them, or PostgreSQL."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["sqlite", "postgresql"] = "sqlite"
    server: Address | None = None

    @model_validator(mode="after")
    def _server_of_postgresql(self) -> "Catalog":
        return _require(self, self.kind == "postgresql", self.server)


class KeyServices(BaseModel):
    """Two key services: in this process, or each at its own address; and how much each caller may ask one of them."""

    model_config = ConfigDict(extra="forbid")
    a: Address | None = None
    b: Address | None = None
    # elements (addresses to be made pseudonyms of): a full bucket, and what comes into it each hour
    burst: Annotated[int, Field(ge=10_000)] = 500_000
    per_hour: Annotated[int, Field(ge=1)] = 50_000


def _published_folder(path: Path) -> Path:
    if not path.is_absolute() or path.name != "published":
        raise ValueError("must be a whole path, from / on, whose last part is published")
    return path


class SqlNode(BaseModel):
    """Where Trino finds what a municipality publishes on a machine of its own: its PostgreSQL, and its `published`."""

    model_config = ConfigDict(extra="forbid")
    catalog_server: Address
    warehouse: Annotated[Path, AfterValidator(_published_folder)]


class Sql(BaseModel):
    """Where Trino answers; without it, `spiegelnet sql` asks DuckDB."""

    model_config = ConfigDict(extra="forbid")
    server: Address | None = None
    # by id of the municipality; of those that are not here everything is at the hub's server and in this home
    nodes: dict[str, SqlNode] = {}
    # of the server that `spiegelnet up` starts; each catalog of a node takes some 5 MiB of it
    memory_mib: Annotated[int, Field(ge=768)] = 1_536


class Schedule(BaseModel):
    """Where Airflow runs the months; without it, a person or cron does."""

    model_config = ConfigDict(extra="forbid")
    server: Address | None = None


class Log(BaseModel):
    """What tasks write to standard error: nothing, lines of `key=value`, or lines of JSON."""

    model_config = ConfigDict(extra="forbid")
    form: Literal["off", "text", "json"] = "off"


class Lineage(BaseModel):
    """Where OpenLineage events go besides the files in `lineage/`: the address of a collector, such as Marquez."""

    model_config = ConfigDict(extra="forbid")
    # no user and password before the host: settings hold no secret
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None


MOST_EMBARGO_DAYS = 366


class Release(BaseModel):
    """When others may see what a municipality released: days after the period's end, as `init` puts into the directory.

    In a home that has a directory it may only say the same; left out, nothing is compared.
    """

    model_config = ConfigDict(extra="forbid")
    embargo_days: Annotated[int, Field(ge=0, le=MOST_EMBARGO_DAYS)] | None = None


def _require(section: SectionT, wanted: bool, server: str | None) -> SectionT:  # noqa: FBT001 - a validator's own
    if wanted and server is None:
        raise ValueError("server must name host:port")
    return section


class Settings(BaseSettings):
    """All settings, validated; unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix="SPIEGELNET_", env_nested_delimiter="__", extra="forbid")
    machine: Machine = Machine()
    gate: Gate = Gate()
    month: Month = Month()
    release: Release = Release()
    log: Log = Log()
    lineage: Lineage = Lineage()
    broker: Broker = Broker()
    catalog: Catalog = Catalog()
    key_services: KeyServices = KeyServices()
    sql: Sql = Sql()
    schedule: Schedule = Schedule()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file (which arrives as init values)."""
        return env_settings, init_settings


DEFAULT_CONFIG = """\
# Settings of this network's home. Each key can be overridden in the environment,
# for example SPIEGELNET_MACHINE__WORKERS=1 for workers under [machine].

[machine]
# worker processes; left out, one more than there are cores
# workers = 2

[gate]
# events checked in one go; larger is faster and takes more memory
rows = 100000

[month]
# a month closes when all delivery statements are in, or else on this day of the next month
close_day = 10

[release]
# others see a municipality's released cells this many days after the period has ended; it sees its own at once;
# `spiegelnet init` writes it into the directory, which says it for the whole network; left out, 0
# embargo_days = 14
"""

SERVERS_CONFIG = """
# Where the servers of the network are. `spiegelnet up` starts those that are at localhost.

[broker]
kind = "kafka"
server = "localhost:19092"

[catalog]
kind = "postgresql"
server = "localhost:15432"

[key_services]
a = "localhost:18181"
b = "localhost:18182"

[sql]
server = "localhost:18443"

[schedule]
server = "localhost:18080"
"""


def default_home() -> Path:
    """Return the home named in the environment, or the demo's."""
    return Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME))


def default_servers_home() -> Path:
    """Return the home named in the environment, or the one that `spiegelnet up` makes."""
    return Path(os.environ.get(HOME_VARIABLE, DEFAULT_SERVERS_HOME))


def cache_folder() -> Path:
    """Return this user's folder for what can be fetched again: the servers' software."""
    named = Path(os.environ.get(CACHE_VARIABLE, ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "spiegelnet"


def one_thread_per_worker() -> None:
    """Let Polars use one thread in processes started from here: there is a process per core, more threads only wait.

    Takes effect where Polars is not imported yet.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")


def set_log_form(form: str) -> Callable[[], None]:
    """Let `form` win over the setting `log.form`, here and in processes started from here.

    Returns:
        A function that undoes it.
    """
    before = os.environ.get(_LOG_FORM)
    os.environ[_LOG_FORM] = form

    def undo() -> None:
        if before is None:
            os.environ.pop(_LOG_FORM, None)
        else:
            os.environ[_LOG_FORM] = before

    return undo


def load_settings(home: Path) -> Settings:
    """Read and validate the settings of `home`.

    Raises:
        Fatal: the file cannot be read, or a key is unknown or has a value that is not allowed; the key is named.
    """
    path = home / CONFIG_FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Fatal(f"{path} is not valid TOML.", f"{error}.", "Mend the file at that line and run again.") from None
    try:
        return Settings(**values)
    except SettingsError as error:
        # Its text names the section of which the environment variable is no table, and no value.
        raise Fatal(
            f"A SPIEGELNET_ variable was refused: {error}.",
            "A whole section must be a JSON object.",
            "Name a single key instead, such as SPIEGELNET_MACHINE__WORKERS=1.",
        ) from None
    except ValidationError as error:
        raise Fatal(_key_errors(path, error), todo="Mend the key in the file or in the environment.") from None


def _key_errors(path: Path, error: ValidationError) -> str:
    """Name each wrong key once, with what is expected of it; never with its value."""
    lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return f"Configuration {path} (or a SPIEGELNET_ variable) was refused: {'; '.join(lines)}."
