"""Structured logs on standard error: what ran, for whom, how long, how many; never a value.

Only the fields named in `FIELDS` are written, whatever a caller passes, and of libraries only the place from which
they wanted to say something: their texts may quote what they were given. Loggers of other programs in the same process
(Airflow logs by structlog too) are left as they are.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import Any, Final, Literal, Protocol

Form = Literal["off", "text", "json"]

FIELDS: Final = frozenset(
    {
        *("time", "level", "event"),
        *("participant", "task", "run", "period", "seconds", "service", "server", "port", "version"),
        # what came of it, in numbers
        *("files", "rows", "refused", "events", "parcels", "statements", "receipts", "gaps", "waiting"),
        *(
            "accepted",
            "quarantined",
            "held",
            "duplicate",
            "cells",
            "published",
            "figures",
            "closed_before",
            "rolled_over",
            "broken",
            "postponed",
        ),
        # of a request to a key service
        *("caller", "elements", "status"),
        # of an error: its group and its sentences, which hold no value; of a fault its kind and place
        *("group", "what", "why", "todo", "fault", "place"),
        *("library", "line"),
    }
)
"""All that a line of the log may hold."""
LONGEST = 600
"""Characters of a field; the rest is cut off."""
LIBRARIES: Final = (
    *("asyncio", "fastapi", "fsspec", "great_expectations", "httpcore", "httpx", "kafka", "openlineage", "psycopg"),
    *("pyiceberg", "requests", "sqlalchemy", "starlette", "trino", "urllib3", "uvicorn"),
)
"""Libraries whose own loggers are silent: what they log may hold what they were given."""


class Logger(Protocol):
    """What services log by."""

    def info(self, event: str, **fields: object) -> Any:
        """Write that something happened."""

    def warning(self, event: str, **fields: object) -> Any:
        """Write that something has to be looked at, though work goes on."""


class Silent:
    """Logs nothing."""

    def info(self, event: str, **fields: object) -> None:
        """Leave it."""

    warning = info


class _StandardError:
    """Writes lines to standard error as it is at that moment, each in one go."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    info = warning = msg


class _Place(logging.Handler):
    """Tells from where a library wanted to warn, without its text."""

    def __init__(self, log: Logger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.warning("a library warned", library=record.name, line=record.lineno)


@cache
def logger(form: Form) -> Logger:
    """Return the logger of a form; `off` writes nothing."""
    if form == "off":
        return Silent()
    import structlog  # noqa: PLC0415 - a slow import that most commands do not need

    last = structlog.processors.JSONRenderer() if form == "json" else structlog.processors.LogfmtRenderer()
    made: Logger = structlog.wrap_logger(
        _StandardError(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _only_fields,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    return made


def quiet_libraries(form: Form = "off") -> None:
    """Keep libraries from writing texts to standard error; may be called again.

    What has no logger of its own here goes to the root logger: where nobody has given that a handler (Airflow does),
    it gets one that tells the place only.
    """
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    root = logging.getLogger()
    for handler in [item for item in root.handlers if isinstance(item, _Place)]:
        root.removeHandler(handler)
    if not root.handlers:
        root.addHandler(_Place(logger(form)))


def _only_fields(_: object, __: str, fields: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is not named in `FIELDS`; time, level and event come first."""
    first = ("time", "level", "event")
    order = (*first, *(name for name in fields if name not in first))
    return {name: _plain(fields[name]) for name in order if name in FIELDS and fields.get(name) is not None}


def _plain(value: object) -> object:
    """Return numbers and short texts as they are, and of anything else only its type."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:LONGEST]
    return type(value).__name__
