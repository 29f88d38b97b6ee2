"""All commands in one list; each is a few lines that call services."""

import typer

from services.cli import demo_command, network_commands, quarantine_commands, query_commands, status_command

app = typer.Typer(
    name="spiegelnet",
    help="Learn from each other without handing over records: the network of municipalities and their partners.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
demo_command.register(app)
network_commands.register(app)
query_commands.register(app)
status_command.register(app)
quarantine_commands.register(app)
