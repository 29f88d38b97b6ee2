"""What a report tells, as texts in Dutch: the page and the PDF are made of the same ones.

Every value is a text, a list, a truth value or a mapping of these, so that it can be handed over as JSON.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from services.pages.wording import NOTHING, date_text, in_period, number, period_text, share
from services.sessions.missing import entries
from services.sessions.model import (
    OPEN,
    QUESTIONS,
    Action,
    AgendaFigure,
    AgendaStory,
    Conclusion,
    Contribution,
    Item,
    Session,
)
from services.sessions.quotes import Quote, quotes
from services.sessions.reading import actions, conclusions
from services.sessions.readings import visible
from services.sessions.records import Records
from services.sessions.wording import ACTION_STATE, PARTY_STATE, SOURCE
from services.stories.wording import ROLES, THEMES, effect_text

Told = dict[str, Any]
WITHDRAWN = "De verteller heeft dit verhaal teruggenomen. Het wordt niet meer getoond."
NAMELESS = "zonder naam"


def told(records: Records, session: Session, viewer: str | None = None) -> Told:
    """Return all that a report tells.

    Args:
        records: of the municipality.
        session: as it is now.
        viewer: as in `services.sessions.readings.visible`.

    Raises:
        NotAllowed, Retryable, Fatal: as `visible`, and as the published tables.
    """
    names = {item.id: item.name for item in records.network.directory.participants.values()}
    given, found = visible(records, session, viewer), conclusions(records, session.id)
    every = {item.number: item for item in actions(records)}
    agreed = [item for item in every.values() if item.session == session.id]
    known = quotes(records.network, records.municipality)
    items = [
        {
            **_item(item, known, every, names, _missing(records, item)),
            "questions": _questions(item, given, names),
            "conclusions": _conclusions(found, item.id),
        }
        for item in session.items
    ]
    today = records.network.today()
    closed_until = _closed_until(session.items, today)
    return {
        "title": session.title,
        "municipality": names[records.municipality],
        "id": session.id,
        "held_on": date_text(session.held_on),
        "period": period_text(session.period),
        "owner": names.get(session.owner, session.owner),
        "parties": [
            {"name": names.get(party.id, party.id), "state": PARTY_STATE[party.state], "reason": party.reason}
            for party in session.parties
        ],
        "made_on": date_text(today),
        "closed_until": closed_until,
        "opened": session.is_opened,
        "waited_for": [names.get(party, party) for party in session.waited_for],
        "pairs": paired(items, session.items),
        "items": items,
        "conclusions": _conclusions(found, None),
        "actions": [action_told(item, names) for item in agreed],
    }


def action_told(action: Action, names: Mapping[str, str], today: dt.date | None = None) -> Told:
    """Return what is told of an action; with a day also whether it is late on that day."""
    return {
        "number": str(action.number),
        "session": action.session,
        "words": action.words,
        "owner": names.get(action.owner, action.owner),
        "due_on": date_text(action.due_on),
        "state": ACTION_STATE[action.state],
        "late": bool(today and action.state == OPEN and action.due_on < today),
        "outcome": action.outcome,
        "closed_on": date_text(action.closed_on) if action.closed_on else "",
    }


def _item(
    item: Item, known: Mapping[str, Quote], every: Mapping[int, Action], names: Mapping[str, str], missing: list[str]
) -> Told:
    blank: Told = {"id": item.id, "kind": item.kind, "figure": None, "story": None, "action": None}
    if isinstance(item.about, AgendaFigure):
        return {**blank, "title": item.about.title, "figure": _figure(item.about, missing)}
    if isinstance(item.about, AgendaStory):
        story = _story(item.about, known.get(item.about.quote))
        return {**blank, "title": f"Verhaal: {story['title']}", "story": story}
    action = action_told(every[item.about.action], names)
    return {**blank, "title": f"Actie {action['number']} van {item.about.session}", "action": action}


def _figure(figure: AgendaFigure, missing: list[str]) -> Told:
    def value(amount: float | None) -> str:
        return number(amount, figure.decimals)

    return {
        "indicator": figure.indicator,
        "period": period_text(figure.period),
        "value": value(figure.value),
        "unit": figure.unit,
        "limits": f"{value(figure.ci_low)} – {value(figure.ci_high)}" if figure.ci_low is not None else NOTHING,
        "median": value(figure.peer_median),
        "quartiles": f"{value(figure.peer_p25)} – {value(figure.peer_p75)}" if figure.peer_p25 is not None else NOTHING,
        "peers": figure.peers,
        "counts": f"{number(figure.numerator, 0)} van {number(figure.denominator, 0)}",
        "coverage": share(figure.coverage),
        "sentences": figure.sentences,
        "definition": figure.definition,
        "numerator": figure.numerator_text,
        "denominator": figure.denominator_text,
        "proxy_for": figure.proxy_for,
        "does_not_say": figure.does_not_say,
        "misses": [*figure.misses, *missing],
        "perverse_incentives": figure.perverse_incentives,
        "series_breaks": figure.series_breaks,
        "version": str(figure.definition_version),
        "release": figure.release_id or "open gegevens",
    }


def _story(story: AgendaStory, quote: Quote | None) -> Told:
    theme, period = THEMES.get(story.theme, story.theme), in_period(story.period)
    if quote is None:
        return {
            "title": theme, "words": "", "about": f"Verteld {period}, over {theme}.",
            "effects": [], "made_up": False, "withdrawn": WITHDRAWN,
        }  # fmt: skip
    return {
        "title": quote.title or theme,
        "words": quote.words,
        "about": f"Verteld door {ROLES.get(quote.role, quote.role)} {period}, over {theme}.",
        "effects": [effect_text(code) for code in quote.effects],
        "made_up": quote.made_up,
        "withdrawn": "",
    }


def _missing(records: Records, item: Item) -> list[str]:
    """Groups of the register beside those of the copied definition, each with how sure it is."""
    if not isinstance(item.about, AgendaFigure):
        return []
    noted = [entry for entry in entries(records, item.about.indicator) if entry.source != "catalogue"]
    return [
        f"{entry.who}: {entry.because} (uit een {SOURCE[entry.source]}, "
        f"{'bevestigd' if entry.confirmed_by else 'nog niet bevestigd'})"
        for entry in noted
    ]


def _questions(item: Item, given: Sequence[Contribution], names: Mapping[str, str]) -> list[Told]:
    return [
        {
            "question": text,
            "contributions": [
                {"who": names.get(one.party, one.party) if one.party else NAMELESS, "words": one.words}
                for one in given
                if (one.item, one.question) == (item.id, question)
            ],
        }
        for question, text in QUESTIONS.items()
    ]


def _conclusions(found: Sequence[Conclusion], item: str | None) -> list[Told]:
    return [{"number": str(one.number), "words": one.words} for one in found if one.item == item]


def paired(items: Sequence[Told], agenda: Sequence[Item]) -> list[Told]:
    """Set each figure beside a story of its themes; what has no other side is told so."""
    by_id = {item["id"]: item for item in items}
    left = [item for item in agenda if isinstance(item.about, AgendaStory)]
    pairs = []
    for item in agenda:
        if not isinstance(item.about, AgendaFigure):
            continue
        themes = item.about.themes
        beside = next((one for one in left if isinstance(one.about, AgendaStory) and one.about.theme in themes), None)
        if beside:
            left.remove(beside)
        pairs.append({"figure": by_id[item.id], "story": by_id[beside.id] if beside else None})
    return [*pairs, *({"figure": None, "story": by_id[item.id]} for item in left)]


def _closed_until(items: Sequence[Item], today: dt.date) -> str:
    days = [
        dt.date.fromisoformat(item.about.public_from)
        for item in items
        if isinstance(item.about, AgendaFigure) and item.about.public_from
    ]
    later = [day for day in days if day > today]
    return date_text(max(later)) if later else ""
