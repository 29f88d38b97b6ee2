"""A key service over HTTP: blinded points in, evaluated points with one proof out, bytes both ways.

    GET  /health                              who it is; for everybody
    GET  /v1/public-key/{receiver}/{epoch}    32 bytes
    POST /v1/evaluate/{receiver}/{epoch}      elements of 32 bytes each; the answer is as `oprf.evaluate` gives it

Callers show `Authorization: Bearer <token>`. A refusal is JSON of three sentences. Nothing that was sent is written
down: of a request the log has its caller and the number of elements.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from services.errors import Fatal, NotAllowed, Rejected, Retryable, SpiegelnetError
from services.keyservice.callers import Callers
from services.keyservice.protocol import MAX_BATCH, KeyService
from services.keyservice.quota import Quota
from services.logs import Logger
from services.privacy.oprf import ELEMENT_SIZE

BODY_SECONDS = 30.0
"""The longest that a caller may take to send its elements."""
MAX_BODY = MAX_BATCH * ELEMENT_SIZE
HEALTH = "/health"
_BINARY = "application/octet-stream"
_DIGITS = 18
"""Of a length that is believed; a longer one is too large whatever it says."""


class Refusal(Exception):
    """A request that is not answered: HTTP status, what to tell, and further headers."""

    def __init__(self, status: int, error: SpiegelnetError, **headers: str) -> None:
        super().__init__(error.what)
        self.status = status
        self.error = error
        self.headers = headers


@dataclass(frozen=True)
class Endpoints:
    """What the application answers.

    Attributes:
        service: evaluates.
        callers: who may ask.
        quota: how much.
        log: told of each request, never of what it holds.
    """

    service: KeyService
    callers: Callers
    quota: Quota
    log: Logger

    async def health(self) -> dict[str, str]:
        """Say which service this is."""
        return {"service": self.service.id, "status": "ok"}

    async def public_key(self, request: Request, receiver: str, epoch: str) -> Response:
        """Give the key by which answers are checked."""
        self._take(request, self._caller(request), 1)
        return Response(self.service.public_key(receiver, epoch), media_type=_BINARY)

    async def evaluate(self, request: Request, receiver: str, epoch: str) -> Response:
        """Evaluate blinded elements; who asks is known before anything is read."""
        caller = self._caller(request)
        body = await _body(request)
        self._take(request, caller, len(body) // ELEMENT_SIZE)
        blinded = [body[start : start + ELEMENT_SIZE] for start in range(0, len(body), ELEMENT_SIZE)]
        answer = await run_in_threadpool(self.service.evaluate, receiver, epoch, blinded)
        return Response(answer, media_type=_BINARY)

    async def logged(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer, and say in the log that it was done."""
        began = time.monotonic()
        response = await answer(request)
        if request.url.path != HEALTH:
            state = request.state
            self.log.info(
                "request answered",
                service=self.service.id,
                caller=getattr(state, "caller", None),
                elements=getattr(state, "elements", 0),
                status=response.status_code,
                seconds=round(time.monotonic() - began, 3),
            )
        return response

    async def refused(self, _: Request, error: Exception) -> Response:
        """Tell why there is no answer."""
        match error:
            case Refusal():
                return _told(error.status, error.error, error.headers)
            case Rejected():
                return _told(422, error)
            case SpiegelnetError():
                return _told(500, error)
        self.log.warning("fault", service=self.service.id, fault=type(error).__name__)
        return _told(500, Fatal("The key service has a fault.", "", "Ask who runs it."))

    def _caller(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        caller = self.callers.of(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise Refusal(401, _unknown(self.service.id), **{"WWW-Authenticate": "Bearer"})
        request.state.caller = caller
        return caller

    def _take(self, request: Request, caller: str, elements: int) -> None:
        request.state.elements = elements
        seconds = math.ceil(self.quota.take(caller, elements))
        if seconds:
            raise Refusal(429, _too_much(self.service.id, caller, seconds), **{"Retry-After": str(seconds)})


def create_app(service: KeyService, callers: Callers, quota: Quota, log: Logger) -> FastAPI:
    """Make the application of one key service; see `Endpoints`."""
    endpoints = Endpoints(service, callers, quota, log)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(HEALTH, endpoints.health)
    app.add_api_route("/v1/public-key/{receiver}/{epoch}", endpoints.public_key, response_model=None)
    app.add_api_route("/v1/evaluate/{receiver}/{epoch}", endpoints.evaluate, methods=["POST"], response_model=None)
    app.middleware("http")(endpoints.logged)
    for kind in (Refusal, SpiegelnetError, Exception):
        app.add_exception_handler(kind, endpoints.refused)
    return app


async def _body(request: Request) -> bytes:
    """Read the elements, and stop reading where they are too many or take too long."""
    if request.headers.get("content-type") != _BINARY:
        raise Refusal(415, Rejected("The elements are not sent as bytes.", "", f"Send them as {_BINARY}."))
    declared = request.headers.get("content-length", "0")
    if len(declared) > _DIGITS or not declared.isdecimal() or int(declared) > MAX_BODY:
        raise Refusal(413, _too_large())
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY:
                    raise Refusal(413, _too_large())
    except TimeoutError:
        raise Refusal(408, Retryable("The elements did not come in time.", "", "Send them again.")) from None
    if not body or len(body) % ELEMENT_SIZE:
        raise Refusal(422, Rejected("The body is no row of elements.", "", f"An element has {ELEMENT_SIZE} bytes."))
    return bytes(body)


def _told(status: int, error: SpiegelnetError, headers: dict[str, str] | None = None) -> Response:
    content = {"group": error.group, "what": error.what, "why": error.why, "todo": error.todo}
    return JSONResponse(content, status, headers)


def _unknown(service: str) -> NotAllowed:
    return NotAllowed(
        f"Key service {service} does not know the caller.",
        "No token was shown, or one that is not written down there.",
        "Ask who runs the key service to add the participant.",
    )


def _too_much(service: str, caller: str, seconds: int) -> Retryable:
    return Retryable(
        f"{caller} has asked key service {service} for as much as it may now.",
        f"The quota allows the same request again in {seconds} seconds.",
        "Run the same command again then; what was made already is kept.",
    )


def _too_large() -> Rejected:
    return Rejected("The body is too large.", f"At most {MAX_BATCH} elements are taken.", "Ask in smaller batches.")
