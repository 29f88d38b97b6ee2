"""What a sender knows of parcels that were sent long ago, forgotten."""

import datetime as dt
from contextlib import closing
from pathlib import Path

from services.sqlite import open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ages (noted_on TEXT PRIMARY KEY, up_to INTEGER NOT NULL) WITHOUT ROWID;
"""


def forget_sent(outbox: Path, today: dt.date, kept_from: dt.date) -> int:
    """Remove the ids and hashes of parcels that were sent long ago; streams go on as they are.

    A parcel counts as sent on the day on which this was first called after it. The last one stays: the next one's
    number in the file follows from it.

    Args:
        outbox: the file; nothing is done when it is not there.
        today: the day.
        kept_from: the first day of which parcels are kept.

    Returns:
        How many parcels.

    Raises:
        Retryable: the file stayed locked.
    """
    if not outbox.exists():
        return 0
    with closing(open_database(outbox, _SCHEMA, durable=True)) as database, transaction(database, outbox):
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'parcels'").fetchone():
            return 0
        database.execute(
            "INSERT OR IGNORE INTO ages SELECT ?, coalesce(max(number), 0) FROM parcels", (today.isoformat(),)
        )
        day = (kept_from.isoformat(),)
        removed = database.execute(
            "DELETE FROM parcels WHERE value IS NULL AND number < (SELECT max(number) FROM parcels)"
            " AND number <= (SELECT coalesce(max(up_to), 0) FROM ages WHERE noted_on < ?)",
            day,
        ).rowcount
        database.execute("DELETE FROM ages WHERE noted_on < (SELECT max(noted_on) FROM ages WHERE noted_on < ?)", day)
    return int(removed)
