"""What a participant's store says, without opening it while it has not changed: counts, closes, statements."""

from collections.abc import Mapping
from typing import Any

from services.network import Network
from services.store.newest import table_states
from services.store.standing import Standing

_INTAKE, _CLOSES, _RELEASES = "node.intake", "node.closes", "node.releases"
_STATEMENTS = "events.delivery_statement"


def up_to_date(network: Network, participant: str) -> Standing:
    """Return a participant's standing as its store is now.

    Raises:
        NotAllowed: its keys are not on this machine.
        Retryable: its catalog is away, or a file stayed locked.
        Fatal: its store is damaged.
    """
    network.require_keys(participant)
    home = network.home.participant(participant)
    standing = Standing(home.standing)
    states = table_states(home.root, "private", network.database(participant))
    known = standing.known()
    changed = {
        name for name in (_INTAKE, _CLOSES, _RELEASES, _STATEMENTS) if states.get(name) != known.get(f"at {name}")
    }
    if changed:
        _look_again(network, participant, standing, states, changed)
    return standing


def _look_again(
    network: Network, participant: str, standing: Standing, states: Mapping[str, str], changed: set[str]
) -> None:
    """Open the store, and write down what is read of the tables that have changed."""
    # slow imports, which a store that has not changed does not need
    from services.receiving.collecting import open_node  # noqa: PLC0415
    from services.store.counting import count_again  # noqa: PLC0415

    node = open_node(network, participant)
    if _INTAKE in changed and _INTAKE in states:
        count_again(node, standing)
    read: dict[str, Any] = {}
    if _CLOSES in changed and _CLOSES in states:
        read["closed"] = _column(node.catalog, _CLOSES, "period")
    if _RELEASES in changed and _RELEASES in states:
        read["released"] = _released(node.catalog)
    if {_STATEMENTS, _INTAKE} & changed and _STATEMENTS in states:
        read["stated"] = _stated(network, node.catalog)
    with standing.changed() as change:
        for name, value in read.items():
            change.know(name, value)
        for name in changed:
            change.know(f"at {name}", states.get(name))


def _column(catalog: Any, table: str, name: str) -> list[str]:
    from services.store.snapshots import scan  # noqa: PLC0415

    return sorted(scan(catalog.load_table(table)).select(name).collect()[name].unique().to_list())


def _released(catalog: Any) -> dict[str, tuple[str, str]]:
    """Return by kind of period the last one that was released, and the day of its release."""
    from services.indicators.periods import period_of  # noqa: PLC0415
    from services.store.snapshots import scan  # noqa: PLC0415

    last: dict[str, tuple[str, str]] = {}
    rows = scan(catalog.load_table(_RELEASES)).select("period", "released_on").sort("period", "released_on").collect()
    for period, day in rows.iter_rows():
        last[period_of(period).kind] = (period, day.isoformat())
    return last


def _stated(network: Network, catalog: Any) -> dict[str, list[str]]:
    """Return by month the senders whose newest statement says that their delivery is complete."""
    import polars as pl  # noqa: PLC0415

    from services.coverage import latest_statements  # noqa: PLC0415
    from services.store.events import current_events  # noqa: PLC0415

    statements = current_events(catalog, network.registry.get("delivery_statement"))
    done = latest_statements(statements)
    by_month: dict[str, list[str]] = {}
    for month, sender, complete in (
        done.sort("period", "sent_by").select("period", "sent_by", pl.col("complete")).iter_rows()
    ):
        by_month.setdefault(month, [])
        if complete:
            by_month[month].append(sender)
    return by_month
