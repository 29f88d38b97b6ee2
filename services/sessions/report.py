"""A session's report, and the list of actions: as a page, and the report as a PDF too.

The PDF is made without a browser. It is tagged and of the kind that is kept (PDF/A-2a and PDF/UA-1), so that it can be
read aloud and archived.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.errors import Fatal
from services.network import Network
from services.pages import environment
from services.pages.wording import date_text
from services.sessions.model import OPEN, Action, Session
from services.sessions.records import Records
from services.sessions.telling import Told, action_told, told

_TEMPLATE: Final = Path(__file__).with_name("templates") / "report.typ"


def write_report(records: Records, session: Session, path: Path, viewer: str | None = None) -> None:
    """Write the report of a session; what stood at `path` is replaced.

    Args:
        records: of the municipality.
        session: as it is now.
        path: ends in `.html` or `.pdf`.
        viewer: as in `services.sessions.readings.visible`.

    Raises:
        Fatal: the path ends otherwise.
        NotAllowed, Retryable, Fatal: as `told`.
        OSError: the file cannot be written.
    """
    if path.suffix not in {".html", ".pdf"}:
        raise Fatal(f"{path.name} is neither a page nor a PDF.", todo="Name a file that ends in .html or .pdf.")
    content = told(records, session, viewer)
    if path.suffix == ".html":
        path.write_text(as_page(content), "utf-8")
    else:
        path.write_bytes(as_pdf(content))


def as_page(content: Told) -> str:
    """Return the report as HTML; every value is escaped."""
    return environment("services.sessions").get_template("report.html").render(told=content)


def as_pdf(content: Told) -> bytes:
    """Return the report as PDF.

    Values are handed over as data beside the template and shown as text, so that nothing somebody wrote is read as
    markup; fonts are those of the typesetter, so that the same report looks the same everywhere.
    """
    import typst  # noqa: PLC0415 - a large library that only this needs

    return typst.compile(
        _TEMPLATE.read_bytes(),
        sys_inputs={"told": json.dumps(content, ensure_ascii=False)},
        format="pdf",
        pdf_standards=["a-2a", "ua-1"],
        ignore_system_fonts=True,
    )


def write_actions(network: Network, municipality: str, actions: Sequence[Action], path: Path) -> None:
    """Write the actions of a municipality as a page; what stood at `path` is replaced.

    Raises:
        OSError: the file cannot be written.
    """
    today = network.today()
    names = {item.id: item.name for item in network.directory.participants.values()}
    rows = [(item.state, action_told(item, names, today)) for item in sorted(actions, key=lambda item: item.due_on)]
    page = (
        environment("services.sessions")
        .get_template("actions.html")
        .render(
            municipality=names[municipality],
            made_on=date_text(today),
            open=[row for state, row in rows if state == OPEN],
            closed=[row for state, row in rows if state != OPEN],
        )
    )
    path.write_text(page, "utf-8")
