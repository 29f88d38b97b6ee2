"""The one place that reads the environment: `spiegelnet.toml` of a network's home, overridden by `SPIEGELNET_…`.

A nested key `workers` under `[machine]` is overridden by `SPIEGELNET_MACHINE__WORKERS`.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from services.errors import Fatal

CONFIG_FILE = "spiegelnet.toml"
HOME_VARIABLE = "SPIEGELNET_HOME"
DEFAULT_HOME = Path("build/demo")


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


class Settings(BaseSettings):
    """All settings, validated; unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix="SPIEGELNET_", env_nested_delimiter="__", extra="forbid")
    machine: Machine = Machine()
    gate: Gate = Gate()
    month: Month = Month()

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
"""


def default_home() -> Path:
    """Return the home named in the environment, or the demo's."""
    return Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME))


def one_thread_per_worker() -> None:
    """Let Polars use one thread in processes started from here: there is a process per core, more threads only wait.

    Takes effect where Polars is not imported yet.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")


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
