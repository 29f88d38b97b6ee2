"""The mirror as a command: of a network's own municipalities, and of others that open data tell of."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.errors import Fatal
from tests.command import run
from tests.small_network import MUNICIPALITIES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]


@pytest.fixture(scope="module")
def network(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed network that tests of this file only ask."""
    return copied(stages.closed, tmp_path_factory.mktemp("mirror") / "home")


def test_a_mirror_is_written_where_it_is_asked_for_and_says_what_it_shows(network: Path, tmp_path: Path) -> None:
    page = tmp_path / "mirror.html"
    page.write_text("an older one", "utf-8")
    done = run("mirror", TOWN, "--out", page, "--home", network)
    question = f"""
        select count(distinct indicator) as i, count(value) as shown, count(*) - count(value) as untold
        from hub.benchmark.figures where municipality = '{TOWN}'
    """
    (asked,) = json.loads(run("sql", question, "--json", "--home", network).out)
    assert asked["untold"] > 0
    told = f"{asked['i']} indicators, {asked['shown']} figures, 0 indicators with a story of its own; "
    told += f"{asked['untold']} more are suppressed or missing"
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{page} shows {told}")
    html = page.read_text("utf-8")
    assert f"<h1>Spiegel van Municipality {TOWN} ({TOWN})</h1>" in html
    assert html.count('<section class="indicator"') == asked["i"]
    assert html.endswith("</html>\n")


def test_without_a_name_the_page_is_named_after_the_municipality(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("mirror", TOWN, "--home", network).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"mirror-{TOWN}.html"]


def test_a_participant_without_figures_gets_a_page_that_says_so(at_stage: AtStage, tmp_path: Path) -> None:
    page = tmp_path / "mirror.html"
    done = run("mirror", TOWN, "--out", page, "--home", at_stage("empty"))
    assert (done.code, "shows 0 indicators, 0 figures, 0 indicators with a story of its own." in done.out) == (0, True)
    assert "Er zijn nog geen cijfers" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("code", "told"), [("gm9999", "There are no figures of gm9999"), ("hc-huis", "made for a municipality")]
)
def test_of_nobody_there_is_no_page(network: Path, tmp_path: Path, code: str, told: str) -> None:
    done = run("mirror", code, "--out", tmp_path / "mirror.html", "--home", network)
    assert (done.code, told in done.err, done.out) == (Fatal.exit_code, True, "")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(network: Path, tmp_path: Path) -> None:
    done = run("mirror", TOWN, "--out", tmp_path / "no" / "mirror.html", "--home", network)
    assert (done.code, f"{tmp_path / 'no' / 'mirror.html'} cannot be used" in done.err) == (Fatal.exit_code, True)
