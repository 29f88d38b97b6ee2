"""One user's heavy queries do not keep another's from running, and what is too much is refused."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.errors import Rejected, Retryable
from services.federation.access import QUERIES_PER_USER, WAITING_PER_USER
from services.federation.trino_client import query
from tests.network.sql.site import ANA, Site, until

HEAVY_USER = "heavy.user"
HEAVY = """
    SELECT sum(a.sequential_number * b.sequential_number % 7)
    FROM TABLE(sequence(1, 1000000)) AS a CROSS JOIN TABLE(sequence(1, 100000)) AS b
"""
"""Of a hundred thousand million rows: it ends when somebody ends it."""
MOST = QUERIES_PER_USER + WAITING_PER_USER


def standing(site: Site) -> Counter[str]:
    rows = site.rows("operator", f"SELECT state FROM system.runtime.queries WHERE \"user\" = '{HEAVY_USER}'")
    return Counter("waits" if state == "QUEUED" else "runs" for (state,) in rows if state not in ("FINISHED", "FAILED"))


def end_all(site: Site) -> bool:
    """End all queries of the heavy user; return whether none is left."""
    question = f"""
        SELECT query_id FROM system.runtime.queries
        WHERE "user" = '{HEAVY_USER}' AND state NOT IN ('FINISHED', 'FAILED')
    """
    left = site.rows("operator", question)
    for (query_id,) in left:
        site.outcome("operator", f"CALL system.runtime.kill_query(query_id => '{query_id}', message => 'enough')")
    return not left


def test_a_heavy_user_waits_in_its_own_queue_and_others_are_answered(site: Site) -> None:
    with ThreadPoolExecutor(MOST) as pool:
        asked = [pool.submit(site.outcome, HEAVY_USER, HEAVY) for _ in range(MOST)]
        try:
            until(lambda: standing(site) == {"runs": QUERIES_PER_USER, "waits": WAITING_PER_USER})
            with pytest.raises(Retryable, match="not taken"):
                query(site.user(HEAVY_USER), "SELECT 1")
            found = query(site.user(ANA), "SELECT count(*) AS n FROM hub.network.region_pv29")
            assert found["n"][0].as_py() > 0
            assert standing(site)["runs"] == QUERIES_PER_USER, "answered while the heavy ones ran"
        finally:
            until(lambda: end_all(site))
        assert {future.result() for future in asked} == {"ADMINISTRATIVELY_KILLED"}
    until(lambda: site.outcome(HEAVY_USER, "SELECT 1") == "allowed")


def test_a_query_that_takes_too_long_is_stopped_by_the_client_and_ends_at_the_server(site: Site) -> None:
    with pytest.raises(Rejected, match="stopped after 2 seconds"):
        query(site.user(HEAVY_USER), HEAVY, seconds=2)
    until(lambda: not standing(site))


def test_a_query_that_needs_too_much_memory_is_refused_and_the_server_goes_on(site: Site) -> None:
    greedy = (
        "SELECT array_agg(repeat('x', 1000) || CAST(sequential_number AS varchar)) FROM TABLE(sequence(1, 5000000))"
    )
    with pytest.raises(Rejected, match="memory or time"):
        query(site.user(HEAVY_USER), f"SELECT cardinality(a) FROM ({greedy}) AS t (a)")
    assert query(site.user(ANA), "SELECT 1 AS x")["x"].to_pylist() == [1]
