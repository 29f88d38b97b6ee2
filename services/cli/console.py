"""What commands print: tables for people, plain text where the output is not a terminal, JSON where a program reads."""

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.errors import SpiegelnetError

FRAMES_SHOWN = 8
"""Innermost calls that are told of an unexpected error."""
PLAIN_WIDTH = 160
"""Columns of output that is not a terminal, so that tables in files and logs do not wrap."""


def out() -> Console:
    """Return a console on standard output."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def err() -> Console:
    """Return a console on standard error, for progress and errors."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def show_error(error: SpiegelnetError) -> None:
    """Print what happened, why, and what to do; outside a terminal each sentence, and its command, is one line."""
    console = err()
    whole = not console.is_terminal
    console.print(f"[bold red]{escape(error.what)}[/]", soft_wrap=whole)
    for line in (error.why, error.todo):
        if line:
            console.print(f"  {escape(line)}", soft_wrap=whole)


def show_fault(error: BaseException) -> None:
    """Print where an unexpected error arose, but not its text, which may quote a value."""
    console = err()
    console.print(f"[bold red]This is a fault of the software: {escape(type(error).__name__)}.[/]")
    for frame in traceback.extract_tb(error.__traceback__)[-FRAMES_SHOWN:]:
        console.print(f"  {escape(frame.filename)}, line {frame.lineno}, in {escape(frame.name)}", soft_wrap=True)
    console.print("  Please report it with these lines. They hold no values; what was done before it is kept.")


def print_json(value: Any) -> None:
    """Print JSON that a program can read."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "") -> None:
    """Print a table; numbers stand to the right. Columns without lines between them where it is not a terminal."""
    console = out()
    grid = Table(
        title=title,
        caption=caption or None,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=HEAVY_HEAD if console.is_terminal else None,
        pad_edge=console.is_terminal,
        padding=(0, 1) if console.is_terminal else (0, 2, 0, 0),
    )
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(escape(_cell(value)) for value in row))
    console.print(grid)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return str(value)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, nothing elsewhere; yields a function that moves it one step."""
    with _bar() as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal once something is counted; yields a function of (done, total)."""
    with _bar() as bar:

        def show(done: int, total: int) -> None:
            task = bar.task_ids[0] if bar.task_ids else bar.add_task(title)
            bar.update(task, completed=done, total=total)

        yield show


def _bar() -> Progress:
    console = err()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
