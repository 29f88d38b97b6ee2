"""Reads Markdown as the tests of the documentation see it: fenced blocks, links, headings, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(r"^(?P<in> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=in)```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, what stands behind the fence, and its text."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, language: str | None = None) -> list[Block]:
    text = page.read_text("utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match["info"].strip(), dedent(match["text"]))
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if language in (None, block.language)]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> Iterator[str]:
    for match in _LINK.finditer(prose(page)):
        yield match["target"]


def anchors(page: Path) -> set[str]:
    """Headings as a forge names them: lower case, signs gone, spaces as hyphens."""
    words = (re.sub(r"[^\w\- ]", "", match["text"].lower()) for match in _HEADING.finditer(prose(page)))
    return {text.strip().replace(" ", "-") for text in words}


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of the same or a higher level; fails where there is none."""
    text = page.read_text("utf-8")
    start = re.search(rf"^(?P<level>#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert start, f"{page.name} has no heading {heading!r}"
    end = re.search(rf"^#{{1,{len(start['level'])}}} ", text[start.end() :], re.MULTILINE)
    return text[start.end() : start.end() + end.start()] if end else text[start.end() :]


def first_column(text: str) -> list[str]:
    """The code in the first cell of each row of the tables in a text."""
    return re.findall(r"^\| `([^`]+)`[^|]*\|", text, flags=re.MULTILINE)
