"""A change of a booking that stands: what is requested, what it costs, how it ended. No I/O.

The total of a booking is what the company may keep of it (``Booking.due``): the prices of what
stands and the fees of what was cancelled. A change makes it another one; the difference is
charged, or given back.
"""

import datetime as dt
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from models.bookings.booking import Booking, Item
from models.bookings.changes import ChangedItem as ChangedItem
from models.bookings.changes import ChangeNote as ChangeNote
from models.bookings.changes import ChangeOutcome as ChangeOutcome
from models.bookings.changes import ChangeQuote as ChangeQuote
from models.bookings.changes import Part as Part
from models.bookings.lifecycle import BookingKind, BookingState, SagaState
from models.bookings.problems import Code, Problem
from models.core.fencing import Fence
from models.core.keys import item_reference
from models.core.money import MinorUnits
from models.core.people import Traveler
from models.core.supply import Quote, TripComponent
from models.trips.cancellation_quotes import afterwards

STEP = "modify"
"""The step that problems of a change name."""


class Swap(BaseModel):
    """One component in place of another."""

    component_id: str
    """Of the component that goes."""
    component: TripComponent


class TripChanges(BaseModel):
    """What is to be different."""

    drop: list[str] = []
    swap: list[Swap] = []
    add: list[TripComponent] = []
    travelers: list[Traveler] | None = None
    """Who travels instead; new items are booked for them."""

    @property
    def gone(self) -> list[str]:
        """The ids of the components that go."""
        return [*self.drop, *(swap.component_id for swap in self.swap)]

    @property
    def new(self) -> list[TripComponent]:
        """The components that come, in the order in which they are numbered."""
        return [*(swap.component for swap in self.swap), *self.add]


class ChangeRequest(BaseModel):
    """A change that is to be carried out, accepted up to a total."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    change_id: str
    """Made of caller, booking and Idempotency-Key: the same for every repeat."""
    booking_id: str
    fingerprint: str
    who: str
    """The caller, for the history."""
    requested: TripChanges = Field(alias="wish")
    """Written by its first name: runs of an older version may be sent it."""
    accepted_total: MinorUnits
    payment_method_id: str | None = None
    """Pays the difference; None for the one the booking was paid with."""


class OpenedChange(BaseModel):
    """The answer of ``open_change``."""

    booking: Booking
    outcome: ChangeOutcome | None = None
    """How this very change has ended before."""


class QuoteChangeCall(BaseModel):
    """Asks for the new components of a change to be verified and priced."""

    booking_id: str
    components: dict[int, TripComponent]
    """By the numbers that their items will have."""
    travelers: list[Traveler] | None = None
    staying: list[str] = []
    """The suppliers of what stays: with none of them can the travellers be changed."""
    change_id: str | None = None
    """The change to keep the quotes with; None for a question."""
    fence: Fence | None = None


def numbered(booking: Booking, requested: TripChanges) -> dict[int, TripComponent]:
    """Return the new components by the numbers their items get: those after the last one."""
    first = max(item.number for item in booking.items) + 1
    return dict(enumerate(requested.new, start=first))


def gone_items(booking: Booking, requested: TripChanges) -> list[Item]:
    """Return the items that go."""
    return [item for item in booking.live_items if item.component_id in requested.gone]


def refusal(booking: Booking, requested: TripChanges) -> Problem | None:
    """Return why a booking cannot be changed like this; None when it may be tried."""

    def no(message: str) -> Problem:
        return Problem(code=Code.NOT_CHANGEABLE, step=STEP, message=message)

    if booking.kind is not BookingKind.TRIP:
        return no("only trips are changed like this")
    if booking.state is not BookingState.CONFIRMED:
        return no(f"a booking that is {booking.state} cannot be changed")
    live = {item.component_id for item in booking.live_items}
    if missing := sorted(set(requested.gone) - live):
        return no(f"the booking has no component {missing[0]} that could go")
    staying = live - set(requested.gone)
    if not staying and not requested.new:
        return no("nothing of the trip would be left; cancel the booking instead")
    new = [component.component_id for component in requested.new]
    if len({*new, *staying}) < len(new) + len(staying):
        return no("two components of the trip would have the same id")
    return None


def new_items(
    booking: Booking, components: Mapping[int, TripComponent], quotes: Mapping[int, Quote]
) -> list[Item]:
    """Return the items that come, quoted."""
    return [
        Item(
            number=number,
            type=component.type,
            supplier=component.supplier,
            component_id=component.component_id,
            title=component.title,
            currency=booking.currency,
            price=quotes[number].payable.price.amount,
            supplier_price=quotes[number].price if quotes[number].converted else None,
            reference=item_reference(booking.id, number),
            saga_state=SagaState.QUOTED,
            quote=quotes[number],
        )
        for number, component in components.items()
    ]


def quote_of(booking: Booking, gone: list[Item], new: list[Item], at: dt.datetime) -> ChangeQuote:
    """Return what it costs that ``gone`` go and ``new`` come, at that moment (UTC)."""
    after = afterwards(booking, gone, at, new)
    difference = after.due - booking.due
    after.payment.captured += max(difference, 0)  # it is taken before anything is given back
    return ChangeQuote(
        currency=booking.currency,
        items=[
            *(_changed(item, Part.GOES, item.fee_at(at)) for item in gone),
            *(_changed(item, Part.COMES, 0) for item in new),
        ],
        old_total=booking.due,
        new_total=after.due,
        difference=difference,
        refund=after.refundable,
        in_dispute=after.in_dispute,
        quoted_at=at,
        holds_until=min(
            [
                *(item.quote.expires_at for item in new if item.quote and item.quote.expires_at),
                *(step for item in gone if (step := _next_fee(item, at))),
            ],
            default=None,
        ),
    )


def _changed(item: Item, part: Part, fee: int) -> ChangedItem:
    return ChangedItem(
        part=part,
        component_id=item.component_id,
        type=item.type,
        title=item.title,
        supplier=item.supplier,
        price=item.price,
        fee=fee,
        pay_at_property=item.pay_at_property,
    )


def _next_fee(item: Item, at: dt.datetime) -> dt.datetime | None:
    """Return when the fee of an item changes next."""
    if item.quote is None:
        return None
    ends = [step.until for step in item.quote.payable.terms.steps if step.until]
    return min((end for end in ends if end > at), default=None)
