"""``POST /api/v1/bookings``: look at what is asked for, and start the workflow that reserves it."""

import datetime as dt

from api.bookings.starting import Asked, start_workflow
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.rate_limits import Allowance
from api.reservations import alternatives, venues
from api.reservations.requests import CreateBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from models.core.domain_errors import DomainError
from models.core.keys import booking_id, traveler_id
from models.core.money import Money
from models.core.people import Contact
from models.core.supply import Quote
from models.core.venues import VenueGuest, VenueSlot, slot_in
from models.inventory.claims import Taken
from models.reservations.errors import (
    DuplicateReservation,
    PaymentMethodMissing,
)
from models.reservations.messages import BookReservationRequest
from models.reservations.repository import find_overlapping
from models.reservations.venues import Venue
from workflows.reservations.book_reservation import BookReservation

ROUTE = "POST /api/v1/bookings"
SHORTEST_HOLD_SECONDS = 60
"""For a reservation that is made a moment before it begins and has to be approved."""


def asked_for(
    context: AppContext,
    caller: Principal,
    operation: Operation,
    body: CreateBody,
    allowances: list[Allowance],
) -> Asked:
    """Return the request for a reservation, which nobody has looked at yet."""
    guest = VenueGuest(name=body.guest.name, notes=body.notes)

    async def start() -> None:
        found = await venues.venue_of(context, caller, body.venue)
        wish = venues.wish_of(body, body.venue, found)
        quote = await alternatives.quote(context, _search(caller, body, found), wish, guest)
        venue = await _venue(context, caller, body, found, quote)
        slot = slot_in(quote).named(venue.name)
        venues.expect_bookable(venue.policy, slot, dt.datetime.now(dt.UTC))
        due = quote.payable.price
        if due.amount and body.payment is None:
            raise PaymentMethodMissing(due.amount, due.currency)
        request = BookReservationRequest(
            booking_id=asked.booking_id,
            booking_reference=asked.reference,
            caller_id=caller.id,
            idempotency_key=operation.key,
            fingerprint=operation.fingerprint,
            venue_id=venue.id,
            slot=slot,
            guest_id=body.guest.id,
            guest=guest,
            contact=Contact(email=body.guest.email, phone=body.guest.phone),
            allow_duplicate=body.allow_duplicate,
            quote=quote,
            payment_method_id=body.payment.payment_method_id if body.payment else None,
            approval=venue.policy.approval,
            hold_seconds=_hold_seconds(venue, slot),
            traveler_id=asked.traveler_id,
            patience=await context.dispatch.patience(),
        )
        await start_workflow(
            context,
            asked,
            BookReservation.run,
            request,
            summary=f"{asked.reference}: {slot.title}",
            details=_details(request, due),
        )

    asked = Asked(
        caller=caller,
        operation=operation,
        booking_id=booking_id(caller.id, operation.key, route=ROUTE),
        traveler_id=traveler_id(context.settings.traveler_key, caller.id, body.guest.email),
        start=start,
        allowances=allowances,
    )
    return asked


async def _venue(
    context: AppContext, caller: Principal, body: CreateBody, found: Venue | None, quote: Quote
) -> Venue:
    """Return the venue on record; one that nobody registered is kept as the inventory tells it."""
    slot = slot_in(quote)
    if found is None:
        return await venues.keep_venue(context, caller, body.venue, slot)
    venues.expect_zone(found, slot)
    return found


def _hold_seconds(venue: Venue, slot: VenueSlot) -> int:
    """Return how long the place is held; nobody can approve what has begun."""
    longest = venue.policy.hold_minutes * 60
    if venue.policy.approval == "instant":
        return longest
    ahead = (slot.starts_at - dt.datetime.now(dt.UTC)).total_seconds()
    return max(min(longest, int(ahead)), SHORTEST_HOLD_SECONDS)


def _details(request: BookReservationRequest, due: Money) -> str:
    """Return what operators read in the Temporal Web UI: no personal data."""
    slot = request.slot
    return (
        f"Reservation **{request.booking_reference}**: {slot.title} ({slot.time_zone}), a party of"
        f" {slot.party_size}, {due} to be paid when reserving"
    )


def _search(caller: Principal, body: CreateBody, venue: Venue | None) -> alternatives.Search:
    return alternatives.Search(
        caller=caller.id,
        venue=venue or venues.unregistered(caller, body.venue),
        guest_id=None if body.allow_duplicate else body.guest.id,
    )


async def refusal_of(
    context: AppContext, caller: Principal, booking: Booking, body: CreateBody
) -> DomainError | None:
    """Return why a reservation that ended was not to be had; None: the answer is the booking."""
    problem = booking.problem
    if booking.state is not BookingState.FAILED or problem is None:
        return None
    if problem.code is not Code.UNAVAILABLE:
        return None
    if problem.details.get("conflict") == Taken.GUEST:
        other = await context.record.read(lambda session: find_overlapping(session, booking.id))
        return DuplicateReservation(other)
    search = _search(caller, body, await venues.venue_of(context, caller, body.venue))
    wish = venues.wished(search.venue.policy, search.venue.time_zone, body, body.venue)
    return await alternatives.taken(context, search, wish, problem)
