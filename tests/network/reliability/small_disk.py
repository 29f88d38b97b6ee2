"""A disk that is nearly full, for one process: the folder of a participant on a file system of its own in memory.

Linux lets a process have mounts that no other one sees: root always, others where the kernel allows them user
namespaces. Where it does not, no file may grow beyond a size, which the kernel refuses in the same place.
"""

import ctypes
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services import tasks
from services.home import Home

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_PRIVATE, _BIND, _DETACH = 0x40000 | 0x4000, 0x1000, 2
_BLOCK = 4096


def send(root: Path, participant: str, files: list[Path], free: int, *, at: Callable[[str], None]) -> Any:
    """Send with so many bytes free in the sender's folder."""
    with small_disk(Home(root).participant(participant).root, free):
        return tasks.send(root, participant, files, at=at)


def receive(root: Path, participant: str, free: int, *, at: Callable[[str], None]) -> Any:
    """Receive with so many bytes free in the receiver's folder."""
    with small_disk(Home(root).participant(participant).root, free):
        return tasks.receive(root, participant, at=at)


@contextmanager
def small_disk(folder: Path, free: int) -> Iterator[None]:
    """Let `folder` have only `free` bytes more for what this process does in the block; what it wrote stays.

    The process should end soon after: it keeps its own view of the mounts.
    """
    if not _own_mounts():
        with _small_files(folder, free):
            yield
        return
    scratch = folder.parent / f"{folder.name}.disk"
    scratch.mkdir()
    try:
        _mount("tmpfs", scratch, "tmpfs", 0, f"size={_used(folder) + free}")
        inside = scratch / "content"
        shutil.copytree(folder, inside)
        _mount(str(inside), folder, "", _BIND, "")
        try:
            yield
        finally:
            _libc().umount2(str(folder).encode(), _DETACH)
            shutil.rmtree(folder)
            shutil.copytree(inside, folder)
            _libc().umount2(str(scratch).encode(), _DETACH)
    finally:
        scratch.rmdir()


def _own_mounts() -> bool:
    user, group = os.getuid(), os.getgid()
    flags = _NEW_MOUNTS if user == 0 else _NEW_MOUNTS | _NEW_USER
    if _libc().unshare(flags):
        return False
    if user:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", "ascii")
    return bool(_libc().mount(b"none", b"/", None, _PRIVATE, None) == 0)


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    given = (source.encode(), str(target).encode(), kind.encode() or None, flags, options.encode() or None)
    if _libc().mount(*given):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _used(folder: Path) -> int:
    """Return the bytes that the folder's copy takes on a file system of blocks, its folders included."""
    sizes = [path.stat().st_size if path.is_file() else _BLOCK for path in folder.rglob("*")]
    return sum((size // _BLOCK + 1) * _BLOCK for size in sizes)


@contextmanager
def _small_files(folder: Path, free: int) -> Iterator[None]:
    largest = max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(largest, free), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
