"""Rates: never faster than documented, quiet after a 429, and no waiting for ever."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator

import pytest

from models.core.errors import Retryable
from settings import Settings
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.client import AmadeusApi
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.http import JsonClient
from suppliers.core.pace import OVER_RATE, Pace


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
                    said, body = "200 OK\r\n", b'{"access_token":"t","expires_in":1799}'
                else:
                    self.arrivals.append(time.monotonic())
                    said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
                    body = b"{}"
                writer.write(
                    f"HTTP/1.1 {said}Content-Length: {len(body)}\r\n"
                    "Content-Type: application/json\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def busiest_second(self) -> int:
        """The most arrivals within any one second."""
        return max(sum(begin <= at < begin + 1 for at in self.arrivals) for begin in self.arrivals)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield told
    listening.close()


def client(url: str, per_second: float | None, timeout: float = 20) -> JsonClient:
    return JsonClient(
        provider="someone", base_url=url, headers={}, timeout=timeout, per_second=per_second
    )


async def test_no_second_sees_more_requests_than_documented(server: Server) -> None:
    http = client(server.url, 10)
    await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for _ in range(25))
    )
    await http.close()
    assert len(server.arrivals) == 25
    # eleven: the first and the last of a second's worth may arrive a little late and early
    assert server.busiest_second() <= 11
    assert server.arrivals[-1] - server.arrivals[0] >= 2.3


async def test_without_a_documented_rate_nobody_waits(server: Server) -> None:
    http = client(server.url, None)
    await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for _ in range(25))
    )
    await http.close()
    assert server.arrivals[-1] - server.arrivals[0] < 1.5


async def test_amadeus_is_paced_too_its_tokens_included(server: Server) -> None:
    api = AmadeusApi(server.url, key="k", secret="s", timeout=20, per_second=10)
    await asyncio.gather(
        *(
            api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
            for _ in range(15)
        )
    )
    api.close()
    assert len(server.arrivals) == 15
    assert server.busiest_second() <= 11


async def test_who_waits_too_long_is_told_so_and_nothing_was_sent(server: Server) -> None:
    http = client(server.url, 1, timeout=1)  # a turn a second, and a quarter of one to wait
    ends = await asyncio.gather(
        *(http.call("POST", "/x", operation="book", changes=True, body={}) for _ in range(3)),
        return_exceptions=True,
    )
    await http.close()
    held_back = [end for end in ends if isinstance(end, Retryable)]
    assert len(held_back) == 2
    assert {end.code for end in held_back} == {OVER_RATE}
    assert len(server.arrivals) == 1


async def test_a_429_keeps_all_further_requests_back(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 1\r\n", "200 OK\r\n"]
    http = client(server.url, None, timeout=20)
    assert (await http.call("GET", "/x", operation="quote", changes=False)).status == 429
    answers = await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for _ in range(3))
    )
    await http.close()
    assert {answer.status for answer in answers} == {200}
    assert server.arrivals[1] - server.arrivals[0] >= 0.95


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: 1\r\n", True),
        ("RateLimit-Remaining: 1\r\nRateLimit-Reset: 1\r\n", False),
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: Thu, 18 Dec 2031 10:00:00 GMT\r\n", False),
        ("RateLimit-Remaining: 0\r\n", False),
    ],
)
async def test_a_rate_that_is_used_up_is_not_tried(
    server: Server, headers: str, waits: bool
) -> None:
    server.says = [f"200 OK\r\n{headers}", "200 OK\r\n"]
    http = client(server.url, None, timeout=20)
    for _ in range(2):
        answer = await http.call("GET", "/x", operation="quote", changes=False)
        assert answer.status == 200
    await http.close()
    assert (server.arrivals[1] - server.arrivals[0] >= 0.95) is waits


async def test_a_long_429_is_not_waited_for(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 60\r\n", "200 OK\r\n"]
    http = client(server.url, None, timeout=8)
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


async def test_a_turn_given_up_is_free_for_the_next() -> None:
    pace = Pace("someone", per_second=2, timeout=8)
    await pace.turn("quote")
    waiting = asyncio.create_task(pace.turn("quote"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    began = time.monotonic()
    await pace.turn("quote")
    assert time.monotonic() - began < 0.6


@pytest.mark.parametrize(("share", "rate"), [(1.0, 10.0), (0.25, 2.5)])
def test_a_process_keeps_to_its_share(share: float, rate: float) -> None:
    settings = Settings(
        amadeus_base_url="https://test.api.amadeus.com",
        booking_com_base_url="https://demandapi-sandbox.booking.com/3.2",
        supplier_rate_share=share,
    )
    amadeus, hotels = AmadeusSupplier(settings), BookingComSupplier(settings)
    assert amadeus.capabilities.requests_per_second == 10, "what is documented stays"
    turns = amadeus._api._pace._turns
    assert turns is not None
    assert turns.max_rate / turns.time_period == pytest.approx(rate)
    turns = hotels._http._pace._turns
    assert turns is not None
    assert turns.max_rate / turns.time_period == pytest.approx(50 / 60 * share)
