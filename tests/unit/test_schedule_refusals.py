"""What Airflow refuses is told by what the caller can do about it."""

import httpx
import pytest

from infra.schedule import Schedule
from services.errors import Fatal, Rejected, Retryable, SpiegelnetError


@pytest.mark.parametrize(("status", "kind"), [(404, Rejected), (409, Rejected), (503, Retryable), (400, Fatal)])
def test_a_refusal_says_whether_to_wait_to_mend_or_to_read_the_log(status: int, kind: type[SpiegelnetError]) -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(status))
    with httpx.Client(base_url="http://localhost:1", transport=answers) as client, pytest.raises(kind) as caught:
        Schedule(client).switch("intake", on=True)
    assert caught.value.todo
