"""Commands that move the network: init, samples, send, receive, month."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.console import counted, err, out, print_json, progress, table
from services.cli.options import HomeOption, JsonOption, months_between
from services.errors import Fatal, Rejected, Retryable


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: spiegelnet init --home /srv/spiegelnet --network participants.toml")(init)
    app.command(epilog="Example: spiegelnet samples build/samples --seed 7")(samples)
    app.command(epilog="Example: spiegelnet send es-lichtkade energie_achterstanden_2025-12.csv --state 2025-12")(send)
    app.command(epilog="Example: spiegelnet receive gm0106")(receive)
    app.command(epilog="Example: spiegelnet month 2025-12")(month)


def init(
    home: HomeOption,
    network: Annotated[
        Path | None, typer.Option(help="TOML file with the participants; without it the sample network.")
    ] = None,
    servers: Annotated[
        bool,
        typer.Option(
            "--servers", help="A new network is for the servers of `spiegelnet up`, none of them started yet."
        ),
    ] = False,
) -> None:
    """Set up a network: keys, directory, topics, settings. Running it again adds what is missing."""
    from services.setup import create_network, members_from, sample_members

    members = members_from(network) if network else sample_members()
    created = create_network(home, members, servers=servers)
    out().print(f"A network of {len(members)} participants is in {created.root}; its settings are in spiegelnet.toml.")


def samples(
    folder: Annotated[Path, typer.Argument(help="Folder to write the exports to.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 2025,
    months: Annotated[int, typer.Option(min=1, max=36, help="How many months.")] = 12,
    last: Annotated[str, typer.Option(help="The last month.")] = "2025-12",
    json: JsonOption = False,
) -> None:
    """Write made-up exports of partners and municipalities, with the dirt that real ones have."""
    from services.samples import write_samples

    summary = write_samples(folder, seed, months, last)
    if json:
        print_json({"folder": str(folder), "rows": summary.rows, "planted": summary.planted})
        return
    table(f"Exports in {folder}", ["participant", "rows"], sorted(summary.rows.items()))
    table("Planted dirt", ["kind", "rows"], sorted(summary.planted.items()))


def send(
    participant: Annotated[str, typer.Argument(help="Who sends, for example es-lichtkade.")],
    home: HomeOption,
    files: Annotated[list[Path] | None, typer.Argument(help="Exports; without them all in its sources folder.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Make delivery statements of this month or range of months.")
    ] = None,
    again_to: Annotated[
        str | None, typer.Option(help="Send again what this receiver got before, and lost; what it has counts once.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read exports, seal their events for who is entitled to them, and send. A file that was sent is not sent again."""
    from services.cli.reports import send_json, show_sent
    from services.network import Network
    from services.sending.sources import source_files
    from services.tasks import send as send_now

    network = Network.open(home)
    chosen = files if files is not None else source_files(network.home.participant(participant).sources)
    missing = [path for path in chosen if not path.is_file()]
    if missing:
        raise Fatal(
            f"{missing[0]} is not a file.", todo="Name exports that exist, or none for all in the sources folder."
        )
    months = months_between(state) if state else ()
    with counted("new pseudonyms") as asking:
        report = send_now(home, participant, chosen, months, again_to=again_to, asking=asking)
    if json:
        print_json(send_json(report))
    else:
        show_sent([report])
    if report.broken:
        raise Rejected(f"{len(report.broken)} of {len(chosen)} files could not be read.", "\n  ".join(report.broken))
    if report.postponed:
        reason, left = report.postponed[0], len(chosen) - len(report.files)
        unsent = f"{left} of {len(chosen)} files were not sent to their end. " if left else ""
        raise Retryable(unsent + reason.what, reason.why, reason.todo)


def receive(
    home: HomeOption,
    participants: Annotated[list[str] | None, typer.Argument(help="Who receives; without names everybody.")] = None,
    follow: Annotated[int | None, typer.Option(min=1, help="Go on without end, this many seconds between.")] = None,
    go_on: Annotated[
        str | None,
        typer.Option(help="After an alarm, read on where the topic can be read. Say why; it is kept."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Collect what waits on the topics: verify, open, decode, judge, store, and answer with receipts."""
    from services.cli.reports import receive_json, show_received
    from services.network import Network
    from services.parallel import each, workers
    from services.tasks import receive as receive_now

    network = Network.open(home)
    chosen = participants or sorted(network.directory.participants)
    for participant in chosen:
        network.directory.get(participant)
    if go_on is not None:
        _go_on(home, chosen, go_on)
    if follow is not None:
        from services.cli.following import follow_and_show

        follow_and_show(network, chosen, follow, json=json)
        return
    with workers(min(network.settings.machine.workers, len(chosen))) as pool, progress("receive", len(chosen)) as step:
        reports = each(pool, receive_now, [(home, participant) for participant in chosen], step)
    if json:
        print_json([receive_json(report) for report in reports])
    else:
        show_received(reports)
    for report in reports:
        if report.postponed:
            raise report.postponed[0]


def _go_on(home: Path, participants: list[str], reason: str) -> None:
    from services.cli.reports import went_on_text
    from services.tasks import go_on

    if len(participants) != 1:
        raise Fatal(
            "It is decided for one participant at a time where it reads on.", todo="Name the one that had an alarm."
        )
    err().print(went_on_text(go_on(home, participants[0], reason)), markup=False)


def month(
    period: Annotated[str, typer.Argument(help="2025-12, or a range 2025-01..2025-11.")],
    home: HomeOption,
    participant: Annotated[
        list[str] | None, typer.Option("--participant", "-p", help="Only these municipalities; else all.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Close months: count, release under disclosure control, send to the hub, and make the benchmark there."""
    from services.cli.reports import month_json, show_months
    from services.closing import close_everywhere

    months = months_between(period)
    result = close_everywhere(home, months, participant, progress)
    if json:
        print_json(month_json(result))
    else:
        show_months(result)
    if result.waiting:
        raise result.waiting[0]
    if result.benchmark and result.benchmark.regions_refused:
        period, region, indicator = result.benchmark.regions_refused[0]
        raise Rejected(
            f"{indicator} of {region} in {period} was not released.",
            "The municipalities' shares do not add up to a possible count; all else was released.",
            "Ask its municipalities whether one restored its node or keys from a copy; a mask serves one sum only.",
        )
