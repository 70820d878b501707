"""A TCP proxy before RabbitMQ that loses, refuses or cuts off what the broker confirms."""

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from typing import Self

_ACK, _NACK = struct.pack(">HH", 60, 80), struct.pack(">HH", 60, 120)
_HEADER = struct.Struct(">BHI")


@dataclass
class Proxy:
    """Passes frames on; of the broker's confirms every so-manieth is changed (0: none)."""

    target: int
    """The broker's port."""
    nack_every: int = 0
    lose_every: int = 0
    cut_every: int = 0
    """Cut the connection in the middle of this confirm."""
    confirms: int = 0
    done: dict[str, int] = field(default_factory=lambda: {"nack": 0, "lose": 0, "cut": 0})
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        up = asyncio.create_task(self._copy(reader, back))
        down = asyncio.create_task(self._confirm(there, writer))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for one in (up, down):
            one.cancel()
        for end in (writer, back):
            end.transport.abort()
        self._tasks.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()

    async def _confirm(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(_HEADER.size)
                kind, _, size = _HEADER.unpack(head)
                body = await reader.readexactly(size + 1)
                if kind == 1 and body.startswith(_ACK):
                    self.confirms += 1
                    if self._is(self.cut_every):
                        self.done["cut"] += 1
                        writer.write(head + body[:3])
                        await writer.drain()
                        return
                    if self._is(self.lose_every):
                        self.done["lose"] += 1
                        continue
                    if self._is(self.nack_every):
                        self.done["nack"] += 1
                        body = _NACK + body[len(_NACK) :]
                writer.write(head + body)
                await writer.drain()

    def _is(self, every: int) -> bool:
        return bool(every) and self.confirms % every == 0
