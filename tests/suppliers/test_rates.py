"""The daily exchange rates: read strictly, kept while they are the latest, refused when old."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.errors import AuthConfig, NoExchangeRate, ProviderError, Retryable
from models.core.exchange import NoRateError, RateTable
from settings import Settings
from suppliers.exchange_rates.ecb import EcbRates
from suppliers.exchange_rates.xml import NotTheFeedError, read_daily
from tests.suppliers.conftest import PATIENCE, Reply, Scripted
from tests.support.sandbox_client import SandboxClient

FRIDAY = dt.date(2031, 1, 31)
"""2031-01-31 is a Friday."""


def feed(day: dt.date | str = FRIDAY, *cubes: str, sender: str = "European Central Bank") -> bytes:
    """The file as the bank writes it: single quotes, tabs and all."""
    lines = cubes or ("currency='USD' rate='1.0921'", "currency='JPY' rate='157.68'")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
        "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
        f"\t<gesmes:Sender>\n\t\t<gesmes:name>{sender}</gesmes:name>\n\t</gesmes:Sender>\n"
        f"\t<Cube>\n\t\t<Cube time='{day}'>\n"
        + "".join(f"\t\t\t<Cube {line}/>\n" for line in lines)
        + "\t\t</Cube>\n\t</Cube>\n</gesmes:Envelope>"
    ).encode()


# -- reading ---------------------------------------------------------------------------------------


def test_the_published_form() -> None:
    table = read_daily(feed())
    assert table == RateTable(
        FRIDAY,
        "European Central Bank euro foreign exchange reference rates",
        {"USD": Decimal("1.0921"), "JPY": Decimal("157.68")},
    )
    with pytest.raises(NoRateError):
        table.between("EUR", "BHD")


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Envelope>&b;</Envelope>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname">]>
<Envelope>&file;</Envelope>"""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no XML"),
        (b"<html><body>Down for maintenance</body></html>", "who publishes"),
        (b"{}", "no XML"),
        (b"\xff\xfe\x00", "no XML"),
        (feed()[:-30], "no XML"),
        (feed() + b"<more/>", "no XML"),
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        (feed().replace(b"UTF-8", b"EBCDIC-9"), "no XML"),
        (feed().replace(b"eurofxref", b"other", 1), "0 days"),
        (feed("2031-02-30"), "no day"),
        (feed("31 January"), "no day"),
        (feed().replace(b" time='2031-01-31'", b""), "0 days"),
        (feed().replace(b"<Cube>", b"<Cube time='2031-01-30'>", 1), "2 days"),
        (feed(FRIDAY, "currency='USD'"), "no rate"),
        (feed(FRIDAY, "rate='1.1'"), "no currency"),
        (feed(FRIDAY, "currency='usd' rate='1.1'"), "no currency"),
        (feed(FRIDAY, "currency='EUR' rate='1'"), "no currency"),
        (feed(FRIDAY, "currency='USD' rate='1.1'", "currency='USD' rate='1.2'"), "no currency"),
        (feed(FRIDAY, "currency='USD' rate='0'"), "no rate"),
        (feed(FRIDAY, "currency='USD' rate='0.000'"), "no rate"),
        (feed(FRIDAY, "currency='USD' rate='-1.1'"), "no rate"),
        (feed(FRIDAY, "currency='USD' rate='NaN'"), "no rate"),
        (feed(FRIDAY, "currency='USD' rate='1,1'"), "no rate"),
        (feed(FRIDAY, "currency='USD' rate='1e9'"), "no rate"),
        (feed(FRIDAY, "day='1'"), "no rates"),
        (feed(sender=" "), "who publishes"),
        (feed(sender="x" * 101), "who publishes"),
        (feed(sender="a&#10;b"), "who publishes"),
    ],
)
def test_anything_else_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(NotTheFeedError, match=why):
        read_daily(content)


