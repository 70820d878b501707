"""``PUT /api/v1/bookings/{booking_id}``: other data, or another time, party or table.

Guest and notes change in one transaction. A place is priced first, and moved by a workflow under
the booking's id: one change at a time, and only of the version that its caller has seen.
"""

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.bookings import requests, waiting
from api.bookings.paying import Sent
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.record import NOT_READ
from api.reservations import alternatives, finding, moving, presenter, venues
from api.reservations.requests import ChangeBody, SlotBody, VenueBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind, RequestOutcome, Transition
from models.bookings.problems import Code, Problem
from models.bookings.repository import EndedRequest, Found, StaleVersionError, record_transition
from models.core.domain_errors import DomainError
from models.core.keys import traveler_id
from models.core.people import Contact
from models.core.supply import Quote
from models.core.venues import SlotWish, VenueGuest, slot_in
from models.inventory.claims import Taken
from models.kinds import HOOKS
from models.reservations.changes import MOVABLE, STALE, STATE, Details, MoveRequest
from models.reservations.errors import (
    ChangeUnderWay,
    DuplicateReservation,
    NotChanged,
    PaymentMethodMissing,
    PriceNotAccepted,
    SlotRefused,
    StateConflict,
    VersionRequired,
)
from models.reservations.messages import SLOT
from models.reservations.repository import StoredReservation, find_overlapping
from models.reservations.slots import reads
from models.reservations.venues import Venue, venue_id

OTHERS_SECONDS = 5.0
"""How long something else that is carried out about the reservation is waited for."""
_TOLD = frozenset({BookingState.HELD, BookingState.CONFIRMED, BookingState.CHECKED_IN})
"""States in which guest and notes may change."""
_NOT_YET = {
    BookingState.HELD: "The reservation waits for its venue's approval: guest and notes can change,"
    " time, party and table once it is confirmed. Or cancel it, and make another.",
    BookingState.PAYMENT_PENDING: "The reservation waits for its payment: it can be changed once"
    " that is made. Or cancel it, and make another; nothing has been taken.",
    BookingState.CHECKED_IN: "The guest has come: guest and notes can change, time, party and table"
    " cannot.",
}
"""Why a reservation cannot be changed as it is asked, where its status alone does not tell."""


@dataclass(frozen=True)
class Asked:
    """A change, and the version of the reservation that it is about."""

    body: ChangeBody
    version: int
    precondition: bool
    """Whether ``If-Match`` alone says so."""
    operation: Operation


def asked_for(body: ChangeBody, if_match: str | None, operation: Operation) -> Asked:
    """Return what is asked for.

    Raises:
        VersionRequired: it does not say of which version.
        Contradiction: it says two.
    """
    version, precondition = moving.expected_version(body.expected_version, if_match)
    if version is None:
        raise VersionRequired
    return Asked(body, version, precondition, operation)


