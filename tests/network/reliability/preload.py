"""What the server of child processes imports once, before it forks them."""

import importlib

import services.preload  # noqa: F401 - with all that a worker needs

_LATE = (
    "kafka",
    "services.broker.kafka",
    "sqlalchemy.dialects.postgresql.psycopg",
    "httpx",
    "services.lineage.openlineage",
)
"""What the product imports at its first use."""
for _name in _LATE:
    importlib.import_module(_name)
