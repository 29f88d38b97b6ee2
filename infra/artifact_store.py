"""A folder of files from Maven repositories, each known by its SHA-256, which is checked before a file is used.

A file or folder appears under its name by a rename, when it is whole; one process at a time fetches.
"""

import fcntl
import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.maven import Progress, download, quiet
from services.config import cache_folder
from services.errors import Fatal

PINS = Path(__file__).with_name("artifacts.sha256")
FREE_BYTES = {"kafka": 150 << 20, "trino": 1300 << 20, "trino-cli": 50 << 20, "kafka-tools": 10 << 20}
"""What must be free before a set is fetched: the files, and beside them what is unpacked."""


@dataclass(frozen=True)
class Pin:
    """One file: its path in a Maven repository and its SHA-256."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def artifact(self) -> str:
        """The artifact's id, such as trino-iceberg."""
        return self.path.split("/")[-3]


def read_pins(path: Path = PINS) -> dict[str, list[Pin]]:
    """Read the list of files by set; a line `# [name]` begins a set."""
    sets: dict[str, list[Pin]] = {}
    current: list[Pin] = []
    for line in path.read_text("ascii").splitlines():
        if line.startswith("# ["):
            current = sets.setdefault(line[3:].rstrip("]"), [])
        elif line and not line.startswith("#"):
            sha256, _, name = line.partition("  ")
            current.append(Pin(name, sha256))
    return sets


@dataclass(frozen=True)
class Store:
    """The files of this user.

    Attributes:
        folder: where they are.
        pins: which files there are to be.
        repositories: where they come from, by name; None for Maven Central and what jgo's own settings name.
        free_bytes: what must be free before a set is fetched.
    """

    folder: Path = field(default_factory=cache_folder)
    pins: Mapping[str, list[Pin]] = field(default_factory=read_pins)
    repositories: Mapping[str, str] | None = None
    free_bytes: Mapping[str, int] = field(default_factory=lambda: FREE_BYTES)

    def files(self, name: str, progress: Progress = quiet) -> list[Path]:
        """Return the files of a set, those fetched that are missing or not as they should be.

        Raises:
            Fatal: a file cannot be had, is another than it should be, or there is no room.
        """
        pins = self.pins[name]
        if any(not self._good(pin) for pin in pins):
            with self._alone():
                self._complete(name, progress)
        return [self._path(pin) for pin in pins]

    def unpacked(self, name: str, progress: Progress, places: Mapping[str, str]) -> Path:
        """Return the folder into which the archives of a set were unpacked.

        Args:
            name: of the set.
            progress: told of downloads and of unpacking.
            places: by artifact, the folder in it that the archive's top folder becomes; "" for the folder itself.
        """
        pins = self.pins[name]
        mark = hashlib.sha256("".join(pin.sha256 for pin in pins).encode()).hexdigest()[:12]
        target = self.folder / f"{name}-{mark}"
        if target.is_dir():
            return target
        with self._alone():
            if not target.is_dir():  # another process may just have made it
                self._complete(name, progress)
                self._unpack(pins, places, target, progress)
        return target

    def _complete(self, name: str, progress: Progress) -> None:
        """Fetch what is missing of a set; the claim is ours."""
        missing = [pin for pin in self.pins[name] if not self._good(pin)]
        if missing:
            self._require_room(name)
        for pin in missing:
            self._fetch(pin, progress)

    def _unpack(self, pins: list[Pin], places: Mapping[str, str], target: Path, progress: Progress) -> None:
        with self._draft() as draft:
            whole = draft / "whole"
            for number, pin in enumerate(pins):
                progress(f"unpacking {pin.name}", number, len(pins))
                try:
                    _extract(self._path(pin), draft / pin.artifact)
                except OSError as error:
                    raise _no_room(self.folder, str(error.strerror)) from None
                (top,) = (draft / pin.artifact).iterdir()
                place = whole / places[pin.artifact]
                place.parent.mkdir(parents=True, exist_ok=True)
                top.rename(place)
            progress("unpacked", len(pins), len(pins))
            whole.rename(target)
        for pin in pins:
            self._path(pin).unlink()  # what is unpacked is enough; they would take their room twice

    def _path(self, pin: Pin) -> Path:
        return self.folder / "maven" / pin.path

    def _good(self, pin: Pin) -> bool:
        path = self._path(pin)
        return path.is_file() and sha256_of(path) == pin.sha256

    def _fetch(self, pin: Pin, progress: Progress) -> None:
        with self._draft() as draft:
            got = download(pin.path, draft, progress, repositories=self.repositories, place=self._path(pin))
            if sha256_of(got) != pin.sha256:
                raise Fatal(
                    f"{pin.name} is not the file that it should be.",
                    f"What was downloaded has another SHA-256 than {PINS.name} says.",
                    f"Try again. If it stays so, somebody between you and the repository alters files: get {pin.name} "
                    f"elsewhere, compare it with {PINS.name}, and place it at {self._path(pin)}.",
                )
            self._path(pin).parent.mkdir(parents=True, exist_ok=True)
            got.replace(self._path(pin))

    def _require_room(self, name: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(self.folder).free, self.free_bytes[name]
        if free < needed:
            raise _no_room(self.folder, f"{name} needs {needed >> 20} MiB, {free >> 20} MiB are free")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time fetch; the kernel ends the claim of one that dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Give a folder for what is not whole yet, on the same disk; what a killed process left in it goes first."""
        parent = self.folder / "drafts"
        shutil.rmtree(parent, ignore_errors=True)  # the lock is ours, so nobody uses it
        parent.mkdir()
        try:
            yield Path(tempfile.mkdtemp(dir=parent))
        finally:
            shutil.rmtree(parent, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _extract(archive: Path, to: Path) -> None:
    """Unpack an archive that was checked."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(to)  # noqa: S202 - its checksum is ours
        return
    with tarfile.open(archive) as packed:
        # the first releases of Python 3.11 have no filters
        packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        packed.extractall(to)  # noqa: S202 - its checksum is ours


def _no_room(folder: Path, why: str) -> Fatal:
    return Fatal(
        f"There is no room for the servers' software in {folder}.",
        f"{why}.",
        "Make room, or name another folder in XDG_CACHE_HOME.",
    )
