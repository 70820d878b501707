"""``GET /booking``: a caller's bookings, or anybody's for operators, found by what people know."""

from dataclasses import replace
from typing import Annotated

from fastapi import Query, Request
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.core.audience import Audience, Policy
from api.core.context import AppContext, Context, TheCaller
from api.core.cursors import cursor_of, page_of, place_of
from api.core.filters import Cursor, Flag, Words
from api.core.named import owner_of
from api.core.principals import Principal
from api.openapi import problems, shown
from api.trips.schemas.listing import BookingPage, ListedBooking
from models.bookings.lifecycle import BookingKind, BookingState
from models.core.callers import Caller, Scope
from models.core.keys import traveler_id
from models.core.supply import HOUSE
from models.core.text import Email
from models.core.times import Moment
from models.core.venues import VENUE
from models.suppliers.listings import BY_NAME
from models.trips.listing import BookingSearch, list_bookings

router = Audience(Policy.CALLER, Scope.TRIPS, prefix="/booking", tags=["bookings"])

MOST = 100


@router.listing(
    "",
    operation_id="listBookings",
    response_model_exclude_unset=True,
    summary="Bookings, newest first",
    responses={200: {"content": shown("LISTED")}, **problems(400, 401, 422, 500, 503)},
)
async def bookings(
    context: Context,
    caller: TheCaller,
    request: Request,
    *,
    kind: Annotated[
        list[BookingKind] | None,
        Query(description="One of these kinds; trips where it is not given."),
    ] = None,
    state: Annotated[list[BookingState] | None, Query(description="One of these.")] = None,
    attention: Annotated[
        Flag | None, Query(description="Whether a person must settle something about it.")
    ] = None,
    email: Annotated[Email | None, Query(description="Of the traveller's contact.")] = None,
    code: Annotated[
        Words | None,
        Query(
            min_length=1,
            max_length=200,
            description="A PNR, a supplier's confirmation code or order id, or our reference"
            " at the supplier.",
        ),
    ] = None,
    payment: Annotated[
        Words | None,
        Query(
            min_length=1,
            max_length=200,
            description="The gateway's id of a payment (`payment.paymentIntentId`).",
        ),
    ] = None,
    since: Annotated[Moment | None, Query(description="Made then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Made before then.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = 20,
    after: Annotated[
        Cursor | None, Query(description="`next` of the page before this one.")
    ] = None,
) -> BookingPage:
    """List bookings; all that is given must fit. Callers find their own, operators everybody's."""
    search = BookingSearch(
        owner=owner_of(caller),
        kinds=sorted(set(kind or (BookingKind.TRIP,))),
        states=state or (),
        attention=attention,
        code=code,
        suppliers=(*BY_NAME, VENUE, HOUSE),
        payment=payment,
        since=since,
        until=until,
    )
    before = None if after is None else place_of(request, caller, after)

    async def find(session: AsyncSession) -> list[RowMapping]:
        wanted = search
        if email is not None:
            travelers = await _travelers(session, context, caller, email)
            wanted = replace(search, travelers=travelers)
        return list(await list_bookings(session, wanted, limit=limit + 1, after=before))

    rows, last = page_of(await context.lists.read(find), limit)
    page = BookingPage(bookings=[_listed(row) for row in rows])
    if last is not None:
        page.next = cursor_of(request, caller, (last["created_at"], last["id"]))
    return page


async def _travelers(
    session: AsyncSession, context: AppContext, caller: Principal, email: str
) -> list[tuple[str, str]]:
    """Return each caller's id of the traveller with this address: the record is indexed by it."""
    callers = (
        [caller.id] if not caller.is_operator else await session.scalars(select(col(Caller.id)))
    )
    key = context.settings.traveler_key
    return [(str(one), traveler_id(key, str(one), email)) for one in callers]


def _listed(row: RowMapping) -> ListedBooking:
    return ListedBooking(
        booking_id=row["id"],
        booking_reference=row["reference"],
        kind=row["kind"],
        state=row["state"],
        titles=row["titles"] or [],
        total_price=row["accepted_total"],
        paid=row["captured"] - row["refunded"],
        currency=row["currency"],
        needs_attention=row["attention"],
        failed_step=row["failed_step"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
