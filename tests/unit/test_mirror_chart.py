"""Charts begin at zero, put periods at even distances, and draw nothing where nothing is shown."""

import pytest

from services.mirror.chart import BOTTOM, LEFT, RIGHT, TOP, Chart, draw
from services.mirror.reading import Figure


def own(period: str, value: float | None, version: int = 1, kind: str = "month", **other: object) -> Figure:
    shown: dict[str, object] = {
        "period": period, "period_kind": kind, "numerator": None, "denominator": None, "denominator_date": None,
        "value": value, "ci_low": value, "ci_high": value, "status": "published" if value is not None else "suppressed",
        "peer_set": None, "peer_count": None, "peer_p25": None, "peer_median": None, "peer_p75": None,
        "compared": "not_compared", "trend": "too_short", "coverage": None, "definition_version": version,
        "public_from": None,
    }  # fmt: skip
    return Figure(**shown | other)  # type: ignore[arg-type]  # the fields of this one


def drawn(*figures: Figure) -> Chart:
    chart = draw(figures)
    assert chart
    return chart


def height(chart: Chart, value: float) -> float:
    """Where a value stands, computed from the two ends of the axis as its marks say them."""
    first, last = chart.up[0], chart.up[-1]
    top = float(last.text.replace(".", "").replace(",", "."))
    return first.place + (last.place - first.place) * value / top


def test_the_axis_begins_at_zero_and_holds_the_highest_number() -> None:
    chart = drawn(own("2025-11", 7.5, ci_high=9.2), own("2025-12", 8.0))
    assert [tick.text for tick in chart.up] == ["0", "5", "10"]
    assert (chart.up[0].place, chart.up[-1].place) == (BOTTOM, TOP)
    assert [point.y for point in chart.points] == pytest.approx([height(chart, 7.5), height(chart, 8.0)], abs=0.01)
    assert chart.points[0].upper == pytest.approx(height(chart, 9.2), abs=0.01)


@pytest.mark.parametrize(
    ("highest", "marks"),
    [
        (0.03, ["0,00", "0,01", "0,02", "0,03"]),
        (0.4, ["0,0", "0,1", "0,2", "0,3", "0,4"]),
        (62.8, ["0", "20", "40", "60", "80"]),
        (1234, ["0", "500", "1.000", "1.500"]),
        (0, ["0", "1"]),
    ],
)
def test_marks_are_round_numbers(highest: float, marks: list[str]) -> None:
    assert [tick.text for tick in drawn(own("2025-12", highest)).up] == marks


def test_a_suppressed_month_is_a_gap_that_no_line_crosses() -> None:
    months = ["2025-09", "2025-10", "2025-11", "2025-12"]
    chart = drawn(*(own(month, value) for month, value in zip(months, (5.0, 6.0, None, 7.0), strict=True)))
    assert len(chart.points) == 3
    assert chart.lines == ((chart.points[0], chart.points[1]),)
    (slot,) = chart.suppressed
    width = (RIGHT - LEFT) / 4
    assert (slot.left, slot.width) == pytest.approx((LEFT + 2 * width, width), abs=0.01)


def test_a_month_without_a_row_keeps_its_place() -> None:
    chart = drawn(own("2025-09", 5.0), own("2025-12", 7.0))
    width = (RIGHT - LEFT) / 4
    assert [point.x for point in chart.points] == pytest.approx([LEFT + width / 2, LEFT + 3.5 * width], abs=0.01)
    assert chart.lines == ()
    assert chart.suppressed == ()


@pytest.mark.parametrize(
    ("kind", "periods"), [("quarter", ("2025-Q3", "2025-Q4", "2026-Q1")), ("year", ("2015", "2016", "2017"))]
)
def test_quarters_and_years_are_neighbours_too(kind: str, periods: tuple[str, ...]) -> None:
    chart = drawn(*(own(period, 5.0, kind=kind) for period in periods))
    assert len(chart.lines) == 2
    assert chart.points[1].x - chart.points[0].x == pytest.approx((RIGHT - LEFT) / 3, abs=0.02)


def test_figures_of_two_definitions_are_not_joined_and_the_change_is_marked() -> None:
    chart = drawn(own("2025-11", 5.0), own("2025-12", 6.0, version=2))
    assert chart.lines == ()
    assert chart.redefined == pytest.approx(((LEFT + RIGHT) / 2,), abs=0.01)


def test_peers_are_a_box_per_period_also_where_the_own_figure_is_suppressed() -> None:
    chart = drawn(own("2025-12", None, peer_p25=4.0, peer_median=5.0, peer_p75=8.0))
    (band,) = chart.bands
    assert (band.left, band.right) == (LEFT, RIGHT)
    assert [band.upper, band.median, band.lower] == pytest.approx([height(chart, at) for at in (8, 5, 4)], abs=0.01)
    assert chart.points == ()


def test_nothing_is_drawn_of_figures_that_are_all_hidden() -> None:
    assert draw([own("2025-11", None), own("2025-12", None)]) is None


def test_of_many_periods_some_are_named_among_them_the_newest() -> None:
    months = [f"{year}-{number:02d}" for year in (2023, 2024, 2025) for number in range(1, 13)]
    chart = drawn(*(own(month, 5.0) for month in months))
    assert [tick.text for tick in chart.across][-2:] == ["jun 2025", "dec 2025"]
    assert len(chart.across) <= 7
    assert len(chart.points) == 36
