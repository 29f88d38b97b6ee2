"""What of sessions is shared: conclusions, actions and entries of the register, each let go by `release_words`.

The tables are made anew from what is approved now, so that sharing twice changes nothing. Contributions are in none.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from services.errors import Fatal, NotAllowed
from services.published import published_schemas, published_table
from services.sessions.approving import Looked, approve, looked_at
from services.sessions.missing import FROM_SESSION, Entry, entry_of, noted
from services.sessions.model import READ, SESSION, Action, AgendaFigure, Conclusion, Session
from services.sessions.outcomes import action_of
from services.sessions.reading import actions, conclusions, sessions
from services.sessions.readings import all_words
from services.sessions.records import Records
from services.store.tables import replace_rows
from services.store.warehouse import open_warehouse

PUBLISHED_SESSIONS = "published.sessions"
PUBLISHED_ACTIONS = "published.actions"
PUBLISHED_MISSING = "published.missing"

Row = dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """What came of an approval.

    Attributes:
        released: whether all of it is shared now.
        reasons: why not, in sentences; empty when it is.
        unexplained: what is marked as a name or place, and nobody explained.
    """

    released: bool
    reasons: tuple[str, ...]
    unexplained: tuple[str, ...] = field(repr=False)


def share_conclusion(records: Records, number: int, reviewer: str, explained: Sequence[str] = ()) -> Shared:
    """Approve a conclusion as it stands, and share it where nothing is lacking.

    Args:
        records: of the municipality.
        number: of the conclusion.
        reviewer: who approves.
        explained: words that are marked as a name or place and are none of a person.

    Raises:
        Fatal: there is none of that number.
        NotAllowed: no reviewer is named.
        Retryable: another process writes at this moment.
    """
    found = next((item for item in conclusions(records) if item.number == number), None)
    if found is None:
        raise Fatal(
            f"{records.municipality} has no conclusion {number}.",
            todo="`spiegelnet session show` lists those of a session.",
        )
    return _share(records, _of_conclusion(found), reviewer, explained)


def share_action(records: Records, number: int, reviewer: str, explained: Sequence[str] = ()) -> Shared:
    """Approve an action, and what came of it, as they stand; shared where nothing is lacking.

    Args and errors as `share_conclusion`.
    """
    return _share(records, _of_action(action_of(records, number)), reviewer, explained)


def share_missing(records: Records, number: int, reviewer: str, explained: Sequence[str] = ()) -> Shared:
    """Approve an entry of the register as it stands, and share it where nothing is lacking.

    Args and errors as `share_conclusion`; NotAllowed also when nobody confirmed it.
    """
    entry = entry_of(records, number)
    if not entry.confirmed_by:
        raise NotAllowed(
            f"Entry {number} is proposed, not confirmed.",
            "Somebody has to look whether the figure really misses them.",
            f"Run `spiegelnet session missing confirm {records.municipality} {number}` with --as.",
        )
    return _share(records, _of_entry(entry), reviewer, explained)


def _share(records: Records, texts: Mapping[str, str], reviewer: str, explained: Sequence[str]) -> Shared:
    for record, words in texts.items():
        approve(records, record, words, reviewer, explained)
    looked = publish(records)
    reasons = [reason for record in texts for reason in looked[record].words.reasons]
    unexplained = [part for record in texts for part in looked[record].unexplained]
    return Shared(not reasons, tuple(dict.fromkeys(reasons)), tuple(unexplained))


def publish(records: Records) -> Mapping[str, Looked]:
    """Make the shared tables anew from what is approved; return how every text stands, by record.

    Raises:
        Retryable, NotAllowed, Fatal: see `services.store.commits.commit`.
    """
    held = {item.id: item for item in sessions(records)}
    given = {name: all_words(records, name) for name in held}
    found, agreed, register = conclusions(records), actions(records), noted(records)
    looked: dict[str, Looked] = {}

    def look(texts: Mapping[str, str], session: str | None) -> None:
        sources = given.get(session or "", [])
        looked.update({record: looked_at(records, record, words, sources) for record, words in texts.items()})

    for conclusion in found:
        look(_of_conclusion(conclusion), conclusion.session)
    for action in agreed:
        look(_of_action(action), action.session)
    for entry in register:
        look(_of_entry(entry), entry.reference if entry.source == FROM_SESSION else None)
    _replace(records, PUBLISHED_SESSIONS, [_session_row(item, held[item.session], looked) for item in found])
    owners = set(records.network.directory.participants)
    _replace(records, PUBLISHED_ACTIONS, [_action_row(item, held[item.session], looked, owners) for item in agreed])
    _replace(records, PUBLISHED_MISSING, [_entry_row(item, looked) for item in register])
    return looked


def _of_conclusion(item: Conclusion) -> dict[str, str]:
    return {f"conclusion/{item.number}": item.words}


def _of_action(item: Action) -> dict[str, str]:
    texts = {f"action/{item.number}": item.words}
    return texts | ({f"action/{item.number}/outcome": item.outcome} if item.outcome else {})


def _of_entry(item: Entry) -> dict[str, str]:
    return {f"missing/{item.number}": f"{item.who}: {item.because}"}


def _session_row(item: Conclusion, session: Session, looked: Mapping[str, Looked]) -> Row | None:
    words = looked[f"conclusion/{item.number}"]
    about = None if item.item is None else next(one for one in session.items if one.id == item.item)
    figure = about.about if about and isinstance(about.about, AgendaFigure) else None
    return words.row(
        lambda text, shared_on: {
            "session": session.id,
            "held_on": session.held_on,
            "period": session.period,
            "parties": [session.owner, *(party.id for party in session.parties if party.state in READ)],
            "item_kind": about.kind if about else SESSION,
            "item": item.item,
            "release_id": figure.release_id if figure else None,
            "conclusion": item.number,
            "words": text,
            "shared_on": shared_on,
            "public_from": _public_from(session, shared_on),
        }
    )


def _action_row(item: Action, session: Session, looked: Mapping[str, Looked], participants: set[str]) -> Row | None:
    """Return the row of an action. A person who does it is not named outside the municipality."""
    outcome = looked.get(f"action/{item.number}/outcome")
    kind = next((one.kind for one in session.items if one.id == item.item), SESSION)
    return looked[f"action/{item.number}"].row(
        lambda text, shared_on: {
            "session": session.id,
            "period": session.period,
            "item_kind": kind,
            "item": item.item,
            "action": item.number,
            "words": text,
            "owner": item.owner if item.owner in participants else None,
            "due_on": item.due_on,
            "state": item.state,
            "outcome": outcome.words.words if outcome else None,
            "closed_on": item.closed_on,
            "shared_on": shared_on,
            "public_from": _public_from(session, shared_on),
        }
    )


def _entry_row(item: Entry, looked: Mapping[str, Looked]) -> Row | None:
    if not item.confirmed_by:
        return None
    return looked[f"missing/{item.number}"].row(
        lambda _, shared_on: {
            "indicator": item.indicator,
            "entry": item.number,
            "who": item.who,
            "because": item.because,
            "source": item.source,
            "shared_on": shared_on,
        }
    )


def _public_from(session: Session, shared_on: dt.date) -> dt.date:
    """Keep words about a figure back as long as the figure: they may tell it."""
    figures = [item.about for item in session.items if isinstance(item.about, AgendaFigure)]
    days = [dt.date.fromisoformat(item.public_from) for item in figures if item.public_from]
    return max([shared_on, *days])


def _replace(records: Records, name: str, rows: Sequence[Row | None]) -> None:
    network, municipality = records.network, records.municipality
    catalog = open_warehouse(network.home.participant(municipality).root, "published", network.database(municipality))
    schema = published_schemas(municipality)[name]
    table = published_table(catalog, name, schema, network.embargo_days)
    found = [{"municipality": municipality, **row} for row in rows if row is not None]
    frame = pl.DataFrame(found, schema=pl.DataFrame(schema.empty_table()).schema)
    replace_rows(table, frame, {})
