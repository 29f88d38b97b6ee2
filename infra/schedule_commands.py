"""The commands that steer the schedule of the network: on, off, run, backfill."""

from typing import Annotated

import typer

from infra.options import ServersHomeOption
from services.cli.console import out
from services.cli.options import months_between

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Schedules: intake, node_month, hub_benchmark, retention or send; without names all but send."),
]
NOT_BY_ITSELF = "send"
"""Partners may send by hand: their schedule goes on by its name only."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="What Airflow runs by itself: switch it on and off, run it, make up for months.")
    group.command("on", epilog="Example: spiegelnet schedule on")(on)
    group.command("off", epilog="Example: spiegelnet schedule off intake")(off)
    group.command("run", epilog="Example: spiegelnet schedule run node_month --period 2025-12")(run)
    group.command("backfill", epilog="Example: spiegelnet schedule backfill 2025-01..2025-12")(backfill)
    app.add_typer(group, name="schedule")


def on(home: ServersHomeOption, names: Names = None) -> None:
    """Let schedules run at their times; a network begins with all of them off.

    node_month begins with the month that has just ended, and closes it unless nobody stated a delivery of it.
    """
    out().print(f"On: {', '.join(_switch(home, names, on=True))}.")


def off(home: ServersHomeOption, names: Names = None) -> None:
    """Stop schedules from beginning anything new; what runs now goes on."""
    out().print(f"Off: {', '.join(_switch(home, names, on=False))}.")


def run(
    name: Annotated[str, typer.Argument(help="intake, node_month, hub_benchmark, retention or send.")],
    home: ServersHomeOption,
    period: Annotated[str | None, typer.Option(help="The month it is about: node_month, hub_benchmark.")] = None,
) -> None:
    """Run a schedule now; it must be on."""
    from infra.schedule import open_schedule  # noqa: PLC0415 - help is quick
    from services.network import Network  # noqa: PLC0415

    network = Network.open(home)
    with open_schedule(network.home, network.settings) as schedule:
        schedule.await_known()
        out().print(f"{name} runs as {schedule.run(name, period)}.")


def backfill(
    period: Annotated[str, typer.Argument(help="2025-12, or a range 2025-01..2025-12.")], home: ServersHomeOption
) -> None:
    """Make up for months, one after the other: close what is not closed yet; what was gives the same release again.

    The months that are named close, also those of which nobody stated a delivery. It switches node_month on, which
    begins with the month that has just ended, as `spiegelnet schedule on` does.
    """
    from infra.schedule import MONTHS, open_schedule  # noqa: PLC0415 - help is quick
    from services.network import Network  # noqa: PLC0415

    months, network = months_between(period), Network.open(home)
    with open_schedule(network.home, network.settings) as schedule:
        schedule.await_known()
        schedule.switch(MONTHS, on=True)
        number = schedule.backfill(months)
    out().print(f"Backfill {number} makes up for {len(months)} months; `spiegelnet status` tells how it goes.")


def _switch(home: ServersHomeOption, names: list[str] | None, *, on: bool) -> list[str]:
    from infra.schedule import SCHEDULES, open_schedule  # noqa: PLC0415 - help is quick
    from services.network import Network  # noqa: PLC0415

    chosen = names or [item for item in SCHEDULES if item != NOT_BY_ITSELF or not on]
    network = Network.open(home)
    with open_schedule(network.home, network.settings) as schedule:
        schedule.await_known()
        for name in chosen:
            schedule.switch(name, on=on)
    return chosen
