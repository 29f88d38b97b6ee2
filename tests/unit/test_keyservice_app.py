"""A key service over HTTP: what it answers, whom it refuses and how, and that it keeps nothing that it is sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from services.access import Access
from services.errors import Fatal
from services.home import Home
from services.keyservice import MAX_BATCH, InProcessKeyService, callers
from services.keyservice.app import MAX_BODY, create_app
from services.keyservice.callers import Callers
from services.keyservice.quota import Quota
from services.privacy import oprf

SERVICE = InProcessKeyService("ks-a", b"a" * 32)
SENDER = Access.generate("es-stroom")
BINARY = {"Content-Type": "application/octet-stream"}
EVALUATE, PUBLIC_KEY = "/v1/evaluate/gm0664/2025", "/v1/public-key/gm0664/2025"


@dataclass
class Kept:
    """A log that keeps its lines."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, **fields})

    warning = info


@dataclass
class Service:
    """The application under test, its clock and its log."""

    home: Home
    now: float = 0.0
    log: Kept = field(default_factory=Kept)

    def client(self, burst: int = 100_000, per_hour: int = 3600) -> TestClient:
        quota = Quota(burst, per_hour, lambda: self.now)
        known = Callers(callers.callers_file(self.home, "a"))
        return TestClient(create_app(SERVICE, known, quota, self.log), raise_server_exceptions=False)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(Home(tmp_path))
    callers.add(made.home, [SENDER])
    yield made
    answered = [line for line in made.log.lines if line["event"] == "request answered"]
    assert all(set(line) == {"event", "service", "caller", "elements", "status", "seconds"} for line in answered)


def bearer(access: Access = SENDER, service: str = "ks-a") -> dict[str, str]:
    return {"Authorization": f"Bearer {callers.token_for(access, service)}"}


def blinded(count: int = 3) -> oprf.Blinding:
    return oprf.blind([b"household %d" % number for number in range(count)])


def told(response: httpx.Response, status: int, group: str) -> dict[str, str]:
    assert response.status_code == status, response.text
    content: dict[str, str] = response.json()
    assert set(content) == {"group", "what", "why", "todo"}
    assert content["group"] == group
    return content


def test_it_answers_as_the_service_in_process_does(service: Service) -> None:
    client, batch = service.client(), blinded()
    key = client.get(PUBLIC_KEY, headers=bearer()).content
    assert key == SERVICE.public_key("gm0664", "2025")
    answer = client.post(EVALUATE, content=b"".join(batch.blinded), headers={**bearer(), **BINARY})
    assert (answer.status_code, answer.headers["content-type"]) == (200, BINARY["Content-Type"])
    values = oprf.finalize(batch, answer.content, key)
    again = blinded()
    assert values == oprf.finalize(again, SERVICE.evaluate("gm0664", "2025", again.blinded), key)


def test_anybody_may_ask_how_it_is_and_nothing_else_is_there(service: Service) -> None:
    client = service.client()
    assert client.get("/health").json() == {"service": "ks-a", "status": "ok"}
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/v1/evaluate", "/v1/keys"):
        assert client.get(path, headers=bearer()).status_code == 404
    assert client.get(EVALUATE, headers=bearer()).status_code == 405
    assert client.delete(PUBLIC_KEY, headers=bearer()).status_code == 405


