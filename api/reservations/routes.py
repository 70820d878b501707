"""``/api/v1/bookings``: reservations at venues (contracts.md §2)."""

from typing import Annotated, Any

from fastapi import Body, Header, Path, Query, Request, Response

from api.bookings import cancelling
from api.bookings.starting import Taken, book
from api.core.audience import WORK_SECONDS, Audience, Policy
from api.core.context import AppContext, Context, TheCaller
from api.core.entity_tags import NOT_MODIFIED, answered
from api.core.filters import Flag
from api.core.idempotency import TheOperation, keyed, natural
from api.core.named import booking_named
from api.core.preferences import Patience, accepted
from api.core.principals import Principal
from api.openapi import READING, WRITING, problems, shown
from api.reservations import (
    approving,
    availability,
    changing,
    creating,
    finding,
    moving,
    paying,
    presenter,
)
from api.reservations.answers import (
    AvailabilityAnswer,
    CancelQuote,
    ReservationAnswer,
    TakenAnswer,
)
from api.reservations.requests import (
    AvailabilityBody,
    CancelBody,
    CardBody,
    ChangeBody,
    CreateBody,
    StatusBody,
)
from models.bookings.booking import Booking
from models.bookings.errors import BookingNotFound, NotCancellable
from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.messages import CancelRequest
from models.core.callers import Scope
from models.core.keys import parse_booking_reference
from models.reservations.errors import StateConflict

PREFIX = "/api/v1/bookings"
work = Audience(
    Policy.CALLER,
    Scope.RESERVATIONS_WRITE,
    deadline=WORK_SECONDS,
    prefix=PREFIX,
    tags=["reservations"],
)
ask = Audience(
    Policy.CALLER,
    Scope.RESERVATIONS_READ,
    deadline=WORK_SECONDS,
    prefix=PREFIX,
    tags=["reservations"],
)
look = Audience(Policy.CALLER, Scope.RESERVATIONS_READ, prefix=PREFIX, tags=["reservations"])

_FOUND: dict[int | str, dict[str, Any]] = {
    200: {"description": "The reservation.", "content": shown("RESERVATION")},
    **NOT_MODIFIED,
    **problems(*READING, 422),
}

Named = Annotated[
    str, Path(alias="booking_id", description="The id or the reference of the reservation.")
]
IfMatch = Annotated[
    str | None, Header(description="The `ETag` that the reservation must have, or its version.")
]


@work.post(
    "",
    operation_id="createReservation",
    status_code=201,
    response_model=ReservationAnswer | TakenAnswer,
    summary="Reserve a slot at a venue",
    responses={
        201: {"description": "Reserved.", "content": shown("RESERVATION")},
        200: {
            "description": "It ended otherwise: `failure` says why, `message` where the money is.",
            "model": ReservationAnswer,
            "content": shown("RESERVATION_FAILED"),
        },
        202: {
            "description": "Not ended yet, or waiting for guest or venue: ask at `Location`.",
            "model": ReservationAnswer | TakenAnswer,
            "content": shown("RESERVATION_WAITS", "RESERVATION_HELD", "RESERVATION_TAKEN"),
        },
        **problems(*WRITING, 409),
    },
)
@keyed(rebuilt=True)
async def create(
    context: Context,
    caller: TheCaller,
    request: Request,
    response: Response,
    body: Annotated[CreateBody, Body()],
    patience: Patience,
    operation: TheOperation,
) -> ReservationAnswer | TakenAnswer:
    """Hold the place, have it paid where something is to be paid, and confirm it.

    The venue need not be registered: its first reservation makes it, in the time zone that its
    inventory tells. 409 `SLOT_UNAVAILABLE` has other times, `DUPLICATE_RESERVATION` the guest's own
    reservation. A refused card leaves the reservation PENDING for another one, until
    `hold_expires_at`.
    """
    asked = creating.asked_for(context, caller, operation, body, request.state.allowances)
    found = await book(context, asked, patience)
    if isinstance(found, Taken):
        url = _url(found.booking_id)
        accepted(response, url)
        return TakenAnswer(id=found.booking_id, booking_reference=found.reference, status_url=url)
    refusal = await creating.refusal_of(context, caller, found, body)
    if refusal is not None:
        raise refusal
    answer = await finding.answer(context, caller, found.id)
    if answer.status == "PENDING":
        accepted(response, _url(found.id))
    elif found.confirmed_at is None:
        response.status_code = 200
    response.headers["ETag"] = finding.tagged(answer).tag
    return answer


