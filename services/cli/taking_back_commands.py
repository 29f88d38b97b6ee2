"""Commands by which a sender takes back what it sent: withdraw, correct."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal, Rejected, Retryable

if TYPE_CHECKING:
    from services.sending.withdrawing import TakenBack

Participant = Annotated[str, typer.Argument(help="Who sent the events, for example es-lichtkade.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: spiegelnet withdraw es-lichtkade energie_achterstanden_2025-12.csv --row 17")(withdraw)
    app.command(epilog="Example: spiegelnet correct es-lichtkade energie_achterstanden_2025-12_corrected.csv")(correct)


def withdraw(
    participant: Participant,
    file: Annotated[Path, typer.Argument(help="An export with the rows whose events are withdrawn.")],
    home: HomeOption,
    row: Annotated[
        list[int] | None, typer.Option(min=1, help="Only this row of the file, as an editor numbers it; repeat it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take back events that should not have been sent: from the next close on they do not count."""
    from services.tasks import take_back

    _require_file(file)
    report, waits = take_back(home, participant, file, row or ())
    _show("Withdrawn", report, json=json)
    _end(report, waits)


def correct(
    participant: Participant,
    file: Annotated[Path, typer.Argument(help="An export with the corrected rows only, under their old keys.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Put events right that were accepted with wrong values: the rows of the file come in their place."""
    from services.tasks import take_back

    _require_file(file)
    report, waits = take_back(home, participant, file, corrected=True)
    _show("Corrected", report, json=json)
    _end(report, waits)


def _require_file(file: Path) -> None:
    if not file.is_file():
        raise Fatal(f"{file} is not a file.", todo="Name an export with the rows.")


def _show(title: str, report: "TakenBack", *, json: bool) -> None:
    if json:
        told = {"participant": report.participant, "file": report.file, "rows": report.rows}
        print_json({**told, "events": dict(report.events), "refused": dict(report.refused), "parcels": report.parcels})
        return
    caption = "The receipts say what became of it; what was done on the same day before is not sent again."
    table(f"{title} by {report.file}", ["event type", "events"], sorted(report.events.items()), caption=caption)


def _end(report: "TakenBack", waits: list[Retryable]) -> None:
    if report.refused:
        reasons = ", ".join(f"{reason}: {rows}" for reason, rows in sorted(report.refused.items()))
        raise Rejected(
            f"{report.refused.total()} of {report.rows} rows name no event ({reasons}).",
            "Nothing was taken back for them; all others were.",
            "Mend these rows in the file, as they were when they were sent, and run the command with them.",
        )
    if waits:
        raise waits[0]
