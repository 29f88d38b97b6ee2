"""The whole network on its real servers: from the first export over Kafka to the benchmark that Trino answers."""

import json

from infra.schedule import open_schedule
from services import tasks
from services.config import load_settings
from services.federation.surface import query
from services.home import Home
from services.surface import open_published
from tests.command import run
from tests.network.schedule.real import await_run, await_that, backfilled
from tests.small_network import BACK, MUNICIPALITIES, SENDERS, Stages, write_sources

STATUSES = f"SELECT period, municipality, indicator, status FROM hub.benchmark.figures WHERE period IN {BACK}"
PERIODS = f"SELECT period, released, complete FROM hub.benchmark.periods WHERE period IN {BACK} ORDER BY period"


def trino(home: Home, question: str) -> list[dict[str, object]]:
    """Ask as a user does."""
    asked = run("sql", question, "--engine", "trino", "--json", "--home", home.root)
    return list(json.loads(asked.out)) if asked.code == 0 else []


def key(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(str(value) for value in row.values())


def test_from_the_first_export_over_kafka_to_the_benchmark_in_trino(home: Home, stages: Stages) -> None:
    files = write_sources(home, BACK)
    for sender in ("cbs", *SENDERS):
        assert not tasks.send(home.root, sender, files[sender], () if sender == "cbs" else BACK).broken
    with open_schedule(home, load_settings(home.root)) as schedule:
        schedule.await_known()
        for name in ("intake", "node_month", "hub_benchmark"):
            schedule.switch(name, on=True)
        assert await_run(schedule, "intake", schedule.run("intake")) == "success"
        schedule.backfill(BACK)
        assert {item["state"] for item in backfilled(schedule, len(BACK))} == {"success"}
        whole = [(month, len(MUNICIPALITIES), True) for month in BACK]
        await_that(
            lambda: [tuple(row.values()) for row in trino(home, PERIODS)] == whole, "Trino tells of whole months"
        )
    # another network's keys give other noise, but what is published and what is withheld follows from the same events
    expected = query(open_published(stages.closed), STATUSES).to_pylist()
    assert sorted(map(key, trino(home, STATUSES))) == sorted(map(key, expected))
    assert len(expected) > 20
