"""The proxy makes the weather that it is asked for."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.network.reliability.proxy import Proxy, Weather


@pytest.fixture
def line() -> Iterator[Proxy]:
    """Give a proxy before a server that answers every piece with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        with Proxy(server.getsockname()[1]) as proxy:
            yield proxy


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while piece := connection.recv(65536):
                connection.sendall(piece)
        except OSError:
            return


def _client(line: Proxy, timeout: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout)


def _ask(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(65536)


def _ended(client: socket.socket) -> bool:
    """Whether the connection ended, by a reset or by an end of what there is to read."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_in_fair_weather_all_passes(line: Proxy) -> None:
    with _client(line) as client:
        assert _ask(client, b"hello") == b"hello"
    assert line.struck == 0


def test_weather_that_meets_nobody_strikes_nothing(line: Proxy) -> None:
    line.cut()
    line.half_close()
    line.weather.cut_after = 1_000
    with _client(line) as client:
        assert _ask(client, bytes(900)) == bytes(900)
    assert line.struck == 0


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_heals(line: Proxy) -> None:
    with _client(line) as client:
        assert _ask(client, b"before") == b"before"
        line.cut(refuse=True)
        assert _ended(client)
    with _client(line) as client:
        assert _ended(client)
    assert line.struck == 2  # the connection that was cut, and the one that was refused
    line.heal()
    with _client(line) as client:
        assert _ask(client, b"after") == b"after"


def test_a_deaf_line_keeps_what_was_said_until_it_heals(line: Proxy) -> None:
    with _client(line, timeout=0.3) as client:
        line.weather.deaf = True
        with pytest.raises(TimeoutError):
            _ask(client, b"hello")
        line.heal()
        client.settimeout(10)
        assert client.recv(65536) == b"hello"
    assert line.struck == 1


def test_a_slow_line_passes_so_many_bytes_a_second(line: Proxy) -> None:
    line.weather.rate = 100_000
    with _client(line) as client:
        began = time.monotonic()
        assert len(_ask(client, bytes(20_000))) > 0
        assert time.monotonic() - began >= 0.2  # a sleep is never shorter than asked for
    assert line.struck > 0


def test_a_half_closed_line_says_nothing_and_does_not_end(line: Proxy) -> None:
    with _client(line, timeout=0.3) as client:
        assert _ask(client, b"before") == b"before"
        line.half_close()
        with pytest.raises(TimeoutError):
            _ask(client, b"into nothing")
    assert line.struck == 1


def test_a_line_is_cut_after_so_many_bytes_once(line: Proxy) -> None:
    line.weather.cut_after = 1_000
    with _client(line) as client:
        assert _ask(client, bytes(900)) == bytes(900)
        client.sendall(bytes(900))
        assert _ended(client)
    assert line.struck == 1
    with _client(line) as client:
        assert len(_ask(client, bytes(900))) == 900


def test_the_answer_to_the_nth_such_request_is_lost_though_the_request_arrived(line: Proxy) -> None:
    line.weather = Weather(lose_answer_to=b"COMMIT", count=1)
    with _client(line) as client:
        assert _ask(client, b"COMMIT one") == b"COMMIT one"
        assert _ask(client, b"SELECT") == b"SELECT"
        client.sendall(b"COMMIT two")
        assert _ended(client)
    assert line.struck == 1
    with _client(line) as client:
        assert _ask(client, b"COMMIT three") == b"COMMIT three"
