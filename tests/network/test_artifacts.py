"""The store of the servers' software, fed by a Maven repository of the test's own."""

import hashlib
import io
import multiprocessing
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra import artifacts
from infra.artifact_store import Pin, Store, read_pins
from infra.maven import quiet
from services.errors import Fatal

FREE = {"set": 0}
JAR = "org/example/thing/1.0/thing-1.0.jar"
SERVER = "org/example/big-server/7/big-server-7.tar.gz"
PLUGIN = "org/example/plugin/7/plugin-7.zip"
PLACES = {"big-server": "", "plugin": "plugin/ours"}


@dataclass
class Repository:
    """A Maven repository on this machine, and what was asked of it."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, content: bytes) -> Pin:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return Pin(path, hashlib.sha256(content).hexdigest())

    def store(self, cache: Path, *pins: Pin, free: dict[str, int] | None = None) -> Store:
        return Store(cache, {"set": list(pins)}, {"here": self.url}, free or FREE)


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, asked: list[str], **named: object) -> None:
        self.asked = asked
        super().__init__(*arguments, **named)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked.append(self.path.lstrip("/"))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path / "repository")
    made.folder.mkdir()
    handler = partial(Handler, directory=str(made.folder), asked=made.asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_file_is_fetched_once_and_then_taken_from_the_cache(repository: Repository, tmp_path: Path) -> None:
    store = repository.store(tmp_path / "cache", repository.put(JAR, b"content"))
    told: list[tuple[str, int, int]] = []
    (path,) = store.files("set", lambda *step: told.append(step))
    assert path.read_bytes() == b"content"
    assert told[-1] == ("thing-1.0.jar", 7, 7)
    asked = list(repository.asked)
    assert JAR in asked
    assert store.files("set") == [path]
    assert repository.asked == asked


def test_a_file_with_another_checksum_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    pin = repository.put(JAR, b"content")
    repository.put(JAR, b"altered")
    with pytest.raises(Fatal) as caught:
        repository.store(tmp_path / "cache", pin).files("set")
    assert "SHA-256" in caught.value.why
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "lock"] == []


def test_without_the_repository_the_error_says_where_a_file_can_be_placed_by_hand(tmp_path: Path) -> None:
    pin = Pin(JAR, hashlib.sha256(b"content").hexdigest())
    store = Store(tmp_path / "cache", {"set": [pin]}, {"nobody": "http://127.0.0.1:9"}, FREE)
    with pytest.raises(Fatal) as caught:
        store.files("set")
    place = tmp_path / "cache" / "maven" / JAR
    assert str(place) in caught.value.todo
    assert "jgo.conf" in caught.value.todo
    place.parent.mkdir(parents=True)
    place.write_bytes(b"content")
    assert store.files("set") == [place]


def test_a_file_that_the_repository_does_not_have_is_an_error_with_its_name(
    repository: Repository, tmp_path: Path
) -> None:
    with pytest.raises(Fatal) as caught:
        repository.store(tmp_path / "cache", Pin(JAR, "0" * 64)).files("set")
    assert "thing-1.0.jar" in caught.value.what


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    store = repository.store(tmp_path / "cache", repository.put(JAR, b"content"))
    (path,) = store.files("set")
    path.write_bytes(b"conten")
    assert store.files("set")[0].read_bytes() == b"content"


def test_no_room_stops_before_anything_is_fetched(repository: Repository, tmp_path: Path) -> None:
    pin = repository.put(JAR, b"content")
    with pytest.raises(Fatal) as caught:
        repository.store(tmp_path / "cache", pin, free={"set": 1 << 60}).files("set")
    assert "MiB are free" in caught.value.why
    assert "XDG_CACHE_HOME" in caught.value.todo
    assert repository.asked == []


def test_archives_become_one_folder_of_which_the_parts_are_where_they_belong(
    repository: Repository, tmp_path: Path
) -> None:
    pins = [
        repository.put(SERVER, tar_of({"big-server-7/bin/run": b"run", "big-server-7/plugin/other/a.jar": b"a"})),
        repository.put(PLUGIN, zip_of({"plugin-7/b.jar": b"b"})),
    ]
    store = repository.store(tmp_path / "cache", *pins)
    home = store.unpacked("set", quiet, PLACES)
    files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert files == {"bin/run": b"run", "plugin/other/a.jar": b"a", "plugin/ours/b.jar": b"b"}
    assert (home / "bin/run").stat().st_mode & 0o100
    asked = list(repository.asked)
    assert store.unpacked("set", quiet, PLACES) == home
    assert repository.asked == asked


def test_what_a_killed_process_had_unpacked_is_not_taken_for_whole(repository: Repository, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(name: str, *_: int) -> None:
        if name.startswith("unpacking plugin"):
            raise Killed

    pins = [
        repository.put(SERVER, tar_of({"big-server-7/bin/run": b"run"})),
        repository.put(PLUGIN, zip_of({"plugin-7/b.jar": b"b"})),
    ]
    store = repository.store(tmp_path / "cache", *pins)
    with pytest.raises(Killed):
        store.unpacked("set", kill, PLACES)
    (tmp_path / "cache" / "drafts" / "left").mkdir(parents=True)
    home = store.unpacked("set", quiet, PLACES)
    assert (home / "plugin/ours/b.jar").exists()
    assert not (tmp_path / "cache" / "drafts").exists()


def _fetch(store: Store) -> None:
    store.unpacked("set", quiet, PLACES)


def test_processes_that_want_the_same_at_once_fetch_it_once(repository: Repository, tmp_path: Path) -> None:
    pins = [
        repository.put(SERVER, tar_of({f"big-server-7/{number}": bytes(100_000) for number in range(50)})),
        repository.put(PLUGIN, zip_of({"plugin-7/b.jar": b"b"})),
    ]
    store = repository.store(tmp_path / "cache", *pins)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fetch, args=(store,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert [repository.asked.count(path) for path in (SERVER, PLUGIN)] == [1, 1]


def test_every_pinned_file_is_of_the_version_that_is_named() -> None:
    pins = read_pins()
    assert set(pins) == {"kafka", *artifacts.FILES}
    for name, paths in artifacts.FILES.items():
        assert [pin.path for pin in pins[name]] == list(paths)
    kafka = {pin.path for pin in pins["kafka"]}
    for coordinate in artifacts.KAFKA:
        group, artifact, version = coordinate.split(":")
        assert f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar" in kafka
    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) for group in pins.values() for pin in group)
