"""Events and rows that were stopped and are not mended yet, and who mends them."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from services.status.model import Matter, ParticipantStatus
from services.status.sentences import listed, number

NOTHING_TO_DO = ("receiver_unknown",)
"""Reasons for which a row is refused at its source and nobody needs to do anything."""
MOST_REASONS = 4


def held(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """Deliveries that a rule holds as a whole."""
    for item in people:
        for group in item.stopped:
            if group.verdict == "held":
                yield Matter(
                    "held",
                    f"A delivery of {group.sender} is held at {item.participant}: "
                    f"{number(group.events, 'event')} of {group.event_type} ({group.rule}).",
                    (item.participant, group.sender),
                    dt.date.fromisoformat(group.since),
                    f"Look at it together; `spiegelnet quarantine lift {item.participant} {group.ref}` lets it go on.",
                    urgent=True,
                    count=group.events,
                )


def quarantined(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """What receivers stopped and was not mended since, by sender: it is mended at the source."""
    events, rules = Counter[str](), defaultdict[str, Counter[str]](Counter)
    first: dict[str, str] = {}
    at: dict[str, set[str]] = defaultdict(set)
    for item in people:
        for group in item.stopped:
            if group.verdict == "quarantined":
                events[group.sender] += group.events
                rules[group.sender][group.rule] += group.events
                first[group.sender] = min(group.since, first.get(group.sender, group.since))
                at[group.sender].add(item.participant)
    for sender, count in events.most_common():
        told = ", ".join(f"{rule} {events}" for rule, events in rules[sender].most_common(MOST_REASONS))
        yield Matter(
            "quarantine",
            f"{number(count, 'event')} of {sender} stopped at {listed(sorted(at[sender]))} not mended yet: {told}.",
            (sender,),
            dt.date.fromisoformat(first[sender]),
            "Mend the rows at the source and send the file again.",
            count=count,
        )


def refused_rows(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """Rows of a participant's own exports that could not become events."""
    for item in people:
        reasons = Counter[str]()
        for (_, reason), rows in item.refused_rows.items():
            if reason not in NOTHING_TO_DO:
                reasons[reason] += rows
        if reasons:
            told = ", ".join(f"{reason} {rows}" for reason, rows in reasons.most_common(MOST_REASONS))
            yield Matter(
                "source",
                f"{number(reasons.total(), 'row')} of {item.participant}'s own exports did not become events: {told}.",
                (item.participant,),
                None,
                f"`spiegelnet quarantine list {item.participant}` says where; mend and send again.",
                count=reasons.total(),
            )
