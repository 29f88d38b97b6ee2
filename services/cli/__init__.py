"""The command `spiegelnet`: thin commands over services, one error style, one exit code per group of errors."""

import logging
import sys
from concurrent.futures.process import BrokenProcessPool

from connectors.base import SourceError
from services.cli.app import app
from services.cli.console import show_error, show_fault
from services.errors import Fatal, Rejected, Retryable, SpiegelnetError
from services.logs import quiet_libraries
from services.privacy.errors import PrivacyError


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


def user_error(error: Exception) -> SpiegelnetError | None:
    """Return the error to show for what was raised, of which only what is known to hold no value is taken.

    Connectors and the privacy layer import nothing of ours, so their errors get their group here. None for a fault of
    the software.
    """
    match error:
        case SpiegelnetError():
            return error
        case SourceError():
            return Rejected(error.what, error.why, error.todo)
        case PrivacyError():
            return Fatal(
                str(error),
                f"Keys or sealed bytes do not fit ({error.code}).",
                "Restore the keys or the file from a copy that belongs together.",
            )
        case BrokenProcessPool():
            return Retryable(
                "A worker process ended before its work was done.",
                "It was killed, or the machine had too little memory.",
                "Run the command again, with fewer workers under [machine] in spiegelnet.toml if it happens again.",
            )
        case OSError(strerror=str(why), filename=file):
            return Fatal(f"{file or 'A file'} cannot be used.", f"{why}.", "Check that it is there, free and readable.")
    return None
