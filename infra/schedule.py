"""Airflow as its operator asks it: by its own API, as the user `operator`, over 127.0.0.1."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from infra.airflow import USER, password
from services.config import Settings
from services.errors import Fatal, NotAllowed, Rejected, Retryable
from services.home import Home
from services.indicators import period_of

MONTHS = "node_month"
SCHEDULES = ("intake", "node_month", "hub_benchmark", "retention", "send")
ENDED = ("success", "failed")
_ANSWER_SECONDS = 30.0
_READ_SECONDS = 60.0
_PAUSE = 0.5


@dataclass(frozen=True)
class Schedule:
    """The API of one Airflow, with the right to use it."""

    client: httpx.Client = field(repr=False)

    def switch(self, name: str, *, on: bool) -> None:
        """Let a schedule run, or not; what runs now goes on."""
        self._ask("PATCH", f"/dags/{name}", {"is_paused": not on})

    def run(self, name: str, period: str | None = None) -> str:
        """Start a schedule now and return the run's id.

        Args:
            name: of the schedule.
            period: what it is about, for those that take one.
        """
        conf = {} if period is None else {"period": period}
        return str(self._ask("POST", f"/dags/{name}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def backfill(self, months: Sequence[str]) -> int:
        """Make up for months, one after the other, also those that were closed before; return the backfill's number.

        Raises:
            Rejected: another one goes on.
        """
        first, last = period_of(months[0]).start, period_of(months[-1]).start
        return int(
            self._ask(
                "POST",
                "/backfills",
                {
                    "dag_id": MONTHS,
                    "from_date": _midnight(first),
                    "to_date": _midnight(last),
                    "max_active_runs": 1,
                    "reprocess_behavior": "completed",
                },
            )["id"]
        )

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return the newest runs of a schedule, oldest first."""
        query = "?order_by=-run_after&limit=100"
        return list(reversed(self._ask("GET", f"/dags/{name}/dagRuns{query}")["dag_runs"]))

    def tasks(self, name: str, run: str) -> list[dict[str, Any]]:
        """Return the tasks of a run."""
        return list(self._ask("GET", f"/dags/{name}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"])

    def clear(self, name: str, run: str, tasks: Sequence[str]) -> None:
        """Let tasks of a run, and nothing behind them, run again."""
        self._ask(
            "POST",
            f"/dags/{name}/clearTaskInstances",
            {
                "dag_run_id": run,
                "task_ids": list(tasks),
                "dry_run": False,
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def await_known(self) -> None:
        """Wait until Airflow has read all schedules, which takes some seconds after its first start.

        Raises:
            Fatal: it has not after a minute.
        """
        deadline = time.monotonic() + _READ_SECONDS
        while missing := set(SCHEDULES) - {item["dag_id"] for item in self._ask("GET", "/dags?limit=100")["dags"]}:
            if time.monotonic() > deadline:
                raise Fatal(
                    f"Airflow does not know the schedules {', '.join(sorted(missing))}.",
                    "It could not read their files.",
                    "Its log says why: servers/airflow/airflow.log in the network's home.",
                )
            time.sleep(_PAUSE)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        try:
            answer = self.client.request(method, f"/api/v2{path}", json=body)
        except httpx.HTTPError as error:
            raise _away(self.client.base_url, error) from None
        if answer.is_success:
            return dict(answer.json()) if answer.content else {}
        raise _refused(answer)


@contextmanager
def open_schedule(home: Home, settings: Settings) -> Iterator[Schedule]:
    """Open the API of the Airflow that the settings name.

    Raises:
        Fatal: they name none, or its password is not on this machine.
        NotAllowed: the password is refused.
        Retryable: it does not answer.
    """
    if settings.schedule.server is None:
        raise Fatal(
            "This network has no schedule.",
            "[schedule] in spiegelnet.toml names no server.",
            "Close months with `spiegelnet month`, or set up a network with servers: `spiegelnet up`.",
        )
    base = f"http://{settings.schedule.server}"
    # without the machine's proxies and certificates: it is a server of our own
    with httpx.Client(base_url=base, timeout=_ANSWER_SECONDS, trust_env=False) as client:
        try:
            answer = client.post("/auth/token", json={"username": USER, "password": password(home)})
        except httpx.HTTPError as error:
            raise _away(client.base_url, error) from None
        if not answer.is_success:
            raise NotAllowed(
                "Airflow refuses the password of the user operator.",
                "The file with passwords was changed after Airflow had started.",
                "Start it anew: `spiegelnet down`, then `spiegelnet up`.",
            )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield Schedule(client)


def _midnight(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _away(base: httpx.URL, error: httpx.HTTPError) -> Retryable:
    return Retryable(
        f"Airflow at {base.netloc.decode()} does not answer.",
        f"{type(error).__name__}.",
        "Look at `spiegelnet status`; `spiegelnet up` starts the servers of one machine. Then run again.",
    )


def _refused(answer: httpx.Response) -> Fatal | Rejected | Retryable:
    if answer.status_code == HTTPStatus.CONFLICT:
        return Rejected(
            "Airflow is at it already.", "The same was asked before and goes on.", "Wait until it has ended."
        )
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return Rejected("Airflow has no such schedule or run.", todo=f"Schedules are {', '.join(SCHEDULES)}.")
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return Retryable("Airflow is too busy to answer.", todo="Run the command again in a minute.")
    return Fatal(
        f"Airflow refused with {answer.status_code}.", "Its log says why.", "Read servers/airflow/airflow.log."
    )
