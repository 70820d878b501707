"""Activities about changes of bookings that stand: written down, priced, ended.

What a change does at suppliers and to the money is done by the activities that book and pay.
"""

import datetime as dt

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from activities.suppliers.ordered_items import OrderedItem
from activities.trips.quotes import QuoteActivities
from models import calls
from models.bookings.messages import BookingRequest
from models.bookings.problems import Code, Problem
from models.bookings.repository import (
    begin_request,
    claim_booking,
    load_booking,
    load_identity,
    load_people,
)
from models.core.database import Sessions, autocommit
from models.core.keys import item_reference
from models.suppliers.listings import title_of
from models.trips.changes import (
    STEP,
    ChangeNote,
    ChangeOutcome,
    ChangeRequest,
    OpenedChange,
    QuoteChangeCall,
)
from models.trips.messages import ItemsQuoted
from models.trips.repository import (
    begin_change,
    booking_of_change,
    keep_change_quotes,
    load_without,
    note_change,
)
from suppliers.core.protocol import Party


class ChangeActivities:
    """The record of changes, and what they would cost."""

    def __init__(self, sessions: Sessions, quotes: QuoteActivities) -> None:
        self._sessions = sessions
        self._quotes = quotes

    @activity.defn(name=calls.OPEN_CHANGE.name)
    async def open_change(self, asked: BookingRequest) -> OpenedChange:
        """Write a change down before anything is asked; one that has ended is answered.

        ``asked.body`` is a ``ChangeRequest``.

        Raises:
            ApplicationError: there is no such booking (not retryable).
        """
        request = ChangeRequest.model_validate(asked.body)
        async with self._sessions.begin() as session:
            if await load_identity(session, request.booking_id) is None:
                raise ApplicationError(
                    f"no booking {request.booking_id}", type="UnknownBooking", non_retryable=True
                )
            await begin_request(session, request.booking_id, asked)
            stored = await begin_change(session, request)
            over = stored.outcome is not None or stored.fingerprint != request.fingerprint
            booking = await (
                load_booking(session, request.booking_id)
                if over
                else load_without(session, request.booking_id, request.change_id)
            )
        assert booking is not None, "it was there a moment ago"
        if stored.fingerprint != request.fingerprint:
            return OpenedChange(
                booking=booking,
                outcome=ChangeOutcome(
                    change_id=request.change_id,
                    key_reused=True,
                    problem=Problem(
                        code=Code.NOT_CHANGEABLE, step=STEP, message="the key was used before"
                    ),
                ),
            )
        return OpenedChange(booking=booking, outcome=stored.outcome)

    @activity.defn(name=calls.QUOTE_CHANGE.name)
    async def quote_change(self, call: QuoteChangeCall) -> ItemsQuoted:
        """Verify and price new components; what is quoted is kept with the change, if it is one.

        Raises:
            ApplicationError: a supplier or the rate source did not answer (retryable).
        """
        party, currency, others = await self._party(call)
        if others and call.staying:
            return ItemsQuoted(problems=[_travelers_fixed(call.staying[0])])
        items = [
            OrderedItem(
                booking_id=call.booking_id,
                number=number,
                reference=item_reference(call.booking_id, number),
                component=component,
                quote=None,
                party=party,
                currency=currency,
            )
            for number, component in call.components.items()
        ]
        answer = await self._quotes.verify(items) if items else ItemsQuoted()
        if call.change_id is not None and not answer.problems:
            with fenced():
                async with self._sessions.begin() as session:
                    await claim_booking(session, call.booking_id, call.fence)
                    await keep_change_quotes(session, call, answer.quotes)
        return answer.figures()

    @activity.defn(name=calls.END_CHANGE.name)
    async def end_change(self, note: ChangeNote) -> ChangeOutcome:
        """Note how a change ended that touched nothing; the booking's own record stays as it is.

        Raises:
            ApplicationError: a successor of the worker has written (not retryable).
        """
        assert note.outcome is not None, "a change ends with an outcome"
        with fenced():
            async with self._sessions.begin() as session:
                booking_id = await booking_of_change(session, note.change_id)
                await claim_booking(session, booking_id, note.fence)
                await note_change(session, note, dt.datetime.now(dt.UTC))
        return note.outcome

    async def _party(self, call: QuoteChangeCall) -> tuple[Party, str, bool]:
        """Return who travels then, the payment's currency, and whether these are others."""
        async with autocommit(self._sessions) as session:
            people = await load_people(session, call.booking_id)
        travelers = call.travelers or people.travelers
        party = Party(travelers=tuple(travelers), contact=people.contact, address=people.address)
        return party, people.currency, travelers != people.travelers


def _travelers_fixed(supplier: str) -> Problem:
    return Problem(
        code=Code.NOT_CHANGEABLE,
        step=STEP,
        message=f"{title_of(supplier)} does not change the travellers of a booking; swap what was"
        " booked there for a new booking with the new names, or call us",
        details={"supplier": supplier},
    )
