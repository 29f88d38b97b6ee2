"""What servers and schedules write about their work is kept for a while, and no longer."""

import datetime as dt
import os
from pathlib import Path

from infra.airflow import airflow_home
from infra.history import forget
from infra.logs import keep_small
from services.alerts import Alert, add_alert
from services.home import Home

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def written(path: Path, content: str, days_ago: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "ascii")
    at = (NOW - dt.timedelta(days=days_ago)).timestamp()
    for touched in (path, path.parent):
        os.utime(touched, (at, at))
    return path


def test_a_large_log_is_set_aside_while_its_server_writes_on_and_three_older_ones_stay(tmp_path: Path) -> None:
    log = tmp_path / "trino.log"
    with log.open("ab", buffering=0) as server:
        for number in range(6):
            server.write(f"{number}:".encode().ljust(100, b"."))
            assert keep_small(log, 101) is False
            server.write(b"end")
            assert keep_small(log, 101) is True
            assert log.stat().st_size == 0
        server.write(b"now")
    held = {path.name: path.read_text("ascii")[:2] for path in tmp_path.iterdir()}
    assert held == {"trino.log": "no", "trino.log.1": "5:", "trino.log.2": "4:", "trino.log.3": "3:"}
    assert keep_small(tmp_path / "none.log") is False


def test_alerts_and_logs_of_tasks_go_after_90_days(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for days in (91, 89):
        time = (NOW - dt.timedelta(days=days)).isoformat()
        add_alert(home, Alert(time, "intake", "collect", None, "r", None, 1, "fatal", f"{days}", "", ""))
    logs = airflow_home(home) / "logs"
    old = written(logs / "dag_id=intake" / "run_id=1" / "attempt=1.log", "old", 91)
    young = written(logs / "dag_id=intake" / "run_id=2" / "attempt=1.log", "young", 89)
    large = written(home.servers / "trino" / "trino.log", "x" * 50, 91)
    written(home.servers / "kafka" / "kafka.log", "x" * 9, 91)
    assert forget(home, NOW, largest_log=50) == {"alerts": 1, "logs_set_aside": 1, "task_logs": 1}
    assert '"what": "89"' in home.alerts.read_text("utf-8")
    assert (old.exists(), young.exists()) == (False, True)
    assert (large.read_text("ascii"), large.with_name("trino.log.1").stat().st_size) == ("", 50)
    assert forget(home, NOW, largest_log=50) == {"alerts": 0, "logs_set_aside": 0, "task_logs": 0}
    assert not old.parent.exists() or not any(old.parent.iterdir())
