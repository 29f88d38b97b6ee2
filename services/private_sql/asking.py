"""A question about a municipality's own events: who may ask it, that it is written down, and its answer."""

import os
import pwd
from dataclasses import dataclass

import pyarrow as pa

from services.errors import NotAllowed, SpiegelnetError
from services.federation.surface import query
from services.network import Network
from services.private_sql.audit import ANSWERED, Audit, Question
from services.private_sql.bounds import MOST_BYTES, MOST_ROWS, require_readable
from services.private_sql.surface import open_private

MOST_PURPOSE = 500
_TABLES = "the municipality's own events without pseudonyms"
_STOPPED = "stopped"
_FAULT = "fault"


@dataclass(frozen=True)
class Private:
    """Who asks about whose events.

    Attributes:
        network: the network, with the participant's keys on this machine.
        municipality: whose events; the only ones that a question reaches.
    """

    network: Network
    municipality: str

    def audit(self) -> Audit:
        """Open the record of questions.

        Raises:
            NotAllowed: the participant is no municipality, or its keys are not on this machine.
            Fatal: there is no such participant, or its keys are damaged.
        """
        kind = self.network.directory.get(self.municipality).kind
        if kind != "municipality":
            raise NotAllowed(
                f"{self.municipality} is no municipality.",
                "Private SQL is for the events that a municipality received about its own residents.",
                "Name a municipality with --participant.",
            )
        key = self.network.keys(self.municipality).store
        return Audit(self.network.home.participant(self.municipality).asked, key)


def ask_private(private: Private, sql: str, purpose: str) -> pa.Table:
    """Answer one SELECT over `<municipality>.private.<event type>`.

    Args:
        private: whose events.
        sql: as a user typed it.
        purpose: what the answer is needed for; it is kept with the question.

    Returns:
        At most `MOST_ROWS` rows, and no more in lists or texts: a larger answer is refused, see `bounds`.

    Raises:
        NotAllowed: without purpose or keys, of no municipality, no SELECT, or a reach outside these tables.
        Rejected: the query has a mistake, or asks too much.
        Retryable, Fatal: the store or the record cannot be used; without a record there is no answer.
    """
    audit = private.audit()
    audit_number = audit.begin(private.network.now(), os_user(), stated(purpose), sql)
    outcome, rows = _STOPPED, None
    try:
        connection = open_private(private.network, private.municipality)
        try:
            answer = query(connection, sql, most_rows=MOST_ROWS, most_bytes=MOST_BYTES, tables=_TABLES)
        finally:
            connection.close()
        require_readable(answer)
        outcome, rows = ANSWERED, answer.num_rows
    except SpiegelnetError as error:
        outcome = error.group
        raise
    except Exception:
        outcome = _FAULT
        raise
    finally:
        audit.end(audit_number, private.network.now(), outcome, rows)
    return answer


def asked_before(private: Private) -> list[Question]:
    """Return all questions about a municipality's own events, oldest first.

    Raises:
        NotAllowed, Fatal, Retryable: as `Private.audit`, and as the file.
    """
    return private.audit().questions()


def os_user() -> str:
    """Return who runs this process, as the operating system knows it; the environment could say anything."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def stated(purpose: str) -> str:
    """Return a purpose as it is written down.

    Raises:
        NotAllowed: there is none, or it is longer than anybody reads.
    """
    text = " ".join(purpose.split())
    if not text:
        raise NotAllowed(
            "A municipality's own events are shown for a purpose only.",
            "Each question is written down with who asked it, and what for.",
            'Name the purpose: --purpose "which part of the cases of this summer is still open".',
        )
    if len(text) > MOST_PURPOSE:
        raise NotAllowed(
            f"The purpose has more than {MOST_PURPOSE} characters.",
            "It is to be read by who looks through the questions.",
            "Say it in a sentence.",
        )
    return text
