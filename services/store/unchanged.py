"""What files of a warehouse say, kept by the process that has read them: they are written once and never changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from services.store.sums import Identity, require_whole

MOST: Final = 256
"""Files that are kept of a kind; a description of a table with 30 snapshots takes some 100 KB."""

T = TypeVar("T")


class Unchanged(Generic[T]):
    """What was read of files of one kind, by file; nobody may change what they get."""

    def __init__(self, most: int = MOST) -> None:
        """Keep at most so many, those that were asked for last."""
        self._most = most
        self._known: dict[Path, tuple[Identity, T]] = {}

    def of(self, path: Path, read: Callable[[], T]) -> T:
        """Return what a file says, and read it when this process has not, or when it is another file by now.

        Raises:
            Fatal: the file is gone or damaged, see `require_whole`; what `read` raises.
        """
        identity = require_whole(path)
        known = self._known.pop(path, None)
        said = known[1] if known and known[0] == identity else read()
        self._known[path] = identity, said
        if len(self._known) > self._most:  # a copy at once, since another thread may add one at this moment
            for oldest in list(self._known)[: -self._most]:
                self._known.pop(oldest, None)
        return said
