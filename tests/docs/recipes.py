"""Carries out the recipes of CONTRIBUTING.md to the letter in a copy of the repository."""

import re
import shutil
from pathlib import Path

from tests.docs.markdown import ROOT, Block, blocks

PAGE = ROOT / "CONTRIBUTING.md"
COPIED = ("dags", "schemas", "contracts", "connectors", "services", "docs", "tests", "infra", "pyproject.toml")
_PAIR = re.compile(
    r"^--- find\n(?P<find>.*?)^--- replace\n(?P<replace>.*?)(?=^--- find\n|\Z)", re.MULTILINE | re.DOTALL
)


def copy_repository(to: Path) -> Path:
    """Copy what the product is made of, and the pages that link to each other."""
    for name in (*COPIED, *(page.name for page in ROOT.glob("*.md"))):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)
    return to


def follow(root: Path) -> list[Path]:
    """Write and change the files that the recipes say; return those that are new."""
    written = []
    for block in blocks(PAGE):
        action = re.search(r" (?P<kind>file|edit)=(?P<path>\S+)$", block.info)
        if action and action["kind"] == "file":
            path = root / action["path"]
            assert not path.exists(), f"{block.name}: {action['path']} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
            written.append(path)
        elif action:
            _edit(root / action["path"], block)
    return written


def _edit(path: Path, block: Block) -> None:
    """Replace each text that is to be found once; a find that ends within a line is given without its line end."""
    text = path.read_text("utf-8")
    pairs = list(_PAIR.finditer(block.text))
    assert pairs, f"{block.name}: nothing to find and replace"
    for pair in pairs:
        find, replace = pair["find"], pair["replace"]
        if find not in text:
            find, replace = find.removesuffix("\n"), replace.removesuffix("\n")
        assert text.count(find) == 1, f"{block.name}: stands {text.count(find)} times in {path.name}: {find}"
        text = text.replace(find, replace)
    path.write_text(text, "utf-8")
