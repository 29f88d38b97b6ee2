"""The queries of docs/sql.md have the same answers from Trino and from DuckDB, in values, names and types."""

from typing import Any

import pyarrow as pa
import pytest

from services.federation.surface import query as ask_duckdb
from services.federation.trino_client import query as ask_trino
from services.surface import open_published
from tests.docs.markdown import ROOT, Block, blocks
from tests.network.sql.site import Site

HERE = {
    "gm0281": "gm0664", "gm0301": "gm0687", "gm0221": "gm0715", "pv25": "pv29", "2025-12": "2025-11",
    "period = '2016' AND": "period IS NOT NULL AND",
}  # fmt: skip
"""What the page's examples name, as it is called in the small network."""
QUERIES = blocks(ROOT / "docs" / "sql.md", "sql")
MORE = [
    "SELECT * FROM hub.benchmark.indicators",
    "SELECT * FROM hub.benchmark.periods",
    "SELECT * FROM hub.benchmark.stories",
    "SELECT * FROM hub.benchmark.patterns",
    "SELECT * FROM hub.network.cells",
    "SELECT * FROM hub.network.region_pv29",
    "SELECT * FROM gm0687.published.quality",
    *(f"SELECT * FROM gm0687.published.{name}" for name in ("patterns", "stories", "sessions", "actions", "missing")),
    "SELECT quote, effect FROM hub.benchmark.stories CROSS JOIN UNNEST(effects) AS t (effect)",
    "SELECT quote, title IS NULL AS bare, CAST(cardinality(effects) AS bigint) AS n FROM gm0664.published.stories",
    "SELECT indicator, count(*) AS n, min(value) AS v, max(released_at) AS d FROM hub.benchmark.figures GROUP BY 1",
    "SELECT municipality, 1e3 * numerator / denominator AS rate FROM hub.network.region_pv29 WHERE denominator > 0",
    "WITH a AS (SELECT period, numerator n FROM gm0664.published.cells) SELECT period, max(n) AS m FROM a GROUP BY 1",
]


def here(text: str) -> str:
    for page, small in HERE.items():
        text = text.replace(page, small)
    return text


def plain(answer: pa.Table) -> list[str]:
    """Rows in an order of their own: the page orders by what its reader looks at, which leaves ties."""
    return sorted(repr(list(row.values())) for row in answer.to_pylist())


def kinds(answer: pa.Table) -> list[tuple[str, str]]:
    names = {"large_string": "string", "string_view": "string"}
    return [(field.name, names.get(str(field.type), str(field.type).split("<")[0])) for field in answer.schema]


@pytest.fixture(scope="module")
def duckdb_surface(site: Site) -> Any:
    return open_published(site.home.root)


@pytest.mark.parametrize("sql", [*QUERIES, *MORE], ids=lambda item: item.name if isinstance(item, Block) else item[:40])
def test_both_engines_give_the_same_answer(site: Site, duckdb_surface: Any, sql: Block | str) -> None:
    question = here(sql.text if isinstance(sql, Block) else sql)
    expected, found = ask_duckdb(duckdb_surface, question), ask_trino(site.user("operator"), question)
    assert kinds(found) == kinds(expected)
    assert plain(found) == plain(expected)


@pytest.mark.parametrize("table", ["hub.benchmark.stories", "gm0687.published.stories"])
def test_quotes_are_compared_with_lists_of_each_length_and_nulls(site: Site, table: str) -> None:
    found = ask_trino(site.user("operator"), f"SELECT * FROM {table} ORDER BY quote").to_pylist()
    assert [(row["approach"], row["title"] is None, len(row["effects"])) for row in found] == [
        ("childrens_fund", False, 2),
        (None, True, 0),
    ]


def test_most_of_these_queries_find_something_here(site: Site) -> None:
    asked = [here(block.text) for block in QUERIES] + MORE
    filled = [question for question in asked if ask_trino(site.user("operator"), question).num_rows]
    assert len(filled) > 0.8 * len(asked)
