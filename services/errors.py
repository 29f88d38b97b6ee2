"""Every error a user meets, grouped by what the caller can do about it."""

from typing import ClassVar


class SpiegelnetError(Exception):
    """An error in three sentences; never holds a field value, a pseudonym or a story's text.

    Attributes:
        what: what happened, and where (file, row, field).
        why: the cause, as far as it is known.
        todo: what the reader can do next.
    """

    exit_code: ClassVar[int] = 1
    group: ClassVar[str] = "error"

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = todo

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.todo) if part)

    def __reduce__(self) -> tuple[type["SpiegelnetError"], tuple[str, str, str]]:
        """Keep the three sentences when an error crosses from a worker process."""
        return type(self), (self.what, self.why, self.todo)


class Fatal(SpiegelnetError):
    """Stop: a person must change something (configuration, keys, a broken file) first."""

    exit_code = 3
    group = "fatal"


class Retryable(SpiegelnetError):
    """The same command may succeed later: something is away, locked or was overtaken."""

    exit_code = 4
    group = "retryable"


class Rejected(SpiegelnetError):
    """The data were refused; the good rows went on. Mend at the source and send again."""

    exit_code = 5
    group = "rejected"


class NotAllowed(SpiegelnetError):
    """The caller may not do this: no right, no contract, no key."""

    exit_code = 6
    group = "not allowed"
