"""Columns F3, F11 and F12 of the fault matrix, on servers that nobody else needs.

Stripe cannot be reached; PostgreSQL or Temporal is killed, and started again, while a call of
every row is under way. One restart serves all rows.
"""

import asyncio
import datetime as dt
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from localworld.places import ROOT
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.api.conftest import client
from tests.api.line import Line
from tests.api.server import Served
from tests.conftest import migrate
from tests.support.checker import check
from tests.support.money import Gateway
from tests.support.stack import Stack, create_stack
from tests.trips.faults.giving_back import OPERATIONS, GivingBack
from tests.trips.faults.servers import Servers
from tests.trips.faults.under_way import CALLS, UnderWay
from tests.webhooks.conftest import STRIPE, registered
from tests.webhooks.desk import paid
from tests.webhooks.rows import Rows
from tests.webhooks.signing import encoded, event, signature

BY_HAND = "evt_by_hand"

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("restarts")]


@pytest.fixture(scope="module")
def own_servers() -> Iterator[Servers]:
    parent = ROOT / "var" / "tests"
    parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="restarts-", dir=parent))
    servers = Servers(place)
    migrate(servers.database_url)
    yield servers
    servers.stop()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
async def to_stripe(sandbox_url: str) -> AsyncIterator[Line]:
    """The line between the worker and Stripe."""
    address = urlsplit(sandbox_url)
    line = Line(lambda: asyncio.open_connection(address.hostname, address.port))
    await line.mend()
    yield line
    await line.cut()


@pytest.fixture(scope="module")
async def own_world(
    own_servers: Servers, to_stripe: Line, sandbox_url: str
) -> AsyncIterator[Stack]:
    stack = await create_stack(
        database_url=own_servers.database_url,
        temporal_address=own_servers.temporal_address,
        sandbox_url=sandbox_url,
        name="restarts",
        STRIPE_API_BASE=f"http://127.0.0.1:{to_stripe.port}/stripe",
        PROVIDER_TIMEOUT_SECONDS="15",
        UNDO_ATTEMPTS="20",
    )
    stack.start_worker()
    yield stack
    await stack.sandbox.clear()
    await stack.close()


@pytest.fixture(scope="module")
def own_api(own_world: Stack, sandbox_url: str) -> Iterator[Served]:
    """An API that the gateway tells of every event."""
    with registered(own_world.settings, sandbox_url) as served:
        yield served


@pytest.fixture
async def stack(own_world: Stack, to_stripe: Line) -> AsyncIterator[Stack]:
    await own_world.sandbox.clear()
    yield own_world
    await own_world.sandbox.clear()
    await to_stripe.mend()


# -- F3: Stripe cannot be reached -----------------------------------------------------------------


async def _attempted(
    stack: Stack, booking_id: str, provider: str, operation: str, outcome: str
) -> None:
    """Wait until a provider was asked for something with that outcome."""
    rows = Rows(stack.settings.database.url)
    async with asyncio.timeout(30):
        while not rows(
            "SELECT 1 FROM attempts WHERE booking_id = %s AND provider = %s AND operation = %s"
            " AND outcome = %s",
            booking_id,
            provider,
            operation,
            outcome,
        ):
            await asyncio.sleep(0.05)


async def _booked(stack: Stack, to_stripe: Line, operation: str, cut_at: tuple[str, str]) -> None:
    """Book over a line that is cut when a supplier is asked, and mended after a first attempt."""
    request = await stack.request()
    supplier, asked = cut_at
    fault = await stack.sandbox.arm(supplier, asked, "slow", seconds=0.5)
    handle = await stack.start(request)
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired(fault):
            await asyncio.sleep(0.02)
        await to_stripe.cut()
    await _attempted(stack, request.booking_id, "stripe", operation, "not_done")
    await to_stripe.mend()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_3_F3(stack: Stack, to_stripe: Line) -> None:
    await _booked(stack, to_stripe, "create", ("amadeus", "quote"))


async def test_7_F3(stack: Stack, to_stripe: Line) -> None:
    await _booked(stack, to_stripe, "capture", ("booking_com", "book"))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F3(stack: Stack, to_stripe: Line, operation: str) -> None:
    back = await GivingBack.of(stack, operation)
    # The money goes back last, after the flight.
    fault = await stack.sandbox.arm("amadeus", "cancel", "slow", seconds=0.3)
    handle = await back.begin()
    await back.met(fault)
    await to_stripe.cut()
    await _attempted(stack, back.booking_id, "amadeus", "cancel", "done")
    await asyncio.sleep(0.5)
    assert not await back.has_gone_back(), "the line was not cut: this cell is void"
    await to_stripe.mend()
    await back.ended(handle)


# -- F11, F12: a server is killed while a call of every row is under way ---------------------------


