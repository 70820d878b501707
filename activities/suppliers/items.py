"""Activities that deal with suppliers about one item: book, complete, look, undo."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.attempts import DONE, NOT_DONE, AttemptLog, Intent, Past, pause_within
from activities.core.failures import application_error, problem, refused
from activities.core.heartbeats import heartbeating
from activities.suppliers.ordered_items import OrderedItem, load, load_and_begin, supplier_of
from models import calls
from models.bookings.problems import Code, Problem
from models.core.database import Sessions
from models.core.errors import Fault, Refusal, Retryable, Unavailable, UnknownOutcome
from models.core.keys import operation_key
from models.core.supply import FOUND_BY_HAND, GONE, Cancellation, Reservation, ReservationStatus
from models.suppliers.messages import BookedItem, CancelledItem, ItemCall, LookedItem
from suppliers.core.protocol import (
    CompletesHolds,
    FindsReservations,
    Party,
    ReleasesReferences,
    Sells,
)


class ItemActivities:
    """The only code that books at suppliers; every call goes through the attempt log."""

    def __init__(
        self,
        sessions: Sessions,
        suppliers: Mapping[str, Sells[Any, Any]],
        settle_period: dt.timedelta,
    ) -> None:
        self._sessions = sessions
        self._log = AttemptLog(sessions)
        self._suppliers = suppliers
        self._settle_period = settle_period

    @activity.defn(name=calls.BOOK_ITEM.name)
    async def book_item(self, call: ItemCall) -> BookedItem:
        """Reserve one item under our reference, once in effect.

        Raises:
            ApplicationError: no answer; a retry settles it by looking our reference up. Not
                retryable where nobody can tell but a person (type ``UnknownOutcome``).
        """
        item, begun = await load_and_begin(
            self._sessions, call.booking_id, call.item, key=call.key, suppliers=self._suppliers
        )
        if item.quote is None:
            raise ApplicationError(
                f"item {item.number} of booking {call.booking_id} was never quoted",
                type="NotQuoted",
                non_retryable=True,
            )
        quote = item.quote

        async def book(_: int) -> Reservation:
            return await supplier.book(item.component, quote, item.party, item.reference)

        async def find(since: dt.datetime) -> Reservation | None:
            assert finder is not None
            found = await finder.find(item.reference, since=since)
            if found is not None and found.status in GONE:
                raise _gone(item, supplier)
            if (
                found is not None
                and found.price != quote.price
                and found.details.get("price_stated", True)
            ):
                # It was booked, but not as was agreed: the undo finds it again and cancels it.
                raise UnknownOutcome(
                    f"{item.component.title} was booked for {found.price}, not {quote.price}",
                    provider=supplier.name,
                    operation="find",
                    code="unsettled",
                )
            return found

        try:
            supplier = supplier_of(item, self._suppliers)
            can = supplier.capabilities
            finder = supplier if isinstance(supplier, FindsReservations) else None
            # What an unanswered call may have left lets itself go, or answers to its reference.
            harmless = can.lapses or isinstance(supplier, ReleasesReferences)
            async with heartbeating():
                reservation = await self._log.once(
                    self._intent(item, "book", call.key),
                    Reservation,
                    book,
                    look_up=find if finder else _nothing_to_see if harmless else None,
                    repeat_after=can.repeat_after,
                    may_repeat=can.repeats,
                    begun=begun,
                )
        except Refusal as refusal:
            return await self._not_to_be_had(item, call.key, refusal)
        except Fault as fault:
            raise application_error(fault) from fault
        return BookedItem(
            reservation=reservation,
            after_capture=isinstance(supplier, CompletesHolds)
            and supplier.completes == "after_capture",
        )

    @activity.defn(name=calls.COMPLETE_ITEM.name)
    async def complete_item(self, call: ItemCall) -> BookedItem:
        """Complete what is held: pay it, confirm it; once in effect.

        Raises:
            ApplicationError: no answer; a retry settles it by looking at the reservation.
        """
        (item,) = await load(self._sessions, call.booking_id, call.item)
        try:
            supplier = supplier_of(item, self._suppliers)
            held = await self._reserved(item)
            if (
                held is None
                or item.quote is None
                or not isinstance(supplier, CompletesHolds)
                or not isinstance(item.party, Party)
            ):
                raise ApplicationError(
                    f"item {item.number} of booking {call.booking_id} is not held",
                    type="NotHeld",
                    non_retryable=True,
                )
            quote, party, completer = item.quote, item.party, supplier

            async def complete(version: int) -> Reservation:
                return await completer.complete(held, quote, party, f"{call.key}.{version}")

            async def look(_: dt.datetime) -> Reservation | None:
                seen = await supplier.look(held)
                if seen.status in GONE:
                    raise _gone(item, supplier)
                return None if seen.status is ReservationStatus.HELD else seen

            async with heartbeating():
                reservation = await self._log.once(
                    self._intent(item, "complete", call.key),
                    Reservation,
                    complete,
                    look_up=look,
                    repeat_after=supplier.capabilities.repeat_after,
                )
        except Refusal as refusal:
            return await self._not_to_be_had(item, call.key, refusal)
        except Fault as fault:
            raise application_error(fault) from fault
        return BookedItem(reservation=reservation)

    @activity.defn(name=calls.LOOK_AT_ITEM.name)
    async def look_at_item(self, call: ItemCall) -> LookedItem:
        """Return a reservation as its supplier has it now; what nobody has seen is looked for.

        Raises:
            ApplicationError: no answer (retryable).
        """
        try:
            async with heartbeating():
                return LookedItem(reservation=await self.look(call.booking_id, call.item))
        except Refusal as refusal:
            raise refused(refusal) from refusal
        except Fault as fault:
            raise application_error(fault) from fault

    async def look(self, booking_id: str, number: int) -> Reservation | None:
        """Return an item's reservation as its supplier has it now; None: nothing is there.

        Raises:
            ProviderError: no answer, or the supplier does not let us in.
        """
        (item,) = await load(self._sessions, booking_id, number)
        supplier = supplier_of(item, self._suppliers)
        known = await self._reserved(item)
        if known is not None:
            return await supplier.look(known)
        past = await self._log.past(_book_key(item))
        if not past.rows or not isinstance(supplier, FindsReservations):
            return None
        return await supplier.find(item.reference, since=past.began)

    @activity.defn(name=calls.CANCEL_ITEM.name)
    async def cancel_item(self, call: ItemCall) -> CancelledItem:
        """Cancel one item if present: done, not done or still in flight.

        First closes the booking of it for good, so that no late worker can begin it. What is
        unsettled is looked up until the settling period is over. An id that an operator has given
        and that does not fit what is held is refused, and nothing is cancelled.

        Raises:
            ApplicationError: not settled yet (retryable), or nobody but a person can tell whether
                it exists (type ``UnknownOutcome``, not retryable).
        """
        (item,) = await load(self._sessions, call.booking_id, call.item)
        key = _book_key(item)
        try:
            supplier = supplier_of(item, self._suppliers)
            async with heartbeating():
                past = await self._log.tombstone(self._intent(item, "book", key))
                if isinstance(supplier, CompletesHolds):
                    await self._log.tombstone(self._intent(item, "complete", _complete_key(item)))
                if isinstance(supplier, ReleasesReferences):
                    if not past.last(DONE) and not past.unanswered:
                        return CancelledItem()  # it was never asked, or has refused
                    cancel = _releasing(supplier, item.reference)
                else:
                    held = await self._what_is_held(item, supplier, past, key, call.supplier_id)
                    if call.supplier_id and not _is_named(held, call.supplier_id):
                        return _not_cancellable(item, _unused(item, held, call.supplier_id))
                    if held is None or held.status in GONE:
                        return CancelledItem()
                    cancel = _cancelling(supplier, held, call.key)
                answer = await self._log.once(
                    self._intent(item, "cancel", call.key),
                    Cancellation,
                    cancel,
                    look_up=_nothing_to_see,
                    repeat_after=dt.timedelta(0),  # cancelling is absorbing
                )
        except Refusal as refusal:
            return CancelledItem(refused=problem(refusal, step="cancel", item=item.number))
        except Fault as fault:
            raise application_error(fault) from fault
        return CancelledItem(
            supplier_fee=answer.fee.amount if answer.fee else None,
            supplier_fee_currency=answer.fee.currency if answer.fee else None,
        )

    async def _what_is_held(
        self,
        item: OrderedItem,
        supplier: Sells[Any, Any],
        past: Past,
        key: str,
        supplier_id: str | None,
    ) -> Reservation | None:
        """Tell what the supplier holds for an item, when nobody may have seen its answer."""
        done = past.last(DONE)
        if done is not None:
            return Reservation.model_validate(done.result)
        if not past.doubtful:
            return await self._done_late(item, supplier, past)
        if supplier.capabilities.lapses:
            return None  # a hold whose answer was lost expires by itself
        if not isinstance(supplier, FindsReservations):
            if supplier_id is not None:
                return _found_by_hand(item, supplier_id)
            raise UnknownOutcome(
                f"nobody knows whether {item.component.title} was reserved at {supplier.name};"
                f" look for our reference {item.reference} in its back office",
                provider=supplier.name,
                operation="find",
                code="unsettled",
            )
        found = await supplier.find(item.reference, since=past.began)
        if found is not None:
            await self._log.adopt(past, found)
            return found
        doubt = self._settle_period
        if any(row.outcome is None for row in past.doubtful):
            doubt += 2 * supplier.capabilities.timeout  # it may be under way: hold, then book
        left = past.ended + doubt - dt.datetime.now(dt.UTC)
        if left > dt.timedelta(0):
            raise Retryable(
                f"{item.reference} is not visible at {supplier.name}, and may still appear",
                provider=supplier.name,
                operation="find",
                retry_after=pause_within(left),
            )
        if any(row.http_status == HTTPStatus.CREATED for row in past.doubtful):
            raise UnknownOutcome(
                f"{supplier.name} answered that {item.component.title} was made, in words that"
                f" could not be read, and shows nothing under {item.reference}; look for it in its"
                " back office",
                provider=supplier.name,
                operation="find",
                code="unsettled",
            )
        await self._log.settle_unsettled(key, NOT_DONE)
        return None

    async def _done_late(
        self, item: OrderedItem, supplier: Sells[Any, Any], past: Past
    ) -> Reservation | None:
        """Look once more for what was given up as not done: it may have been done since."""
        if not past.unanswered or not isinstance(supplier, FindsReservations):
            return None
        found = await supplier.find(item.reference, since=past.began)
        if found is not None:
            await self._log.adopt(past, found)
        return found

    async def _not_to_be_had(self, item: OrderedItem, key: str, refusal: Refusal) -> BookedItem:
        """Return a refusal as the answer, and whether an earlier attempt may yet take effect."""
        past = await self._log.past(key)
        return BookedItem(
            refused=problem(refusal, step=item.step, item=item.number),
            doubtful=bool(past.doubtful),
        )

    async def _reserved(self, item: OrderedItem) -> Reservation | None:
        """Return what the supplier answered, as far as anybody has seen it."""
        for key in (_complete_key(item), _book_key(item)):
            done = (await self._log.past(key)).last(DONE)
            if done is not None:
                return Reservation.model_validate(done.result)
        return None

    def _intent(self, item: OrderedItem, operation: str, key: str) -> Intent:
        return Intent(
            booking_id=item.booking_id,
            provider=item.component.supplier,
            operation=operation,
            key=key,
            item=item.number,
            names=item.names,
        )


def _book_key(item: OrderedItem) -> str:
    return operation_key(item.booking_id, item.number, "book")


def _complete_key(item: OrderedItem) -> str:
    return operation_key(item.booking_id, item.number, "complete")


def _gone(item: OrderedItem, supplier: Sells[Any, Any]) -> Unavailable:
    return Unavailable(
        f"{item.component.title} was reserved and is gone at {supplier.name}",
        provider=supplier.name,
        operation="find",
    )


def _found_by_hand(item: OrderedItem, supplier_id: str) -> Reservation:
    return Reservation(
        reference=item.reference,
        supplier_id=supplier_id,
        confirmation_code=supplier_id,
        provider=item.component.supplier,
        price=item.shown_price,
        details={FOUND_BY_HAND: True},
    )


def _is_named(held: Reservation | None, supplier_id: str) -> bool:
    return held is not None and supplier_id in (held.supplier_id, held.confirmation_code)


def _unused(item: OrderedItem, held: Reservation | None, supplier_id: str) -> str:
    """Tell an operator that the id given was not used, and what is known instead."""
    known = f"nothing is held for {item.reference}"
    if held is not None:
        known = f"what is held for {item.reference} is {held.supplier_id}"
    return (
        f"the id {supplier_id} was not used and nothing was cancelled: {known} at"
        f" {item.component.supplier}; retry without an id, or declare the case resolved"
    )


def _not_cancellable(item: OrderedItem, message: str) -> CancelledItem:
    return CancelledItem(
        refused=Problem(code=Code.NOT_CANCELLABLE, step="cancel", message=message, item=item.number)
    )


def _cancelling(
    supplier: Sells[Any, Any], held: Reservation, key: str
) -> Callable[[int], Awaitable[Cancellation]]:
    async def cancel(version: int) -> Cancellation:
        return await supplier.cancel(held, f"{key}.{version}")

    return cancel


def _releasing(
    supplier: ReleasesReferences, reference: str
) -> Callable[[int], Awaitable[Cancellation]]:
    """Release whatever stands or comes late: nothing need be known of it."""

    async def cancel(_: int) -> Cancellation:
        return await supplier.release(reference)

    return cancel


async def _nothing_to_see(_: dt.datetime) -> None:
    return None
