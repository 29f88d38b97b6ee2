"""Quotes leave the node: those that disclosure control lets through, until consent is withdrawn.

What stands in the published table and what the hub is told follow from the desk's file by steps that may be repeated.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from services.directory import HUB
from services.disclosure import Words, release_words
from services.network import Network
from services.published import published_schemas, published_table
from services.receiving.collecting import open_node
from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender
from services.store.erasing import replace_for_good
from services.stories.desk.approvals import somebody_saw
from services.stories.desk.quotes import (
    IN_TALKS,
    PROPOSED,
    PUBLISH,
    PUBLISHED,
    QUOTE,
    WITHDRAWN,
    Quote,
    forget,
    quotes,
    set_stage,
)
from services.stories.desk.records import Desk
from services.stories.desk.replies import Reply, replies
from services.stories.desk.showing import TEAM, texts_of
from services.stories.patterns.ratings import hide_alone
from services.stories.published import PATTERNS_OF_NODE, TABLE_OF_NODE, indicators_by_theme
from services.stories.words import identifier_in

EVENT_TYPE: Final = "story_quote"
UNSEEN: Final = "None of those who approved was shown the story before they did."

MarkedParts = Callable[[str], Sequence[str]]
"""Returns the parts of a text that seem to name a person, a place or an address."""


@dataclass
class Publishing:
    """What became of the quotes that were not published yet.

    Attributes:
        released: stage by quote, of those that were let through now.
        refused: by quote all that it lacks, in sentences.
    """

    released: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, ...]] = field(default_factory=dict)


def publish(desk: Desk, stories: pl.DataFrame, marked_parts: MarkedParts, today: dt.date) -> Publishing:
    """Decide which quotes leave; what was decided is brought out by `bring_out`.

    Args:
        desk: of a municipality.
        stories: current ones, as `services.stories.reading.stories` gives them.
        marked_parts: finds what has to be explained in a quote.
        today: the day.
    """
    report = Publishing()
    held = {row["event_id"]: row for row in stories.iter_rows(named=True)}
    asked = replies(desk)
    for quote in quotes(desk):
        story = held.get(quote.story)
        if story is None or quote.stage not in (PROPOSED, IN_TALKS):
            continue
        stage = PUBLISHED if PUBLISH in story["uses"] else IN_TALKS
        if stage == quote.stage:
            continue
        found = judged(desk, story, quote, marked_parts, asked.get(quote.story, Reply()), today)
        if found.status == "released":
            set_stage(desk, quote, stage, today)
            report.released[quote.quote] = stage
        else:
            report.refused[quote.quote] = found.reasons
    return report


def judged(
    desk: Desk, story: Mapping[str, Any], quote: Quote, marked_parts: MarkedParts, reply: Reply, today: dt.date
) -> Words:
    """Ask disclosure control about one quote of a story that is held here; the arguments as for `publish`.

    Where the team may see the story, one of those who approved has to have seen it before: who knows the quote only
    cannot tell what it says of the story. Of a story that nobody may see nobody has to.
    """
    explained = {word.casefold() for word in quote.explained}
    found = release_words(
        quote.text,
        originals=tuple(texts_of(desk, dict(story)).values()),
        approvals=tuple((who, approval.sha256) for who, approval in quote.approvals.items()),
        agreed_with_teller=quote.agreed_on is not None,
        consent=tuple(story["uses"]),
        use=PUBLISH if PUBLISH in story["uses"] else QUOTE,
        reply_due=reply.is_due(today, names_provider=story["provider"] is not None),
        identifier=identifier_in(quote.text),
        unexplained_marks=sum(part.casefold() not in explained for part in marked_parts(quote.text)),
    )
    if TEAM in story["uses"] and not somebody_saw(desk, quote.story, quote.approvals):
        return Words("refused", None, (*found.reasons, UNSEEN))
    return found


def withdraw_without_consent(desk: Desk, stories: pl.DataFrame, today: dt.date) -> int:
    """Withdraw the quotes that their tellers do not agree to any more, or whose stories are gone; return how many.

    One that may still be quoted, but not published, stays for talks.
    """
    uses = dict(stories.select("event_id", "uses").iter_rows())
    withdrawn = 0
    for quote in quotes(desk):
        agreed = set(uses.get(quote.story) or ())
        if quote.stage != WITHDRAWN and not agreed & {QUOTE, PUBLISH}:
            set_stage(desk, quote, WITHDRAWN, today)
        elif quote.stage == PUBLISHED and PUBLISH not in agreed:
            set_stage(desk, quote, IN_TALKS, today)
        else:
            continue
        withdrawn += 1
    return withdrawn


def bring_out(network: Network, sender: Sender, desk: Desk, stories: pl.DataFrame) -> int:
    """Make the published table what the desk says, and tell the hub of new states; return the number of parcels.

    Whoever writes the table looks at the desk once more after: of two at once the last leaves no quote that the other
    took back.

    Raises:
        Retryable, Fatal: see `services.store.erasing`; run again.
    """
    uses = dict(stories.select("event_id", "uses").iter_rows())
    every, parcels, done = quotes(desk), 0, dict[str, tuple[str, int]]()
    while done != (states := {item.quote: (item.stage, item.number) for item in every}):
        parcels += _bring_out(network, sender, every, uses)
        every, done = quotes(desk), states
    for item in every:
        if item.stage == WITHDRAWN and item.about:
            forget(desk, item)
    return parcels


def _bring_out(network: Network, sender: Sender, every: Sequence[Quote], uses: Mapping[bytes, Sequence[str]]) -> int:
    known = [item for item in every if item.number and item.about]
    if not known:
        return 0
    rows = [_row(sender.id, item, uses.get(item.story, ())) for item in known]
    schema = published_schemas(sender.id)[TABLE_OF_NODE]
    published = open_node(network, sender.id).published()
    table = published_table(published, TABLE_OF_NODE, schema, 0)
    shown = pl.DataFrame(
        [row for row in rows if row["state"] == PUBLISHED], schema=pl.DataFrame(schema.empty_table()).schema
    )
    replace_for_good(table, shown)
    hide_alone(published, PATTERNS_OF_NODE, TABLE_OF_NODE)
    return sum(_tell(sender, item, row) for item, row in zip(known, rows, strict=True))


def _row(municipality: str, quote: Quote, uses: Sequence[str]) -> dict[str, Any]:
    """Return what is told of a quote in its present state: what it was about, and no words unless it is published."""
    about, shown = quote.about, quote.stage == PUBLISHED
    if about is None:
        raise AssertionError  # `bring_out` leaves these out
    return {
        "municipality": municipality,
        "quote": quote.quote,
        "number": quote.number,
        "state": PUBLISHED if shown else WITHDRAWN,
        "theme": about.theme,
        "indicators": indicators_by_theme().get(about.theme, []),
        "approach": about.approach,
        "role": about.role,
        "period": about.period,
        "title": quote.title if shown else None,
        "words": quote.words if shown else None,
        "effects": list(about.effects) if shown else [],
        "uses": sorted({QUOTE, PUBLISH}.intersection(uses)) if shown else [],
        "made_up": about.made_up,
        "published_on": quote.since,
    }


def _tell(sender: Sender, quote: Quote, row: Mapping[str, Any]) -> int:
    """Tell the hub of one state, once; each in a parcel of its own, so that its words can be removed there with it."""
    key = f"{quote.quote}|{quote.number}"
    frame = pl.DataFrame([row], schema_overrides=_TYPES).with_columns(
        sender.event_ids(EVENT_TYPE, EVENT_TYPE, pl.Series([key])).alias("event_id")
    )
    source = hashlib.sha256(f"{EVENT_TYPE}|{key}".encode()).digest()
    return enqueue_once(sender, EVENT_TYPE, HUB, frame, source)


_TYPES: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "approach": pl.String,
    "title": pl.String,
    "words": pl.String,
    "effects": pl.List(pl.String),
    "uses": pl.List(pl.String),
}
