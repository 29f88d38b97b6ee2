"""What can be wrong with events that are to become bytes, or with bytes that claim to be events."""

from services.errors import Rejected


class EncodeError(Rejected):
    """A frame does not fit its event type.

    Attributes:
        reason: a code such as `null_not_allowed`.
        field: dotted path of the field, such as `contact_attempts.kind`.
    """

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(
            f"Field {field} does not fit the schema of its event type ({reason}).",
            todo="Mend the connector or the row at the source; docs and types of each field are in schemas/.",
        )
        self.reason = reason
        self.field = field

    def __reduce__(self) -> tuple[type["EncodeError"], tuple[str, str]]:  # type: ignore[override]
        """Keep code and field when the error crosses from a worker process."""
        return type(self), (self.reason, self.field)


class DecodeError(Rejected):
    """Bytes are not exactly the events they claim to be; nothing of them is accepted.

    Attributes:
        reason: a code: `block_too_long`, `count_impossible`, `malformed`, `enum_unknown`, `not_finite`,
            `date_out_of_range` or `not_canonical`.
        event_type: name of the event type whose schema was used.
    """

    def __init__(self, reason: str, event_type: str) -> None:
        super().__init__(
            f"A block of {event_type} events was refused ({reason}).",
            "Its bytes are not what the registered schema makes of the events in it.",
            "The sender must encode it again with the published schema.",
        )
        self.reason = reason
        self.event_type = event_type

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str]]:  # type: ignore[override]
        """Keep code and event type when the error crosses from a worker process."""
        return type(self), (self.reason, self.event_type)
