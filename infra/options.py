"""The option that the commands about servers share."""

from pathlib import Path
from typing import Annotated

import typer

from services.config import default_servers_home

ServersHomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        help="The network's state folder.",
        default_factory=default_servers_home,
        show_default="build/network",
    ),
]
