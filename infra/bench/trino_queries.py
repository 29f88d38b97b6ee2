"""How long an analyst waits for answers about the benchmark."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from services.access import PASSWORD_BYTES
from services.directory import HUB
from services.errors import Fatal
from services.federation.surface import SECONDS
from services.federation.trino_client import TrinoUser, query, when_files_are_read
from services.network import Network
from services.sql_users import add_analyst, remove_analyst

ANALYST = "bench.analyst"
TIMES = 20
PATIENCE_SECONDS = 30.0


@contextmanager
def analyst(network: Network) -> Iterator[TrinoUser]:
    """Let an analyst in as `spiegelnet user add` does, and out again; rows under embargo are kept back from it."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    add_analyst(network, ANALYST, password)
    try:
        user = TrinoUser(str(network.settings.sql.server), ANALYST, password, network.home.ca)
        when_files_are_read(lambda: query(user, "SELECT 1"), PATIENCE_SECONDS)
        yield user
    finally:
        remove_analyst(network, ANALYST)


def trino_queries(user: TrinoUser, questions: Sequence[str], times: int = TIMES) -> dict[str, float]:
    """Ask questions again and again; percentiles in seconds, the first round left out.

    Raises:
        Fatal: an answer has no rows, so that its seconds would say nothing.
    """
    for question in questions:
        seconds_of(user, question)
    seconds = [seconds_of(user, question) for _ in range(times) for question in questions]
    return {
        "trino_query_median_s": float(np.median(seconds)),
        "trino_query_p95_s": float(np.quantile(seconds, 0.95)),
    }


def seconds_of(user: TrinoUser, question: str, longest: float = SECONDS) -> float:
    """Ask once; seconds until all rows are there.

    Args:
        user: who asks.
        question: SQL.
        longest: seconds after which it is stopped.

    Raises:
        Fatal: there are no rows.
        SpiegelnetError: as `query`.
    """
    began = time.perf_counter()
    answer = query(user, question, seconds=longest)
    took = time.perf_counter() - began
    if not answer.num_rows:
        raise Fatal("A question that is measured has no rows in its answer.", todo="Ask for what the network has.")
    return took


QUESTIONS = (
    f"""
    SELECT municipality, value, peer_median, compared FROM {HUB}.benchmark.figures
    WHERE period = '2025-12' AND indicator = 'reached_share' ORDER BY municipality
    """,
    f"""
    SELECT f.period, f.value, f.ci_low, f.ci_high, i.title_nl
    FROM {HUB}.benchmark.figures f JOIN {HUB}.benchmark.indicators i ON i.indicator = f.indicator
    WHERE f.municipality = 'gm0106' AND f.status = 'published' ORDER BY f.period
    """,
    f"""
    SELECT p.peer, p.distance, f.indicator, f.value
    FROM {HUB}.benchmark.peers p JOIN {HUB}.benchmark.figures f ON f.municipality = p.peer AND f.period = p.period
    WHERE p.municipality = 'gm0106' AND p.period = '2025-12' ORDER BY p.distance, f.indicator
    """,
    f"SELECT indicator, status, count(*) FROM {HUB}.network.cells GROUP BY indicator, status ORDER BY 1, 2",
    f"""
    SELECT municipality, indicator, numerator, denominator FROM {HUB}.network.region_pv22
    WHERE period = '2025-12' AND district IS NULL ORDER BY 1, 2
    """,
)
"""What an analyst asks of the sample network."""
