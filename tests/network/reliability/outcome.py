"""What a row of the table of faults is, and what one run of it found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.network.reliability.site import Site

TRIES = 5
"""How often a run makes its fault again when it met nobody."""


@dataclass(frozen=True)
class Outcome:
    """What one run found.

    Attributes:
        lost: events that were put in and are not in the receiver's typed table.
        twice: events that are there more than once.
        faults: how many faults really hit; a process that ended before its kill was not killed.
        wrong: whatever else is not as promised, in sentences.
        facts: measured numbers by name; a soak tells median and maximum.
    """

    lost: int = 0
    twice: int = 0
    faults: int = 1
    wrong: tuple[str, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether all that is promised was kept."""
        return not (self.lost or self.twice or self.wrong)


@dataclass(frozen=True)
class Row:
    """One row of the table of faults.

    Attributes:
        name: as in `make soak ROW=…`.
        title: the fault.
        promise: what must hold.
        full: how many runs show it in full.
        run: one run on a site, from a seed; it makes its own events and looks for them afterwards.
        events: put in by one run.
        real_only: whether it needs Kafka or PostgreSQL itself, not one of the engines of one machine.
    """

    name: str
    title: str
    promise: str
    full: int
    run: Callable[[Site, int], Outcome]
    events: int = 0
    real_only: bool = False