@look.get(
    "/reference/{booking_reference}",
    operation_id="getReservationByReference",
    response_model=ReservationAnswer,
    summary="A reservation, by its reference",
    responses=_FOUND,
)
async def by_reference(
    context: Context,
    caller: TheCaller,
    request: Request,
    booking_reference: Annotated[
        str, Path(description="In any case, with dashes or without; O is 0, I and L are 1, U is V.")
    ],
) -> Response:
    """Return a reservation by what its guest was told."""
    if parse_booking_reference(booking_reference) is None:
        raise BookingNotFound(booking_reference)
    return await by_id(context, caller, request, booking_reference)


@look.get(
    "/{booking_id}",
    operation_id="getReservation",
    response_model=ReservationAnswer,
    summary="A reservation",
    responses=_FOUND,
)
async def by_id(
    context: Context, caller: TheCaller, request: Request, booking_id: Named
) -> Response:
    """Return a reservation with its history; its `ETag` begins with its version."""
    named = await booking_named(context, caller, booking_id)
    return answered(request, await finding.told(context, caller, named))


@work.put(
    "/{booking_id}",
    operation_id="changeReservation",
    response_model=ReservationAnswer,
    summary="Change a reservation: time, party, table, guest, notes",
    responses={
        200: {"description": "Changed.", "content": shown("RESERVATION")},
        202: {
            "description": "Under way, or waiting for the guest: ask at `Location`.",
            "model": ReservationAnswer,
            "content": shown("RESERVATION"),
        },
        **problems(*WRITING, 409, 412, 428),
    },
)
@keyed()
async def change(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: Named,
    body: Annotated[ChangeBody, Body()],
    patience: Patience,
    operation: TheOperation,
    if_match: IfMatch = None,
) -> ReservationAnswer:
    """Change what is sent; what is absent stays as it is. All of it is done, or nothing.

    `expected_version` or `If-Match` says which version was seen: of several changes of one version
    one is made, and the others get 409 `VERSION_CONFLICT` (412 with `If-Match`) with the
    reservation as it stands. Another time, party or table is priced anew: what it costs more is
    charged, up to `accepted_total`, and what it costs less is given back. 409 `SLOT_UNAVAILABLE`
    has other times; the reservation keeps its own. What waits for its venue's approval keeps its
    place, and what waits for its payment is not changed: 409 `STATE_CONFLICT` at once.
    """
    asked = changing.asked_for(body, if_match, operation)
    named = await booking_named(context, caller, booking_id)
    ended = await changing.change(context, caller, named, asked, patience)
    return await _told(context, caller, response, named, ended=ended)


@work.post(
    "/{booking_id}/payment-method",
    operation_id="payReservation",
    response_model=ReservationAnswer,
    summary="Go on with another card",
    responses={
        200: {
            "description": "How it ended.",
            "content": shown("RESERVATION", "RESERVATION_FAILED"),
        },
        202: {
            "description": "Under way, or waiting: for the venue, the bank, or yet another card.",
            "model": ReservationAnswer,
            "content": shown("RESERVATION_WAITS", "RESERVATION_HELD"),
        },
        **problems(*WRITING, 409),
    },
)
@keyed()
async def payment_method(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: Named,
    body: Annotated[CardBody, Body()],
    patience: Patience,
    operation: TheOperation,
) -> ReservationAnswer:
    """Send another card for a reservation whose card was refused; the same reservation goes on.

    Only while the reservation is PENDING with a `failure`, or a change of it waits for its card:
    until `payment.waits_until`, and for a few cards at most. Else 409 `NO_CARD_WANTED`; while
    another card is asked, 409 `CARD_IN_USE`. A change that cannot be made all the same leaves the
    reservation as it was.
    """
    named = await booking_named(context, caller, booking_id)
    ended = await paying.use_card(
        context, caller, named, body.payment_method_id, patience, operation
    )
    return await _told(context, caller, response, named, ended=ended)


@work.post(
    "/{booking_id}/cancel",
    operation_id="cancelReservation",
    response_model=ReservationAnswer | CancelQuote,
    summary="Cancel a reservation, or ask what that would cost",
    responses={
        200: {
            "description": "Cancelled; or, with `dry_run`, what cancelling would keep now.",
            "content": shown("RESERVATION_CANCELLED", "RESERVATION_CANCEL_QUOTE"),
        },
        202: {
            "description": "Under way: ask at `Location`.",
            "model": ReservationAnswer,
            "content": shown("RESERVATION"),
        },
        **problems(*WRITING, 409, 412),
    },
)
@keyed()
async def cancel(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: Named,
    body: Annotated[CancelBody, Body()],
    patience: Patience,
    *,
    dry_run: Annotated[Flag, Query(description="Cancel nothing; say what would be kept.")] = False,
    if_match: IfMatch = None,
) -> ReservationAnswer | CancelQuote:
    """Cancel while it is being made, or after it was confirmed. Twice gives the same answer twice.

    What is kept comes from the terms stored with the reservation; the rest is given back. Where
    the venue cancels (`by`), everything is. While the venue's system does not let go of the place,
    the answer is 202, and `attention` is true: a person settles it. What is over is 409
    `STATE_CONFLICT`.
    """
    named = await booking_named(context, caller, booking_id)
    check = moving.version_check(body.expected_version, if_match)
    found, stored = await finding.find(context, caller, named)
    by = _canceller(caller, body.by)
    if found.booking.state is not BookingState.CANCELLED:
        check(found, stored)
    if dry_run:
        moving.expect_cancellable(found.booking)
        return presenter.cancel_quote(found.booking, by, found.read_at)
    ended = await _cancel(context, caller, found.booking, by, body.reason, patience)
    return await _told(context, caller, response, named, ended=ended)


