"""Who has not told anything for months: a kind question, asked inside the node only.

It tells months since the last story, and never how many stories there were: who tells little is recognised by that.
Silence is no failing. It may be that all goes well, that telling is hard, or that a story point had no time.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from services.directory import Directory
from services.pages.wording import MONTHS
from services.stories.patterns.codes import THEMES

ASKED_AFTER: Final = 3
"""Months without a story after which is asked."""
ROLES: Final = {"resident": "inwoners", "professional": "professionals", "volunteer": "vrijwilligers"}


@dataclass(frozen=True)
class Silence:
    """How long nothing was told about a theme, or by a group.

    Attributes:
        kind: `theme` or `group`.
        code: of the theme; or sender and role, `vp-twente/resident`; or a story point that never told.
        name: in Dutch.
        last: month of the last story, `2025-09`; None where there never was one.
        months: whole calendar months since; None likewise.
    """

    kind: str
    code: str
    name: str
    last: str | None
    months: int | None

    @property
    def question(self) -> str:
        """The question in Dutch; empty where something was told lately."""
        if self.months is not None and self.months < ASKED_AFTER:
            return ""
        about = "Over" if self.kind == "theme" else "Van"
        if self.last is None:
            return f"{about} {self.name} hoorden wij nog niets. Gaat het goed, of is vertellen lastig?"
        year, month = self.last.split("-")
        since = f"{MONTHS[int(month) - 1]} {year}"
        return f"{about} {self.name} hoorden wij sinds {since} niets. Gaat het goed, of is vertellen lastig?"


def silences(stories: pl.DataFrame, directory: Directory, municipality: str, today: dt.date) -> list[Silence]:
    """Return how long nothing was told: per theme, then per sender and role, each in alphabetical order of its name.

    Args:
        stories: `theme`, `sent_by`, `role`, `told_on`; whatever their tellers allow, since nothing of them is told.
        directory: for the names of senders, and for the story points that serve the municipality and never told.
        municipality: whose node it is.
        today: the day.
    """
    of_theme = _latest(stories.select(pl.col("theme").cast(pl.String).alias("code"), "told_on"))
    group = pl.concat_str("sent_by", pl.col("role").cast(pl.String), separator="/").alias("code")
    of_group = _latest(stories.select(group, "told_on"))
    told = {code.split("/")[0] for code in of_group}
    themes = [_silence("theme", code, title.lower(), of_theme.get(code), today) for code, title in THEMES.items()]
    groups = [_silence("group", code, _group(directory, code), day, today) for code, day in of_group.items()]
    groups += [
        _silence("group", item.id, item.name, None, today)
        for item in directory.participants.values()
        if item.kind == "story_point" and municipality in item.serves and item.id not in told
    ]
    return [*sorted(themes, key=lambda item: item.name), *sorted(groups, key=lambda item: (item.name, item.code))]


def _latest(told: pl.DataFrame) -> dict[str, dt.date]:
    return dict(told.group_by("code").agg(pl.col("told_on").max()).sort("code").iter_rows())


def _group(directory: Directory, code: str) -> str:
    sender, _, role = code.partition("/")
    known = directory.participants.get(sender)
    return f"{ROLES[role]} bij {known.name if known else sender}"


def _silence(kind: str, code: str, name: str, last: dt.date | None, today: dt.date) -> Silence:
    if last is None:
        return Silence(kind, code, name, None, None)
    months = max(0, (today.year - last.year) * 12 + today.month - last.month)
    return Silence(kind, code, name, f"{last:%Y-%m}", months)
