"""SQL over a municipality's own events, inside its node: for a purpose, written down, and for nobody else.

It is no part of the SQL surface that others ask: no catalog of Trino, nothing of the hub and nothing published knows of
it (an import contract in pyproject.toml holds that). It needs the participant's keys on this machine.
"""

from services.private_sql.asking import Private, ask_private, asked_before
from services.private_sql.audit import Question

__all__ = ["Private", "Question", "ask_private", "asked_before"]
