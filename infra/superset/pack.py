"""`python -m infra.superset.pack`: makes the zip file of the benchmark dashboard that Apache Superset imports.

Superset asks the database something while it imports, so where Trino is must be in the file; the password never is, it
is asked for at the import. See docs/bi.md.
"""

import argparse
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from services.errors import Fatal

FOLDER = Path(__file__).with_name("benchmark")
MUNICIPALITY = "gm0281"
_SERVER, _USER, _CA = "localhost:18443", "USER", "/etc/spiegelnet/ca.pem"

# What means nothing else in YAML or in an address
_WORD = re.compile(r"[\w./-]+(:[0-9]+)?")


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(prog="python -m infra.superset.pack", description=__doc__)
    parser.add_argument("file", type=Path, help="zip file to write, such as spiegelnet-benchmark.zip")
    parser.add_argument("--server", default=_SERVER, help="Trino's host:port as Superset reaches it")
    parser.add_argument("--user", required=True, help="analyst as whom Superset asks")
    parser.add_argument("--ca", type=Path, required=True, help="ca.pem, where it is on Superset's machine")
    parser.add_argument("--municipality", default=MUNICIPALITY, help="the one that is shown first")
    given = parser.parse_args(words)
    pack(given.file, server=given.server, user=given.user, ca=given.ca, municipality=given.municipality)


def pack(file: Path, *, server: str, user: str, ca: Path, municipality: str = MUNICIPALITY) -> None:
    """Write the zip file.

    Args:
        file: to write.
        server: Trino's host:port as Superset reaches it.
        user: analyst as whom Superset asks.
        ca: the network's certificate, where it is on Superset's machine.
        municipality: the one that is shown first.

    Raises:
        Fatal: a word cannot be written into the file.
    """
    for word in (server, user, str(ca), municipality):
        if not _WORD.fullmatch(word):
            raise Fatal(
                "A name cannot stand in the dashboard's files.",
                "It has a space, a quote or another sign that would change their meaning.",
                "Take the sign out, or write the name into databases/Spiegelnet.yaml by hand.",
            )
    words = {
        "databases": {f"trino://{_USER}:": f"trino://{user}:", f"@{_SERVER}/": f"@{server}/", _CA: str(ca)},
        "dashboards": {MUNICIPALITY: municipality},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(FOLDER.rglob("*.yaml")):
            name = path.relative_to(FOLDER)
            text = path.read_text("utf-8")
            for old, new in words.get(name.parts[0], {}).items():
                text = text.replace(old, new)
            packed.writestr(f"{FOLDER.name}/{name.as_posix()}", text)


if __name__ == "__main__":
    main()
