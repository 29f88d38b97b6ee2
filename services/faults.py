"""What may be told of whatever was raised: sentences that hold no value, or else its kind and place only.

The texts of unforeseen errors, and those of libraries, may quote what they were given.
"""

import traceback
from concurrent.futures.process import BrokenProcessPool

from connectors.base import SourceError
from services.errors import Fatal, Rejected, Retryable, SpiegelnetError
from services.privacy.errors import PrivacyError


class Fault(SpiegelnetError):
    """An error that nobody foresaw, told by its kind and place."""

    group = "fault"


class Interrupted(SpiegelnetError):
    """The process was asked to end while a task ran."""

    group = "interrupted"


def told(error: BaseException) -> SpiegelnetError:
    """Return the error to tell of for whatever was raised."""
    if not isinstance(error, Exception):
        return Interrupted("The run was interrupted.", "Its process was asked to end.", "Run it again.")
    known = user_error(error)
    if known is not None:
        return known
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "an unknown place"
    return Fault(f"A fault of the software: {type(error).__name__}.", f"It arose in {place}.", "Please report it.")


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
