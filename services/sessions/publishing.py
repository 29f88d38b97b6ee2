"""What of sessions is shared: conclusions, actions and entries of the register, each let go by `release_words`.

The tables are made anew from what is approved now, so that sharing twice changes nothing. Contributions are in none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from services.errors import Fatal, NotAllowed
from services.network import Network
from services.published import published_schemas, published_table
from services.sessions.approving import Looked, approve, looked_at, take_back
from services.sessions.missing import FROM_SESSION, Entry, entry_of, noted
from services.sessions.model import Action, AgendaAction, AgendaStory, Conclusion, Session
from services.sessions.originals import originals
from services.sessions.outcomes import action_of
from services.sessions.reading import actions, conclusions, sessions
from services.sessions.readings import all_words
from services.sessions.records import Records
from services.sessions.rows import Row, action_row, entry_row, session_row
from services.store.erasing import replace_for_good
from services.store.warehouse import open_warehouse

PUBLISHED_SESSIONS = "published.sessions"
PUBLISHED_ACTIONS = "published.actions"
PUBLISHED_MISSING = "published.missing"


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
    return _share(records, _of_conclusion(_conclusion(records, number)), reviewer, explained)


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


def retract_conclusion(records: Records, session: str, number: int) -> None:
    """Take a shared conclusion back: nobody approves it any more, and it is gone from the table and its files.

    Raises:
        Fatal: the session has none of that number.
        Retryable, NotAllowed: as `publish`; run again.
    """
    _retract(records, f"conclusion/{_conclusion(records, number, session).number}")


def retract_action(records: Records, session: str, number: int) -> None:
    """Take a shared action back, with what came of it.

    Errors as `retract_conclusion`.
    """
    if action_of(records, number).session != session:
        raise Fatal(f"Session {session} has no action {number}.", todo="`spiegelnet session actions` lists them.")
    _retract(records, f"action/{number}")


def retract_missing(records: Records, number: int) -> None:
    """Take a shared entry of the register back; it stays on the register.

    Errors as `retract_conclusion`.
    """
    _retract(records, f"missing/{entry_of(records, number).number}")


def _retract(records: Records, record: str) -> None:
    take_back(records, record)
    publish(records)


def _conclusion(records: Records, number: int, session: str | None = None) -> Conclusion:
    found = next((item for item in conclusions(records, session) if item.number == number), None)
    if found is None:
        raise Fatal(
            f"{session or records.municipality} has no conclusion {number}.",
            todo="`spiegelnet session show` lists those of a session.",
        )
    return found


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
    known = originals(records)
    found, agreed, register = conclusions(records), actions(records), noted(records)
    told = _quotes_told(held, agreed)
    looked: dict[str, Looked] = {}

    def look(texts: Mapping[str, str], session: str | None, quote: str | None = None) -> None:
        sources, consent = given.get(session or "", []), known.consent(quote)
        for record, words in texts.items():
            looked[record] = looked_at(records, record, words, sources, known, consent)

    for conclusion in found:
        look(_of_conclusion(conclusion), conclusion.session, told(conclusion))
    for action in agreed:
        look(_of_action(action), action.session, told(action))
    for entry in register:
        look(_of_entry(entry), entry.reference if entry.source == FROM_SESSION else None)
    shown, owners = known.published, records.network.directory.participants
    _replace(records, PUBLISHED_SESSIONS, [session_row(item, held[item.session], looked, shown) for item in found])
    shared = [action_row(item, held[item.session], looked, shown, owners) for item in agreed]
    _replace(records, PUBLISHED_ACTIONS, shared)
    _replace(records, PUBLISHED_MISSING, [entry_row(item, looked) for item in register])
    return looked


def follow_stories(network: Network, municipality: str) -> None:
    """Let what sessions shared follow the stories that its node holds, and what their tellers allow now.

    Raises:
        Retryable, NotAllowed, Fatal: as `publish`; run again.
    """
    if network.home.participant(municipality).sessions.exists():
        publish(Records.of(network, municipality))


def _quotes_told(held: Mapping[str, Session], agreed: Sequence[Action]) -> Callable[[Conclusion | Action], str | None]:
    """Return what tells the quote whose story a conclusion or action is about, also by way of an earlier action."""
    by_number = {item.number: item for item in agreed}

    def told(one: Conclusion | Action) -> str | None:
        about = next((item.about for item in held[one.session].items if item.id == one.item), None)
        if isinstance(about, AgendaAction):
            return told(by_number[about.action])
        return about.quote if isinstance(about, AgendaStory) else None

    return told


def _of_conclusion(item: Conclusion) -> dict[str, str]:
    return {f"conclusion/{item.number}": item.words}


def _of_action(item: Action) -> dict[str, str]:
    texts = {f"action/{item.number}": item.words}
    return texts | ({f"action/{item.number}/outcome": item.outcome} if item.outcome else {})


def _of_entry(item: Entry) -> dict[str, str]:
    return {f"missing/{item.number}": item.words}


def _replace(records: Records, name: str, rows: Sequence[Row | None]) -> None:
    network, municipality = records.network, records.municipality
    catalog = open_warehouse(network.home.participant(municipality).root, "published", network.database(municipality))
    schema = published_schemas(municipality)[name]
    table = published_table(catalog, name, schema, network.embargo_days)
    found = [{"municipality": municipality, **row} for row in rows if row is not None]
    frame = pl.DataFrame(found, schema=pl.DataFrame(schema.empty_table()).schema)
    replace_for_good(table, frame)
