"""What the Linux kernel tells of processes and memory."""

import datetime as dt
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def started_at(pid: int) -> str | None:
    """Return the kernel's start time of a live process in clock ticks since boot; None when there is none."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def since(pid: int) -> dt.datetime | None:
    """Return when a process began, in UTC; None when there is none."""
    started = started_at(pid)
    if started is None:
        return None
    up = float(Path("/proc/uptime").read_text("ascii").split()[0]) - int(started) / os.sysconf("SC_CLK_TCK")
    return dt.datetime.now(dt.UTC) - dt.timedelta(seconds=up)


def boot() -> str:
    """Return what tells this boot of the machine from others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def session_members(leader: int) -> list[int]:
    """Return the pids of all processes in the session of `leader`, those that changed their group included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and fields[3] == str(leader) and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def works_in(pid: int, folder: Path) -> bool:
    """Return whether the process's working folder is `folder` or below it."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder.resolve())
    except OSError:
        return False


def available_mib() -> int:
    """Return how much memory programs may still take: of the machine, or of the group of processes that we are in."""
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    machine = int(memory["MemAvailable"].split()[0]) >> 10
    try:
        limit = int((_CGROUP / "memory.max").read_text("ascii"))  # the word max where there is none
        used = int((_CGROUP / "memory.current").read_text("ascii"))
        stats = dict(line.split() for line in (_CGROUP / "memory.stat").read_text("ascii").splitlines())
    except (OSError, ValueError):
        return machine
    return min(machine, (limit - used + int(stats.get("inactive_file", 0))) >> 20)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat behind the command's name, which may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None
