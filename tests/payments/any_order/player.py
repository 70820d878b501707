"""Plays the life of a booking from its opening to its end."""

from contextlib import AbstractAsyncContextManager, nullcontext
from enum import Enum, auto

from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.opening import book
from tests.payments.any_order.operations import operate
from tests.payments.any_order.plays import Kind, Opening, Operation

BY_WHAT_IS_KNOWN = frozenset(
    {Kind.CANCEL_ITEM, Kind.CANCEL_TRIP, Kind.GOODWILL, Kind.DECIDE, Kind.STRAY_SENT_BACK}
)
"""What operators decide, or follows what it did, by what it knew at that moment."""


class Manner(Enum):
    """How events find their way meanwhile."""

    PROMPT = auto()
    """After every operation, all of them."""
    RANDOM = auto()
    """Some, now and then, at any moment."""
    LATE = auto()
    """None, before they must."""


class Player:
    """Plays one life."""

    def __init__(
        self, booking: LiveBooking, manner: Manner = Manner.RANDOM, *, informed: bool = False
    ) -> None:
        self.booking = booking
        self._manner = manner
        self._informed = informed
        """Whether people decide only when all that has happened was delivered and is settled."""

    async def perform(self) -> None:
        """Play it all, then deliver everything, settle it, and deliver it once more."""
        booking, tally = self.booking, self.booking.tally
        tally.bookings += 1
        async with self._postman_walks():
            await book(booking)
            tally.openings[booking.play.opening] += 1
            for operation in booking.play.operations:
                await self._operate(operation)
        await self._come_to_rest()
        await booking.round.everything()
        await booking.settle()

    def _postman_walks(self) -> AbstractAsyncContextManager[None]:
        if self._manner is Manner.RANDOM:
            return self.booking.round.meanwhile()
        return nullcontext()

    async def _operate(self, operation: Operation) -> None:
        booking = self.booking
        if operation.kind in BY_WHAT_IS_KNOWN:
            if self._informed:
                await self._come_to_rest()
            elif operation.which % 2:
                await booking.settle()  # somebody may know what is going on
        done = await operate(booking, operation)
        (booking.tally.done if done else booking.tally.refused)[operation.kind] += 1
        booking.log.append(f"{operation.kind}: {'done' if done else 'not possible'}")
        if self._manner is Manner.PROMPT:
            await booking.round.new()
            await booking.settle(decide=False)

    async def _come_to_rest(self) -> None:
        """Have every event delivered and settled, until nothing new comes of that.

        A decision may refund once more, and the bank may think twice about that as well.
        """
        while True:
            await self.booking.until(self._bank_is_done, "the bank")
            new = await self.booking.round.new()
            if not await self.booking.settle() and not new:
                return

    async def _bank_is_done(self) -> bool:
        awaited = {Opening.SLOW_REFUNDS: "pending", Opening.RETURNS_REFUNDS: "succeeded"}
        status = awaited.get(self.booking.play.opening)
        return all(one["status"] != status for one in (await self.booking.charge()).refunds)
