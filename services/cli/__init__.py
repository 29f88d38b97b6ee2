"""The command `spiegelnet`: thin commands over services, one error style, one exit code per group of errors."""

import logging
import sys

from services.cli.app import app
from services.cli.console import show_error, show_fault
from services.faults import user_error
from services.logs import quiet_libraries


def main() -> None:
    """Run the command line; a user error is shown without traceback and ends with its group's exit code."""
    quiet_libraries()
    logging.captureWarnings(capture=True)
    try:
        app()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a value and is not shown
        known = user_error(error)
        if known is None:
            show_fault(error)
            sys.exit(1)
        show_error(known)
        sys.exit(known.exit_code)
