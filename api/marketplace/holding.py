"""``POST /quotes/{quote_id}/hold``: one transaction, and no workflow (decision 127)."""

import datetime as dt
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.marketplace.booking_bodies import HoldBody
from models.core.database import constraint_of
from models.core.keys import REFERENCES, booking_reference, traveler_id
from models.core.people import Contact
from models.marketplace.stock.claims import expire_overdue
from models.marketplace.stock.messages import HoldRequest, OpenHold
from models.marketplace.stock.opening import OpenedHold, open_hold
from models.marketplace.stock.refusals import SoldOut
from temporal import patience

HOLD = dt.timedelta(minutes=15)


async def hold(
    context: AppContext, asking: Principal, operation: Operation, quote_id: str, body: HoldBody
) -> str:
    """Hold what was quoted; returns the booking's id.

    A repeat finds the booking it made. Of what is overdue nobody is kept away: it is given back,
    and asked for once more.

    Raises:
        StockRefused: nothing was held, and the quote can still be used.
    """
    request = _request(context, asking, operation, quote_id, body)
    try:
        await _opened(context, request)
    except SoldOut as refused:
        pools = {one["room_id"] for one in refused.details.get("nights", ())}
        pools |= {refused.details["departure_id"]} if "departure_id" in refused.details else set()
        if not await context.record.write(lambda session: expire_overdue(session, pools)):
            raise
        await _opened(context, request)
    return request.booking_id


async def _opened(context: AppContext, request: HoldRequest) -> OpenedHold:
    for collisions in range(REFERENCES):
        reference = booking_reference(request.booking_id, collisions)

        async def opened(session: AsyncSession, reference: str = reference) -> OpenedHold:
            opening = OpenHold(request=request, run=request.booking_id)
            return await open_hold(session, opening, reference=reference)

        try:
            return await context.record.write(opened)
        except IntegrityError as error:
            if constraint_of(error) != "bookings_reference_key" or collisions == REFERENCES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _request(
    context: AppContext, asking: Principal, operation: Operation, quote_id: str, body: HoldBody
) -> HoldRequest:
    booking_id = operation.on(quote_id)
    contact = Contact(email=body.contact.email, phone=body.contact.phone)
    return HoldRequest(
        booking_id=booking_id,
        booking_reference=booking_reference(booking_id),
        caller_id=asking.id,
        user_id=asking.user_id,
        # Of the quote as well: the same key may hold several.
        idempotency_key=booking_id,
        fingerprint=operation.fingerprint,
        quote_id=quote_id,
        traveler_id=traveler_id(context.settings.traveler_key, asking.id, contact.email),
        travelers=_travelers(body),
        contact=contact,
        gateway=patience(context.settings).gateway,
        hold_seconds=int(HOLD.total_seconds()),
    )


def _travelers(body: HoldBody) -> list[dict[str, Any]]:
    """Return who comes, as it is stored: with the lead what the provider should know."""
    lead, *others = [one.model_dump() for one in body.travelers]
    return [{**lead, "requests": body.requests}, *others]
