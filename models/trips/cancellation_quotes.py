"""What cancelling would cost now: computed as cancelling itself does, without cancelling."""

import datetime as dt
from collections.abc import Iterable, Mapping

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
from models.core.money import Currency, MinorUnits, Money
from models.core.patience import Patience
from models.core.supply import CancelQuote, ItemType


class QuoteCancellationRequest(BaseModel):
    """Asks what cancelling a booking, or some of its components, would cost now."""

    booking_id: str
    components: list[str] = []
    """Component ids; empty for all that is left."""
    patience: Patience = Patience()


class ItemCancelQuote(BaseModel):
    """What cancelling one item would cost now; amounts in minor units of the payment's currency."""

    number: int
    component_id: str
    type: ItemType
    title: str
    supplier: str
    price: MinorUnits
    kept: MinorUnits
    """By the terms stored at validation."""
    refund: MinorUnits
    """Its share of what would go back now in all."""
    until: AwareDatetime | None = None
    """Until when the stored terms keep just this; None when that does not change any more."""
    supplier_says: CancelQuote | None = None
    """What the supplier itself would keep; None when it was not asked, or did not say."""
    agrees: bool | None = None
    """Whether that is what the stored terms say; None when the supplier names no fee."""

    @property
    def for_operator(self) -> bool:
        """Whether a person will have to settle it: its supplier will not cancel it."""
        says = self.supplier_says
        return says is not None and not says.cancellable and not says.gone


class CancellationQuoted(BaseModel):
    """The answer of ``quote_cancellation``."""

    booking_id: str
    reference: str
    state: BookingState
    currency: Currency
    at: AwareDatetime
    """The moment it was reckoned for."""
    items: list[ItemCancelQuote] = []
    """What is live of what was asked about; empty when nothing is left to cancel."""
    refund: MinorUnits = 0
    """What would go back now in all, what has gone back already not counted again."""
    in_dispute: MinorUnits = 0
    """What would go back besides, if the card holder's open dispute is decided for us."""


def items_to_cancel(booking: Booking, components: list[str]) -> list[Item]:
    """Return the live items that a request to cancel is about: those named, or all."""
    named = set(components)
    return [item for item in booking.live_items if not named or item.component_id in named]


def afterwards(
    booking: Booking, gone: Iterable[Item], now: dt.datetime, come: Iterable[Item] = ()
) -> Booking:
    """Return the booking as it would be if ``gone`` were cancelled at ``now`` and ``come`` stood.

    The booking that is given is not changed. No money has been moved in the one returned.
    """
    after = booking.model_copy(deep=True)
    for item in gone:
        left = after.item(item.number)
        left.fee = left.fee_at(now)
        left.status, left.saga_state = ItemStatus.CANCELLED, SagaState.UNDONE
    standing = {"status": ItemStatus.CONFIRMED}
    after.items = [*after.items, *(item.model_copy(update=standing) for item in come)]
    # As cancelling does: more than everything cannot be given back.
    after.goodwill = min(after.goodwill, after.due)
    return after


def shares(prices: Mapping[int, int], amount: int) -> dict[int, int]:
    """Return how an ``amount`` that goes back falls on items, by their numbers.

    ``prices`` is what the terms let go back of each: no item gets more, and together they get no
    more than the amount, which goodwill or a dispute may have made smaller.
    """
    found = {}
    for number, most in prices.items():
        found[number] = min(max(most, 0), amount)
        amount -= found[number]
    return found


def reckon(booking: Booking, items: list[Item], now: dt.datetime) -> CancellationQuoted:
    """Reckon what cancelling ``items`` at ``now`` would keep and give back. Nothing is changed."""
    after = afterwards(booking, items, now)
    back = shares({item.number: item.price - item.fee_at(now) for item in items}, after.refundable)
    return CancellationQuoted(
        booking_id=booking.id,
        reference=booking.reference,
        state=booking.state,
        currency=booking.currency,
        at=now,
        items=[
            ItemCancelQuote(
                number=item.number,
                component_id=item.component_id,
                type=item.type,
                title=item.title,
                supplier=item.supplier,
                price=item.price,
                kept=item.fee_at(now),
                refund=back[item.number],
                until=item.quote.payable.terms.step_ends(now) if item.quote else None,
            )
            for item in items
        ],
        refund=after.refundable,
        in_dispute=after.in_dispute,
    )


def compared(quoted: ItemCancelQuote, item: Item, says: CancelQuote, now: dt.datetime) -> None:
    """Note what a supplier says about cancelling an item, and whether the stored terms agree."""
    quoted.supplier_says = says
    if says.fee is not None and item.quote is not None:
        price = item.quote.price
        fee = item.quote.terms.fee_at(now, price.amount)
        quoted.agrees = says.fee == Money(amount=fee, currency=price.currency)
