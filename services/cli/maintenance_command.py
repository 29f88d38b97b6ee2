"""The daily upkeep of stores."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out, print_json, progress, table
from services.cli.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from services.maintenance import UpkeepReport

_COLUMNS = {
    "checked": "files checked",
    "events": "events removed",
    "closes": "closes let go",
    "refused": "refused rows",
    "sent": "sent records",
    "used": "used addresses",
    "joined": "files joined",
    "forgotten": "snapshots let go",
    "files": "files removed",
    "waiting": "files waiting",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet maintain gm0106")(maintain)


def maintain(
    home: HomeOption,
    participants: Annotated[list[str] | None, typer.Argument(help="Whose stores; without names everybody's.")] = None,
    json: JsonOption = False,
) -> None:
    """Look after stores: check every file, remove what contracts keep no longer, join small files, free disk space."""
    from services.network import Network
    from services.parallel import each, workers
    from services.tasks import maintain as maintain_now

    network = Network.open(home)
    chosen = participants or sorted(network.directory.participants)
    for participant in chosen:
        network.directory.get(participant)
    count = min(network.settings.machine.workers, len(chosen))
    with workers(count) as pool, progress("maintain", len(chosen)) as step:
        reports = each(pool, maintain_now, [(home, participant) for participant in chosen], step)
    if json:
        print_json([_as_json(report) for report in reports])
        return
    rows = [[report.participant, *(report.counts[name] for name in _COLUMNS)] for report in reports]
    table("Upkeep", ["participant", *_COLUMNS.values()], rows)
    for report in reports:
        if report.removed.closes:
            out().print(
                f"{report.participant}: nothing can be counted again of {', '.join(report.removed.closes)}; "
                "what was released stands.",
                soft_wrap=True,
            )


def _as_json(report: "UpkeepReport") -> dict[str, object]:
    details = {"removed": asdict(report.removed), "joined_by_table": dict(report.joined)}
    return {"participant": report.participant, **report.counts, **details}
