"""`python -m infra.artifact_lock`: writes `artifacts.sha256` anew after a version in `artifacts.py` was changed.

It resolves the coordinates, downloads every file from Maven Central into a temporary folder, compares each with the
checksum that the repository publishes, and writes its SHA-256. Look at the difference before you commit it.
"""

import hashlib
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from infra.artifact_store import PINS, Pin, sha256_of
from infra.artifacts import FILES, KAFKA
from infra.maven import download, maven, quiet
from services.errors import Fatal

HEADER = """\
# Every file of the servers' software: SHA-256 and path in a Maven repository.
# Made by `python -m infra.artifact_lock`; `sha256sum -c` reads it too.
"""


def main() -> None:
    """Write the list."""
    lines = [HEADER]
    with tempfile.TemporaryDirectory() as folder:
        context = maven(Path(folder), None, quiet)
        for name, paths in {"kafka": _paths(context), **FILES}.items():
            pins = [_pin(Path(folder), context.remote_repos["central"], path) for path in paths]
            lines += [f"# [{name}]\n", *(f"{pin.sha256}  {pin.path}\n" for pin in pins)]
    PINS.write_text("".join(lines), "ascii")


def _paths(context: Any) -> list[str]:
    """Return the paths of Kafka's files and of all that they need."""
    wanted = [context.create_dependency(text) for text in KAFKA]
    found = [item.artifact for part in context.resolver.resolve(wanted) for item in part]
    return sorted({f"{item.component.path_prefix}/{item.filename}" for item in found})


def _pin(folder: Path, repository: str, path: str) -> Pin:
    got = download(path, folder, quiet, place=folder / path)
    with urllib.request.urlopen(f"{repository}/{path}.sha1") as answer:  # noqa: S310 - https
        published = answer.read().decode("ascii").split()[0]
    if hashlib.file_digest(got.open("rb"), "sha1").hexdigest() != published:
        raise Fatal(f"{path} is another file than its repository says.", todo="Try again.")
    return Pin(path, sha256_of(got))


if __name__ == "__main__":
    main()
