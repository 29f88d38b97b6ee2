"""The table of faults: all rows by name."""

from tests.network.reliability.outcome import Row
from tests.network.reliability.rows import (
    away,
    broker,
    commits,
    damage,
    months,
    poison,
    receiving,
    sending,
    two_receivers,
    upkeep,
)

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        sending.ROW,
        receiving.RANDOM,
        receiving.NAMED,
        two_receivers.ROW,
        commits.ROW,
        broker.ROW,
        upkeep.ROW,
        damage.ROW,
        away.ROW,
        months.ROW,
        poison.ROW,
    )
}
