"""Alerts of the schedule: a line each by several processes, once where two tell the same, kept a while."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from services.alerts import Alert, add_alert, add_alert_once, forget_alerts
from services.home import Home

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
KILLED = Alert(
    NOW.isoformat(), "intake", "collect", "gm0664", "r1", None, 1, "ended", "It ended.", "It was killed.", "Look."
)


def lines(home: Home) -> list[dict[str, object]]:
    return [json.loads(line) for line in home.alerts.read_text("utf-8").splitlines()]


def test_who_was_told_of_in_a_run_is_not_told_of_again_until_the_run_begins_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    began = NOW.replace(microsecond=0) - dt.timedelta(minutes=1)
    add_alert(home, replace(KILLED, group="fatal", what="A file is broken."))
    add_alert_once(home, KILLED, began)
    assert [item["what"] for item in lines(home)] == ["A file is broken."]
    for other in (replace(KILLED, participant="gm0687"), replace(KILLED, task="announce"), replace(KILLED, run="r2")):
        add_alert_once(home, other, began)
        add_alert_once(home, other, began)
    assert len(lines(home)) == 4
    add_alert_once(home, KILLED, NOW + dt.timedelta(minutes=1))
    assert len(lines(home)) == 5


def test_alerts_that_are_too_old_go_and_none_is_lost_that_comes_at_that_moment(tmp_path: Path) -> None:
    home = Home(tmp_path)
    add_alert(home, replace(KILLED, time=(NOW - dt.timedelta(days=91)).isoformat()))
    with home.alerts.open("a", encoding="utf-8") as file:
        file.write("{\n")
    with ThreadPoolExecutor(8) as pool:
        added = [pool.submit(add_alert, home, replace(KILLED, attempt=number)) for number in range(200)]
        removed = [pool.submit(forget_alerts, home, NOW - dt.timedelta(days=90)) for _ in range(20)]
        for future in added:
            future.result()
        assert sum(future.result() for future in removed) <= 2
    forget_alerts(home, NOW - dt.timedelta(days=90))
    assert sorted(int(str(item["attempt"])) for item in lines(home)) == list(range(200))
    assert home.alerts.stat().st_mode & 0o077 == 0
    assert forget_alerts(Home(tmp_path / "nothing"), NOW) == 0
