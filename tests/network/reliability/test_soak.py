"""A soak goes on where it was interrupted, and tells what every run found."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.network.reliability.engines import Embedded
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Site
from tests.network.reliability.soak import END_OF_RESULTS, Soak, append_result, go_on, result_line
from tests.network.reliability.table import ROWS


class Interrupted(BaseException):
    """Ends a soak as a person does."""


def _row(seeds: list[int], *, break_at: int | None = None) -> Row:
    def run(site: Site, seed: int) -> Outcome:
        del site
        if seed == break_at:
            raise Interrupted
        seeds.append(seed)
        return Outcome(lost=int(seed == 12), facts={"seconds": float(seed)})

    return Row("some-row", "some fault", "0 lost", 100, run, events=50)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "network", Embedded())


def test_an_interrupted_soak_does_only_what_is_left(tmp_path: Path, site: Site) -> None:
    path, seeds = tmp_path / "soak.json", list[int]()
    soak = Soak.resumed(path, "some-row", 5, 10, "engines", "c0ffee")
    with pytest.raises(Interrupted):
        go_on(soak, _row(seeds, break_at=13), site, path, lambda _: None)
    again = Soak.resumed(path, "some-row", 5, 10, "engines", "c0ffee")
    go_on(again, _row(seeds), site, path, lambda _: None)
    assert seeds == [10, 11, 12, 13, 14]
    assert [item.lost for item in again.outcomes] == [0, 0, 1, 0, 0]
    assert not again.kept


def test_a_soak_of_another_seed_engine_or_commit_begins_anew(tmp_path: Path, site: Site) -> None:
    path = tmp_path / "soak.json"
    soak = Soak.resumed(path, "some-row", 2, 10, "engines", "c0ffee")
    go_on(soak, _row([]), site, path, lambda _: None)
    assert Soak.resumed(path, "some-row", 2, 10, "engines", "c0ffee").outcomes == soak.outcomes
    assert Soak.resumed(path, "some-row", 2, 11, "engines", "c0ffee").outcomes == []
    assert Soak.resumed(path, "some-row", 2, 10, "others", "c0ffee").outcomes == []
    assert Soak.resumed(path, "some-row", 2, 10, "engines", "c0ffee+").outcomes == []


def test_a_soak_of_a_file_that_names_no_commit_begins_anew(tmp_path: Path, site: Site) -> None:
    path = tmp_path / "soak.json"
    go_on(Soak.resumed(path, "some-row", 2, 10, "engines", "c0ffee"), _row([]), site, path, lambda _: None)
    known = json.loads(path.read_text("utf-8"))
    del known["commit"]
    path.write_text(json.dumps(known), "utf-8")
    assert Soak.resumed(path, "some-row", 2, 10, "engines", "c0ffee").outcomes == []


def test_a_run_that_breaks_is_told_and_the_next_ones_are_done(tmp_path: Path, site: Site) -> None:
    def run(site: Site, seed: int) -> Outcome:
        del site
        if seed == 1:
            raise OSError("the machine fails")
        return Outcome()

    soak, told = Soak("some-row", 3, 0, "engines", "c0ffee"), list[str]()
    go_on(soak, replace(_row([]), run=run), site, tmp_path / "soak.json", told.append)
    assert [item.kept for item in soak.outcomes] == [True, False, True]
    assert "the machine fails" in told[1]


def test_the_result_is_a_line_at_the_end_of_the_table(tmp_path: Path, site: Site) -> None:
    seeds = list[int]()
    soak = Soak("some-row", 3, 10, "engines 1.0", "c0ffee")
    go_on(soak, _row(seeds), site, tmp_path / "soak.json", lambda _: None)
    page = tmp_path / "page.md"
    page.write_text(f"| row | runs |\n{END_OF_RESULTS}\nmore\n", "utf-8")
    append_result(result_line(soak, _row(seeds)), page)
    line = page.read_text("utf-8").splitlines()[1]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:8] == ["`some-row`", "3 of 100", "3", "150", "1", "0", "1", "10"]
    assert cells[-2] == "engines 1.0; c0ffee"
    assert cells[-1] == "seconds: median 11, most 12"
    assert page.read_text("utf-8").endswith(f"{END_OF_RESULTS}\nmore\n")


def test_a_result_is_not_lost_silently_on_a_page_that_has_no_place_for_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("| row | runs |\n", "utf-8")
    with pytest.raises(ValueError, match=r"page\.md"):
        append_result("| a result |", page)


@pytest.mark.parametrize("row", [name for name, row in ROWS.items() if row.real_only])
def test_a_row_that_needs_real_servers_refuses_the_engines_of_one_machine(row: str) -> None:
    command = [sys.executable, "-m", "tests.network.reliability", row, "1", "--embedded"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own module
    assert told.returncode == 2
    assert f"Row {row} needs Kafka or PostgreSQL itself" in told.stdout
