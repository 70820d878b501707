"""Rates and 429s as the HTTP client and the Amadeus SDK keep them, against a server that counts."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator

import pytest

from models.core.errors import Retryable
from models.suppliers.rate_limits import Rate
from suppliers.amadeus.client import AmadeusApi
from suppliers.core.http import JsonClient
from suppliers.core.limiter import OVER_RATE, RateLimits
from tests.suppliers.core.conftest import Make


class Server:
    """Notes when requests arrive; says what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.arrivals: list[float] = []
        self.says: list[str] = ["200 OK\r\n"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                length = 0
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                await reader.readexactly(length)
                if b"/oauth2/" in line:
                    head, body = "200 OK\r\n", b'{"access_token":"t","expires_in":1799}'
                else:
                    self.arrivals.append(time.monotonic())
                    head = self.says.pop(0) if len(self.says) > 1 else self.says[0]
                    body = b"{}"
                writer.write(
                    f"HTTP/1.1 {head}Content-Length: {len(body)}\r\n"
                    "Content-Type: application/json\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield told
    listening.close()


def client(url: str, limits: RateLimits, supplier: str, rate: Rate | None) -> JsonClient:
    return JsonClient(
        provider=supplier, base_url=url, headers={}, timeout=20, rate=rate, limits=limits
    )


async def test_requests_over_http_keep_the_rate(
    server: Server, process: Make, someone: str
) -> None:
    rate = Rate(10, 0.5)
    http = client(server.url, process(), someone, rate)
    await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for _ in range(25))
    )
    await http.close()
    assert len(server.arrivals) == 25
    assert server.arrivals[-1] - server.arrivals[0] >= 22 * rate.spacing


async def test_amadeus_keeps_it_too_its_tokens_included(server: Server, process: Make) -> None:
    limits, rate = process(), Rate(1, 0.1)
    api = AmadeusApi(server.url, key="k", secret="s", timeout=20, rate=rate, limits=limits)
    began = time.monotonic()
    await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    assert time.monotonic() - began >= rate.spacing, "a turn for the token, and one for the call"
    await asyncio.gather(
        *(
            api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
            for _ in range(9)
        )
    )
    api.close()
    assert len(server.arrivals) == 10
    assert server.arrivals[-1] - server.arrivals[0] >= 8 * rate.spacing


async def test_a_429_keeps_the_requests_of_other_processes_back(
    server: Server, process: Make, someone: str
) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 1\r\n", "200 OK\r\n"]
    told, other = (client(server.url, process(), someone, None) for _ in range(2))
    assert (await told.call("GET", "/x", operation="quote", changes=False)).status == 429
    answers = await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for http in (told, other) * 2)
    )
    for http in (told, other):
        await http.close()
    assert {answer.status for answer in answers} == {200}
    assert server.arrivals[1] - server.arrivals[0] >= 0.9


DAY = "Thu, 18 Dec 2031"
NOON = f"Date: {DAY} 12:00:00 GMT\r\n"


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: 1\r\n", True),
        ("RateLimit-Remaining: 1\r\nRateLimit-Reset: 1\r\n", False),
        (f"{NOON}RateLimit-Remaining: 0\r\nRateLimit-Reset: {DAY} 12:00:01 GMT\r\n", True),
        (f"{NOON}RateLimit-Remaining: 0\r\nRateLimit-Reset: {DAY} 12:00:00 GMT\r\n", False),
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: soon\r\n", False),
        ("RateLimit-Remaining: 0\r\n", False),
    ],
)
async def test_a_rate_that_is_used_up_is_not_tried(
    server: Server, headers: str, waits: bool
) -> None:
    server.says = [f"200 OK\r\n{headers}", "200 OK\r\n"]
    http = client(server.url, RateLimits(), "someone", None)
    for _ in range(2):
        answer = await http.call("GET", "/x", operation="quote", changes=False)
        assert answer.status == 200
    await http.close()
    assert (server.arrivals[1] - server.arrivals[0] >= 0.95) is waits


async def test_a_long_429_is_not_waited_for(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 60\r\n", "200 OK\r\n"]
    http = client(server.url, RateLimits(), "someone", None)
    await http.call("GET", "/x", operation="quote", changes=False)
    began = time.monotonic()
    with pytest.raises(Retryable) as caught:
        await http.call("POST", "/x", operation="book", changes=True, body={})
    await http.close()
    assert time.monotonic() - began < 1
    assert caught.value.code == OVER_RATE
    assert caught.value.retry_after is not None
    assert dt.timedelta(seconds=55) < caught.value.retry_after <= dt.timedelta(seconds=60)
    assert len(server.arrivals) == 1


async def test_amadeus_keeps_quiet_after_a_429(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 60\r\n", "200 OK\r\n"]
    api = AmadeusApi(server.url, key="k", secret="s", timeout=8)
    await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    with pytest.raises(Retryable, match="asked us to wait"):
        await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    api.close()
    assert len(server.arrivals) == 1