@given(st.binary(max_size=400), st.integers(0, len(feed())), st.integers(0, 40))
def test_a_damaged_file_is_refused_or_read_and_nothing_else(
    noise: bytes, place: int, gone: int
) -> None:
    whole = feed()
    try:
        table = read_daily(whole[:place] + noise + whole[place + gone :])
    except NotTheFeedError:
        return
    assert table.per_euro
    assert all(rate > 0 for rate in table.per_euro.values())


# -- asking ----------------------------------------------------------------------------------------


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = dt.datetime(2031, 1, 31, 17, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Source = Callable[..., EcbRates]


@pytest.fixture
async def source(scripted: Scripted, clock: Clock) -> AsyncIterator[Source]:
    made: list[EcbRates] = []

    def make(**more: Any) -> EcbRates:
        values = {
            "exchange_rates": {"url": f"{scripted.url}/stats/daily.xml?x=1"},
            "provider_timeout_seconds": PATIENCE,
            **more,
        }
        made.append(EcbRates(Settings(**values), now=clock))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def say(scripted: Scripted, *replies: Reply | bytes) -> None:
    found = [reply if isinstance(reply, Reply) else Reply(200, reply) for reply in replies]
    scripted.say("/stats/daily.xml?x=1", *found)


async def test_one_look_serves_the_day(scripted: Scripted, source: Source, clock: Clock) -> None:
    say(scripted, feed())
    rates = source()
    first = await rates.latest()
    clock.now += dt.timedelta(hours=6)
    assert await rates.latest() is first
    assert len(scripted.requests) == 1


async def test_many_who_wait_are_one_look(scripted: Scripted, source: Source) -> None:
    say(scripted, Reply(200, feed(), delay=0.2))
    rates = source()
    tables = await asyncio.gather(*(rates.latest() for _ in range(50)))
    assert len(scripted.requests) == 1
    assert len({id(table) for table in tables}) == 1


async def test_who_gives_up_does_not_end_the_look_of_the_others(
    scripted: Scripted, source: Source
) -> None:
    say(scripted, Reply(200, feed(), delay=0.3))
    rates = source()
    impatient = asyncio.create_task(rates.latest())
    patient = asyncio.create_task(rates.latest())
    await asyncio.sleep(0.1)
    impatient.cancel()
    assert (await patient).as_of == FRIDAY
    assert len(scripted.requests) == 1


async def test_the_next_days_rates_are_looked_for_now_and_then(
    scripted: Scripted, source: Source, clock: Clock
) -> None:
    monday = FRIDAY + dt.timedelta(days=3)
    say(scripted, feed(), feed(), feed(monday))
    rates = source()
    await rates.latest()
    clock.now = dt.datetime(2031, 2, 3, 14, tzinfo=dt.UTC)
    assert (await rates.latest()).as_of == FRIDAY, "Monday's are not out yet"
    clock.now += dt.timedelta(minutes=5)
    await rates.latest()
    assert len(scripted.requests) == 2, "looked for a moment ago"
    clock.now += dt.timedelta(minutes=10)
    assert (await rates.latest()).as_of == monday
    assert len(scripted.requests) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(500, b""), Retryable),
        (Reply(503, b"", {"Retry-After": "3"}), Retryable),
        (Reply(429, b""), Retryable),
        (Reply(0), Retryable),
        (Reply(200, feed(), delay=PATIENCE + 0.5), Retryable),
        (Reply(200, feed()[:200]), Retryable),
        (Reply(200, BOMB), Retryable),
        (Reply(200, feed() + b" " * 70_000), Retryable),
        (Reply(200, feed(FRIDAY + dt.timedelta(days=2))), Retryable),
        (Reply(301, b"", {"Location": "/elsewhere"}), AuthConfig),
        (Reply(404, b""), AuthConfig),
        (Reply(403, b""), AuthConfig),
    ],
)
async def test_no_answer_to_rely_on(
    scripted: Scripted, source: Source, reply: Reply, error: type[ProviderError]
) -> None:
    say(scripted, reply, Reply(200, feed()))
    rates = source()
    with pytest.raises(ProviderError) as caught:
        await rates.latest()
    assert type(caught.value) is error
    assert caught.value.provider == "rates"
    assert (await rates.latest()).as_of == FRIDAY, "a failed look is not remembered"