@dataclass
class Interrupted:
    """What was under way when a server was killed, and what has come in meanwhile."""

    stack: Stack
    under_way: UnderWay
    disputed: Booking
    """A booking at rest, whose payment is disputed while the server is away."""
    since: dt.datetime
    """When the booking was at rest and nothing of it was left to be told."""
    dispute: str = ""
    answer: httpx.Response | None = None
    """What the API answered to an event of the gateway meanwhile."""

    @classmethod
    async def begin(cls, stack: Stack) -> "Interrupted":
        await stack.sandbox.clear()
        disputed = await stack.book()
        under_way = await UnderWay.begin(stack)
        return cls(stack, under_way, disputed, dt.datetime.now(dt.UTC))

    async def meanwhile(self, api: Served) -> None:
        """Have the gateway tell of a dispute; and the same by hand, to see the answer.

        Returns when every call has been answered: into a world without that server.
        """
        assert await self.under_way.answered() == [], "nothing was under way: these cells are void"
        self.dispute = await Gateway(self.stack).dispute(paid(self.disputed))
        body = encoded(event(id=BY_HAND, payment=paid(self.disputed)))
        secret = api.app.state.context.settings.stripe.webhook_secret.get_secret_value()
        async with client(api.url) as http:
            headers = {"Stripe-Signature": signature(body, secret=secret)}
            self.answer = await http.post(STRIPE, content=body, headers=headers)
        async with asyncio.timeout(30):
            while len(await self.under_way.answered()) < len(CALLS):
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)

    async def recorded(self) -> None:
        """Wait until the dispute is on record, and judge the booking."""
        stack, rows = self.stack, Rows(self.stack.settings.database.url)
        async with asyncio.timeout(60):
            while not rows(
                "SELECT 1 FROM payments JOIN disputes USING (booking_id)"
                " WHERE payment_intent_id = %s",
                paid(self.disputed),
            ):
                await asyncio.sleep(0.2)
        facts = await check(stack.sandbox, stack.settings.database.url, self.disputed.id)
        assert [found["id"] for found in facts.disputes] == [self.dispute]

    def kept(self) -> list[dict[str, Any]]:
        """The events of the disputed payment since then that have been kept."""
        rows = Rows(self.stack.settings.database.url)
        return rows(
            "SELECT * FROM webhook_events WHERE payment_id = %s AND received_at > %s",
            paid(self.disputed),
            self.since,
        )


@pytest.fixture(scope="module")
async def database_killed(own_servers: Servers, own_world: Stack, own_api: Served) -> Interrupted:
    interrupted = await Interrupted.begin(own_world)
    own_servers.kill_database()
    await interrupted.meanwhile(own_api)
    own_servers.start_database()
    # The test reads over its own pool, whose connections died too.
    await own_world.sessions.kw["bind"].dispose()
    return interrupted


async def test_3_F11(database_killed: Interrupted) -> None:
    await database_killed.under_way.booked("3")


async def test_7_F11(database_killed: Interrupted) -> None:
    await database_killed.under_way.booked("7")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F11(database_killed: Interrupted, operation: str) -> None:
    await database_killed.under_way.given_back(f"c1-{operation}")


async def test_x1_F11(database_killed: Interrupted) -> None:
    """To be sent again, and sent again."""
    answer = database_killed.answer
    assert answer is not None
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    await database_killed.recorded()
    kept = {row["event_id"] for row in database_killed.kept()}
    assert kept, "what the gateway was refused it has sent again"
    assert BY_HAND not in kept


@pytest.fixture(scope="module")
async def temporal_killed(own_servers: Servers, own_world: Stack, own_api: Served) -> Interrupted:
    interrupted = await Interrupted.begin(own_world)
    own_servers.kill_temporal()
    await interrupted.meanwhile(own_api)
    async with asyncio.timeout(60):  # a worker has tried to begin what is to be done
        while not any("RPCError" in (row["outcome"] or "") for row in interrupted.kept()):
            await asyncio.sleep(0.05)
    own_servers.start_temporal()
    return interrupted


async def test_3_F12(temporal_killed: Interrupted) -> None:
    await temporal_killed.under_way.booked("3")


async def test_7_F12(temporal_killed: Interrupted) -> None:
    await temporal_killed.under_way.booked("7")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F12(temporal_killed: Interrupted, operation: str) -> None:
    await temporal_killed.under_way.given_back(f"c1-{operation}")


async def test_x1_F12(temporal_killed: Interrupted) -> None:
    """Taken in at once, and handled when Temporal is back."""
    answer = temporal_killed.answer
    assert answer is not None
    assert answer.status_code == 200, answer.text
    await temporal_killed.recorded()
    async with asyncio.timeout(30):
        while {row["status"] for row in temporal_killed.kept()} != {"done"}:
            await asyncio.sleep(0.2)
