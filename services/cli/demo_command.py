"""The demo command: runs the sample network and tells in the words of the domain what happened."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out, print_json, progress, table
from services.cli.options import HomeOption, JsonOption, months_between
from services.cli.query_commands import show_mirror

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.asking import Ask
    from services.mirror import Written
    from services.sending.rollover import RolledOver

SHOWN_MUNICIPALITY = "gm0153"
FIGURES_SQL = """
select i.title_en as figure, f.value, f.unit, f.status, f.peer_p25, f.peer_median, f.peer_p75, f.peer_count as peers,
       f.compared, f.trend, f.coverage
from hub.benchmark.figures f join hub.benchmark.indicators i using (indicator)
where f.municipality = '{municipality}' and f.period in ('2016', '2025', '{month}') and f.dimension = 'total'
order by f.period, i.title_en
"""
APPROACHES_SQL = """
select dimension_value as approach, numerator as children, value, unit, status, peer_median, peer_count as peers,
       compared
from hub.benchmark.figures
where municipality = '{municipality}' and indicator = 'children_in_poverty_reached_share' and period = '2025'
order by case dimension when 'total' then 1 else 0 end, dimension_value
"""
EXAMPLE_SQL = """
select period, value, ci_low, ci_high, peer_median, compared, trend from hub.benchmark.figures
where municipality = '{municipality}' and indicator = 'signals_per_1000_households' order by period
"""
EVICTIONS_SQL = """
select municipality as region, numerator as evictions, denominator as households, value, unit, status
from hub.benchmark.figures where indicator = 'evictions_per_1000_households' order by region
"""
STORIES_SQL = """
select count(*) as quotes, count(distinct municipality) as municipalities, count(distinct theme) as themes
from hub.benchmark.stories
"""
PATTERNS_SQL = """
select count(*) as published from hub.benchmark.patterns where signification_kind <> 'total' and status = 'published'
"""
TOLD_SQL = """
select theme, signification_kind as kind, signification, numerator as tellers from hub.benchmark.patterns
where municipality = '{municipality}' and period = '2025-Q4' and theme = 'debt_counselling'
  and signification_kind in ('total', 'signal', 'effect') and status = 'published'
order by tellers desc, signification
"""
SHARES_SQL = """
select period_kind, count(*) as cells, count(case when status = 'published' then 1 end) as published
from hub.network.cells where period >= '2025' group by period_kind order by period_kind
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet demo --until 2026-01")(demo)


def demo(
    home: HomeOption,
    until: Annotated[str, typer.Option(help="The last month; months after 2025-12 are added one by one.")] = "2025-12",
    json: JsonOption = False,
) -> None:
    """Move twelve months of 19 municipalities, 16 partners and 3 story points through the network on this machine."""
    from services.config import load_settings
    from services.parallel import warmed, workers

    began = time.monotonic()
    console = out()
    later = months_between(f"2025-12..{until}")[1:]

    def say(text: str) -> None:
        if not json:
            console.print(f"[{time.monotonic() - began:5.1f} s] {text}", markup=False)

    def look() -> "tuple[Ask, Written]":
        from services.asking import asking

        ask = asking(home, "duckdb")  # opened once: some forty files per municipality
        return ask, _mirror(home, ask)

    with workers(load_settings(home).machine.workers) as pool:
        warm = warmed(pool)  # the workers' slow imports begin beside our own
        from services.demo import run_demo

        report, (ask, written) = run_demo(home, pool, warm, progress, say, look, later)
    seconds = time.monotonic() - began
    if json:
        from services.cli.reports import receive_json, send_json

        print_json(
            {
                "seconds": round(seconds, 1),
                "sent": [send_json(item) for part in report.sent for item in part],
                "received": [receive_json(item) for part in report.received for item in part],
                "cells": _rows(ask, SHARES_SQL),
                "mirror": str(written.path),
            }
        )
        return
    from services.cli.reports import show_received, show_sent

    if report.samples:
        planted = ", ".join(f"{rows} {kind.replace('_', ' ')}" for kind, rows in sorted(report.samples.planted.items()))
        console.print(f"Planted in the exports, to be caught: {planted}.")
    show_sent([item for part in report.sent for item in part])
    show_received([item for part in report.received for item in part])
    for rolled in (item.rolled for part in report.sent for item in part):
        if rolled and rolled.addresses:
            _show_epoch_change(home, rolled)
    _show_release(ask)
    _show_municipality(ask, until)
    _show_stories(ask)
    console.print()
    show_mirror(written)
    console.print(
        f"\nDone in {seconds:.0f} s. The network is in {home}. Next:\n"
        f"  spiegelnet status                         who received what, and who has not stated a delivery\n"
        f"  spiegelnet quarantine list es-lichtkade   what was refused, where and why\n"
        f'  spiegelnet sql "show all tables"          everything that can be asked\n'
        f"  spiegelnet stories list {SHOWN_MUNICIPALITY}              which stories came, and how far each is\n"
        f"  spiegelnet stories quotes {SHOWN_MUNICIPALITY}            which were told on, and who approved",
        markup=False,
    )


