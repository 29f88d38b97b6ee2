"""A full disk, told alike of every file that we write."""

import errno
from pathlib import Path
from typing import Final

from services.errors import Retryable

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The kernel's errors of a disk without room for this file."""


def no_room(path: Path, why: str = "The disk is full, or its owner may not use more of it.") -> Retryable:
    """Return the error for a file that could not be written for want of room."""
    return Retryable(
        f"There is no room for {path}.", why, "Make room, then run the command again; nothing of this step was stored."
    )