async def test_nobody_there(source: Source) -> None:
    rates = source(exchange_rates={"url": "http://127.0.0.1:1/daily.xml"})
    with pytest.raises(Retryable):
        await rates.latest()


async def test_yesterdays_rates_serve_while_the_bank_is_away(
    scripted: Scripted, source: Source, clock: Clock
) -> None:
    say(scripted, feed(), Reply(500, b""), Reply(404, b""), Reply(500, b""))
    rates = source(exchange_rates={"url": f"{scripted.url}/stats/daily.xml?x=1", "max_age_days": 3})
    await rates.latest()
    for _ in range(3):
        clock.now += dt.timedelta(days=1)
        assert (await rates.latest()).as_of == FRIDAY
        assert (await rates.latest()).as_of == FRIDAY, "without looking again at once"
    assert len(scripted.requests) == 4
    clock.now += dt.timedelta(days=1)
    with pytest.raises(Retryable):
        await rates.latest()


async def test_old_rates_convert_nothing(scripted: Scripted, source: Source, clock: Clock) -> None:
    say(scripted, feed(), feed(), feed(FRIDAY + dt.timedelta(days=8)))
    rates = source()
    clock.now += dt.timedelta(days=7)
    assert (await rates.latest()).as_of == FRIDAY
    clock.now += dt.timedelta(days=1)
    with pytest.raises(NoExchangeRate, match="of 2031-01-31, older than 7 days") as caught:
        await rates.latest()
    assert caught.value.code == "stale"
    assert (await rates.latest()).as_of == FRIDAY + dt.timedelta(days=8), "looked for each time"


async def test_a_source_that_goes_back_in_time_is_not_followed(
    scripted: Scripted, source: Source, clock: Clock
) -> None:
    say(scripted, feed(), feed(FRIDAY - dt.timedelta(days=1)))
    rates = source()
    await rates.latest()
    clock.now += dt.timedelta(days=1)
    assert (await rates.latest()).as_of == FRIDAY
    assert len(scripted.requests) == 2


# -- the sandbox's bank ----------------------------------------------------------------------------


@pytest.fixture
async def bank(sandbox: SandboxClient) -> AsyncIterator[EcbRates]:
    rates = EcbRates(Settings(sandbox_url=sandbox.url, provider_timeout_seconds=PATIENCE))
    yield rates
    await rates.close()


async def test_the_sandbox_publishes_todays(bank: EcbRates) -> None:
    table = await bank.latest()
    assert table.as_of == dt.datetime.now(dt.UTC).date()
    assert table.source == "European Central Bank (sandbox) euro foreign exchange reference rates"
    assert len(table.per_euro) == 29
    assert table.between("EUR", "JPY").rate == "160"
    with pytest.raises(NoRateError):
        table.between("EUR", "BHD")


@pytest.mark.parametrize("kind", ["error", "reset", "hang", "malformed", "commit_then_error"])
async def test_the_banks_faults(sandbox: SandboxClient, bank: EcbRates, kind: str) -> None:
    await sandbox.arm("rates", "quote", kind, seconds=PATIENCE + 1)
    with pytest.raises(Retryable):
        await bank.latest()
    assert await sandbox.fired() == 1
    assert (await bank.latest()).between("EUR", "USD").rate == "1.1"


async def test_the_bank_may_move_or_drift(sandbox: SandboxClient, bank: EcbRates) -> None:
    await sandbox.arm("rates", "quote", "refuse")
    with pytest.raises(AuthConfig):
        await bank.latest()
    await sandbox.arm("rates", "quote", "price_drift")
    assert (await bank.latest()).between("EUR", "USD").rate == "1.21"


async def test_the_file_of_another_day(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.get("/rates/eurofxref-daily.xml", params={"day": "2020-02-03"})
    assert answer.headers["content-type"].startswith("text/xml")
    assert read_daily(answer.content).as_of == dt.date(2020, 2, 3)
