"""Words for sentences: numbers, sizes, names in a row, times as people say them."""

import datetime as dt
from collections.abc import Sequence

MOST_NAMES = 4
"""Names that are told one by one; of more, the first and how many others there are."""
_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30


def number(count: int, of: str) -> str:
    """Return `1 parcel`, `2 parcels`, `1,200 parcels`."""
    return f"{count:,} {of}" if count == 1 else f"{count:,} {of}s"


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    if count >= _GIB:
        return f"{count / _GIB:.1f} GiB"
    return f"{count / _MIB:.1f} MiB" if count >= _MIB else f"{max(count, 0) / _KIB:.0f} KiB"


def listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`; of many, the first ones and how many others there are."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[: MOST_NAMES - 1])} and {len(names) - MOST_NAMES + 1} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def most(counts: Sequence[tuple[str, int]]) -> str:
    """Return `a 20, b 15 and 3 others` of names with their counts, the highest first."""
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    return listed([f"{name} {count:,}" for name, count in ordered])


def months_text(periods: Sequence[str]) -> str:
    """Return `2025-12`, `2025-11 and 2025-12`, or of many in a row the first and the last."""
    if len(periods) > MOST_NAMES:
        return f"{periods[0]} to {periods[-1]}"
    return listed(periods)


def when(moment: dt.datetime, now: dt.datetime) -> str:
    """Return a time of today as `14:02`, an earlier one with its day; in the time of this machine."""
    here, today = moment.astimezone(), now.astimezone().date()
    return f"{here:%H:%M}" if here.date() == today else f"{day(here.date(), today)} {here:%H:%M}"


def day(date: dt.date, today: dt.date) -> str:
    """Return a day as `12 January`, of another year with that."""
    text = f"{date.day} {date:%B}"
    return text if date.year == today.year else f"{text} {date.year}"
