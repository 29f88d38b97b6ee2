"""Who may do what at Trino: its rules, by role, and how many queries at once. All that is not said here is refused.

Roles are groups of users: `analyst` reads what the network published, as soon as its embargo is over; `participant`,
whose user is its id, reads also its own node's cells under embargo; `operator` keeps catalogs and views. Everybody but
the operator reads by way of catalogs that cannot be written to, since SELECT alone lets a user run a table's
procedures.

Trino takes the first rule that fits, so every section ends with one that refuses the rest. An attribute that Trino does
not know would make a rule wider without a word; tests/network/sql goes through users, objects and verbs.
"""

import json
from collections.abc import Collection, Sequence
from typing import Final

from services.embargo import PUBLIC_FROM
from services.federation.tables import HUB, HUB_TABLES, NODE_TABLES, REGION_VIEWS

ANALYST: Final = "analyst"
PARTICIPANT: Final = "participant"
OPERATOR: Final = "operator"
HUB_WRITER: Final = "hub_writer"
"""The hub's catalog for the operator's views; readers have `hub`, the same tables, read only."""

QUERIES_PER_USER: Final = 4
WAITING_PER_USER: Final = 40
QUERIES_OF_READERS: Final = 16
WAITING_OF_READERS: Final = 400

# Whatever time zone a client says it is in
EMBARGO_IS_OVER: Final = f"{PUBLIC_FROM} <= CAST(current_timestamp AT TIME ZONE 'UTC' AS date)"

_READERS = f"{ANALYST}|{PARTICIPANT}"
_METADATA = "attributes|catalogs|columns|procedure_columns|procedures|pseudo_columns|schemas|super_tables|super_types"
_METADATA += "|table_types|tables|types|udts"

Rule = dict[str, object]


def rules(nodes: Collection[str]) -> dict[str, list[Rule]]:
    """Return Trino's access rules.

    Args:
        nodes: participants with a catalog of their own name.
    """
    return {
        "catalogs": _catalogs(nodes),
        "schemas": [
            {"group": OPERATOR, "catalog": HUB_WRITER, "schema": "network", "owner": True},
            {"owner": False},
        ],
        "tables": [*_operators_tables(nodes), *_readers_tables(nodes), {"privileges": []}],
        "functions": [
            {"group": f"{_READERS}|{OPERATOR}", "catalog": "system", "schema": "builtin", "privileges": ["EXECUTE"]},
            {"privileges": []},
        ],
        "procedures": [
            {
                "group": OPERATOR,
                "catalog": "system",
                "schema": "runtime",
                "procedure": "kill_query",
                "privileges": ["EXECUTE"],
            },
            {"privileges": []},
        ],
        # Whoever may execute sees and ends queries of its own; of others only the operator does.
        "queries": [
            {"group": OPERATOR, "allow": ["execute", "kill", "view"]},
            {"group": _READERS, "allow": ["execute"]},
            {"allow": []},
        ],
        "impersonation": [{"original_user": ".*", "new_user": ".*", "allow": False}],
        "system_information": [{"user": OPERATOR, "allow": ["read"]}, {"allow": []}],
        "system_session_properties": [{"allow": False}],
        "catalog_session_properties": [{"allow": False}],
        "authorization": [{"new_user": ".*", "allow": False}, {"new_role": ".*", "allow": False}],
    }


def resource_groups() -> dict[str, list[Rule]]:
    """Return how many queries run and wait, so that one user's do not keep the others' from running."""
    of_user = {
        "name": "${USER}",
        "softMemoryLimit": "50%",
        "hardConcurrencyLimit": QUERIES_PER_USER,
        "maxQueued": WAITING_PER_USER,
    }
    readers = {
        "name": "readers",
        "softMemoryLimit": "90%",
        "hardConcurrencyLimit": QUERIES_OF_READERS,
        "maxQueued": WAITING_OF_READERS,
        "schedulingPolicy": "fair",
        "subGroups": [of_user],
    }
    operator = {"name": OPERATOR, "softMemoryLimit": "50%", "hardConcurrencyLimit": 8, "maxQueued": 100}
    return {
        "rootGroups": [operator, readers],
        "selectors": [
            {"userGroup": OPERATOR, "group": OPERATOR},
            {"userGroup": _READERS, "group": "readers.${USER}"},
        ],
    }


def as_file(content: object) -> str:
    """Return rules or groups as the text of their file."""
    return json.dumps(content, indent=1) + "\n"


def _catalogs(nodes: Collection[str]) -> list[Rule]:
    return [
        {"group": OPERATOR, "catalog": "system", "allow": "read-only"},
        {"group": OPERATOR, "catalog": ".*", "allow": "owner"},
        {"group": _READERS, "catalog": _any_of([HUB, "system", *nodes]), "allow": "read-only"},
        {"allow": "none"},
    ]


def _operators_tables(nodes: Collection[str]) -> list[Rule]:
    """Let the operator own the region views and read what they unite: a reader sees through one what its owner sees."""
    views: Rule = {"group": OPERATOR, "catalog": HUB_WRITER, "schema": "network", "table": REGION_VIEWS}
    seen: Rule = {"group": OPERATOR, "catalog": "system", "privileges": ["SELECT"]}
    return [
        {**views, "privileges": ["SELECT", "OWNERSHIP", "GRANT_SELECT"]},
        *({"group": OPERATOR, **table, "privileges": ["SELECT", "GRANT_SELECT"]} for table in _hub_tables()),
        *({"group": OPERATOR, **table, "privileges": ["SELECT", "GRANT_SELECT"]} for table in _node_tables(nodes)),
        seen,
    ]


def _readers_tables(nodes: Collection[str]) -> list[Rule]:
    own: list[Rule] = [
        {"group": PARTICIPANT, "user": node, **table, "privileges": ["SELECT"]}
        for node in sorted(nodes)
        for table in _node_tables([node])
    ]
    published = [
        {"group": _READERS, **table, "privileges": ["SELECT"], **_filter(table)}
        for table in (*_hub_tables(), *_node_tables(nodes))
    ]
    clients: list[Rule] = [
        {"group": _READERS, "catalog": "system", "schema": schema, "table": table, "privileges": ["SELECT"]}
        for schema, table in (("metadata", "table_comments"), ("jdbc", _METADATA))
    ]
    return [*own, *published, *clients]


def _filter(table: Rule) -> Rule:
    """Return what keeps rows back until their embargo is over; the catalogue of indicators and quotes know none."""
    columns = (HUB_TABLES | NODE_TABLES).get(f"{table['schema']}.{table['table']}", {PUBLIC_FROM: ""})
    return {"filter": EMBARGO_IS_OVER} if PUBLIC_FROM in columns else {}


def _hub_tables() -> list[Rule]:
    names = [name.split(".") for name in HUB_TABLES]
    tables: list[Rule] = [{"catalog": HUB, "schema": schema, "table": table} for schema, table in names]
    return [*tables, {"catalog": HUB, "schema": "network", "table": REGION_VIEWS}]


def _node_tables(nodes: Collection[str]) -> list[Rule]:
    if not nodes:
        return []
    names = [name.split(".") for name in NODE_TABLES]
    return [{"catalog": _any_of(sorted(nodes)), "schema": schema, "table": table} for schema, table in names]


def _any_of(names: Sequence[str]) -> str:
    """Return a pattern of names; ids hold small letters, digits and hyphens, nothing that a pattern reads."""
    return "|".join(names)
