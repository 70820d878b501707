"""Crowds at stock (M1 to M4 of record-and-marketplace.md §3.7): who they are and what they do."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError

from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.lifecycle import BookingState
from models.bookings.repository import StaleVersionError
from models.core.database import DATABASE_AWAY
from models.marketplace.stock.refusals import NotOnSale, SoldOut
from models.marketplace.stock.wanted import Wanted
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import DAY, FIRST, seats, stay

Answer = TypeVar("Answer")
S = BookingState
AT_ONCE = 8
"""Fewer than the pool has connections."""


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask again while the database is away; what is asked may be repeated."""
    while True:
        try:
            return await ask()
        except DATABASE_AWAY as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) == "40P01":
                raise
            await asyncio.sleep(0.1)


async def in_turns(works: Sequence[Callable[[], Awaitable[Answer]]]) -> list[Answer]:
    """Do everything, some at once."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(work: Callable[[], Awaitable[Answer]]) -> Answer:
        async with at_once:
            return await work()

    return await asyncio.gather(*map(one, works))


async def sell_out(market: Market, buyers: int, stock: int, seed: int) -> None:
    """M1: many buyers, few seats; some who hold one give it up. All seats are sold at the end."""
    chance = random.Random(seed)
    departure = await market.departure(stock)

    async def buyer(wavers: bool) -> Booking | None:
        request = await patiently(lambda: market.request(seats(departure)))
        while True:
            try:
                opened = await patiently(lambda: market.open_hold(request))
            except SoldOut:
                held, _ = await patiently(lambda: market.seats_of(departure))
                if not held:
                    return None
                await asyncio.sleep(0.01)
                continue
            # also where it was held, and the answer was lost
            if opened is None:
                opened = await patiently(lambda: market.load(request.booking_id))
            return await goes_on(opened, wavers)

    async def goes_on(booking: Booking, wavers: bool) -> Booking | None:
        if wavers:
            await patiently(lambda: market.end(booking, S.CANCELLED))
            return None
        for state in (S.PAYMENT_PENDING, S.PROCESSING, S.CONFIRMED):
            booking = await patiently(partial(market.come_to, booking, state))
        return booking

    will = [chance.random() < 0.2 for _ in range(buyers)]
    had = await in_turns([lambda w=w: buyer(w) for w in will])  # type: ignore[misc]
    bought = [one for one in had if one is not None]
    assert len(bought) == stock
    assert await market.seats_of(departure) == (0, stock)
    assert market.deadlocks == 0
    assert await market.violations() == []


OPERATIONS = ("hold", "hold", "hold", "pay", "pay", "cancel", "expire", "move", "move", "units")


class Scramble:
    """M2: random operations over overlapping ranges of a few nights of some rooms."""

    NIGHTS = 14
    UNITS = 3

    def __init__(self, market: Market, seed: int) -> None:
        self.market = market
        self.chance = random.Random(seed)
        self.rooms: list[str] = []
        self.live: list[Booking] = []
        self.versions: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    async def play(self, operations: int) -> None:
        """Do so many operations, some at once, and look at everything then."""
        if not self.rooms:
            self.rooms = [await self.market.room(self.UNITS, self.NIGHTS) for _ in range(2)]
        chosen = [self.chance.choice(OPERATIONS) for _ in range(operations)]
        await in_turns([lambda name=name: self.one(name) for name in chosen])  # type: ignore[misc]
        await self.market.sweep()
        assert self.market.deadlocks == 0
        assert await self.market.violations() == []
        for room in self.rooms:
            for held, sold in await self.market.counters(room):
                assert held >= 0 <= sold

    async def one(self, name: str) -> None:
        """Do one operation; refusals are answers."""
        try:
            await getattr(self, name)()
        except (SoldOut, NotOnSale, HoldLostError, StaleVersionError) as refused:
            self.seen[type(refused).__name__] += 1
        else:
            self.seen[name] += 1

    def wanted(self) -> Wanted:
        """Return a stay of a few nights, of one room or of both, in any order."""
        begins = self.chance.randrange(self.NIGHTS - 1)
        ends = min(self.NIGHTS, begins + self.chance.randint(1, 6))
        rooms = self.chance.sample(self.rooms, self.chance.choice((1, 1, 2)))
        return stay(*((room, begins, ends) for room in rooms))

    def taken(self) -> Booking | None:
        """Return a booking that nobody else works on now."""
        return self.live.pop(self.chance.randrange(len(self.live))) if self.live else None

    async def hold(self) -> None:
        self.live.append(await self.market.hold(self.wanted()))

    async def pay(self) -> None:
        booking = self.taken()
        if booking is not None and booking.state is S.HELD:
            bought = await self.market.buy(booking)
            if isinstance(bought, Booking):
                self.live.append(bought)
            else:
                raise bought

    async def cancel(self) -> None:
        booking = self.taken()
        if booking is not None:
            await self.market.end(booking, S.CANCELLED)

    async def expire(self) -> None:
        """Let the hold of one end, who goes on all the same; somebody sweeps meanwhile."""
        booking = self.taken()
        if booking is not None:
            await self.market.age(booking)
            self.live.append(booking)
        await self.market.sweep()

    async def move(self) -> None:
        booking = self.taken()
        if booking is not None:
            self.versions[booking.id] += 1
            try:
                await self.market.move(booking, self.wanted(), 1 + self.versions[booking.id])
            finally:
                self.live.append(booking)

    async def units(self) -> None:
        """The provider has more or fewer to sell, but never fewer than are held and sold."""
        begins = self.chance.randrange(self.NIGHTS - 3)
        try:
            await self.market.do(
                """WITH locked AS (
                    SELECT room_id, night FROM inventory_nights WHERE room_id = :room
                        AND night >= :first AND night < :last ORDER BY room_id, night FOR UPDATE
                ) UPDATE inventory_nights n SET units = :units FROM locked l
                WHERE n.room_id = l.room_id AND n.night = l.night""",
                room=self.chance.choice(self.rooms),
                first=FIRST + begins * DAY,
                last=FIRST + (begins + 3) * DAY,
                units=self.chance.randint(1, self.UNITS),
            )
        except IntegrityError:
            self.seen["below what is sold"] += 1


async def race(market: Market, room: str, seed: int) -> str:
    """M3: a hold ends while it is sold, and somebody sweeps; returns what its claim is then."""
    chance = random.Random(seed)
    booking = await market.come_to(await market.hold(stay((room, 0, 2))), S.PAYMENT_PENDING)
    await market.do(
        "UPDATE stock_claims SET expires_at = clock_timestamp() + interval '50 ms'"
        " WHERE booking_id = :id",
        id=booking.id,
    )

    async def later(work: Callable[[], Awaitable[Any]], most: float) -> Any:
        await asyncio.sleep(chance.uniform(0, most))
        return await work()

    async def sell() -> bool:
        try:
            await market.come_to(booking, S.PROCESSING)
        except HoldLostError:
            return False
        return True

    async def sweep() -> None:
        while not await market.sweep():
            ((state,),) = await market.do(
                "SELECT state FROM stock_claims WHERE booking_id = :id", id=booking.id
            )
            if state != "HELD":
                return

    sold, _ = await asyncio.gather(later(sell, 0.09), later(sweep, 0.06))
    ((_, state),) = await market.claims(booking)
    assert (state, await market.state(booking)) == (
        ("SOLD", "PROCESSING") if sold else ("EXPIRED", "PAYMENT_PENDING")
    )
    counted = (await market.counters(room))[:2]
    assert counted == ([(0, 1)] * 2 if sold else [(0, 0)] * 2)
    assert await market.end(booking, S.CANCELLED if sold else S.EXPIRED)
    return str(state)


async def suspension(market: Market, buyers: int, seed: int) -> int:
    """M4: a provider is suspended while people hold and pay; returns how many holds it ended."""
    chance = random.Random(seed)
    room = await market.room(units=500, nights=3)
    before = [await market.hold(stay((room, 0, 2))) for _ in range(3)]
    paying = await market.come_to(before[0], S.PAYMENT_PENDING)
    confirmed = await market.buy(before[1])
    assert isinstance(confirmed, Booking)
    requests = [await market.request(stay((room, 0, 3))) for _ in range(buyers)]
    refused: Counter[str] = Counter()

    async def buyer(number: int) -> None:
        # Not all the time: the suspension waits for a moment in which nobody holds something.
        await asyncio.sleep(chance.uniform(0, 0.1))
        try:
            booking = await market.open_hold(requests[number])
            assert booking is not None
            if chance.random() < 0.5:
                await market.buy(booking)
        except (NotOnSale, StaleVersionError) as error:
            refused[type(error).__name__] += 1

    async def suspend() -> int:
        made = "SELECT count(*) FROM purchases WHERE listing_id = :listing"
        while (await market.do(made, listing=market.listing))[0][0] < 6:
            await asyncio.sleep(0.005)
        return await market.suspend()

    works: list[Callable[[], Awaitable[Any]]] = [suspend]
    works += [lambda n=n: buyer(n) for n in range(buyers)]  # type: ignore[misc]
    ended, *_ = await in_turns(works)
    assert refused["NotOnSale"] > 0
    held = await market.do(
        "SELECT b.state FROM stock_claims c JOIN bookings b ON b.id = c.booking_id"
        " WHERE b.provider_id = :provider AND c.state = 'HELD'",
        provider=market.provider,
    )
    assert held == [], "held of a provider who is suspended"
    assert await market.state(before[2]) == "EXPIRED"
    assert await market.state(paying) == "PAYMENT_PENDING"
    assert await market.claims(paying) == [(1, "EXPIRED")]
    assert await market.claims(confirmed) == [(1, "SOLD")]
    try:
        await market.take_again(paying)
    except NotOnSale:
        refused["take again"] += 1
    assert refused["take again"] == 1
    assert market.deadlocks == 0
    assert await market.violations() == []
    return int(ended)