@work.post(
    "/{booking_id}/status",
    operation_id="moveReservation",
    response_model=ReservationAnswer,
    summary="Move a reservation to another status",
    responses={
        200: {"description": "It is there.", "content": shown("RESERVATION_CHECKED_IN")},
        202: {
            "description": "Being cancelled, or confirmed: ask at `Location`.",
            "model": ReservationAnswer,
            "content": shown("RESERVATION"),
        },
        **problems(*WRITING, 409, 412),
    },
)
@keyed()
async def status(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: Named,
    body: Annotated[StatusBody, Body()],
    patience: Patience,
    operation: TheOperation,
    if_match: IfMatch = None,
) -> ReservationAnswer:
    """Approve or refuse a reservation, check a guest in, complete a visit, note a no-show, cancel.

    Where the venue's policy says `approval: manual`, a reservation is PENDING until its venue sets
    it CONFIRMED, which takes the money, or CANCELLED, which releases it; else it is EXPIRED at
    `hold_expires_at`. A reservation that is there already stays as it is. 409 `STATE_CONFLICT` says
    where it may move; 409 `VERSION_CONFLICT` (412 with `If-Match`) has it as it stands.
    """
    named = await booking_named(context, caller, booking_id)
    check = moving.version_check(body.expected_version, if_match)
    ended = True
    if body.status == "CANCELLED":
        found, stored = await finding.find(context, caller, named)
        if found.booking.state is not BookingState.CANCELLED:
            check(found, stored)
        ended = await _cancel(
            context, caller, found.booking, CancelledBy.PROVIDER, body.reason, patience
        )
    elif body.status == "CONFIRMED":
        ended = await approving.confirm(
            context, caller, operation, named, body.reason, check, patience
        )
    else:
        await moving.move(context, caller, named, BookingState(body.status), body.reason, check)
    return await _told(context, caller, response, named, ended=ended)


@ask.post(
    "/availability/check",
    operation_id="checkAvailability",
    response_model=AvailabilityAnswer,
    summary="What is free at a venue, and what stands in the way",
    responses={
        200: {"description": "This moment.", "content": shown("AVAILABILITY")},
        **problems(*WRITING),
    },
)
@natural
async def check_availability(
    context: Context, caller: TheCaller, body: Annotated[AvailabilityBody, Body()]
) -> AvailabilityAnswer:
    """Ask the venue's inventory and our own record; nothing is held by it.

    `available: true` promises nothing: only a reservation holds. Where it is false, `reason` says
    why, and `alternatives` are up to five other times at which a reservation would be had, the
    nearest first. With `guest_id`, `conflicts` also have what the guest has at the caller's other
    venues at that time (`venue_id`), which refuses nothing.
    """
    return await availability.check(context, caller, body)


async def _told(
    context: AppContext, caller: Principal, response: Response, booking_id: str, *, ended: bool
) -> ReservationAnswer:
    """Return a reservation as it is after a request about it; 202 while that has not ended."""
    answer = await finding.answer(context, caller, booking_id)
    if not ended:
        accepted(response, _url(booking_id))
    response.headers["ETag"] = finding.tagged(answer).tag
    return answer


def _canceller(caller: Principal, by: str) -> CancelledBy:
    """Return who cancels: operators do, unless they say that the venue does."""
    if by == "VENUE":
        return CancelledBy.PROVIDER
    return CancelledBy.OPERATOR if caller.is_operator else CancelledBy.GUEST


async def _cancel(
    context: AppContext,
    caller: Principal,
    booking: Booking,
    by: CancelledBy,
    reason: str,
    seconds: float,
) -> bool:
    """Cancel; returns whether nothing of it stands. Raises StateConflict: it is over."""
    request = CancelRequest(by=by, reason=reason)
    try:
        now, ended = await cancelling.cancel(context, caller, booking.id, request, seconds)
    except NotCancellable as refused:
        raise StateConflict(refused.booking, moving.allowed(refused.booking)) from refused
    return ended and not now.live_items


def _url(booking_id: str) -> str:
    return f"{PREFIX}/{booking_id}"
