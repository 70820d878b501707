"""The JSON client: whether a failed call can have had an effect."""

import asyncio
import datetime as dt
import inspect
import socket
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import uvicorn
from pydantic import Field

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, UnknownOutcome
from models.core.http import HttpClient
from suppliers.core.answers import Amount, Loose, LooseList, Message, Moment
from suppliers.core.http import JsonClient
from tests.suppliers.conftest import Reply, Scripted


class Priced(Message):
    price: Amount


def client(url: str, timeout: float = 0.5, connections: int = 4) -> JsonClient:
    return JsonClient(
        provider="someone",
        base_url=url,
        headers={"X-Key": "k"},
        timeout=timeout,
        connections=connections,
        max_bytes=10_000,
    )


@pytest.fixture
async def http(scripted: Scripted) -> AsyncIterator[JsonClient]:
    made = client(scripted.url)
    yield made
    await made.close()


@pytest.mark.parametrize("changes", [True, False])
async def test_a_refused_connection_sent_nothing(changes: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    http = client(f"http://127.0.0.1:{port}")
    with pytest.raises(Retryable) as caught:
        await http.call("POST", "/x", operation="book", changes=changes, body={})
    assert caught.value.code == "not_sent"
    await http.close()


async def test_waiting_for_a_connection_sent_nothing(scripted: Scripted) -> None:
    scripted.say("/slow", Reply(200, {}, delay=5))
    http = client(scripted.url, connections=1)
    ends = await asyncio.gather(
        *(http.call("POST", "/slow", operation="book", changes=True, body={}) for _ in range(4)),
        return_exceptions=True,
    )
    names = [type(end).__name__ for end in ends]
    # Whoever got the one connection sent something, the first at once and perhaps one more when
    # it was given up; all others are sure that nothing was sent.
    assert set(names) == {"Retryable", "UnknownOutcome"}
    assert names.count("UnknownOutcome") == len(scripted.requests) <= 2
    await http.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}, delay=5),
        Reply(0),
        Reply(200, b"x" * 20_000),
        Reply(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=["timeout", "reset", "too long", "undecodable"],
)
@pytest.mark.parametrize(("changes", "expected"), [(True, UnknownOutcome), (False, Retryable)])
async def test_what_left_and_was_not_answered(
    scripted: Scripted,
    http: JsonClient,
    reply: Reply,
    changes: bool,
    expected: type[ProviderError],
) -> None:
    scripted.say("/x", reply)
    with pytest.raises(expected) as caught:
        await http.call("POST", "/x", operation="book", changes=changes, body={"a": 1})
    assert caught.value.code == "no_answer"
    assert scripted.requests == [("/x", {"a": 1})], "no retry of its own"


async def test_the_timeout_is_for_the_whole_answer() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(50):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    http = client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    began = asyncio.get_running_loop().time()
    with pytest.raises(UnknownOutcome):
        await http.call("POST", "/x", operation="book", changes=True, body={})
    assert asyncio.get_running_loop().time() - began < 2
    await http.close()
    server.close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, AuthConfig),
        (403, AuthConfig),
        (405, InvalidRequest),
        (406, InvalidRequest),
        (413, InvalidRequest),
        (415, InvalidRequest),
        (429, Retryable),
        (302, UnknownOutcome),
        (408, UnknownOutcome),
        (500, UnknownOutcome),
        (503, UnknownOutcome),
    ],
)
async def test_statuses(
    scripted: Scripted, http: JsonClient, status: int, expected: type[ProviderError]
) -> None:
    scripted.say("/x", Reply(status, {}, {"X-Request-Id": "r-7"}))
    answer = await http.call("POST", "/x", operation="book", changes=True, body={})
    failure = answer.by_status("no")
    assert type(failure) is expected
    assert (failure.status, failure.request_id) == (status, "r-7")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("-3", 0), ("99999", 600), ("soon", None), ("nan", None), ("inf", 600)],
)
async def test_retry_after(
    scripted: Scripted, http: JsonClient, value: str, seconds: int | None
) -> None:
    scripted.say("/x", Reply(503, {}, {"Retry-After": value}))
    answer = await http.call("GET", "/x", operation="find", changes=False)
    expected = None if seconds is None else dt.timedelta(seconds=seconds)
    assert answer.retry_after == expected


