"""How the network stands."""

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.cli.servers import server_states
from services.errors import Fatal

if TYPE_CHECKING:  # a slow import that --help does not need
    from services.status import NetworkStatus, ParticipantStatus
    from services.status.model import Matter


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet status gm0106 --month 2025-12")(status)


def status(
    home: HomeOption,
    participants: Annotated[
        list[str] | None, typer.Argument(help="Of whom; without names of all whose keys are on this machine.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="Month of the delivery statements; else the newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Say what flows, what waits, what failed, since when, and whose turn it is."""
    from services.network import Network
    from services.status import network_status

    found = network_status(Network.open(home), participants, month, server_states)
    if json:
        print_json(status_json(found))
    else:
        _show(found, detailed=bool(participants))
    uneven = [item.participant for item in found.participants if not item.balanced]
    if uneven:
        raise Fatal(
            "Events of opened parcels and verdicts are not as many.",
            f"Conservation is broken at: {', '.join(uneven)}",
            "Stop receiving there and restore the store from a copy; this is a fault worth reporting.",
        )
    for item in found.participants:
        if isinstance(item.error, Fatal):
            raise item.error


def status_json(found: "NetworkStatus") -> dict[str, Any]:
    """The same for a program; times in UTC."""
    return {
        "at": found.at.isoformat(),
        "matters": [asdict(item) for item in found.matters],
        "participants": [_participant_json(item) for item in found.participants],
        "others": list(found.others),
        "servers": [_server(item) for item in found.servers],
        "alerts": list(found.alerts),
    }


def _participant_json(item: "ParticipantStatus") -> dict[str, Any]:
    told = {
        name: value for name, value in vars(item).items() if name not in {"asked", "error", "rules", "refused_rows"}
    }
    return {
        **told,
        "months": [asdict(month) for month in item.months],
        "stopped": [asdict(group) for group in item.stopped],
        "tasks": [asdict(task) for task in item.tasks],
        "rules": [dict(zip(("sender", "verdict", "rule", "events"), row, strict=True)) for row in item.rules],
        "refused_rows": [
            {"file": file, "reason": reason, "rows": rows} for (file, reason), rows in sorted(item.refused_rows.items())
        ],
        "key_services": [
            {"service": service, "outcome": outcome, "requests": requests}
            for (service, outcome), requests in sorted(item.asked.requests.items())
        ],
        "balanced": item.balanced,
        "problem": str(item.error) if item.error else None,
    }


def _server(item: Any) -> dict[str, Any]:
    names = ("name", "address", "here", "healthy", "since", "version", "problem")
    return {name: getattr(item, name) for name in names}


def _show(found: "NetworkStatus", *, detailed: bool) -> None:
    _show_summary(found)
    _show_matters(found)
    _show_participants(found.participants, found.at)
    if detailed:
        for item in found.participants:
            _show_details(item, found.at)
    if found.servers:
        rows = [
            (item.name, item.address, "answers" if item.healthy else item.problem, _time(item.since, found.at))
            for item in found.servers
        ]
        table("Servers", ["server", "address", "state", "runs since"], rows)
    if found.alerts:
        names = ("time", "dag", "task", "participant", "period", "group", "what", "todo")
        table(
            "Last alarms of the schedule", list(names), [[alert.get(name) for name in names] for alert in found.alerts]
        )
    if found.others and not detailed:
        table(
            "Others in the directory", ["participant", "name", "kind"], [tuple(item.values()) for item in found.others]
        )


def _show_summary(found: "NetworkStatus") -> None:
    """What flows, in two sentences."""
    from services.status.sentences import day, number

    people = found.participants
    days = [item.newest for item in people if item.newest]
    if days:
        last = max(newest[0] for newest in days)
        events = sum(newest[1] for newest in days if newest[0] == last)
        receivers = sum(newest[0] == last for newest in days)
        when = day(dt.date.fromisoformat(last), found.at.date())
        out().print(
            f"Last received, {when}: {number(events, 'event')} at {number(receivers, 'receiver')}.", markup=False
        )
    else:
        out().print("Nothing was received yet.")
    well = sum(item.healthy for item in found.servers)
    if found.servers:
        out().print(
            f"{well} of {number(len(found.servers), 'server')} answer."
            if well < len(found.servers)
            else f"All {number(well, 'server')} answer."
        )


def _show_matters(found: "NetworkStatus") -> None:
    """A sentence for each thing that waits or failed: what, since when, whose turn, what to do."""
    from services.status.folding import folded

    console = out()
    if not found.matters:
        console.print("Nothing waits and nothing failed.")
    for item in folded(found.matters):
        since = f" Since {_time(item.since, found.at)}." if item.since else ""
        line = f"{'!' if item.urgent else '-'} {item.text}{since} {_turn(item)} {item.todo}".rstrip()
        console.print(line, markup=False, soft_wrap=not console.is_terminal)
    console.print()


def _turn(item: "Matter") -> str:
    """Whose turn it is, by name where the sentence has not said it."""
    from services.status.sentences import listed

    if item.turn == ("operator",):
        return "It is the turn of who runs the servers."
    if item.turn[0] in item.text:
        return "Its turn:" if len(item.turn) == 1 else "Their turn:"
    return f"Turn of {listed(item.turn)}:"


def _show_participants(people: "list[ParticipantStatus]", now: dt.datetime) -> None:
    from services.status import COUNTS

    rows = [
        (
            item.participant,
            item.name,
            *(sum(int(str(sender[name])) for sender in item.senders) for name in COUNTS),
            "yes" if item.balanced else "NO",
            sum(item.refused.values()),
            item.unread,
            item.waiting,
            item.gaps,
            item.closed,
            _last_run(item, now),
        )
        for item in people
    ]
    heads = ["participant", "name", *COUNTS, "balanced", "refused", "unread", "to send", "gaps", "closed", "last run"]
    caption = (
        "opened = accepted + quarantined + held + duplicate, per sender and day; refused, unread, to send: parcels"
    )
    table("Participants", heads, rows, caption=caption)


def _last_run(item: "ParticipantStatus", now: dt.datetime) -> str | None:
    """The last run that ended, and how."""
    ended = [task for task in item.tasks if task.ended]
    if not ended:
        return None
    last = max(ended, key=lambda task: task.ended or now)
    return f"{last.task} {_time(last.ended, now)}{f', {last.group}' if last.failing_since else ''}"


def _show_details(item: "ParticipantStatus", now: dt.datetime) -> None:
    from services.status import COUNTS

    lines = [(sender["sender"], *(sender[name] for name in COUNTS), sender["balanced"]) for sender in item.senders]
    table(f"{item.participant}, per sender", ["sender", *COUNTS, "balanced"], lines)
    if item.tasks:
        runs = [
            (task.task, _time(task.succeeded, now), task.successes, task.failures, task.group, task.what)
            for task in item.tasks
        ]
        table("Its tasks", ["task", "last success", "successes", "failures", "fails now", "why"], runs)
    if item.releases:
        rows = [(kind, *last) for kind, last in sorted(item.releases.items())]
        table("Its last releases", ["kind of period", "period", "released on"], rows)
    for reason, parcels in sorted(item.refused.items()):
        out().print(f"  {parcels} parcels not opened: {reason} (last {item.refused_on[reason]})")
    if item.kind == "municipality" and item.owing:
        out().print(f"  No complete delivery statement of: {', '.join(item.owing)}.")


def _time(moment: dt.datetime | dt.date | None, now: dt.datetime) -> str | None:
    from services.status.sentences import day, when

    if moment is None:
        return None
    return when(moment, now) if isinstance(moment, dt.datetime) else day(moment, now.date())
