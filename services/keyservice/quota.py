"""How much each caller of a key service may ask: a bucket of elements that fills again by the hour.

It is no protection of the service but of residents: a stolen token, or a curious participant, cannot let the pseudonyms
of all addresses of the country be made in an afternoon.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Quota:
    """A bucket per caller, in the memory of one service: a service that starts anew begins with full ones.

    Attributes:
        burst: elements that a full bucket holds.
        per_hour: elements that come into it each hour.
        clock: tells seconds that never go back.
    """

    burst: int
    per_hour: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: str, elements: int) -> float:
        """Take elements out of a caller's bucket, all or none.

        Returns:
            0 when they were taken; else the seconds until there are as many.
        """
        now = self.clock()
        left, since = self._buckets.get(caller, (float(self.burst), now))
        left = min(self.burst, left + (now - since) * self.per_hour / 3600)
        if elements > left:
            self._buckets[caller] = left, now
            return (elements - left) * 3600 / self.per_hour
        self._buckets[caller] = left - elements, now
        return 0.0