ON_THE_HOUR = "Wed, 21 Oct 2015 07:00:00 GMT"
HALF_A_MINUTE_LATER = "Wed, 21 Oct 2015 07:00:30 GMT"
UNIX = str(int(dt.datetime(2015, 10, 21, 7, 0, 30, tzinfo=dt.UTC).timestamp()))


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": HALF_A_MINUTE_LATER}, 30),
        (503, {"Retry-After": HALF_A_MINUTE_LATER}, 30),
        (429, {"Retry-After": ON_THE_HOUR}, 0),
        (429, {"Retry-After": "Thu, 22 Oct 2015 07:00:00 GMT"}, 600),
        (429, {"Retry-After": "Mon, 99 Foo 0000 00:00:00 GMT"}, None),
        (429, {"Retry-After": UNIX}, 30),
        (429, {"RateLimit-Reset": "7"}, 7),
        (429, {"ratelimit-reset": HALF_A_MINUTE_LATER}, 30),
        (429, {"X-RateLimit-Reset": UNIX}, 30),
        (429, {"Retry-After": "3", "RateLimit-Reset": "7"}, 3),
        # They are on every answer; only "too many" is about them.
        (503, {"RateLimit-Reset": "7"}, None),
        (429, {}, None),
    ],
)
async def test_a_pause_in_whatever_form(
    scripted: Scripted,
    http: JsonClient,
    status: int,
    headers: dict[str, str],
    seconds: int | None,
) -> None:
    """A moment is one of the supplier's clock, which its ``Date`` tells."""
    scripted.say("/x", Reply(status, {}, {"Date": ON_THE_HOUR, **headers}))
    answer = await http.call("GET", "/x", operation="find", changes=False)
    expected = None if seconds is None else dt.timedelta(seconds=seconds)
    assert answer.retry_after == expected
    if status == 429:
        assert answer.rate_used_up == expected


class Part(Message):
    name: str
    at: Loose[Moment] = None


class Described(Message):
    id: str
    words: Loose[str] = None
    part: Loose[Part] = None
    parts: LooseList[Part] = Field(default_factory=list)
    at: Loose[Moment] = None


@pytest.mark.parametrize("odd", [b"null", b"7", b'""', b"[]", b"{}", b'[{}, null, "x"]', b"true"])
async def test_what_nobody_needs_makes_nothing_unreadable(
    scripted: Scripted, http: JsonClient, odd: bytes
) -> None:
    names = (b"words", b"part", b"parts", b"at")
    for body in (*(b'"%s": %s' % (name, odd) for name in names), b'"parts": [7, {"name": "a"}]'):
        scripted.say("/x", Reply(200, b'{"id": "1", %s}' % body))
        answer = await http.call("GET", "/x", operation="find", changes=False)
        read = answer.parse(Described)
        assert read.id == "1"
        assert read.parts in ([], [Part(name="a")])


async def test_what_is_not_needed_is_read_where_it_can_be(
    scripted: Scripted, http: JsonClient
) -> None:
    part = {"name": "a", "at": "2031-05-01T18:00:00Z"}
    body = {"id": "1", "part": part, "parts": [part, {"at": 7}, part], "at": part["at"]}
    scripted.say("/x", Reply(200, body))
    read = (await http.call("GET", "/x", operation="find", changes=False)).parse(Described)
    assert read.at == dt.datetime(2031, 5, 1, 18, tzinfo=dt.UTC)
    assert read.part is not None
    assert read.part.at == read.at
    assert read.parts == [read.part, read.part]


async def test_what_is_needed_is_named(scripted: Scripted, http: JsonClient) -> None:
    scripted.say("/x", Reply(200, {"id": None, "words": "a secret"}))
    answer = await http.call("GET", "/x", operation="find", changes=False)
    with pytest.raises(Retryable, match="not the published Described: id: ") as caught:
        answer.parse(Described)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "amount"),
    [
        (b'{"price": 123.45}', "123.45"),
        (b'{"price": 0.1}', "0.1"),
        (b'{"price": 7}', "7"),
        (b'{"price": "7"}', None),
        (b'{"price": true}', None),
        (b'{"price": null}', None),
        (b'{"price": NaN}', None),
        (b'{"price": Infinity}', None),
        (b'{"price": 1e400}', None),
        (b"[" * 5_000, None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
async def test_numbers_are_exact_and_nothing_else_is_a_number(
    scripted: Scripted, http: JsonClient, content: bytes, amount: str | None
) -> None:
    scripted.say("/x", Reply(200, content))
    answer = await http.call("POST", "/x", operation="book", changes=True)
    if amount is None:
        with pytest.raises(UnknownOutcome):
            answer.parse(Priced)
        assert answer.peek(Priced) is None
    else:
        assert answer.parse(Priced).price == Decimal(amount)


@pytest.mark.parametrize(("value", "currency"), [("1.005", "USD"), ("1.5", "JPY"), ("-1", "USD")])
async def test_an_impossible_amount(
    scripted: Scripted, http: JsonClient, value: str, currency: str
) -> None:
    scripted.say("/x", Reply(200, {}))
    answer = await http.call("GET", "/x", operation="find", changes=False)
    with pytest.raises(Retryable):
        answer.money(Decimal(value), currency)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_connection_that_ends_under_a_request_is_not_asked_again(method: str) -> None:
    """Of a connection that was used before; the HTTP client would repeat some by itself."""
    asked: list[bytes] = []

    async def once_then_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in (b"{}", None):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            if body is not None:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(once_then_gone, "127.0.0.1", 0)
    http = client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await http.call(method, "/x", operation="book", changes=True)
    with pytest.raises(UnknownOutcome):
        await http.call(method, "/x", operation="book", changes=True)
    assert len(asked) == 2
    await http.close()
    server.close()


def test_a_connection_is_given_up_before_servers_close_it() -> None:
    """A request that crosses the close of an idle connection has an unknown outcome."""
    kept = inspect.signature(HttpClient).parameters["keep"].default
    assert kept < inspect.signature(uvicorn.Config).parameters["timeout_keep_alive"].default
