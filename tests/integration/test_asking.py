"""While new pseudonyms are made it is told how far they are; a file of known addresses asks for none."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from services import tasks
from services.cli import console
from services.home import Home
from tests.small_network import BACK, arrears, export, texts

SENDER = "es-stroom"


def test_sending_tells_of_new_addresses_only(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    folder = Home(root).participant(SENDER).sources
    told: list[tuple[int, int]] = []

    def send(name: str, *, first: int) -> int:
        rows = texts("energy", arrears("gm0664", BACK[0], range(1, 31), first=first))
        path = export(folder, "energy", rows, name)
        report = tasks.send(root, SENDER, [path], asking=lambda done, total: told.append((done, total)))
        return report.events.total()

    assert send("_1", first=0) == 30
    assert told == [(30, 30)]
    assert send("_2", first=100) == 30, "other signals of the same addresses"
    assert told == [(30, 30)]


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_a_bar_shows_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001
    shown: bool,  # noqa: FBT001
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(console, "err", lambda: Console(file=out, force_terminal=terminal, width=80))
    with console.counted("new pseudonyms") as show:
        show(2_000, 6_000)
    assert ("new pseudonyms" in out.getvalue() and "2000/6000" in out.getvalue()) is shown


def test_a_bar_of_what_did_not_happen_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(console, "err", lambda: Console(file=out, force_terminal=True, width=80))
    with console.counted("new pseudonyms"):
        pass
    assert "new pseudonyms" not in out.getvalue()
