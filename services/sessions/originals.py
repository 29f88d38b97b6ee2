"""What shared words of a session may not repeat: stories, quotes that are not published, and who has to consent.

Words may be copied anywhere, so that all stories of the node count, whatever the session is about. That words repeat a
story or quote is noted when they are written: once it is taken back, there is nothing left to compare them with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.disclosure import repeats
from services.sessions.records import Records
from services.stories.desk.quotes import PUBLISH, PUBLISHED, WITHDRAWN, quotes
from services.stories.desk.records import open_desk
from services.stories.desk.showing import texts_of
from services.stories.reading import stories
from services.stories.words import digest

_STORY: Final = "story"


@dataclass(frozen=True)
class Consent:
    """What the teller agrees to of whose story words are.

    Attributes:
        agreed: whether with the quote by which the story is on the agenda.
        uses: of the story, now; none of one that is not held any more.
    """

    agreed: bool
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Originals:
    """The stories and quotes of a node, opened.

    Attributes:
        stories: their texts.
        quotes: title and words by quote, of those that are not withdrawn.
        published: quotes that are, while their tellers agree.
        consents: by quote, withdrawn ones too.
    """

    stories: tuple[str, ...] = field(default=(), repr=False)
    quotes: Mapping[str, str] = field(default_factory=dict, repr=False)
    published: frozenset[str] = frozenset()
    consents: Mapping[str, Consent] = field(default_factory=dict)

    @property
    def closed(self) -> tuple[str, ...]:
        """What nobody may repeat: the stories, and the quotes that are not published."""
        return (*self.stories, *(text for name, text in self.quotes.items() if name not in self.published))

    def consent(self, quote: str | None) -> Consent | None:
        """Return what the teller of a quote's story agrees to; None without a quote."""
        return None if quote is None else self.consents.get(quote, Consent(agreed=False, uses=()))


def originals(records: Records) -> Originals:
    """Open the stories and quotes that a municipality holds now.

    Raises:
        Retryable, Fatal: the store or the desk's file cannot be used.
    """
    network, municipality = records.network, records.municipality
    held, desk = stories(network, municipality), open_desk(network, municipality)
    known = quotes(desk) if desk.path.exists() else []
    uses = {row["event_id"]: tuple(row["uses"]) for row in held.select("event_id", "uses").iter_rows(named=True)}
    return Originals(
        tuple(text for row in held.iter_rows(named=True) for text in texts_of(desk, row).values()),
        {item.quote: item.text for item in known if item.stage != WITHDRAWN},
        frozenset(item.quote for item in known if item.stage == PUBLISHED and PUBLISH in uses.get(item.story, ())),
        {
            item.quote: Consent(item.agreed_on is not None, () if item.stage == WITHDRAWN else uses.get(item.story, ()))
            for item in known
        },
    )


def note_copies(records: Records, record: str, words: str, among: Originals | None = None) -> None:
    """Note of which stories and quotes words repeat a run, for as long as the words stand.

    Args:
        records: of the municipality.
        record: what the words belong to, `conclusion/3`.
        words: as they stand.
        among: what is held now; by default it is opened.

    Raises:
        Retryable, Fatal: a file cannot be used.
    """
    held = among or originals(records)
    found = {name for name, text in held.quotes.items() if repeats(words, text)}
    if any(repeats(words, text) for text in held.stories):
        found.add(_STORY)
    if new := sorted(found - copied(records, record, words)):
        rows = [(record, digest(words), name) for name in new]
        with records.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO copies VALUES (?, ?, ?)", rows)


def copied(records: Records, record: str, words: str) -> set[str]:
    """Return of what words were seen to repeat a run: quotes by name, `story` for any story.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    with records.reading() as connection:
        sql = "SELECT original FROM copies WHERE record = ? AND sha256 = ?"
        return {name for (name,) in connection.execute(sql, (record, digest(words)))}
