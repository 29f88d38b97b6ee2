"""A key service at its address: asked over TLS, known by the network's own certificate and no other.

What can be asked again is `Retryable`: the service is away, busy, or the caller's quota is used up. A service that was
away once is not waited for again by the same object, so that a run with many files loses its time once.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import httpx

from services.errors import Fatal, NotAllowed, Rejected, Retryable, SpiegelnetError
from services.privacy.oprf import ELEMENT_SIZE, PROOF_SIZE

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
_BINARY: Final = {"Content-Type": "application/octet-stream"}
_MOST_HEALTH = 256
"""Bytes of an answer to how it is."""
_BROKEN: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""A connection that was kept and has ended since; a second try makes a new one. Asking twice changes nothing."""


class RemoteKeyService:
    """A key service behind the network; nothing is connected before the first question."""

    def __init__(self, service_id: str, address: str, ca: Path, token: Callable[[], str]) -> None:
        """Take where it is and how to show who asks.

        Args:
            service_id: its name in messages, `ks-a` or `ks-b`.
            address: `host:port`.
            ca: the network's CA certificate (PEM).
            token: gives the caller's token for this service; called at the first question.
        """
        self._id = service_id
        self._address = address
        self._ca = ca
        self._token = token
        self._keys: dict[tuple[str, str], bytes] = {}
        self._away: Retryable | None = None

    @property
    def id(self) -> str:
        """Name of the service."""
        return self._id

    def public_key(self, receiver: str, epoch: str) -> bytes:
        """Return the 32 bytes by which this receiver's and epoch's answers are checked.

        Raises: as `evaluate`.
        """
        if (receiver, epoch) not in self._keys:
            answer = self._ask("GET", f"/v1/public-key/{receiver}/{epoch}", ELEMENT_SIZE)
            self._keys[receiver, epoch] = answer
        return self._keys[receiver, epoch]

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        """Evaluate 1 to `MAX_BATCH` blinded elements; see `oprf.evaluate`.

        Raises:
            Retryable: the service is away, busy, or the quota is used up.
            NotAllowed: it does not know this participant.
            Rejected: it refused the batch.
            Fatal: whoever answers is not the key service, or not as it should.
        """
        size = PROOF_SIZE + ELEMENT_SIZE * len(blinded)
        return self._ask("POST", f"/v1/evaluate/{receiver}/{epoch}", size, b"".join(blinded))

    def health(self) -> None:
        """Return when the service answers and is the one that it should be.

        Raises: as `evaluate`; nobody's token is needed.
        """
        status, content, _ = self._request("GET", "/health", _MOST_HEALTH, {})
        if status != httpx.codes.OK or f'"{self._id}"'.encode() not in content:
            raise self._not_itself("It does not say that it is this key service.")

    def close(self) -> None:
        """End the connections."""
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        try:
            trust = ssl.create_default_context(cafile=str(self._ca))
        except OSError as error:
            raise Fatal(
                f"The network's certificate {self._ca} cannot be read.",
                f"{type(error).__name__}.",
                "Ask the network's operator for it, or run `spiegelnet up` where the servers run.",
            ) from None
        trust.minimum_version = ssl.TLSVersion.TLSv1_3
        return httpx.Client(
            base_url=f"https://{self._address}",
            verify=trust,
            trust_env=False,  # neither proxies nor certificates of the environment have a say here
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            headers={"Accept-Encoding": "identity"},
        )

    def _ask(self, method: str, path: str, size: int, body: bytes | None = None) -> bytes:
        """Return an answer of exactly `size` bytes."""
        headers = {"Authorization": f"Bearer {self._token()}", **(_BINARY if body else {})}
        status, content, retry_after = self._request(method, path, size, headers, body)
        if status != httpx.codes.OK:
            raise self._refusal(status, retry_after)
        if len(content) != size:
            raise self._not_itself("Its answer does not have the length that the question asks for.")
        return content

    def _request(
        self, method: str, path: str, most: int, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes, str]:
        """Return the status, the answer up to a little more than `most` bytes, and when to come again."""
        if self._away:
            raise self._away
        try:
            try:
                return self._once(method, path, most, headers, body)
            except _BROKEN:
                return self._once(method, path, most, headers, body)
        except httpx.HTTPError as error:
            if _is_stranger(error):
                raise self._not_itself("It does not speak TLS 1.3 with a certificate of this network.") from None
            self._away = Retryable(
                f"Key service {self._id} at {self._address} does not answer.",
                f"It is away, or the way to it is ({type(error).__name__}). Addresses that were asked before go on.",
                "Run the same command again when it is back; nothing is lost, and nothing is sent twice.",
            )
            raise self._away from None

    def _once(
        self, method: str, path: str, most: int, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes, str]:
        with self._client.stream(method, path, content=body, headers=dict(headers)) as response:
            content = b""
            for part in response.iter_raw():
                content += part
                if len(content) > most:
                    break
            return response.status_code, content, response.headers.get("retry-after", "")

    def _not_itself(self, why: str) -> Fatal:
        return Fatal(
            f"What answers at {self._address} is not key service {self._id}.",
            why,
            "Check its address in spiegelnet.toml and the network's ca.pem; ask the organisation that runs it.",
        )

    def _refusal(self, status: int, retry_after: str) -> SpiegelnetError:
        """Say in our own words why there is no answer; what the service says is not passed on."""
        match status:
            case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
                return NotAllowed(
                    f"Key service {self._id} does not know this participant.",
                    "The token made of its access.json is not among those that the service has written down.",
                    "Ask the network's operator to add it (`spiegelnet node add`), or to send a new access.json.",
                )
            case httpx.codes.TOO_MANY_REQUESTS:
                seconds = retry_after if retry_after.isdecimal() else "some"
                return Retryable(
                    f"The quota at key service {self._id} is used up.",
                    f"It allows the next batch in {seconds} seconds; what was made so far is kept.",
                    "Run the same command again then, or ask the service's organisation for a larger quota.",
                )
            case httpx.codes.REQUEST_ENTITY_TOO_LARGE | httpx.codes.UNPROCESSABLE_ENTITY:
                return Rejected(
                    f"Key service {self._id} refused a batch.",
                    f"It answered with status {status}.",
                    "If it stays so, the two sides run different versions.",
                )
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            return Retryable(
                f"Key service {self._id} cannot answer now.",
                f"It answered with status {status}.",
                "Run the same command again; if it stays so, ask the organisation that runs it.",
            )
        return self._not_itself(f"It answered with status {status}.")


def _is_stranger(error: BaseException | None) -> bool:
    """Whether a handshake came to another end than the one that a service gives that goes away."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        error = error.__cause__ or error.__context__
    return False
