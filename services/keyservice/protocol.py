"""What a sender needs of a key service, wherever it runs."""

from collections.abc import Sequence
from typing import Protocol

MAX_BATCH = 10_000
"""Blinded elements in one request."""


class KeyService(Protocol):
    """What a sender needs of a key service, in this process or behind a network."""

    @property
    def id(self) -> str:
        """Name of the service, as the directory has it."""

    def public_key(self, receiver: str, epoch: str) -> bytes:
        """Return the 32 bytes by which this receiver's and epoch's answers are checked."""

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        """Evaluate 1 to `MAX_BATCH` blinded elements; see `oprf.evaluate`."""

    def close(self) -> None:
        """Let go of connections; nothing is asked after."""
