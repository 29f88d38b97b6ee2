"""`spiegelnet sql --private`: a municipality's own events, asked where its keys are, and the record of who asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import Fatal, NotAllowed

if TYPE_CHECKING:  # slow imports that --help does not need
    import pyarrow as pa

    from services.private_sql import Private


@dataclass(frozen=True)
class Asked:
    """What the options say.

    Attributes:
        participant: whose events.
        purpose: what for.
        engine: that was named, if any.
        elsewhere: whether a user of Trino was named.
    """

    participant: str
    purpose: str
    engine: str | None
    elsewhere: bool


def ask_privately(home: Path, question: str, asked: Asked) -> "pa.Table":
    """Answer a question about a municipality's own events; it is written down.

    Raises:
        NotAllowed: by way of Trino, or without keys or purpose.
        Fatal: no participant is named.
        SpiegelnetError: as `services.private_sql.ask_private`.
    """
    from services.private_sql import ask_private

    return ask_private(_private(home, asked), question, asked.purpose)


def questions(home: Path, asked: Asked) -> "pa.Table":
    """Return the record of questions, oldest first, with the columns of `services.private_sql.Question`.

    Raises:
        SpiegelnetError: as `ask_privately`.
    """
    import pyarrow as pa

    from services.private_sql import asked_before

    columns = [(name, pa.string()) for name in ("at", "who", "purpose", "outcome")]
    columns = [("id", pa.int64()), *columns, ("rows", pa.int64()), ("statement", pa.string()), ("sha256", pa.string())]
    rows = [vars(item) for item in asked_before(_private(home, asked))]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _private(home: Path, asked: Asked) -> "Private":
    from services.network import Network
    from services.private_sql import Private

    if asked.elsewhere or asked.engine == "trino":
        raise NotAllowed(
            "A municipality's own events are never asked through Trino.",
            "They stay on the machine where its keys are.",
            "Leave --engine, --as and --password-file out.",
        )
    if not asked.participant:
        raise Fatal("It is not said whose events are asked.", todo="Name the municipality: --participant gm0106.")
    return Private(Network.open(home), asked.participant)
