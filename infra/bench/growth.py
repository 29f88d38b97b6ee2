"""What was measured at several sizes as a plot: what an event costs, how much memory it takes, and the hub."""

import re
from collections.abc import Mapping
from pathlib import Path

import altair as alt
import polars as pl

_AT_SIZE = re.compile(r"(?P<what>\w+)_(?P<unit>us_per_event|peak_mib|ms_per_municipality)_at_(?P<size>\d+)")
_PANELS = (
    ("us_per_event", "events", "µs per event"),
    ("peak_mib", "events", "most memory, MiB"),
    ("ms_per_municipality", "municipalities", "ms per municipality"),
)
_WIDTH, _HEIGHT = 220, 200


def plot(results: Mapping[str, float], path: Path) -> None:
    """Write a plot of the figures that have a size in their name.

    Args:
        results: figures by name, of which those `<what>_<unit>_at_<size>` are shown.
        path: of the SVG.
    """
    points = sized(results)
    hub = pl.col("what").str.starts_with("hub")
    panels = [
        _panel(points.filter(pl.col("unit") == unit, hub == (over == "municipalities")), over, title)
        for unit, over, title in _PANELS
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    alt.hconcat(*panels).resolve_scale(color="independent").save(path)


def sized(results: Mapping[str, float]) -> pl.DataFrame:
    """Return the figures that have a size in their name: `what`, `unit`, `size`, `value`."""
    found = [(match, value) for name, value in results.items() if (match := _AT_SIZE.fullmatch(name))]
    rows = [(match["what"], match["unit"], int(match["size"]), value) for match, value in found]
    schema = {"what": pl.String, "unit": pl.String, "size": pl.Int64, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _panel(points: pl.DataFrame, over: str, title: str) -> alt.Chart:
    chart: alt.Chart = alt.Chart(points, width=_WIDTH, height=_HEIGHT).mark_line(point=True)
    drawn: alt.Chart = chart.encode(
        x=alt.X("size:Q", title=over, scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(type="log")),
        color=alt.Color("what:N", title=None),
    )
    return drawn
