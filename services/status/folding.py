"""Many matters of one kind told as one, so that the state of a whole network fits on a screen."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence

from services.status.model import Matter
from services.status.sentences import most

MOST_ALIKE = 3
"""Matters of one kind that are told one by one."""
_TOGETHER = {
    "task": ("{count:,} kinds of tasks do not end well", "`spiegelnet status NAME` tells more."),
    "gap": ("Parcels are missing in {count:,} streams", "Ask their senders; `spiegelnet status NAME` tells more."),
    "parcel": ("{count:,} parcels were not opened", "`spiegelnet status NAME` tells why."),
    "held": ("{count:,} events are held with their deliveries", "`spiegelnet status NAME` tells more."),
    "quarantine": (
        "{count:,} events stopped at their receivers are not mended yet",
        "Mend the rows at their sources and send the files again.",
    ),
    "source": (
        "{count:,} rows of own exports did not become events",
        "`spiegelnet quarantine list NAME` says where; mend and send again.",
    ),
    "action": ("{count:,} actions of sessions are open", "`spiegelnet session actions NAME` lists them."),
}


def folded(matters: Sequence[Matter]) -> list[Matter]:
    """Put those of a kind of which there are more than `MOST_ALIKE` together, by whose turn it is first."""
    by_kind: dict[str, list[Matter]] = defaultdict(list)
    for item in matters:
        by_kind[item.kind].append(item)
    told: list[Matter] = []
    for kind, alike in by_kind.items():
        told += [_one(kind, alike)] if kind in _TOGETHER and len(alike) > MOST_ALIKE else alike
    return told


def _one(kind: str, alike: Sequence[Matter]) -> Matter:
    text, todo = _TOGETHER[kind]
    counts = Counter[str]()
    for item in alike:
        counts[item.turn[0]] += item.count
    return Matter(
        kind,
        f"{text.format(count=counts.total())}: {most(list(counts.items()))}.",
        tuple(name for name, _ in counts.most_common()),
        min((item.since for item in alike if item.since), default=None, key=_moment),
        todo,
        urgent=any(item.urgent for item in alike),
        count=counts.total(),
    )


def _moment(since: dt.datetime | dt.date) -> dt.datetime:
    if isinstance(since, dt.datetime):
        return since
    return dt.datetime.combine(since, dt.time(), dt.UTC)
