"""Planning a session: who is invited, and an agenda from a release."""

import datetime as dt
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from services.asking import Ask
from services.directory import ID_FORM
from services.errors import Fatal, NotAllowed
from services.indicators.periods import period_of
from services.network import Network
from services.sessions.agenda import figure_items
from services.sessions.model import INVITED, OPEN, AgendaAction, AgendaStory, Item, Session
from services.sessions.quotes import quotes
from services.sessions.reading import load
from services.sessions.records import Records, written
from services.stories.words import begun_by


@dataclass(frozen=True)
class Wanted:
    """What a session is to be.

    Attributes:
        title: in the owner's words.
        held_on: the day.
        period: month, quarter or year of the release.
        indicators: whose figures are read.
        quotes: ids of stories' quotes that are read.
        owner: a participant; None for the municipality itself.
        partners: participants that are invited to read.
        guests: others that are, such as `clientenraad`.
    """

    title: str
    held_on: dt.date
    period: str
    indicators: Sequence[str]
    quotes: Sequence[str] = ()
    owner: str | None = None
    partners: Sequence[str] = ()
    guests: Sequence[str] = ()


def plan(records: Records, ask: Ask, wanted: Wanted) -> Session:
    """Plan a session, and keep its figures as they are published now.

    Open actions of earlier sessions come on the agenda where this one is about a later period than theirs.

    Args:
        records: of the municipality.
        ask: answers a SELECT over the published tables.
        wanted: what it is to be.

    Raises:
        Fatal: somebody or something named is not there.
        NotAllowed: nobody is invited, or somebody twice.
        Rejected: the title cannot be kept.
        SpiegelnetError: a question is not answered.
    """
    period = period_of(wanted.period)
    parties, owner = _parties(records, wanted), wanted.owner or records.municipality
    title = written(wanted.title)
    if not (wanted.indicators or wanted.quotes):
        raise NotAllowed("The agenda is empty.", todo="Name a figure with --indicator, or a story with --quote.")
    names = {item.id: item.name for item in records.network.directory.participants.values()}
    items = figure_items(ask, records.municipality, period, wanted.indicators, names)
    items += _stories(records, wanted.quotes)
    with records.writing() as connection:
        session = _free_id(connection, wanted.held_on)
        items += _open_actions(connection, period.end)
        row = (session, records.seal(f"session/{session}", "title", title), wanted.held_on.isoformat())
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (*row, period.id, owner))
        rows = [(session, party, INVITED) for party in parties]
        connection.executemany("INSERT INTO parties (session, party, state) VALUES (?, ?, ?)", rows)
        placed = [
            (session, place, item.id, item.kind, json.dumps(asdict(item.about), ensure_ascii=False))
            for place, item in enumerate(items)
        ]
        connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", placed)
    return load(records, session)


def _parties(records: Records, wanted: Wanted) -> list[str]:
    network, owner = records.network, wanted.owner or records.municipality
    for participant in (owner, *wanted.partners):
        network.directory.get(participant)
    for guest in wanted.guests:
        _require_guest(network, guest)
    parties = [*wanted.partners, *wanted.guests]
    if not parties:
        raise NotAllowed(
            "Nobody is invited to read.",
            "An owner that reads its figures alone hears nobody else.",
            "Name a participant with --partner, or another one with --guest clientenraad.",
        )
    if len({owner, *parties}) <= len(parties):
        raise NotAllowed(
            "Somebody is named twice.", "The owner reads too, and is not invited beside.", "Name each one once."
        )
    return sorted(parties)


def _require_guest(network: Network, guest: str) -> None:
    if not ID_FORM.fullmatch(guest):
        raise Fatal(f"{guest} cannot be the name of a guest.", "It has small letters, digits and hyphens.")
    if guest in network.directory.participants:
        raise Fatal(f"{guest} is a participant.", todo="Name it with --partner.")


def _stories(records: Records, wanted: Sequence[str]) -> list[Item]:
    known = quotes(records.network, records.municipality) if wanted else {}
    chosen: dict[str, Item] = {}
    for name in wanted:
        fitting = begun_by(known, name)
        if len(fitting) != 1:
            raise Fatal(
                f"There is no quote {name} that may be read in a session.",
                "Only quotes that were released are, as long as their tellers agree.",
                f"`spiegelnet stories quotes {records.municipality}` lists them.",
            )
        (quote,) = fitting
        chosen[quote] = Item(quote, AgendaStory(quote, known[quote].theme, known[quote].period))
    return list(chosen.values())


def _open_actions(connection: sqlite3.Connection, end: dt.date) -> list[Item]:
    """Open actions of sessions about an earlier period; of the same one they are still at hand."""
    sql = """
    SELECT a.number, a.session, s.period FROM actions AS a JOIN sessions AS s ON s.id = a.session
    WHERE a.state = ? ORDER BY a.number
    """
    found = connection.execute(sql, [OPEN]).fetchall()
    return [
        Item(f"action-{number}", AgendaAction(number, session))
        for number, session, period in found
        if period_of(period).end < end
    ]


def _free_id(connection: sqlite3.Connection, held_on: dt.date) -> str:
    taken = {name for (name,) in connection.execute("SELECT id FROM sessions")}
    names = [held_on.isoformat(), *(f"{held_on}-{number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)
