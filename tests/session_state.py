"""Released quotes, and a session about one: enough to read in, in a network without any figure."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from services.network import Network
from services.sessions.model import Session
from services.sessions.planning import Wanted, plan
from services.sessions.records import Records
from services.stories.desk.quotes import PUBLISHED, WITHDRAWN, About, find_quote, set_stage
from services.stories.desk.records import open_desk

QUOTE = "3fa9c210"
DAY = "2026-01-20"
_STORY = bytes(16)


def release_quote(root: Path, town: str, title: str = "De brief", words: str = "De brief kwam te laat.") -> None:
    """Put a quote that was let through at a municipality's desk."""
    desk = open_desk(Network.open(root), town)
    about = About("payment_arrears", None, "resident", "2025-Q4", ("unwanted:family",), made_up=True)
    texts = {"about": about.written(), "title": title, "words": words}
    sealed = [desk.seal(_STORY, f"{QUOTE}/{what}", text) for what, text in texts.items()]
    row = (QUOTE, _STORY, *sealed, None, DAY, DAY, None, PUBLISHED, 1, DAY)
    with desk.writing() as database:
        database.execute(f"INSERT INTO quotes VALUES ({', '.join('?' * len(row))})", row)


def withdraw_quote(root: Path, town: str) -> None:
    """Let the quote be taken back, as the desk does when its teller does not agree any more."""
    desk = open_desk(Network.open(root), town)
    set_stage(desk, find_quote(desk, QUOTE), WITHDRAWN, dt.date(2026, 1, 21))


def planned(root: Path, town: str, partners: Sequence[str], guests: Sequence[str] = ()) -> tuple[Records, Session]:
    """A session about one quote."""
    release_quote(root, town)
    records = Records.of(Network.open(root), town)
    wanted = Wanted("Een gesprek", dt.date(2026, 1, 20), "2025-12", (), (QUOTE,), partners=partners, guests=guests)
    return records, plan(records, _asks_nothing, wanted)


def _asks_nothing(sql: str) -> pa.Table:
    raise AssertionError(sql)
