"""All commands in one list; each is a few lines that call services."""

from importlib.metadata import entry_points

import typer

from services.cli import (
    demo_command,
    maintenance_command,
    metrics_command,
    network_commands,
    node_commands,
    pattern_commands,
    quarantine_commands,
    query_commands,
    rollover_command,
    session_commands,
    silence_command,
    status_command,
    stories_commands,
    story_point_commands,
    story_quote_commands,
    taking_back_commands,
    user_commands,
)
from services.cli.options import LogOption
from services.config import set_log_form

app = typer.Typer(
    name="spiegelnet",
    help="Learn from each other without handing over records: the network of municipalities and their partners.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback()
def common(context: typer.Context, log: LogOption = None) -> None:
    """Take the options that stand before the command."""
    if log is not None:
        context.call_on_close(set_log_form(log.value))


demo_command.register(app)
network_commands.register(app)
taking_back_commands.register(app)
rollover_command.register(app)
query_commands.register(app)
maintenance_command.register(app)
status_command.register(app)
metrics_command.register(app)
quarantine_commands.register(app)
node_commands.register(app)
user_commands.register(app)
stories_commands.register(app)
story_quote_commands.register(stories_commands.stories_app)
story_point_commands.register(stories_commands.stories_app)
silence_command.register(stories_commands.stories_app)
pattern_commands.register(app)
session_commands.register(app)
for extension in entry_points(group="spiegelnet.commands"):  # commands of packages that may import this one
    extension.load()(app)