def _show_epoch_change(home: Path, rolled: "RolledOver") -> None:
    """How many addresses got another pseudonym, and that their households are still one."""
    from services.demo import households
    from services.network import Network

    joined, apart = households(Network.open(home), SHOWN_MUNICIPALITY)
    out().print(
        f"{rolled.participant} sent its back-delivery by last year's pseudonyms, all others by this year's: "
        f"{rolled.addresses.total():,} addresses got a new one for {rolled.epoch} before anything was counted. "
        f"{SHOWN_MUNICIPALITY}, told of {rolled.addresses[SHOWN_MUNICIPALITY]:,} of them, counts {joined:,} households "
        f"with a signal; without the pairs it would take them for {apart:,} (true counts, of made-up households).",
        soft_wrap=True,
    )


def _rows(ask: "Ask", sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = ask(sql).to_pylist()
    return rows


def _mirror(home: Path, ask: "Ask") -> "Written":
    """Write the mirror of the municipality that is shown."""
    from services.mirror import write_mirror
    from services.network import Network

    path = home / f"mirror-{SHOWN_MUNICIPALITY}.html"
    return write_mirror(Network.open(home), ask, SHOWN_MUNICIPALITY, path)


def _show_release(ask: "Ask") -> None:
    """Share of cells published, and evictions by region."""
    rows = _rows(ask, SHARES_SQL)
    table(
        "Cells released under disclosure control",
        ["period", "cells", "published", "share"],
        [(row["period_kind"], row["cells"], row["published"], f"{_share(row):.0%}") for row in rows],
        caption="the others are suppressed: too few households; suppressed never looks like zero",
    )
    regional = _rows(ask, EVICTIONS_SQL)
    table(
        "Evictions in 2025, by province: too rare for one municipality; summed under masks",
        ["region", "evictions", "households", "value", "unit", "status"],
        [tuple(row.values()) for row in regional],
    )


def _show_stories(ask: "Ask") -> None:
    """Patterns and quotes of the network, and what is told of one theme in one municipality."""
    (quotes,), (patterns,) = _rows(ask, STORIES_SQL), _rows(ask, PATTERNS_SQL)
    out().print(
        f"\nStories, all made up: {quotes['quotes']} are told on in {quotes['municipalities']} municipalities, about "
        f"{quotes['themes']} themes; {patterns['published']:,} patterns have ten tellers or more and are published.",
        soft_wrap=True,
    )
    rows = _rows(ask, TOLD_SQL.format(municipality=SHOWN_MUNICIPALITY))
    table(
        f"What people told of debt counselling in {SHOWN_MUNICIPALITY}, last quarter of 2025",
        ["theme", "kind", "signification", "tellers"],
        [tuple(row.values()) for row in rows],
        caption="tellers, never a share of people: who tells is not who could tell",
    )


def _share(row: dict[str, object]) -> float:
    counts = Counter({name: float(str(row[name])) for name in ("published", "cells")})
    return counts["published"] / counts["cells"]


def _show_municipality(ask: "Ask", month: str) -> None:
    """One municipality's figures beside its peers, and an example query."""
    columns = [
        "figure",
        "value",
        "unit",
        "status",
        "p25",
        "median of peers",
        "p75",
        "peers",
        "compared",
        "trend",
        "coverage",
    ]
    table(
        f"{SHOWN_MUNICIPALITY} beside its peers (municipalities alike in traits of the area, never chosen by outcome)",
        columns,
        [tuple(row.values()) for row in _rows(ask, FIGURES_SQL.format(municipality=SHOWN_MUNICIPALITY, month=month))],
        caption="a difference is a question to talk about, not a verdict; its doubts are in hub.benchmark.indicators",
    )
    rows = _rows(ask, APPROACHES_SQL.format(municipality=SHOWN_MUNICIPALITY))
    table(
        f"Children in poverty reached in 2025 in {SHOWN_MUNICIPALITY}, by approach, beside peers that have it too",
        list(rows[0]) if rows else [],
        [tuple(row.values()) for row in rows],
        caption="a child that two approaches reached is once in the total; other differs by municipality: not compared",
    )
    sql = " ".join(EXAMPLE_SQL.format(municipality=SHOWN_MUNICIPALITY).split())
    out().print(f'\nspiegelnet sql "{sql}"', markup=False, soft_wrap=True)
    rows = _rows(ask, sql)
    table("", list(rows[0]) if rows else [], [tuple(row.values()) for row in rows])
