"""A checksum beside every file of a warehouse: what was written is what is read, or the file is named.

Neither Parquet as it is written here nor Avro nor JSON tells a changed byte. So each file gets a small one beside it,
`<name>.crc32c`, with the CRC-32C and the length of what was handed to the disk; it is compared before anything is read.
A file without one (of an earlier version, or Trino's) is not compared.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path

from crc32c import crc32c
from typing_extensions import Buffer

from services.disk import FULL, no_room
from services.errors import Fatal, Retryable

_SUFFIX = ".crc32c"
_CHUNK = 4 << 20
_MAGIC = b"PAR1"

Identity = tuple[int, int, int]


class Compared:
    """Files that this process has compared, as they were then.

    Files never change, so that once is enough for a while; but a disk may, and a process may go on for weeks.
    """

    def __init__(self, most: int = 50_000, seconds: float = 3600, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember at most so many files, each for so many seconds."""
        self._most, self._seconds, self._clock = most, seconds, clock
        self._known: dict[Path, tuple[Identity, float]] = {}

    def holds(self, path: Path, identity: Identity) -> bool:
        """Say whether this very file was compared not long ago."""
        known = self._known.get(path)
        return known is not None and known[0] == identity and self._clock() - known[1] < self._seconds

    def add(self, path: Path, identity: Identity) -> None:
        """Remember that a file was compared now; the one that was compared first is forgotten when there are many."""
        self._known.pop(path, None)
        self._known[path] = identity, self._clock()
        while len(self._known) > self._most:
            self._known.pop(next(iter(self._known)), None)


_compared = Compared()


def sum_path(path: Path) -> Path:
    """Return where the checksum of a file is."""
    return path.with_name(path.name + _SUFFIX)


def is_sum(path: Path) -> bool:
    """Say whether a file is the checksum of another one."""
    return path.name.endswith(_SUFFIX)


def described(path: Path) -> Path:
    """Return the file that a checksum belongs to."""
    return path.with_name(path.name.removesuffix(_SUFFIX))


class SummedWriter(io.BufferedWriter):
    """Writes a new file and, when it is closed, its checksum; what could not be written whole is removed."""

    def __init__(self, path: Path) -> None:
        """Open the file; its folder is made when it is not there.

        Raises:
            Retryable: the disk is full.
            Fatal: it cannot be made.
        """
        self._path = path
        self._sum = 0
        self._size = 0
        try:
            super().__init__(_new(path), _CHUNK)
        except OSError as error:
            raise _unwritten(path, error) from error

    def write(self, data: Buffer, /) -> int:
        """Write bytes.

        Raises:
            Retryable: the disk is full.
            Fatal: it fails.
        """
        view = memoryview(data).cast("B")
        try:
            written = super().write(view)
        except OSError as error:
            raise self._given_up(error) from error
        self._sum = crc32c(view, self._sum)
        self._size += written
        return written

    def close(self) -> None:
        """Write what is left, and the checksum.

        Raises:
            Retryable: the disk is full.
            Fatal: it fails.
        """
        if self.closed:
            return
        try:
            super().close()
            with _new(sum_path(self._path)) as file:
                file.write(b"%08x %d\n" % (self._sum, self._size))
        except OSError as error:
            raise self._given_up(error) from error

    def _given_up(self, error: OSError) -> Fatal | Retryable:
        self.raw.close()
        for path in (self._path, sum_path(self._path)):
            path.unlink(missing_ok=True)
        return _unwritten(self._path, error)


def _new(path: Path) -> io.FileIO:
    """Open a file for writing; its folder, which nearly always is there, is made when it is not."""
    try:
        return io.FileIO(path, "w")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return io.FileIO(path, "w")


def require_whole(path: Path, compared: Compared = _compared) -> Identity:
    """Compare a file with its checksum, unless this process has done so not long ago.

    Args:
        path: the file.
        compared: what was compared.

    Returns:
        By what the file is known to be the same as before.

    Raises:
        Fatal: the file is not there, cannot be read, or is not as it was written.
    """
    try:
        stat = path.stat()
        identity = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if compared.holds(path, identity):
            return identity
        is_whole = _is_whole(path)
    except FileNotFoundError:
        raise Fatal(
            f"{path} is not there.",
            "A table of this warehouse names it; it was removed, or the folder was copied in part.",
            "Put it back from a copy of the warehouse's folder. Nothing was read or stored.",
        ) from None
    except OSError as error:
        raise Fatal(
            f"{path} cannot be read.", f"{error.strerror}.", "Check the disk and who may read the file."
        ) from error
    if not is_whole:
        raise damaged(path)
    compared.add(path, identity)
    return identity


def damaged(path: Path) -> Fatal:
    """Return the error that names a damaged file."""
    return Fatal(
        f"{path} is damaged.",
        "Its bytes are not those that were written: it was cut off, or changed on the disk.",
        "Check the disk, and put the file back from a copy of the warehouse's folder. Nothing was read or stored.",
    )


def _is_whole(path: Path) -> bool:
    try:
        expected = sum_path(path).read_bytes().split()
    except FileNotFoundError:
        return path.suffix != ".parquet" or _has_both_ends(path)
    found, size = 0, 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            found, size = crc32c(chunk, found), size + len(chunk)
    return expected == [b"%08x" % found, b"%d" % size]


def _has_both_ends(path: Path) -> bool:
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC))
        file.seek(-min(len(_MAGIC), path.stat().st_size), io.SEEK_END)
        return begins == file.read() == _MAGIC


def _unwritten(path: Path, error: OSError) -> Fatal | Retryable:
    if error.errno in FULL:
        return no_room(path)
    return Fatal(
        f"{path} could not be written.",
        f"{error.strerror}.",
        "Check the disk and who may write there, then run the command again; nothing of this step was stored.",
    )