async def change(
    context: AppContext, caller: Principal, booking_id: str, asked: Asked, seconds: float
) -> bool:
    """Change a reservation; returns whether that has ended, within ``seconds`` for a move.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        VersionConflict: it is in another version.
        StateConflict: it cannot be changed (any more).
        ChangeUnderWay: something else about it is being carried out.
        SlotUnavailable, DuplicateReservation, NotChanged: it stands as it was.
        SlotRefused, TimeDoesNotExist, OffsetDoesNotFit: it cannot be asked for.
        PriceNotAccepted, PaymentMethodMissing: it costs more.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    request_id = asked.operation.on(booking_id)
    if asked.operation.repeated and await context.record.request_begun(request_id):
        return await _end(context, caller, booking_id, request_id, asked, seconds)
    while True:
        found, stored = await _at_rest(context, caller, booking_id, asked)
        _expect_version(found, stored, asked)
        details = _details(context, found, stored, asked.body)
        wish = _wish(stored, asked.body)
        _expect_state(found.booking, MOVABLE if wish else _TOLD)
        if wish is not None:
            move = await _priced(context, found, stored, wish, details, asked)
            request = requests.request_of(RequestKind.MOVE, caller, move, request_id)
            await requests.send(context, found.booking, caller, request)
            return await _end(context, caller, booking_id, request_id, asked, seconds, wish)
        if details == Details() or await _told(context, caller, found.booking, details, request_id):
            return True


# -- judging ---------------------------------------------------------------------------------------


async def _at_rest(
    context: AppContext, caller: Principal, booking_id: str, asked: Asked
) -> tuple[Found, StoredReservation]:
    """Return a reservation once nothing is carried out about it.

    Raises:
        ChangeUnderWay: something is, for longer than is waited.
        VersionConflict, StateConflict: it is another version, or cannot be changed;
            at once while it waits for its payment, which may take as long as the place is held.
    """
    async for _ in waiting.looks(context, booking_id, OTHERS_SECONDS):
        found, stored = await finding.find(context, caller, booking_id)
        if found.booking.state is BookingState.PAYMENT_PENDING:
            _expect_version(found, stored, asked)
            _expect_state(found.booking, _TOLD)
        if not found.live:
            return found, stored
    raise ChangeUnderWay(booking_id)


def _expect_version(found: Found, stored: StoredReservation, asked: Asked) -> None:
    moving.expect_version(found, stored, asked.version, precondition=asked.precondition)


def _expect_state(booking: Booking, states: frozenset[BookingState]) -> None:
    """Make sure that it may be changed. Raises StateConflict."""
    if booking.state not in states:
        why = f"A reservation that is {presenter.status_of(booking.state)} cannot be changed."
        raise StateConflict(booking, moving.allowed(booking), _NOT_YET.get(booking.state, why))


# -- guest and notes -------------------------------------------------------------------------------


def _details(
    context: AppContext, found: Found, stored: StoredReservation, body: ChangeBody
) -> Details:
    """Return guest, contact data and notes as they will be; empty where nothing is different."""
    given = body.model_fields_set
    reached = body.guest.model_dump(exclude_unset=True) if "guest" in given else {}
    merged = {**stored.guest, **reached}
    notes = body.notes if "notes" in given else stored.notes
    if merged == stored.guest and notes == stored.notes:
        return Details()
    return Details(
        guest=VenueGuest(name=merged["name"], notes=notes),
        contact=Contact(email=merged["email"], phone=merged.get("phone")),
        traveler_id=traveler_id(context.settings.traveler_key, found.caller_id, merged["email"]),
    )


async def _told(
    context: AppContext, caller: Principal, booking: Booking, details: Details, request_id: str
) -> bool:
    """Write guest and notes, in one transaction; False: something else has come before."""
    following = booking.model_copy(update={"updated_at": dt.datetime.now(dt.UTC)})
    # Its body holds nobody's data: it is on record so that a repeat finds it.
    request = requests.request_of(RequestKind.MOVE, caller, Details(), request_id)
    transition = Transition(
        booking=following,
        from_state=booking.state,
        who=f"caller {caller.id}",
        why="guest or notes were changed",
        ended_requests=[RequestOutcome(request=request)],
        details=details.as_json(),
    )

    async def write(session: AsyncSession) -> None:
        await record_transition(session, transition, HOOKS, alone=True)

    try:
        await context.record.write(write)
    except StaleVersionError:
        return False
    return True


# -- time, party, table ----------------------------------------------------------------------------


def _wish(stored: StoredReservation, body: ChangeBody) -> SlotBody | None:
    """Return what is asked for, whole; None where time, party and table stay as they are.

    Where a country has changed its time since, the same time is another moment.
    """
    local = dt.datetime.combine(stored.local_date, stored.local_time)
    drifted = not reads(stored.starts_at, local, stored.time_zone)
    now = _now(stored)
    if drifted:
        now = now.model_copy(update={"utc_offset": None})
    given = {
        name: getattr(body, name) for name in body.model_fields_set & SlotBody.model_fields.keys()
    }
    if {"date", "time"} & given.keys():
        given.setdefault("utc_offset", None)
    wish = now.model_copy(update=given)
    same_time = (wish.date, wish.time) == (now.date, now.time)
    if same_time and wish.utc_offset is None:
        wish = wish.model_copy(update={"utc_offset": now.utc_offset})
    stays = wish == now and not (drifted and {"date", "time"} & given.keys())
    return None if stays else wish


def _now(stored: StoredReservation) -> SlotBody:
    """Return time, party and table as they are."""
    return SlotBody(
        **_time_of(stored),
        duration_minutes=(stored.ends_at - stored.starts_at) // dt.timedelta(minutes=1),
        party_size=stored.party_size,
        resource_id=stored.resource_id,
    )


def _time_of(stored: StoredReservation) -> dict[str, Any]:
    return {
        "date": stored.local_date,
        "time": stored.local_time,
        "utc_offset": _offset(stored),
    }


def _offset(stored: StoredReservation) -> int:
    local = dt.datetime.combine(stored.local_date, stored.local_time, dt.UTC)
    return int((local - stored.starts_at).total_seconds()) // 60


async def _priced(
    context: AppContext,
    found: Found,
    stored: StoredReservation,
    body: SlotBody,
    details: Details,
    asked: Asked,
) -> MoveRequest:
    """Return the move, as the venue's services say today that it can be had, and for how much."""
    wish = _wish_at(stored, body)
    guest = details.guest or VenueGuest(name=stored.guest["name"], notes=stored.notes)
    quote = await alternatives.quote(context, _search(found, stored, body), wish, guest)
    slot = slot_in(quote).named(stored.venue_name)
    if slot.time_zone != stored.time_zone:
        words = f"The venue is in {slot.time_zone} now: make a new reservation."
        raise SlotRefused("date", words)
    if slot.starts_at != stored.starts_at:
        venues.expect_bookable(stored.policy, slot, dt.datetime.now(dt.UTC))
    _expect_accepted(found.booking, quote, asked.body)
    pays = "payment" in asked.body.model_fields_set
    return MoveRequest(
        booking_id=found.booking.id,
        expected_version=asked.version,
        details=details.model_copy(update={"slot": slot, "quote": quote}),
        payment_method_id=asked.body.payment.payment_method_id if pays else None,
    )


