"""`make bench` at a tiny size has every figure, and draws those that grow."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.bench import one_machine
from infra.bench.alone import Figures, alone, peak_mib
from infra.bench.growth import plot, sized
from infra.bench.one_machine import TARGETS, Scale, measured
from services.errors import Fatal
from tests.integration import test_bench as me

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

KEYS = {
    "send_events_per_s",
    "receive_events_per_s",
    "send_ratio_to_baseline",
    "receive_ratio_to_baseline",
    "send_ratio_to_arrow",
    "month_ratio_to_duckdb",
    "new_pseudonyms_per_s",
    "peak_mib",
}


def here(measure: Callable[..., Figures], **given: float | str) -> dict[str, float]:
    """Measure in this process, which has all imported."""
    return {**measure(**given), "peak_mib": peak_mib()}


def test_a_tiny_run_has_every_figure_and_draws_what_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_machine, "alone", here)
    found = measured(Scale((4_000,), (8,), export_rows=3_000, addresses=20, baseline_events=500))
    assert KEYS | {target.figure for target in TARGETS} <= set(found)
    assert all(value > 0 for value in found.values())
    points = sized(found)
    assert set(points["size"]) == {4_000, 8}
    path = tmp_path / "build" / "bench.svg"
    plot(found, path)
    drawn = path.read_text("utf-8")
    assert drawn.startswith("<svg")
    assert all(what in drawn for what in points["what"].unique())


def taking(mib: float) -> dict[str, float]:
    return {"length": len(b"x" * (int(mib) << 20))}


def failing() -> dict[str, float]:
    raise ValueError


def test_each_measurement_has_a_peak_of_its_own() -> None:
    large, small = alone(me.taking, mib=300), alone(me.taking, mib=1)
    assert large["length"] == 300 << 20
    assert large["peak_mib"] > small["peak_mib"] + 250
    assert small["peak_mib"] < peak_mib()


def test_a_measurement_that_fails_ends_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Fatal, match="test_bench:failing failed"):
        alone(me.failing)
    assert "ValueError" in capfd.readouterr().err
