"""For operators: how suppliers do, every call to them, and the orders they have."""

from typing import Annotated, Literal

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.cursors import page_of
from api.core.filters import OrderPlace, ProviderName, SupplierName, Words, made_at, place
from api.core.named import NAME_MAX, booking_named
from api.core.schemas import LARGEST
from api.openapi import problems, shown
from api.suppliers.schemas import (
    AttemptAnswer,
    AttemptPage,
    OrderAnswer,
    OrderPage,
    SupplierAnswer,
    SuppliersAnswer,
)
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import ItemStatus
from models.suppliers.health import Health, load_health
from models.suppliers.orders import OrderSearch, Place, list_orders
from models.suppliers.reports import SupplierReport, list_attempts, supplier_reports

router = Audience(Policy.OPERATOR, prefix="/operator", tags=["operators"])

_ASKING = (401, 403, 422, 500, 503)

Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]
Outcome = Literal["done", "refused", "not_done", "unknown", "repeated", "running"]


@router.listing(
    "/suppliers",
    operation_id="listSuppliers",
    summary="How every supplier does",
    responses={200: {"content": shown("SUPPLIERS")}, **problems(*_ASKING)},
)
async def suppliers(context: Context) -> SuppliersAnswer:
    """Say who answers, what the calls of the last hour and day came to, and what went wrong."""
    in_use = context.settings.suppliers_in_use

    async def read(
        session: AsyncSession,
    ) -> tuple[dict[str, Health], dict[str, SupplierReport]]:
        names = [one.name for one in in_use]
        return await load_health(session), await supplier_reports(session, names)

    health, reports = await context.record.read(read)
    settings = context.settings
    return SuppliersAnswer(
        suppliers=[
            SupplierAnswer.of(
                one.name,
                one.type,
                health.get(one.name),
                reports[one.name],
                sandbox=settings.is_sandbox(settings.supplier_url(one.name)),
            )
            for one in in_use
        ]
    )


@router.listing(
    "/attempts",
    operation_id="listAttempts",
    response_model_exclude_unset=True,
    summary="Calls to suppliers and gateways, newest first",
    responses={200: {"content": shown("ATTEMPTS")}, **problems(*_ASKING)},
)
async def attempts(
    context: Context,
    caller: TheCaller,
    *,
    booking: Annotated[
        Words | None,
        Query(alias="bookingId", max_length=NAME_MAX, description="Its id or its reference."),
    ] = None,
    supplier: Annotated[
        ProviderName | None, Query(description="A supplier's or a gateway's name.")
    ] = None,
    outcome: Annotated[
        Outcome | None, Query(description="`running`: none yet, or its worker died.")
    ] = None,
    limit: Limit = 20,
    after: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="`next` of the page before this one.")
    ] = None,
) -> AttemptPage:
    """List every attempt with its request id, times and outcome."""
    booking_id = None
    if booking is not None:
        try:
            booking_id = await booking_named(context, caller, booking)
        except BookingNotFound:
            return AttemptPage(attempts=[])
    rows = await context.record.read(
        lambda session: list_attempts(
            session,
            limit=limit + 1,
            booking_id=booking_id,
            supplier=supplier,
            outcome=outcome,
            after=after,
        )
    )
    attempts, last = page_of(rows, limit)
    page = AttemptPage(attempts=[AttemptAnswer.model_validate(dict(row)) for row in attempts])
    if last is not None:
        page.next = last["id"]
    return page


@router.listing(
    "/orders",
    operation_id="listOrders",
    response_model_exclude_unset=True,
    summary="Orders at suppliers, newest first",
    responses={200: {"content": shown("ORDERS")}, **problems(*_ASKING)},
)
async def orders(
    context: Context,
    *,
    traveler_id: Annotated[
        Words | None, Query(alias="travelerId", max_length=64, description="A traveller's history.")
    ] = None,
    supplier: Annotated[SupplierName | None, Query(description="A supplier's name.")] = None,
    status: Annotated[ItemStatus | None, Query(description="Of this status.")] = None,
    order_id: Annotated[
        Words | None, Query(alias="orderId", max_length=200, description="The supplier's.")
    ] = None,
    reference: Annotated[
        Words | None, Query(max_length=100, description="Our reference: the partner order id.")
    ] = None,
    hash_: Annotated[
        Words | None, Query(alias="hash", max_length=500, description="As searched, or as booked.")
    ] = None,
    limit: Limit = 20,
    after: Annotated[
        OrderPlace | None, Query(description="`next` of the page before this one.")
    ] = None,
) -> OrderPage:
    """List orders with their hashes, ids and status; all that is given must fit."""
    search = OrderSearch(
        traveler_id=traveler_id,
        supplier=supplier,
        status=status,
        order_id=order_id,
        reference=reference,
        hash=hash_,
    )
    before: Place | None = None
    if after is not None:
        moment, booking_id, number = after.split("~")
        before = made_at(moment), booking_id, int(number)
    rows = await context.record.read(
        lambda session: list_orders(session, search, limit=limit + 1, after=before)
    )
    orders, last = page_of(rows, limit)
    page = OrderPage(orders=[OrderAnswer.model_validate(dict(row)) for row in orders])
    if last is not None:
        page.next = place(last["created_at"], last["booking_id"], last["number"])
    return page