def test_who_is_not_known_is_refused_before_anything_is_read(service: Service) -> None:
    client = service.client()
    stranger = Access.generate("es-stroom")
    wrong = [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer \x00"}]
    for headers in (*wrong, bearer(stranger), bearer(SENDER, "ks-b")):
        response = client.post(EVALUATE, content=b"x" * (MAX_BODY + 1), headers={**headers, **BINARY})
        told(response, 401, "not allowed")
        assert response.headers["www-authenticate"] == "Bearer"
        told(client.get(PUBLIC_KEY, headers=headers), 401, "not allowed")
    assert {line["caller"] for line in service.log.lines} == {None}


def test_a_token_for_one_service_is_of_no_use_at_the_other_and_the_secret_stays_with_the_participant(
    service: Service,
) -> None:
    tokens = {callers.token_for(SENDER, name) for name in ("ks-a", "ks-b")}
    assert len(tokens) == 2
    known = {name: callers.callers_file(service.home, name).read_text("utf-8") for name in "ab"}
    assert known["a"] != known["b"]
    for text in known.values():
        assert not any(secret in text for secret in (*tokens, SENDER.key_service))
        assert json.loads(text)["callers"].keys() == {"es-stroom"}
    assert Callers(callers.callers_file(service.home, "b")).of(callers.token_for(SENDER, "ks-a")) is None


def test_callers_who_are_added_or_removed_are_known_at_once(service: Service) -> None:
    client, other = service.client(), Access.generate("hc-huis")
    assert client.get(PUBLIC_KEY, headers=bearer(other)).status_code == 401
    callers.add(service.home, [other])
    assert client.get(PUBLIC_KEY, headers=bearer(other)).status_code == 200
    callers.remove(service.home, ["hc-huis", "nobody"])
    assert client.get(PUBLIC_KEY, headers=bearer(other)).status_code == 401
    assert client.get(PUBLIC_KEY, headers=bearer()).status_code == 200
    callers.callers_file(service.home, "a").unlink()
    assert client.get(PUBLIC_KEY, headers=bearer()).status_code == 401


def test_adding_again_changes_nothing_and_others_cannot_read_the_file(service: Service) -> None:
    path = callers.callers_file(service.home, "a")
    before = path.stat()
    callers.add(service.home, [SENDER])
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert before.st_mode & 0o077 == 0


def test_a_damaged_list_of_callers_refuses_everybody_and_is_named(service: Service) -> None:
    path = callers.callers_file(service.home, "a")
    for content in ("", "[]", '{"format": "other", "callers": {}}', '{"callers": {}}', "{"):
        path.write_text(content, "utf-8")
        told(service.client().get(PUBLIC_KEY, headers=bearer()), 500, "fatal")
        with pytest.raises(Fatal, match="cannot be read"):
            callers.add(service.home, [SENDER])


@pytest.mark.parametrize("size", [0, 1, 31, 33, 63])
def test_what_is_no_row_of_elements_is_refused(service: Service, size: int) -> None:
    told(service.client().post(EVALUATE, content=b"x" * size, headers={**bearer(), **BINARY}), 422, "rejected")


def test_elements_that_are_none_are_refused_without_being_told(service: Service) -> None:
    point = blinded(1).blinded[0]
    for element in (b"\xff" * 32, bytes(32)):
        response = service.client().post(EVALUATE, content=point + element, headers={**bearer(), **BINARY})
        told(response, 422, "rejected")
        assert element.hex() not in response.text


def test_other_content_and_too_much_of_it_is_refused(service: Service) -> None:
    client = service.client()
    told(client.post(EVALUATE, content=b"x" * 32, headers=bearer()), 415, "rejected")
    told(client.post(EVALUATE, content=b"x" * (MAX_BODY + 32), headers={**bearer(), **BINARY}), 413, "rejected")
    parts = (b"x" * 32 for _ in range(MAX_BATCH + 1))  # without a length said before
    told(client.post(EVALUATE, content=parts, headers={**bearer(), **BINARY}), 413, "rejected")
    for length in ("9" * 30, "-1", "x"):
        headers = {**bearer(), **BINARY, "Content-Length": length}
        told(client.post(EVALUATE, content=b"", headers=headers), 413, "rejected")


@pytest.mark.parametrize("place", ["gm0664/25", "GM0664/2025", "gm 0664/2025", "%2e%2e/2025", "x" * 70 + "/2025"])
def test_a_receiver_or_epoch_that_cannot_be_is_refused(service: Service, place: str) -> None:
    client = service.client()
    told(client.get(f"/v1/public-key/{place}", headers=bearer()), 422, "rejected")
    content = b"".join(blinded().blinded)
    told(client.post(f"/v1/evaluate/{place}", content=content, headers={**bearer(), **BINARY}), 422, "rejected")


def test_a_caller_who_asks_too_much_is_told_when_to_come_again_and_others_are_not_held_up(service: Service) -> None:
    other = Access.generate("hc-huis")
    callers.add(service.home, [other])
    client, content = service.client(burst=5, per_hour=3600), b"".join(blinded(3).blinded)

    def ask(access: Access) -> httpx.Response:
        return client.post(EVALUATE, content=content, headers={**bearer(access), **BINARY})

    assert ask(SENDER).status_code == 200
    refused = ask(SENDER)
    told(refused, 429, "retryable")
    assert refused.headers["retry-after"] == "1"  # two are left, a third comes in a second
    assert ask(other).status_code == 200
    service.now += 0.5
    assert ask(SENDER).status_code == 429
    service.now += 0.5
    assert ask(SENDER).status_code == 200
    service.now += 3600
    assert ask(SENDER).status_code == 200  # never more than the bucket holds
    assert ask(SENDER).status_code == 429
    assert [line["status"] for line in service.log.lines] == [200, 429, 200, 429, 200, 200, 429]


def test_the_log_says_who_asked_how_much_and_not_what(service: Service) -> None:
    batch = blinded(2)
    service.client().post(EVALUATE, content=b"".join(batch.blinded), headers={**bearer(), **BINARY})
    (line,) = service.log.lines
    assert (line["caller"], line["elements"], line["status"]) == ("es-stroom", 2, 200)
    text = repr(service.log.lines)
    secrets = [SENDER.key_service, callers.token_for(SENDER, "ks-a"), *(element.hex() for element in batch.blinded)]
    assert not any(secret in text for secret in secrets)


def test_a_fault_is_told_by_its_kind_only(service: Service) -> None:
    class Broken(InProcessKeyService):
        def public_key(self, receiver: str, epoch: str) -> bytes:
            raise ValueError(receiver + epoch)

    known = Callers(callers.callers_file(service.home, "a"))
    app = create_app(Broken("ks-a", b"a" * 32), known, Quota(10, 10), service.log)
    response = TestClient(app, raise_server_exceptions=False).get(PUBLIC_KEY, headers=bearer())
    told(response, 500, "fatal")
    assert "gm0664" not in response.text
    assert {"event": "fault", "service": "ks-a", "fault": "ValueError"} in service.log.lines
