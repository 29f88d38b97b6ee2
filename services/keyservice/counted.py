"""A key service that is counted: how often it was asked, for how many elements, and how that ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.errors import SpiegelnetError
from services.keyservice.protocol import KeyService

ANSWERED = "answered"


@dataclass
class Asked:
    """What was asked of key services.

    Attributes:
        requests: by (service id, `answered` or the group of the error).
        elements: evaluated, by service id.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    elements: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Counted:
    """Passes questions on and counts them."""

    service: KeyService
    asked: Asked

    @property
    def id(self) -> str:
        """Name of the service."""
        return self.service.id

    def public_key(self, receiver: str, epoch: str) -> bytes:
        """As the service."""
        return self.service.public_key(receiver, epoch)

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        """As the service."""
        try:
            answer = self.service.evaluate(receiver, epoch, blinded)
        except SpiegelnetError as error:
            self.asked.requests[self.id, error.group] += 1
            raise
        self.asked.requests[self.id, ANSWERED] += 1
        self.asked.elements[self.id] += len(blinded)
        return answer

    def close(self) -> None:
        """As the service."""
        self.service.close()
