"""What is told of a story beside a quote of it: codes and a quarter, no words."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class About:
    """What is told of a story beside a quote of it.

    Attributes:
        theme: as the story has it; likewise approach, role and made_up.
        period: the quarter in which it was told.
        effects: as `wanted:children`.
    """

    theme: str
    approach: str | None
    role: str
    period: str
    effects: tuple[str, ...]
    made_up: bool

    @staticmethod
    def of(story: Mapping[str, Any]) -> "About":
        """Take it from the row of a story."""
        day: dt.date = story["told_on"]
        effects = sorted({f"{item['effect']}:{item['felt_by']}" for item in story["effects"]})
        period = f"{day.year}-Q{(day.month + 2) // 3}"
        return About(story["theme"], story["approach"], story["role"], period, tuple(effects), story["made_up"])

    @staticmethod
    def read(text: str) -> "About":
        """Read what `written` wrote."""
        found = json.loads(text)
        return About(**{**found, "effects": tuple(found["effects"])})

    def written(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))
