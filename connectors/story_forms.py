"""Story point: filled-in forms, as one JSON object, a list of them, or an object on each line.

A form's members are named as the columns of an interviewer's list; what may be more than one is a list, answers to the
story point's own questions are an object: `{"hoe_snel": 0.7, "wie_hielp": [0.2, 0.5, 0.3], "weet_u": "ja"}`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from connectors.base import BATCH_ROWS, Batch, Connector, SourceError, refused_rows
from connectors.readers import Block
from connectors.records import parse, table
from connectors.stories import stories
from connectors.table import batches

STORIES: Final = stories("form")
COLUMNS: Final = (*STORIES.required, *STORIES.optional)
ANSWERS: Final = "Antwoorden"
MAX_BYTES: Final = 64 << 20
_NO_OBJECT: Final = ("no_form", "A form is a JSON object on a line of its own: export it again.")


def read(path: Path) -> Iterator[Batch]:
    """Stream forms; the number of a row is that of its line, or of the form in a list.

    Raises:
        SourceError: the file is too large, or no JSON.
    """
    if path.stat().st_size > MAX_BYTES:
        why = f"It is larger than {MAX_BYTES >> 20} MB."
        raise SourceError(f"{path.name} cannot be read.", why, "Export fewer forms at a time.")
    records = _lines(path) if path.suffix.lower() == ".jsonl" else _document(path)
    for start in range(0, len(records), BATCH_ROWS):
        yield from of_forms(records[start : start + BATCH_ROWS], start + 1)


def of_forms(records: Sequence[Any], first: int = 1) -> Iterator[Batch]:
    """A batch of forms as parsed; what is no object is refused.

    Args:
        records: the forms; None for an empty line.
        first: number of the first.
    """
    numbered = [(first + at, record) for at, record in enumerate(records) if record is not None]
    forms = [(row, record) for row, record in numbered if isinstance(record, Mapping)]
    broken = [(row, "row", *_NO_OBJECT, str(record)) for row, record in numbered if not isinstance(record, Mapping)]
    raws = [json.dumps(form, ensure_ascii=False) for _, form in forms]
    columns = [
        pl.Series("source_row", [row for row, _ in forms], dtype=pl.Int64),
        pl.Series("raw", raws, dtype=pl.String),
        *(pl.Series(name, [_cell(name, form.get(name)) for _, form in forms], dtype=pl.String) for name in COLUMNS),
    ]
    yield from batches(STORIES, [Block(table(columns), refused_rows(broken))])


def _cell(name: str, value: Any) -> str | None:
    """What a cell of an interviewer's list would hold."""
    if name == ANSWERS and isinstance(value, Mapping):
        told = {question: answer for question, answer in value.items() if answer not in (None, "", [])}
        return "; ".join(f"{question}={_answer(answer)}" for question, answer in told.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "ja" if value else "nee"
    return str(value) if isinstance(value, str | int | float) else None


def _answer(answer: Any) -> str:
    return "/".join(str(weight) for weight in answer) if isinstance(answer, list) else str(answer)


def _lines(path: Path) -> list[Any]:
    found: list[Any] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(line) if line.strip() else None)
        except ValueError:
            found.append(line.decode("utf-8", errors="backslashreplace"))
    return found


def _document(path: Path) -> list[Any]:
    try:
        parsed = parse(path)
    except ValueError as error:
        why = "It is no complete JSON document in UTF-8."
        raise SourceError(f"{path.name} cannot be read.", why, "Export it again from the story point.") from error
    return parsed if isinstance(parsed, list) else [parsed]


CONNECTOR: Final = Connector(
    name="story_forms",
    title="Story point: filled-in forms",
    event_types=("story",),
    patterns=("verhalen_formulier*.json", "verhalen_formulier*.jsonl"),
    read=read,
)
