"""Logging in at a Kafka broker by hand, once: the client library does not always see why it was hung up on.

A broker sends its refusal and hangs up in the same moment; the library then tells of a broken connection.
"""

import socket
import struct

from kafka.net.sasl.scram import ScramClient

MECHANISM = "SCRAM-SHA-512"
_VERSIONS, _HANDSHAKE, _AUTHENTICATE = 18, 17, 36
_REFUSED = 58
_LONGEST = 1 << 16


class LoginRefusedError(Exception):
    """The broker does not know the user, or the password is wrong."""


class NoBrokerError(Exception):
    """What answers does not speak as a broker does that takes passwords."""


def log_in(stream: socket.socket, user: str, password: str) -> None:
    """Log in with a password; neither side shows it to the other.

    Args:
        stream: secured by TLS.
        user: its name.
        password: of that user.

    Raises:
        LoginRefusedError: this user is not let in.
        NoBrokerError: the other side is no broker, does not know the password itself, or takes no passwords.
        OSError: the connection failed.
    """
    answer = _ask(stream, _HANDSHAKE, 1, _text(MECHANISM))
    if struct.unpack_from(">h", answer)[0]:
        raise NoBrokerError
    scram = ScramClient(user, password, MECHANISM)
    try:
        scram.process_server_first_message(_authenticate(stream, scram.first_message()))
        scram.process_server_final_message(_authenticate(stream, scram.final_message()))
    except (ValueError, KeyError):
        raise NoBrokerError from None


def answers_in_clear(host: str, port: int, seconds: float) -> bool:
    """Ask in clear which versions a broker speaks: one that answers has no TLS, one behind TLS hangs up."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as plain:
            _ask(plain, _VERSIONS, 0, b"")
    except (OSError, NoBrokerError):
        return False
    return True


def _authenticate(stream: socket.socket, message: bytes) -> bytes:
    answer = _ask(stream, _AUTHENTICATE, 1, struct.pack(">i", len(message)) + message)
    (error, size), at = struct.unpack_from(">hh", answer), 4
    if error == _REFUSED:
        raise LoginRefusedError
    if error:
        raise NoBrokerError
    at += max(size, 0)
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + size]


def _ask(stream: socket.socket, request: int, version: int, body: bytes) -> bytes:
    """Send one request and return the body of its answer; both begin with their length."""
    message = struct.pack(">hhi", request, version, request) + _text("spiegelnet") + body
    stream.sendall(struct.pack(">i", len(message)) + message)
    size, number = struct.unpack(">ii", _exactly(stream, 8))
    rest = size - 4  # without the number
    if number != request or not 0 <= rest <= _LONGEST:
        raise NoBrokerError
    return _exactly(stream, rest)


def _exactly(stream: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = stream.recv(size - len(found))
        if not part:
            raise ConnectionResetError
        found += part
    return found


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode("ascii")
