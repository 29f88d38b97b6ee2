"""Quotes of stories that may be read in a session, as they are now: one whose teller thought better of it is gone."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.network import Network
from services.store.snapshots import scan
from services.store.tables import load_table
from services.store.warehouse import open_warehouse

PUBLISHED_STORIES = "published.stories"


@dataclass(frozen=True)
class Quote:
    """A released paraphrase.

    Attributes:
        quote: its id.
        theme: of the story.
        role: of the teller.
        period: quarter in which the story was told.
        title, words: as released.
        effects: `wanted:family` and such.
        made_up: whether the story is one of sample data.
    """

    quote: str
    theme: str
    role: str
    period: str
    title: str
    words: str
    effects: tuple[str, ...]
    made_up: bool


def quotes(network: Network, municipality: str) -> Mapping[str, Quote]:
    """Return a municipality's released quotes by id.

    Raises:
        Retryable, Fatal: its published warehouse cannot be used.
    """
    root = network.home.participant(municipality).root
    if not (root / "published").exists():
        return {}
    table = load_table(open_warehouse(root, "published", network.database(municipality)), PUBLISHED_STORIES)
    if table is None:
        return {}
    rows = scan(table).collect().iter_rows(named=True)
    return {
        row["quote"]: Quote(
            row["quote"],
            row["theme"],
            row["role"],
            row["period"],
            row["title"] or "",
            row["words"] or "",
            tuple(row["effects"] or ()),
            bool(row["made_up"]),
        )
        for row in rows
    }
