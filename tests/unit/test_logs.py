"""Structured logs: only what is named may stand in them, whoever writes and whatever is passed."""

import ast
import contextlib
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.logs import FIELDS, LIBRARIES, LONGEST, Form, logger, quiet_libraries
from services.month import MonthReport
from services.receiving.collecting import CollectReport
from services.tasks import SendReport

ROOT = Path(__file__).resolve().parents[2]
SECRET = "999990019"  # noqa: S105 - a test number, not a password
LEVELS = {"info", "warning"}


def lines(form: Form, event: str, **fields: object) -> list[str]:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        logger(form).info(event, **fields)
    return err.getvalue().splitlines()


def test_a_line_of_json_has_time_level_and_event_first_and_then_what_is_named() -> None:
    (line,) = lines("json", "task ended", participant="gm0664", seconds=1.5, events=3)
    told = json.loads(line)
    assert list(told) == ["time", "level", "event", "participant", "seconds", "events"]
    assert (told["level"], told["event"], told["participant"], told["events"]) == ("info", "task ended", "gm0664", 3)
    assert told["time"].endswith("Z")


def test_what_is_not_named_is_left_out() -> None:
    for form in ("json", "text"):
        (line,) = lines(form, "task ended", raw=SECRET, address=SECRET, exc_info=ValueError(SECRET), events=3)
        assert SECRET not in line
        assert "events" in line


def test_of_other_things_than_numbers_and_texts_only_the_kind_is_told() -> None:
    (line,) = lines("json", "task ended", events={SECRET: 4}, files=[SECRET], rows=b"x", cells=ValueError(SECRET))
    told = json.loads(line)
    assert [told[name] for name in ("events", "files", "rows", "cells")] == ["dict", "list", "bytes", "ValueError"]


def test_a_long_text_is_cut_and_cannot_begin_a_line_of_its_own() -> None:
    (line,) = lines("json", "task failed", what="x" * 2000 + "\n{}")
    assert len(json.loads(line)["what"]) == LONGEST
    assert len(lines("text", "task failed", what="one\ntwo")) == 1


def test_off_writes_nothing() -> None:
    assert lines("off", "task ended", events=3) == []


def test_a_line_of_text_can_be_read() -> None:
    (line,) = lines("text", "task ended", participant="gm0664", events=3)
    assert "participant=gm0664" in line
    assert "events=3" in line


@contextlib.contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger without the handlers that pytest has given it."""
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers = []
    try:
        yield root
    finally:
        root.handlers = before


def warned(form: Form, *names: str) -> list[str]:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        quiet_libraries(form)
        for name in names:
            logging.getLogger(name).error("the value %s is wrong", SECRET)
    return err.getvalue().splitlines()


def test_libraries_tell_their_place_and_not_their_text() -> None:
    with bare_root() as root:
        (line,) = warned("json", "some.library", *LIBRARIES, *(f"{name}.deeper" for name in LIBRARIES))
        assert json.loads(line)["library"] == "some.library"
        assert SECRET not in line
        assert warned("off", "some.library") == []
        assert len(root.handlers) == 1


def test_the_logging_of_a_program_that_we_run_in_is_left_alone() -> None:
    own = logging.StreamHandler(io.StringIO())
    with bare_root() as root:
        root.addHandler(own)
        quiet_libraries("json")
        assert root.handlers == [own]


def test_nothing_of_structlog_is_set_for_the_whole_process() -> None:
    code = (
        "import structlog; from services.logs import logger, quiet_libraries\n"
        "logger('json').info('x'); quiet_libraries('json'); assert not structlog.is_configured()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """All calls of a logger's methods."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            yield node


def _receiver(call: ast.Call) -> str:
    return ast.unparse(call.func).rsplit(".", 1)[0]


SOURCES = [path for folder in ("services", "infra", "dags") for path in (ROOT / folder).rglob("*.py")]
SPREAD = {"about", "run.counts", "_of(reason)", "self.about"}
"""What a call may spread: dictionaries whose keys are tested below."""


def test_every_call_of_a_logger_passes_fields_that_are_named() -> None:
    found = 0
    for path in SOURCES:
        for call in calls(ast.parse(path.read_text("utf-8"))):
            if _receiver(call).rsplit(".", 1)[-1] not in {"log", "_log", "logger"}:
                continue
            found += 1
            assert len(call.args) == 1, f"{path}: the event is the only argument without a name"
            assert isinstance(call.args[0], ast.Constant), f"{path}: an event is a fixed text"
            for keyword in call.keywords:
                if keyword.arg is None:
                    assert ast.unparse(keyword.value) in SPREAD, f"{path}: {ast.unparse(keyword.value)}"
                else:
                    assert keyword.arg in FIELDS, f"{path}: {keyword.arg}"
    assert found >= 8


def test_what_tasks_count_is_named() -> None:
    reports: list[Any] = [SendReport("x"), CollectReport("x"), MonthReport("x")]
    for report in reports:
        assert set(report.counts) <= FIELDS
