"""Links lead somewhere, and what a page names in code is there."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, anchors, links, prose

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading_in_it(page: Path) -> None:
    for target in links(page):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert file.is_relative_to(ROOT), f"{page.name} links outside the repository: {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


@each_page
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    defined = {
        name for file in ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))
    }
    named = set(re.findall(r"`(test_\w+)`", prose(page)))
    assert named <= defined


@each_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    for name in re.findall(
        r"`((?:dags|services|connectors|infra|schemas|contracts|tests|docs)/[\w./-]+\.\w+)`", prose(page)
    ):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


@each_page
def test_a_page_has_one_title_and_lines_that_a_diff_can_show(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", prose(page), flags=re.MULTILINE)) == 1
    tables = [line for line in prose(page).splitlines() if line.startswith(("|", "#"))]
    long = [line for line in prose(page).splitlines() if len(line) > 140 and line not in tables and "](" not in line]
    assert long == []
