"""What was read of a file is kept while the file is as it was."""

import os
from pathlib import Path

import pytest

from services.errors import Fatal
from services.store.sums import SummedWriter
from services.store.unchanged import Unchanged


def written(path: Path, text: str) -> Path:
    with SummedWriter(path) as file:
        file.write(text.encode())
    return path


def test_a_file_is_read_once_and_again_when_another_stands_in_its_place(tmp_path: Path) -> None:
    path, read = written(tmp_path / "a", "one"), []
    known = Unchanged[str]()

    def look() -> str:
        read.append(1)
        return path.read_text()

    assert [known.of(path, look), known.of(path, look), len(read)] == ["one", "one", 1]
    path.unlink()
    written(path, "two, put back")
    assert [known.of(path, look), len(read)] == ["two, put back", 2]


def test_a_file_that_is_damaged_or_gone_since_is_said_so_although_it_was_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a", "one")
    known = Unchanged[str]()
    known.of(path, path.read_text)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))  # whatever the clock's steps are
    with pytest.raises(Fatal, match="is damaged"):
        known.of(path, path.read_text)
    path.unlink()
    with pytest.raises(Fatal, match="is not there"):
        known.of(path, path.read_text)


def test_the_files_that_were_asked_for_last_are_kept(tmp_path: Path) -> None:
    a, b, c = (written(tmp_path / name, name) for name in "abc")
    known, read = Unchanged[str](most=2), []

    def look(path: Path) -> str:
        read.append(path.name)
        return path.read_text()

    for path in (a, b, a, c, a, b):
        known.of(path, lambda path=path: look(path))  # type: ignore[misc]
    assert read == ["a", "b", "c", "b"]
