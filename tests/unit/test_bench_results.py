"""What measurements leave: three significant digits, and whether a target is met."""

import json
from pathlib import Path

import pytest

from infra.bench.results import Target, show_results, write_results


def test_a_file_holds_three_significant_digits_of_small_and_large_figures(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write_results(path, {"small": 0.0123456, "large": 412_345.6, "zero": 0.0})
    assert json.loads(path.read_text("utf-8")) == {"small": 0.0123, "large": 412_000, "zero": 0}


@pytest.mark.parametrize(("value", "met"), [(29.99, True), (30.0, False)])
def test_what_is_to_stay_below_a_limit_may_not_reach_it(value: float, met: bool) -> None:  # noqa: FBT001
    assert Target("seconds", 30, most=True).met(value) is met


@pytest.mark.parametrize(("value", "met"), [(399_999.0, False), (400_000.0, True)])
def test_what_is_to_reach_a_limit_may_reach_it_just(value: float, met: bool) -> None:  # noqa: FBT001
    assert Target("events", 400_000).met(value) is met


def test_a_target_stands_beside_its_figure_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    targets = (Target("fast", 250_000), Target("slow", 1, most=True))
    show_results({"fast": 301_234.5, "slow": 1.25, "free": 0.00721}, "Speed", "caption", targets)
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["fast"] == ["301,000", "≥", "250,000", "met"]
    assert lines["slow"] == ["1.25", "<", "1", "not", "met"]
    assert lines["free"] == ["0.00721"]


def test_without_targets_there_are_no_columns_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_results({"fast": 301_234.5}, "Speed", "caption")
    assert "target" not in capsys.readouterr().out
