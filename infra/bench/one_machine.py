"""`make bench`: speed and memory on one machine as events and municipalities grow, beside baselines of the same run.

Each size is measured in a process of its own. The figures depend on the machine; the ratios hardly do. Writes
`build/bench.json` and `build/bench.svg`.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.bench import exports, hub_growth, stored, stream
from infra.bench.alone import PEAK, alone
from infra.bench.growth import plot
from infra.bench.results import Target, show_results, write_results
from services.cli.console import err
from services.errors import Fatal

OUT = Path("build/bench.json")
PLOT = Path("build/bench.svg")
MICRO = 1e6
TARGET_EVENTS = 10_000_000
"""Of so many events it is said what is to be reached; of few, what is done once weighs more."""
TARGETS = (
    Target("send_events_per_s", 400_000),
    Target("receive_events_per_s", 250_000),
    Target("month_ratio_to_duckdb", 2, most=True),
    Target("new_pseudonyms_per_s", 1_500),
    Target(PEAK, 2_048, most=True),
    Target("connector_peak_mib", 1_024, most=True),
    Target("connector_cached_peak_mib", 1_024, most=True),
)
CAPTION = (
    "send: pseudonyms from the cache, encode, seal, log; receive: log, verify, open, strict decode, gate; collect: also"
    " own pseudonyms, Iceberg, receipts; month: counts, disclosure control, release; baseline: one fastavro event per"
    " AES-GCM-sealed message in the same log; arrow: bare Arrow IPC with AES-GCM in the same log; duckdb: the month's"
    " SQL on the same Parquet files in bare DuckDB"
)


@dataclass(frozen=True)
class Scale:
    """How far it goes; sizes go up.

    Attributes:
        events: sizes that are streamed, stored and counted.
        municipalities: sizes of the hub's network.
        export_rows: of the export that a connector reads.
        addresses: new ones, of which pseudonyms are made.
        baseline_events: how many go one by one.
    """

    events: tuple[int, ...]
    municipalities: tuple[int, ...]
    export_rows: int
    addresses: int = 6_000
    baseline_events: int = 50_000


SCALES = {
    "full": Scale((10_000, 100_000, 1_000_000, TARGET_EVENTS), (10, 40, 100, 342), 10_000_000),
    "small": Scale((10_000, 100_000, 1_000_000), (10, 40, 100), 1_000_000),
}


def main() -> None:
    """Measure, write JSON and plot, print a table.

    Raises:
        Fatal: there is no such scale, or a measurement failed.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else "full"
    if name not in SCALES:
        raise Fatal(f"There is no scale {name}.", todo="Say `make bench` or `make bench SCALE=small`.")
    results = measured(SCALES[name])
    write_results(OUT, results)
    plot(results, PLOT)
    targets = TARGETS if SCALES[name].events[-1] == TARGET_EVENTS else ()
    show_results(results, "Speed and memory on one machine", f"{CAPTION}; in {OUT} and {PLOT}", targets)


def measured(scale: Scale) -> dict[str, float]:
    """Run all measurements of a scale.

    Returns:
        Figures by name: those of the largest size, and `…_at_<size>` of each size.

    Raises:
        Fatal: a measurement failed.
    """
    results: dict[str, float] = {}
    for events in scale.events:
        err().print(f"{events:,} events …")
        results |= _of_events(events, scale.baseline_events)
    for municipalities in scale.municipalities:
        err().print(f"{municipalities} municipalities …")
        results |= _of_hub(municipalities)
    err().print("New pseudonyms, and an export …")
    results["new_pseudonyms_per_s"] = alone(stream.new_pseudonyms, addresses=scale.addresses)["new_pseudonyms_per_s"]
    return results | _of_export(scale.export_rows)


def _of_events(events: int, baseline_events: int) -> dict[str, float]:
    passing = alone(stream.stream, events=events, baseline_events=baseline_events)
    with tempfile.TemporaryDirectory() as root:
        alone(stored.sent, root=root, events=events)
        collected = alone(stored.collected, root=root, events=events)
        month = alone(stored.month, root=root)
        bare = alone(stored.month_in_duckdb, root=root)
    peaks = {"stream": passing.pop(PEAK), "collect": collected.pop(PEAK), "month": month.pop(PEAK)}
    figures = {**passing, **collected, **month, "month_duckdb_s": bare["month_duckdb_s"]}
    rates = {name: figures[f"{name}_events_per_s"] for name in ("send", "receive", "collect")}
    return {
        **figures,
        "send_ratio_to_baseline": figures["send_events_per_s"] / figures["baseline_send_events_per_s"],
        "receive_ratio_to_baseline": figures["receive_events_per_s"] / figures["baseline_receive_events_per_s"],
        "send_ratio_to_arrow": figures["send_events_per_s"] / figures["arrow_send_events_per_s"],
        "receive_ratio_to_arrow": figures["receive_events_per_s"] / figures["arrow_receive_events_per_s"],
        "month_ratio_to_duckdb": figures["month_s"] / figures["month_duckdb_s"],
        PEAK: max(peaks.values()),
        **{f"{name}_us_per_event_at_{events}": MICRO / rate for name, rate in rates.items()},
        f"month_us_per_event_at_{events}": MICRO * figures["month_s"] / events,
        f"duckdb_us_per_event_at_{events}": MICRO * figures["month_duckdb_s"] / events,
        **{f"{name}_peak_mib_at_{events}": peak for name, peak in peaks.items()},
    }


def _of_hub(municipalities: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as root:
        alone(hub_growth.reported, root=root, municipalities=municipalities)
        found = alone(hub_growth.benchmarked, root=root, municipalities=municipalities)
    return {
        f"hub_{step}_ms_per_municipality_at_{municipalities}": 1000 * found[f"hub_{step}_s"] / municipalities
        for step in ("collect", "benchmark")
    } | {f"hub_peak_mib_at_{municipalities}": found[PEAK]}


def _of_export(rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        size = alone(exports.written, folder=folder, rows=rows)
        read = alone(exports.read, folder=folder, rows=rows)
        looked_up = alone(exports.read_with_pseudonyms, folder=folder, rows=rows)
    return {
        "export_mib": size["export_mib"],
        "connector_rows_per_s": read["connector_rows_per_s"],
        "connector_peak_mib": read[PEAK],
        "connector_cached_rows_per_s": looked_up["connector_cached_rows_per_s"],
        "connector_cached_peak_mib": looked_up[PEAK],
    }


if __name__ == "__main__":
    main()
