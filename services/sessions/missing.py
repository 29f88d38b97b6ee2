"""Who is missing from a figure: a register per indicator, which begins with what its definition says.

A session or a story adds a group by a person's hand: that a story is told by somebody whom a figure does not count is
seen by who reads both. An entry is proposed until somebody confirms it, and leaves the node once two people approved.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from services.errors import Fatal, NotAllowed
from services.indicators import load_catalogue
from services.sessions.originals import note_copies
from services.sessions.reading import load
from services.sessions.records import Records, day, next_number, written
from services.stories.desk.quotes import WITHDRAWN, quotes
from services.stories.desk.records import open_desk
from services.stories.desk.showing import find
from services.stories.desk.stages import named
from services.stories.reading import stories
from services.stories.words import begun_by

CATALOGUE: Final = "catalogue"
FROM_SESSION: Final = "session"
FROM_STORY: Final = "story"


@dataclass(frozen=True)
class Entry:
    """A group that a figure misses.

    Attributes:
        number: within the municipality; None for one of the definition.
        indicator: id.
        who: the group.
        because: why the figure misses it; empty for one of the definition, which says it in one sentence.
        source: `catalogue`, `session` or `story`.
        reference: id of the session, or of the story or quote.
        noted_on: the day; None for one of the definition.
        confirmed_by: who confirmed it; empty while proposed. Of the definition nobody needs to.
        confirmed_on: the day.
    """

    number: int | None
    indicator: str
    who: str
    because: str
    source: str
    reference: str | None = None
    noted_on: dt.date | None = None
    confirmed_by: str = ""
    confirmed_on: dt.date | None = None

    @property
    def words(self) -> str:
        """Group and reason together, as they are approved and judged."""
        return f"{self.who}: {self.because}"


def propose(
    records: Records, indicator: str, who: str, because: str, *, session: str | None = None, story: str | None = None
) -> Entry:
    """Put a group on the register.

    Args:
        records: of the municipality.
        indicator: whose figure misses it.
        who: the group.
        because: why it is missed.
        session: in which it was said.
        story: id of the story or quote by which it was seen, or its first six or more digits.

    Raises:
        Fatal: there is no such indicator or session.
        NotAllowed: not one of session and story is named, or there is no such story or quote here.
        Rejected: a text cannot be kept.
    """
    if indicator not in load_catalogue():
        raise Fatal(
            f"There is no indicator {indicator}.",
            "The catalogue does not have it.",
            '`spiegelnet sql "select indicator, title_nl from hub.benchmark.indicators"` lists them.',
        )
    if (session is None) == (story is None):
        raise NotAllowed(
            "It is not said where this was seen.",
            "An entry comes from one session, or from one story.",
            "Name --session, or --story with the id of the story or quote.",
        )
    if session is not None:
        load(records, session)
    reference = session if story is None else _held(records, story)
    group, reason = written(who), written(because)
    source, today = (FROM_SESSION if session else FROM_STORY), records.network.today()
    with records.writing() as connection:
        number = next_number(connection, "missing")
        sealed = (records.seal(f"missing/{number}", "who", group), records.seal(f"missing/{number}", "because", reason))
        connection.execute(
            "INSERT INTO missing (number, indicator, who, because, source, reference, noted_on)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, indicator, *sealed, source, reference, today.isoformat()),
        )
    entry = Entry(number, indicator, group, reason, source, reference, today)
    note_copies(records, f"missing/{number}", entry.words)
    return entry


def _held(records: Records, name: str) -> str:
    """Return the whole id of a quote that stands here, or of a story that is held here; see `showing.find`."""
    network, municipality = records.network, records.municipality
    if network.home.participant(municipality).stories.exists():
        standing = [item.quote for item in quotes(open_desk(network, municipality)) if item.stage != WITHDRAWN]
        found = begun_by(standing, name)
        if len(found) == 1:
            return found[0]
    event_id: bytes = find(stories(network, municipality), name)["event_id"]
    return event_id.hex()


def confirm(records: Records, number: int, name: str) -> Entry:
    """Note that somebody confirms an entry, having looked at what the figure counts.

    Raises:
        Fatal: there is no such entry.
        NotAllowed: it is not said who confirms.
    """
    entry_of(records, number)
    row = (records.seal(f"missing/{number}", "confirmed_by", named(name)), records.network.today().isoformat(), number)
    with records.writing() as connection:
        connection.execute("UPDATE missing SET confirmed_by = ?, confirmed_on = ? WHERE number = ?", row)
    return entry_of(records, number)


def entries(records: Records, indicator: str | None = None) -> list[Entry]:
    """Return the register by indicator: those of the definition first, then by number.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    known = load_catalogue()
    defined = [Entry(None, name, text.nl, "", CATALOGUE) for name, about in known.items() for text in about.misses]
    every = [*defined, *noted(records)]
    return sorted(
        (item for item in every if indicator in (None, item.indicator)),
        key=lambda item: (item.indicator, item.number or 0),
    )


def noted(records: Records) -> list[Entry]:
    """Return what was added to the register, by number.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    if not records.path.exists():
        return []
    with records.reading() as connection:
        rows = connection.execute("SELECT * FROM missing ORDER BY number").fetchall()
    found = []
    for number, indicator, who, because, source, reference, noted_on, confirmed_by, confirmed_on in rows:
        texts = [
            records.unseal(f"missing/{number}", place, sealed)
            for place, sealed in (("who", who), ("because", because), ("confirmed_by", confirmed_by))
        ]
        days = (day(noted_on), day(confirmed_on))
        found.append(Entry(number, indicator, texts[0], texts[1], source, reference, days[0], texts[2], days[1]))
    return found


def entry_of(records: Records, number: int) -> Entry:
    """Return one entry that was added.

    Raises:
        Fatal: there is none of that number.
    """
    for entry in noted(records):
        if entry.number == number:
            return entry
    raise Fatal(
        f"{records.municipality} has no entry {number} on the register.",
        todo=f"`spiegelnet session missing list {records.municipality}` lists them.",
    )
