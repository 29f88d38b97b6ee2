"""Parcels on their way: those that wait to be sent or collected, are missed, or were not opened."""

import datetime as dt
from collections.abc import Iterator, Sequence

from services.status.model import Matter, ParticipantStatus
from services.status.sentences import listed, number, size

OPERATOR = "operator"
"""Whose turn it is when a server is away: who runs the servers."""
HARMLESS = ("duplicate",)
"""Reasons for which a parcel is not opened and nobody needs to do anything."""
RECENT_DAYS = 7
"""Parcels that were not opened are told for so long."""
_NAMED = 3
"""Participants that a command is told to name one by one."""


def waiting(people: Sequence[ParticipantStatus], away: bool) -> Iterator[Matter]:  # noqa: FBT001 - a state
    """Parcels that the broker does not have yet; it is the operator's turn while the broker is away."""
    behind = [item for item in people if item.waiting]
    if not behind:
        return
    names = [item.participant for item in behind]
    count = sum(item.waiting for item in behind)
    since = min((item.waiting_since for item in behind if item.waiting_since), default=None)
    text = f"{number(count, 'parcel')} ({size(sum(item.waiting_bytes for item in behind))}) of {listed(names)}"
    todo = f"`spiegelnet send {names[0]}` hands them over{', when it is back' if away else ''}."
    turn = (OPERATOR,) if away else tuple(names)
    yield Matter(
        "waiting", f"{text} {'wait' if count > 1 else 'waits'} for the broker.", turn, since, todo, count=count
    )


def unread(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """Parcels that are at the broker and were not collected."""
    behind = [item for item in people if item.unread]
    if not behind:
        return
    names = [item.participant for item in behind]
    count = sum(item.unread or 0 for item in behind)
    since = min((item.unread_since for item in behind if item.unread_since), default=None)
    yield Matter(
        "unread",
        f"{number(count, 'parcel')} {'wait' if count > 1 else 'waits'} to be collected by {listed(names)}.",
        tuple(names),
        since,
        f"`spiegelnet receive {' '.join(names) if len(names) <= _NAMED else ''}".rstrip() + "` collects them.",
        count=count,
    )


def gaps(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """Parcels that did not come though later ones of their stream have."""
    for item in people:
        if item.gaps:
            senders = sorted(item.gaps_of)
            yield Matter(
                "gap",
                f"{item.participant} misses parcels in {number(item.gaps, 'stream')} of {listed(senders)}.",
                tuple(senders),
                min(item.gaps_of.values(), default=None),
                "Ask them to hand over what waits there, or to send again "
                f"(`spiegelnet send … --again-to {item.participant}`); then `spiegelnet quarantine settle`.",
                urgent=True,
                count=item.gaps,
            )


def parcels(people: Sequence[ParticipantStatus], today: dt.date) -> Iterator[Matter]:
    """Parcels that were not opened lately, by reason."""
    for item in people:
        recent = {
            fate: count
            for fate, count in item.refused.items()
            if fate not in HARMLESS and (today - dt.date.fromisoformat(item.refused_on[fate])).days <= RECENT_DAYS
        }
        if recent:
            told = ", ".join(f"{fate} {count}" for fate, count in sorted(recent.items()))
            last = max(dt.date.fromisoformat(item.refused_on[fate]) for fate in recent)
            yield Matter(
                "parcel",
                f"{item.participant} did not open {number(sum(recent.values()), 'parcel')}: {told}.",
                (item.participant,),
                last,
                "docs/operations-one-machine.md says what each reason means.",
                count=sum(recent.values()),
            )
