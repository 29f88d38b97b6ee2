"""What was written to a warehouse is what is read; what was changed, cut off or not written whole is named."""

import os
import random
import zlib
from pathlib import Path

import pytest

from services.errors import Fatal, Retryable
from services.store.local_files import NAME, ROOT, ConfinedFileIO
from services.store.sums import Compared, SummedWriter, require_whole, sum_path

_POLYNOMIAL = 0x82F63B78


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit, as RFC 3720 defines it."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def written(path: Path, *parts: bytes) -> Path:
    with SummedWriter(path) as file:
        for part in parts:
            file.write(part)
    return path


def test_the_checksum_is_crc_32c_and_the_length_of_what_was_written(tmp_path: Path) -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of its definition
    path = written(tmp_path / "a" / "b.bin", b"1234", b"", b"56789")
    assert path.read_bytes() == b"123456789"
    assert sum_path(path).read_text() == "e3069283 9\n"
    require_whole(path)


def test_any_changed_or_missing_byte_is_found(tmp_path: Path) -> None:
    chance = random.Random(7)
    content = chance.randbytes(5000)
    for number in range(60):
        path = written(tmp_path / f"{number}.bin", content)
        require_whole(path)
        changed = bytearray(content)
        if number % 3:
            changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        else:
            del changed[chance.randrange(len(content)) :]
        path.write_bytes(changed)
        with pytest.raises(Fatal, match=rf"{number}\.bin is damaged"):
            require_whole(path)


def test_a_file_that_was_compared_is_compared_again_after_a_while_and_when_it_is_another_one(tmp_path: Path) -> None:
    now = [0.0]
    compared = Compared(most=2, seconds=60, clock=lambda: now[0])
    path = written(tmp_path / "a.bin", b"whole")
    stat = path.stat()
    require_whole(path, compared)
    path.write_bytes(b"whale")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a disk changes a byte: nobody has written
    now[0] = 59
    require_whole(path, compared)
    now[0] = 60
    with pytest.raises(Fatal, match=r"a\.bin is damaged"):
        require_whole(path, compared)


def test_only_so_many_files_are_remembered_and_the_oldest_is_forgotten_first(tmp_path: Path) -> None:
    compared = Compared(most=2, seconds=60, clock=lambda: 0)
    paths = [written(tmp_path / name, b"whole") for name in "abc"]
    stats = [path.stat() for path in paths]
    for path in paths:
        require_whole(path, compared)
    held = [
        compared.holds(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
        for path, stat in zip(paths, stats, strict=True)
    ]
    assert held == [False, True, True]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bin", b"x")
    path.unlink()
    with pytest.raises(Fatal, match=r"a\.bin is not there"):
        require_whole(path)


def test_a_damaged_checksum_is_found_too(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bin", b"x")
    sum_path(path).write_bytes(b"")
    with pytest.raises(Fatal, match=r"a\.bin is damaged"):
        require_whole(path)


def test_a_parquet_file_without_a_checksum_is_looked_at_for_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "old.parquet"
    path.write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    require_whole(path)
    path.write_bytes(b"PAR1" + bytes(20))
    with pytest.raises(Fatal, match="damaged"):
        require_whole(path)
    path.write_bytes(b"")
    with pytest.raises(Fatal, match="damaged"):
        require_whole(path)


def test_a_full_disk_is_named_and_nothing_is_left_of_the_file(tmp_path: Path) -> None:
    """`/dev/full` refuses every byte for want of room."""
    io = ConfinedFileIO({ROOT: str(tmp_path), NAME: "private"})
    (tmp_path / "private").mkdir()
    path = tmp_path / "private" / "a.parquet"
    path.symlink_to("/dev/full")
    output = io.new_output("local:///private/a.parquet").create(overwrite=True)
    with pytest.raises(Retryable, match=r"There is no room for .*a\.parquet"), output:
        output.write(zlib.compress(os.urandom(10_000)))
    assert not os.path.lexists(path)
    assert not sum_path(path).exists()


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")  # a file where a folder should be
    with pytest.raises(Fatal, match=r"could not be written"):
        SummedWriter(tmp_path / "data" / "a.parquet")


def test_removing_a_file_removes_its_checksum(tmp_path: Path) -> None:
    io = ConfinedFileIO({ROOT: str(tmp_path), NAME: "private"})
    with io.new_output("local:///private/a.json").create() as file:
        file.write(b"{}")
    assert len(list((tmp_path / "private").iterdir())) == 2
    io.delete("local:///private/a.json")
    assert list((tmp_path / "private").iterdir()) == []
