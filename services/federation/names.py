"""A mistaken name, told with those that look like it."""

import difflib
from collections.abc import Sequence

from services.errors import Rejected

_FEW = 3


def unknown(kind: str, name: str, known: Sequence[str], listing: str) -> Rejected:
    """Return the error of an unknown name, with those that look like it or, failing that, hold its last part.

    Args:
        kind: `table`, `column` or `catalog`.
        name: as the user wrote it.
        known: names that there are.
        listing: the statement that lists them.
    """
    lowered = name.lower()
    last = {full: full.rsplit(".", 1)[-1] for full in known}
    near = difflib.get_close_matches(lowered, known, n=_FEW, cutoff=0.75)
    near += [full for full in known if last[full] == lowered.rsplit(".", 1)[-1] and full not in near]
    by_last = difflib.get_close_matches(lowered.rsplit(".", 1)[-1], sorted(set(last.values())), n=_FEW)
    near += [full for full in known if last[full] in by_last and full not in near]
    todo = f"Did you mean {' or '.join(near[:_FEW])}?" if near else f"{listing} lists the {kind}s."
    return Rejected(f"There is no {kind} {name}.", "Nothing that may be asked has that name.", todo)
