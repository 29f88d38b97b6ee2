"""Quarantine: what was stopped, at the source and at the receiver; why; and how it goes on."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Rejected
from services.sending.journal import RefusedRow
from services.status.sentences import number

Participant = Annotated[str, typer.Argument(help="Whose quarantine, for example gm0106 or es-lichtkade.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Rows and events that were stopped: list, look at, replay, lift; parcels that are missing: settle.",
        no_args_is_help=True,
    )
    group.command("list", epilog="Example: spiegelnet quarantine list es-lichtkade")(list_stopped)
    group.command("show", epilog="Example: spiegelnet quarantine show gm0106 3fa9")(show)
    group.command("replay", epilog="Example: spiegelnet quarantine replay gm0106")(replay)
    group.command("lift", epilog="Example: spiegelnet quarantine lift gm0106 3fa9")(lift)
    group.command("settle", epilog='Example: spiegelnet quarantine settle gm0106 es-lichtkade --reason "sent again"')(
        settle
    )
    app.add_typer(group, name="quarantine")


def list_stopped(participant: Participant, home: HomeOption, json: JsonOption = False) -> None:
    """List rows refused at this participant's own sources, and events that it stopped as receiver. No values."""
    from services.quarantine import open_events
    from services.stopped import node_of, refused_at_source

    rows = refused_at_source(home, participant)
    events = open_events(node_of(home, participant))
    if json:
        shown = events.drop("parcel_id", "row", "delivery_id", "version")
        ids = shown["event_id"].bin.encode("hex").alias("event_id")
        print_json({"source_rows": [vars(row) for row in rows], "events": shown.with_columns(ids).to_dicts()})
        return
    table(
        f"Rows refused at the sources of {participant}",
        ["file", "row", "event type", "field", "reason", "what to do"],
        [(row.file, row.source_row, row.event_type, row.field, row.reason, row.remedy) for row in rows],
        caption=f"{len(rows)} rows. Mend them in the source, export and send again: mended rows keep their event id.",
    )
    counted = events.group_by("sender", "event_type", "verdict", "rule").len("events").sort("sender", "rule")
    table(
        f"Events stopped at {participant} as receiver",
        ["sender", "event type", "verdict", "rule", "events"],
        list(counted.iter_rows()),
        caption="--json gives the reference of each; `quarantine show` tells more.",
    )


def show(
    participant: Participant,
    ref: Annotated[str, typer.Argument(help="Reference of an event, or its beginning; or FILE:ROW at the source.")],
    home: HomeOption,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the values too; the look is written down.")] = False,
    purpose: Annotated[str, typer.Option(help="What the values are needed for.")] = "",
) -> None:
    """Say which rule stopped an event, or why a row never became one, and what to do."""
    from services.network import Network
    from services.quarantine import show as look
    from services.stopped import node_of, refused_at_source

    if ":" in ref:
        _show_refused(refused_at_source(home, participant), ref)
        return
    registry = Network.open(home).registry
    event = look(node_of(home, participant), registry, ref, dt.datetime.now(dt.UTC), reveal=reveal, purpose=purpose)
    rows = [
        ("event", event.event_id.hex()),
        ("sender", event.sender),
        ("event type", event.event_type),
        ("received on", event.received_on.isoformat()),
        ("verdict", event.verdict),
        ("rule", event.rule),
        ("fields", ", ".join(event.fields)),
        ("why", event.why),
        ("what to do", event.todo),
        *event.values.items(),
    ]
    table(f"Event {event.ref}", ["", ""], rows)


def _show_refused(rows: list[RefusedRow], ref: str) -> None:
    """Show the open rows of one reference FILE:ROW; their values are in the source."""
    found = [row for row in rows if f"{row.file}:{row.source_row}" == ref]
    if not found:
        raise Rejected(f"No refused row is open as {ref}.", todo="`spiegelnet quarantine list` gives file and row.")
    for row in found:
        lines = [
            ("file", row.file),
            ("row", str(row.source_row)),
            ("event type", row.event_type),
            ("field", row.field),
            ("why", row.reason),
            ("what to do", row.remedy),
        ]
        table(f"Row {ref}", ["", ""], lines)


def replay(
    participant: Participant,
    home: HomeOption,
    source: Annotated[
        list[Path] | None, typer.Option(help="Mended exports of this participant to send again, by their old names.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send mended exports again, and judge what is stopped here by the contracts as they are now. Never doubles."""
    from services.network import Network
    from services.quarantine import replay as judge_again
    from services.stopped import node_of
    from services.tasks import send

    report = send(home, participant, source or [], mended=True)
    changed = judge_again(node_of(home, participant), Network.open(home).registry, dt.datetime.now(dt.UTC))
    if json:
        print_json({"events_sent": report.events.total(), "changed": changed.to_dicts()})
    else:
        out().print(
            f"{report.events.total():,} events of {len(report.files)} files were sent; receivers keep what they had."
        )
        table("Verdicts that changed here", ["event type", "verdict", "rule", "events"], list(changed.iter_rows()))
    if report.broken:
        raise Rejected(f"{len(report.broken)} files could not be read.", "\n  ".join(report.broken))


def lift(
    participant: Participant,
    ref: Annotated[str, typer.Argument(help="Reference of any event of the held delivery, or its beginning.")],
    home: HomeOption,
) -> None:
    """Let a held delivery through as a whole; it is not held again. Look at it together with its sender first."""
    import polars as pl

    from services.network import Network
    from services.quarantine import lift as let_through
    from services.quarantine import open_events
    from services.stopped import node_of

    node = node_of(home, participant)
    events = open_events(node).filter(pl.col("ref").str.starts_with(ref), pl.col("verdict") == "held")
    deliveries = events.select("sender", "delivery_id").unique().rows()
    if len(deliveries) != 1:
        raise Rejected(
            f"Events of {len(deliveries)} held deliveries have a reference that begins with {ref}.",
            "One delivery is lifted at a time; quarantined events are mended at their source instead.",
            "`spiegelnet quarantine list --json` gives the references.",
        )
    lifted = let_through(node, Network.open(home).registry, deliveries[0], dt.datetime.now(dt.UTC))
    out().print(f"{lifted:,} events of {deliveries[0][0]} were let through.")


def settle(
    participant: Participant,
    sender: Annotated[str, typer.Argument(help="Whose parcels are missing.")],
    home: HomeOption,
    reason: Annotated[str, typer.Option(help="What was agreed with the sender; it is kept.")],
) -> None:
    """Let the parcels of a sender that are missing now alarm no more: it sent again, or they are given up."""
    from services.network import Network
    from services.receiving.replay import ReplayWindow

    network = Network.open(home)
    network.directory.get(sender)
    network.require_keys(participant)
    with ReplayWindow(network.home.participant(participant).replay) as replay:
        gaps = replay.settle(sender, network.now(), reason)
    out().print(f"{number(gaps, 'gap')} in what {sender} sent to {participant} alarm no more.")
