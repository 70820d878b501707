"""An item of a booking as its supplier needs to know it, read from the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from temporalio.exceptions import ApplicationError

from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.core.database import Sessions, autocommit
from models.core.errors import AuthConfig
from models.core.people import Contact, Traveler
from models.core.supply import Quote, TripComponent
from suppliers.core.protocol import Party, Supplier


@dataclass(frozen=True)
class Wanted:
    """An item as the record has it, with what a supplier needs to know."""

    booking_id: str
    number: int
    reference: str
    component: TripComponent
    """What the planner offered, in the supplier's currency."""
    quote: Quote | None
    party: Party
    currency: str
    """What the traveller pays in."""

    @property
    def foreign(self) -> bool:
        """Whether its price has to be converted."""
        return self.component.currency != self.currency

    @property
    def step(self) -> str:
        """The saga's word for booking it: flight, hotel or activity."""
        return self.component.type.lower()


def supplier_of(item: Wanted, suppliers: Mapping[str, Supplier]) -> Supplier:
    """Return who delivers an item.

    Raises:
        AuthConfig: there is no such supplier here.
    """
    try:
        return suppliers[item.component.supplier]
    except KeyError:
        raise AuthConfig(
            f"no supplier {item.component.supplier!r} is configured",
            provider=item.component.supplier,
            operation="configure",
        ) from None


async def load(sessions: Sessions, booking_id: str, number: int | None = None) -> list[Wanted]:
    """Return the items of a booking in order, or the one with that number.

    Raises:
        ApplicationError: there is none (type ``UnknownItem``, not retryable).
    """
    items = BOOKING_ITEMS.c
    query = (
        select(
            items.number,
            items.reference,
            items.offer,
            items.quote,
            items.travelers.label("own_travelers"),
            BOOKINGS.c.travelers,
            BOOKINGS.c.contact,
            BOOKINGS.c.currency,
        )
        .join(BOOKINGS, BOOKINGS.c.id == items.booking_id)
        .where(items.booking_id == booking_id)
        .order_by(items.number)
    )
    if number is not None:
        query = query.where(items.number == number)
    async with autocommit(sessions) as session:
        rows = (await session.execute(query)).all()
    if not rows:
        raise ApplicationError(
            f"no item {number} of booking {booking_id}", type="UnknownItem", non_retryable=True
        )
    return [_wanted(booking_id, row) for row in rows]


def _wanted(booking_id: str, row: Any) -> Wanted:
    return Wanted(
        booking_id=booking_id,
        number=row.number,
        reference=row.reference,
        component=TripComponent.model_validate(row.offer),
        quote=Quote.model_validate(row.quote) if row.quote else None,
        party=Party(
            travelers=tuple(map(Traveler.model_validate, row.own_travelers or row.travelers)),
            contact=Contact.model_validate(row.contact),
        ),
        currency=row.currency,
    )