def _wish_at(stored: StoredReservation, body: SlotBody) -> SlotWish:
    named = VenueBody(id=stored.venue_id, type=stored.venue_type)
    return venues.wish_by(stored.policy, stored.time_zone, body, named)


def _search(found: Found, stored: StoredReservation, body: SlotBody) -> alternatives.Search:
    """Return where another place is looked for: as the move would be made."""
    venue = Venue(
        id=venue_id(found.caller_id, stored.venue_id),
        external_id=stored.venue_id,
        type=stored.venue_type,
        name=stored.venue_name,
        time_zone=stored.time_zone,
        policy=stored.policy,
        version=1,
    )
    stays = body.model_copy(update=_time_of(stored)) == _now(stored)
    return alternatives.Search(
        found.caller_id,
        venue,
        None if stored.allow_duplicate else stored.guest_id,
        found.booking.id,
        stands_at=stored.starts_at if stays else None,
    )


def _expect_accepted(booking: Booking, quote: Quote, body: ChangeBody) -> None:
    """Make sure that it costs no more than was accepted, and that there is something to pay with.

    Raises:
        PriceNotAccepted, PaymentMethodMissing, SlotRefused: nothing was done.
    """
    old, new = booking.item(SLOT).price, quote.payable.price
    if new.currency != booking.currency:
        raise SlotRefused("date", f"The venue's prices are in {new.currency} then.")
    if new.amount <= old:
        return
    given = body.model_fields_set
    if "accepted_total" not in given or new.amount > body.accepted_total:
        raise PriceNotAccepted(old, new.amount, new.currency)
    if "payment" not in given and booking.payment.payment_method_id is None:
        raise PaymentMethodMissing(new.amount - old, new.currency)


# -- how it ended ----------------------------------------------------------------------------------


async def _end(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    request_id: str,
    asked: Asked,
    seconds: float,
    body: SlotBody | None = None,
) -> bool:
    """Return whether a change has ended, and was made. Raises as :func:`change`."""
    ended = await _ended(context, booking_id, request_id, seconds, heard=asked.version)
    if ended is None or ended.problem is None:
        return ended is not None
    found, stored = await finding.find(context, caller, booking_id)
    if ended.problem.step == STALE:
        _expect_version(found, stored, asked)
    raise await _refusal(context, found, stored, ended, body or _wish(stored, asked.body))


async def paid(context: AppContext, caller: Principal, sent: Sent, seconds: float) -> bool:
    """Return whether a change that waited for a card has ended, and was made.

    False: it goes on, or waits again.

    Raises:
        StateConflict: the reservation was cancelled meanwhile.
        NotChanged: it stands as it was.
    """
    booking_id, change = sent.booking.id, sent.change
    assert change is not None, "a change waited"
    ended = await _ended(context, booking_id, change, seconds, heard=sent.heard)
    if ended is None or ended.problem is None:
        return ended is not None
    found, stored = await finding.find(context, caller, booking_id)
    raise await _refusal(context, found, stored, ended, None)


async def _ended(
    context: AppContext, booking_id: str, request_id: str, seconds: float, *, heard: int
) -> EndedRequest | None:
    """Return how a change ended; None when time is up or it waits for the guest.

    ``heard`` is the version of the record that is no news.
    """
    async for standing in waiting.looks(context, booking_id, seconds):
        with suppress(*NOT_READ):  # the workflow waits for the database as well
            ended = await context.record.ended_request(request_id)
            if ended is not None:
                return ended
            if standing is not None and standing.waits and standing.version > heard:
                return None
    return None


async def _refusal(
    context: AppContext,
    found: Found,
    stored: StoredReservation,
    ended: EndedRequest,
    body: SlotBody | None,
) -> DomainError:
    """Return why a change was not made; ``body``: time, party and table that it asked for."""
    booking, problem = found.booking, ended.problem
    assert problem is not None, "it was not made"
    if problem.step in {STALE, STATE} or problem.code in _CANCELLED:
        return StateConflict(booking, moving.allowed(booking), _sentence(problem))
    if body is None or problem.code is not Code.UNAVAILABLE:
        return NotChanged(problem)
    if problem.details.get("conflict") == Taken.GUEST:
        return await _duplicate(context, booking, MoveRequest.model_validate(ended.body))
    search = _search(found, stored, body)
    return await alternatives.taken(context, search, _wish_at(stored, body), problem)


async def _duplicate(
    context: AppContext, booking: Booking, move: MoveRequest
) -> DuplicateReservation:
    visit = (move.slot.starts_at, move.slot.ends_at)
    other = await context.record.read(lambda session: find_overlapping(session, booking.id, visit))
    return DuplicateReservation(other, moving=True)


_CANCELLED = frozenset({Code.CANCELLED_BY_TRAVELER, Code.CANCELLED_BY_OPERATOR})


def _sentence(problem: Problem) -> str:
    if problem.code in _CANCELLED:
        return "The reservation was cancelled meanwhile."
    return "The reservation cannot be changed any more."
