"""What may be told of whatever was raised."""

import pytest

from connectors.base import SourceError
from services.errors import Rejected, Retryable
from services.faults import Fault, Interrupted, told


def test_of_an_error_that_nobody_foresaw_kind_and_place_are_told_and_never_its_text() -> None:
    with pytest.raises(ValueError, match="999990019") as caught:
        raise ValueError("999990019")
    found = told(caught.value)
    assert isinstance(found, Fault)
    assert "ValueError" in found.what
    assert "test_faults.py, line" in found.why
    assert "999990019" not in str(found)
    assert "unknown place" in told(ValueError("999990019")).why


def test_what_says_itself_what_happened_is_told_as_it_is() -> None:
    away = Retryable("The broker is away.", "Nobody answers.", "Run again.")
    assert told(away) is away
    unread = told(SourceError("a.csv is empty.", "It has no header line.", "Export it again."))
    assert (type(unread), str(unread)) == (Rejected, "a.csv is empty. It has no header line. Export it again.")


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(1)])
def test_a_process_that_was_asked_to_end_is_no_fault(end: BaseException) -> None:
    assert isinstance(told(end), Interrupted)
