"""What sending, receiving and closing brought, for people and for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.cli.console import out, table
from services.closing import ClosingReport
from services.month import MonthReport
from services.receiving.collecting import CollectReport
from services.receiving.going_on import WentOn
from services.status.sentences import number
from services.stories.too_late import how_many
from services.tasks import SendReport

VERDICTS = ("accepted", "quarantined", "held", "duplicate")


def show_sent(reports: Sequence[SendReport]) -> None:
    """One row per sender, all its reports together, then refused rows by reason."""
    rows = []
    for participant in sorted({report.participant for report in reports}):
        own = [report for report in reports if report.participant == participant]
        files = [item for report in own for item in report.files]
        rolled = [report.rolled for report in own if report.rolled]
        row = (
            len(files),
            sum(item.sent_before for item in files),
            sum(item.rows_read for item in files),
            sum(report.refused.total() for report in own),
            sum(report.events.total() for report in own),
            sum(report.statements for report in own),
            sum(item.addresses.total() for item in rolled),
            sum(report.parcels for report in own),
        )
        if any(row):
            rows.append((participant, *row))
    heads = [
        "sender",
        "files",
        "sent before",
        "rows read",
        "refused",
        "events",
        "statements",
        "rolled over",
        "parcels sent",
    ]
    caption = "rows read = refused + events; a file that was sent before is not sent again"
    table("Sent", heads, rows, caption=caption)
    refused = sum((report.refused for report in reports), Counter[str]())
    if refused:
        table("Rows refused at the source, by reason", ["reason", "rows"], sorted(refused.items()))


def send_json(report: SendReport) -> dict[str, Any]:
    """The same for a program."""
    return {
        "participant": report.participant,
        "files": [
            {
                "file": item.file,
                "connector": item.connector,
                "rows_read": item.rows_read,
                "refused": dict(item.refused),
                "events": dict(item.events),
                "sent_before": item.sent_before,
            }
            for item in report.files
        ],
        "broken": report.broken,
        "postponed": [str(reason) for reason in report.postponed],
        "statements": report.statements,
        "rolled_over": report.rolled.addresses.total() if report.rolled else 0,
        "parcels": report.parcels,
    }


def show_received(reports: Sequence[CollectReport]) -> None:
    """One row per receiver that got something, all its reports together, then stopped events by rule."""
    rows = []
    for participant in sorted({report.participant for report in reports}):
        own = [report for report in reports if report.participant == participant]
        row = (
            sum(report.parcels for report in own),
            sum(report.refused.total() for report in own),
            *(sum(report.verdicts[name] for report in own) for name in VERDICTS),
            sum(report.receipts for report in own),
        )
        if any(row):
            rows.append((participant, *row))
    heads = ["receiver", "parcels", "not opened", *VERDICTS, "receipts"]
    table("Received", heads, rows, caption="events of opened parcels = accepted + quarantined + held + duplicate")
    rules = sum((report.rules for report in reports), Counter[str]())
    if rules:
        table("Events stopped at the gate, by rule", ["rule", "events"], sorted(rules.items()))
    for report in reports:
        for reason, parcels in sorted(report.refused.items()):
            out().print(f"{report.participant}: {parcels} parcels were not opened: {reason}.")
        if report.gaps:
            out().print(f"{report.participant}: in {report.gaps} streams parcels are missing; ask their senders.")


def went_on_text(moved: WentOn) -> str:
    """Say where a participant reads on, and what that costs."""
    at = f"{moved.participant} reads on at offset {moved.after.next_offset} of its topic"
    if moved.lost is not None:
        left = f"{number(moved.lost, 'message')} before it cannot be read any more"
    elif moved.before and moved.before.topic_id == moved.after.topic_id:
        left = "what the broker lost and what it has again are told apart by their senders' streams"
    else:
        left = "it is another topic than before"
    return (
        f"{at}; {left}. Parcels that are missing show in `spiegelnet status {moved.participant}` after a quarter of an "
        f"hour, with their senders: ask these for `spiegelnet send … --again-to {moved.participant}`."
    )


def receive_json(report: CollectReport) -> dict[str, Any]:
    """The same for a program."""
    return {
        "participant": report.participant,
        "parcels": report.parcels,
        "refused": dict(report.refused),
        "verdicts": dict(report.verdicts),
        "rules": dict(report.rules),
        "held_later": report.held_later,
        "gaps": report.gaps,
        "receipts": report.receipts,
        "postponed": [str(reason) for reason in report.postponed],
    }


def statuses(result: ClosingReport) -> Counter[tuple[str, str]]:
    """Cells by (kind of period, status) over all nodes, regional ones left out."""
    return sum((node.statuses for node in result.nodes), Counter[tuple[str, str]]())


def show_months(result: ClosingReport) -> None:
    """Cells by kind of period and status, who was missing, and what the hub made."""
    found = statuses(result)
    kinds = sorted({kind for kind, _ in found})
    shown = ("published", "suppressed", "missing", "zero", "not_applicable")
    rows = []
    for kind in kinds:
        total = sum(found[kind, status] for status in shown)
        rows.append((kind, *(found[kind, status] for status in shown), f"{found[kind, 'published'] / total:.0%}"))
    table(f"Cells of {len(result.nodes)} municipalities", ["period", *shown, "share published"], rows)
    for node in result.nodes:
        _show_left_out(node)
    for reason in result.waiting:
        out().print(f"{reason.what} {reason.why} {reason.todo}")
    if result.benchmark:
        figures, cells = sum(result.benchmark.figures.values()), result.benchmark.cells
        out().print(f"The hub holds {cells:,} cells; its benchmark has {figures:,} figures.")
        for period, region, indicator in result.benchmark.regions_incomplete:
            out().print(f"{indicator} of {region} in {period} waits for a municipality's share.")
        for period, region, indicator in result.benchmark.regions_refused:
            out().print(f"{indicator} of {region} in {period}: the municipalities' shares do not add up.")


def _show_left_out(node: MonthReport) -> None:
    """Who was missing, and what was not released now."""
    for month, missing in node.missing.items():
        if missing:
            out().print(f"{node.municipality} closed {month} without a statement of: {', '.join(missing)}.")
    if node.stands:
        out().print(
            f"{node.municipality}: what was released of {', '.join(node.stands)} stands. It cannot be counted again as"
            " it was: events are removed that were kept for as long as their contracts allow, or an older store was put"
            " back.",
            soft_wrap=True,
        )
    if node.too_late:
        out().print(
            f"{node.municipality}: {how_many(node.too_late)} of the stories that may be counted are in no pattern,"
            " since they came after the quarter in which they were told was closed, or that quarter never was.",
            soft_wrap=True,
        )
    if node.lost:
        out().print(
            f"{node.municipality}: {', '.join(node.lost)} can be released no more. Events that count in them are"
            " removed, after they were kept for as long as their contracts allow.",
            soft_wrap=True,
        )


def month_json(result: ClosingReport) -> dict[str, Any]:
    """The same for a program."""
    return {
        "months": result.months,
        "nodes": [
            {
                "municipality": node.municipality,
                "periods": node.periods,
                "cells": [
                    {"period_kind": kind, "status": status, "cells": cells}
                    for (kind, status), cells in sorted(node.statuses.items())
                ],
                "missing_statements": node.missing,
                "closed_before": node.closed_before,
                "stands": node.stands,
                "lost": node.lost,
                "stories_too_late": how_many(node.too_late) if node.too_late else None,
            }
            for node in result.nodes
        ],
        "waiting": [str(reason) for reason in result.waiting],
        "figures": sum(result.benchmark.figures.values()) if result.benchmark else None,
        "regions_incomplete": result.benchmark.regions_incomplete if result.benchmark else [],
        "regions_refused": result.benchmark.regions_refused if result.benchmark else [],
    }
