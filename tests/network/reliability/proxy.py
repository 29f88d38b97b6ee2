"""A TCP proxy that makes the weather between a client and a server: cut, deaf, slow, half closed, an answer lost."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

T = TypeVar("T")
CHUNK = 1 << 16
_WAIT = 0.02


@dataclass
class Weather:
    """What happens to bytes now.

    Attributes:
        closed: new connections are refused at once.
        deaf: nothing passes, nothing is closed; it waits and passes later.
        rate: bytes per second and direction; None for all there is.
        cut_after: bytes from the clients after which their connection is cut, once.
        lose_answer_to: bytes in a request whose answer is lost: the request passes, its connection is cut when the
            answer comes, once.
        count: how many requests with these bytes pass before that.
    """

    closed: bool = False
    deaf: bool = False
    rate: int | None = None
    cut_after: int | None = None
    lose_answer_to: bytes | None = None
    count: int = 0


@dataclass(eq=False)
class _Link:
    """One client's connection and the one made for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    loses: bool = False
    mute: bool = False

    def abort(self) -> None:
        """End both at once, as a broken line does."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass
class Proxy:
    """Listens on 127.0.0.1, and passes on to a port there; runs in a thread of its own between `start` and `stop`.

    Attributes:
        target: the server's port.
        port: its own; 0 for a free one, known after `start`.
        weather: what happens to bytes; changed from any thread.
        struck: how often the weather met somebody: a connection cut, refused or silenced, an answer lost, bytes that
            had to wait.
    """

    target: int
    port: int = 0
    weather: Weather = field(default_factory=Weather)
    struck: int = 0
    _links: set[_Link] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name=f"proxy of {self.target}")
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Cut everything and stop listening."""
        if self._thread is None or self._server is None:
            return
        self._do(self._end(self._server))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = None

    @property
    def links(self) -> int:
        """How many connections there are now."""
        return len(self._links)

    def heal(self) -> None:
        """Let all pass from now on; what was cut stays cut."""
        self.weather = Weather()

    def cut(self, *, refuse: bool = False) -> None:
        """Break all connections; with `refuse` no new one comes about until `heal`."""
        self.weather.closed = refuse
        self._do(self._each(_Link.abort))

    def half_close(self) -> None:
        """Close the servers' sides of all connections; the clients hear nothing of it, and what they say is lost."""
        self._do(self._each(_silence))

    async def _end(self, server: asyncio.Server) -> None:
        server.close()  # in the loop's own thread: a connection that ends at this moment would close it a second time
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _each(self, action: Callable[[_Link], None]) -> None:
        for link in tuple(self._links):
            self.struck += 1
            action(link)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.closed:
            self.struck += 1
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, to_server)
        self._links.add(link)
        try:
            await asyncio.gather(self._up(link, reader), self._down(link, from_server))
        except (OSError, asyncio.CancelledError):  # a line that ended; the proxy's own end
            pass
        finally:
            self._links.discard(link)
            link.abort()

    async def _up(self, link: _Link, reader: asyncio.StreamReader) -> None:
        """From client to server."""
        while chunk := await reader.read(CHUNK):
            if link.mute:
                continue
            await self._wait(len(chunk))
            weather = self.weather
            if weather.lose_answer_to is not None and weather.lose_answer_to in chunk:
                weather.count -= 1
                if weather.count < 0:
                    link.loses, weather.lose_answer_to = True, None
            if weather.cut_after is not None:
                weather.cut_after -= len(chunk)
                if weather.cut_after < 0:
                    weather.cut_after = None
                    link.server.write(chunk[: len(chunk) // 2])
                    with contextlib.suppress(OSError):
                        await link.server.drain()
                    self.struck += 1
                    link.abort()
                    return
            link.server.write(chunk)
            await link.server.drain()
        if not link.mute:
            link.server.write_eof()

    async def _down(self, link: _Link, reader: asyncio.StreamReader) -> None:
        """From server to client."""
        while chunk := await reader.read(CHUNK):
            await self._wait(len(chunk))
            if link.loses:
                self.struck += 1
                link.abort()
                return
            link.client.write(chunk)
            await link.client.drain()
        if not link.mute:
            link.client.write_eof()

    async def _wait(self, size: int) -> None:
        self.struck += self.weather.deaf or self.weather.rate is not None
        while self.weather.deaf:  # noqa: ASYNC110 - the weather is made in another thread
            await asyncio.sleep(_WAIT)
        if self.weather.rate:
            await asyncio.sleep(size / self.weather.rate)


def _silence(link: _Link) -> None:
    link.mute = True
    link.server.transport.abort()
