"""``GET /api/bookings``: bookings of all kinds, newest first, for dashboards (contracts.md §5)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.cursors import cursor_of, page_of, place_of
from api.core.filters import Counted, Cursor, Words
from api.core.named import owner_of
from api.core.problems import ApiProblem
from api.dashboard.schemas import RecentBooking
from api.openapi import plain_problems, shown
from models.bookings.lifecycle import BOOKABLE, MARKET, BookingKind, StatusGroup
from models.bookings.listing import (
    MOST_COUNTED,
    Count,
    Listing,
    count_recent,
    group_of,
    list_recent,
    titles_of,
)
from models.core.callers import Scope

router = Audience(
    Policy.CALLER,
    Scope.TRIPS,
    also=(Scope.RESERVATIONS_READ, Scope.MARKET),
    prefix="/api",
    tags=["bookings"],
)

_SHOWN: Mapping[Scope, frozenset[BookingKind]] = {
    # with this scope a reservation is found wherever bookings are (docs/reservations.md)
    Scope.TRIPS: frozenset({BookingKind.TRIP, BookingKind.RESERVATION}),
    Scope.RESERVATIONS_READ: frozenset({BookingKind.RESERVATION}),
    Scope.MARKET: MARKET,
}
"""The kinds that a caller finds by each of its scopes."""

COUNT, EXCEEDED = "X-Total-Count", "X-Total-Count-Exceeded"
_HEADERS = {
    "Link": {
        "description": 'The next page, `rel="next"`; absent on the last.',
        "schema": {"type": "string", "examples": ['</api/bookings?cursor=AQAG…>; rel="next"']},
    },
    COUNT: {
        "description": "With `count=true`: how many the whole list has, but no more than 1,000.",
        "schema": {"type": "integer", "minimum": 0, "maximum": MOST_COUNTED, "examples": [42]},
    },
    EXCEEDED: {
        "description": f"Whether it has more than `{COUNT}`, which is 1,000 then.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
}

_Found = tuple[Sequence[RowMapping], Mapping[str, list[str]], Count | None]
Status = Literal["All", "Confirmed", "Pending", "Cancelled"]


@router.listing(
    "/bookings",
    operation_id="listRecentBookings",
    summary="Bookings of all kinds, newest first",
    responses={
        200: {"headers": _HEADERS, "content": shown("RECENT")},
        **plain_problems(400, 401, 403, 422, 500, 503),
    },
    openapi_extra={  # or one of those
        "security": [
            {"APIKeyHeader": [Scope.RESERVATIONS_READ]},
            {"APIKeyHeader": [Scope.MARKET]},
        ]
    },
)
async def recent(
    context: Context,
    caller: TheCaller,
    request: Request,
    response: Response,
    *,
    status: Annotated[Status, Query(description="How it stands.")] = "All",
    product: Annotated[BookingKind | None, Query(description="What was booked.")] = None,
    user: Annotated[
        Words | None,
        Query(max_length=64, description="Of this traveller (`user_id`); with no other filter."),
    ] = None,
    referral: Annotated[
        Words | None,
        Query(max_length=64, description="With this referral code; with no other filter."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    cursor: Annotated[
        Cursor | None, Query(description="Of the `Link` of the page before this one.")
    ] = None,
    count: Counted = False,
) -> list[RecentBooking]:
    """List bookings as dashboards show them. Callers find their own, operators everybody's.

    A caller finds trips and reservations with the scope `trips`, reservations with
    `reservations:read`, and what it bought of providers with `market`.
    What goes wrong is told in words alone: `{"error": "…"}`. With `count=true` two headers tell
    how many all pages have, up to 1,000.
    """
    group = None if status == "All" else StatusGroup(status)
    given = [name for name, value in (("user", user), ("referral", referral)) if value is not None]
    if given and (len(given) > 1 or group or product):
        raise ApiProblem(
            422,
            "FILTER_NOT_SUPPORTED",
            f"{given[0]} cannot be given with other filters: user and referral stand alone, status"
            " and product go together.",
        )
    allowed = frozenset[BookingKind]().union(
        *(kinds for scope, kinds in _SHOWN.items() if caller.may(scope))
    )
    kinds = tuple(kind for kind in BOOKABLE if kind in allowed)
    if product is not None:
        kinds = tuple(kind for kind in kinds if kind is product)
    if not kinds:
        if count:
            _tell(response, Count(0, exceeded=False))
        return []
    listing = Listing(
        owner=owner_of(caller),
        group=group,
        kinds=kinds,
        user=user,
        referral=referral,
    )
    after = None if cursor is None else place_of(request, caller, cursor)

    async def find(session: AsyncSession) -> _Found:
        rows = await list_recent(session, listing, limit=limit + 1, after=after)
        ids = [row["id"] for row in rows[:limit]]
        titles = await titles_of(session, ids) if ids else {}
        return rows, titles, await count_recent(session, listing) if count else None

    found, titles, counted = await context.lists.read(find)
    if counted is not None:
        _tell(response, counted)
    rows, last = page_of(found, limit)
    if last is not None:
        once = {"cursor", "count"}  # whoever follows links has been told how many there are
        query = [pair for pair in request.query_params.multi_items() if pair[0] not in once]
        query.append(("cursor", cursor_of(request, caller, (last["created_at"], last["id"]))))
        response.headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return [_told(row, titles.get(row["id"], [])) for row in rows]


def _tell(response: Response, count: Count) -> None:
    response.headers[COUNT] = str(count.rows)
    response.headers[EXCEEDED] = str(count.exceeded).lower()


def _told(row: RowMapping, titles: list[str]) -> RecentBooking:
    return RecentBooking(
        id=row["id"],
        reference=row["reference"],
        user_id=row["traveler_id"],
        username=row["email"],
        first_name=row["first_name"],
        product=row["kind"],
        product_title=", ".join(titles) or None,
        status=group_of(row["state"]),
        created_at=row["created_at"],
        referral_code=row["referral_code"],
        discount_percent=row["discount_percent"],
        total=row["accepted_total"],
        currency=row["currency"],
    )
