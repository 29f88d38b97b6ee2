"""A key service in the caller's process: for one machine, and behind the web service of `services.keyservice.app`."""

import re
from collections.abc import Sequence
from functools import lru_cache

from services.errors import Rejected
from services.keyservice.protocol import MAX_BATCH
from services.privacy import oprf
from services.privacy.errors import BadElement

_KEY_LABEL = b"spiegelnet/psn-key/v1"
_RECEIVER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_EPOCH = re.compile(r"[0-9]{4}", re.ASCII)


class InProcessKeyService:
    """A key service in the caller's process, for one machine and for tests.

    Both services of one machine protect nothing against who owns that machine; the protocol is the same all the same.
    """

    def __init__(self, service_id: str, seed: bytes) -> None:
        """Take the service's name and its 32 secret bytes."""
        self._id = service_id
        self._seed = seed
        self._evaluator = lru_cache(maxsize=4096)(self._derive)

    @property
    def id(self) -> str:
        """Name of the service."""
        return self._id

    def public_key(self, receiver: str, epoch: str) -> bytes:
        """Return the 32 bytes by which this receiver's and epoch's answers are checked.

        Raises:
            Rejected: no such receiver or epoch can exist.
        """
        return oprf.public_key(self._evaluator(receiver, epoch))

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        """Evaluate blinded elements under the key of this receiver and epoch.

        Args:
            receiver: participant id of whom the pseudonyms are for.
            epoch: calendar year.
            blinded: 1 to `MAX_BATCH` group elements of 32 bytes.

        Returns:
            One proof and the evaluated elements; see `oprf.evaluate`.

        Raises:
            Rejected: the batch is empty or too large, or an element is malformed or the identity.
        """
        if not 1 <= len(blinded) <= MAX_BATCH:
            raise Rejected(
                f"Key service {self._id} refused a batch of {len(blinded)} elements.",
                f"It takes 1 to {MAX_BATCH} at a time.",
                "Ask in smaller batches.",
            )
        try:
            return oprf.evaluate(self._evaluator(receiver, epoch), blinded)
        except BadElement as error:
            raise Rejected(
                f"Key service {self._id} refused a batch of {len(blinded)} elements.",
                str(error),
                "Blind the addresses again; if it stays so, the two sides run different versions.",
            ) from error

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _derive(self, receiver: str, epoch: str) -> oprf.Evaluator:
        if not _RECEIVER.fullmatch(receiver) or not _EPOCH.fullmatch(epoch):
            raise Rejected(
                f"Key service {self._id} has no key for this receiver and epoch.",
                "A receiver is a participant id, an epoch a calendar year.",
                "Check the receiver's id in the directory.",
            )
        names = receiver.encode(), epoch.encode()
        return oprf.derive_evaluator(self._seed, _KEY_LABEL + b"".join(bytes([len(name)]) + name for name in names))
