"""An item to be ordered, as its supplier needs to know it; read from the record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from models.core.database import Sessions, direct
from models.core.errors import AuthConfig
from models.core.money import Money
from models.core.people import Address, Contact, Traveler
from models.core.supply import Quote, TripComponent
from models.core.venues import VENUE, VenueGuest, VenueSlot
from suppliers.core.protocol import Party, Sells

Selling = TypeVar("Selling", bound=Sells[Any, Any])


@dataclass(frozen=True)
class OrderedItem:
    """An item of a booking, with everything that a call to its supplier needs."""

    booking_id: str
    number: int
    reference: str
    component: TripComponent | VenueSlot
    """What the planner offered, in the supplier's currency; or the slot at a venue."""
    quote: Quote | None
    party: Party | VenueGuest
    currency: str
    """What the traveller pays in."""

    @property
    def own_currency(self) -> str:
        """What its supplier prices it in; a slot is priced in what is paid."""
        return self.currency if isinstance(self.component, VenueSlot) else self.component.currency

    @property
    def foreign(self) -> bool:
        """Whether its price has to be converted."""
        return self.own_currency != self.currency

    @property
    def shown_price(self) -> Money:
        """What it was to cost when it was chosen, in the supplier's currency."""
        if isinstance(self.component, VenueSlot):
            assert self.quote is not None, "a slot is quoted before it is written down"
            return self.quote.price
        return self.component.money

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those who travel, or of the guest."""
        if isinstance(self.party, VenueGuest):
            return tuple(self.party.name.split())
        return tuple(
            name for one in self.party.travelers for name in (one.first_name, one.last_name)
        )

    @property
    def step(self) -> str:
        """The saga's word for booking it: flight, hotel or activity."""
        return self.component.type.lower()


def supplier_of(item: OrderedItem, suppliers: Mapping[str, Selling]) -> Selling:
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


_ITEM_ROWS = """
SELECT i.number, i.reference, i.offer, i.quote, i.travelers AS own_travelers,
    b.travelers, b.contact, b.currency, p.billing_details -> 'address' AS address
FROM booking_items i JOIN bookings b ON b.id = i.booking_id
LEFT JOIN payments p ON p.booking_id = b.id AND p.number = 1
WHERE i.booking_id = :booking_id AND (CAST(:number AS int) IS NULL OR i.number = :number)
ORDER BY i.number
"""
_LOAD = text(_ITEM_ROWS)
_LOAD_AND_BEGIN = text(f"""
WITH begun AS (
    INSERT INTO attempts (booking_id, item, provider, operation, key, number)
    SELECT booking_id, number, supplier, 'book', :key, 1 FROM booking_items
    WHERE booking_id = :booking_id AND number = :number AND quote IS NOT NULL
    AND supplier = ANY(:suppliers)
    ON CONFLICT (key, number) DO NOTHING RETURNING id
)
SELECT (SELECT id FROM begun) AS begun, loaded.* FROM ({_ITEM_ROWS}) AS loaded
""")  # noqa: S608


async def load(sessions: Sessions, booking_id: str, number: int | None = None) -> list[OrderedItem]:
    """Return the items of a booking in order, or the one with that number.

    Raises:
        ApplicationError: there is none (type ``UnknownItem``, not retryable).
    """
    async with direct(sessions) as connection:
        rows = (await connection.execute(_LOAD, {"booking_id": booking_id, "number": number})).all()
    if not rows:
        raise _unknown(booking_id, number)
    return [_ordered_item(booking_id, row) for row in rows]


async def load_and_begin(
    sessions: Sessions, booking_id: str, number: int, *, key: str, suppliers: Collection[str]
) -> tuple[OrderedItem, int | None]:
    """Return an item, and the attempt to book it: its intent is written in the same statement.

    None: the first attempt was made before, or there is nothing to ask one of ``suppliers`` for.

    Raises:
        ApplicationError: there is no such item (type ``UnknownItem``, not retryable).
    """
    values = {"booking_id": booking_id, "number": number, "key": key, "suppliers": [*suppliers]}
    async with direct(sessions) as connection:
        row = (await connection.execute(_LOAD_AND_BEGIN, values)).one_or_none()
    if row is None:
        raise _unknown(booking_id, number)
    return _ordered_item(booking_id, row), row.begun


def _unknown(booking_id: str, number: int | None) -> ApplicationError:
    return ApplicationError(
        f"no item {number} of booking {booking_id}", type="UnknownItem", non_retryable=True
    )


def _ordered_item(booking_id: str, row: Any) -> OrderedItem:
    component, party = (_slot if row.offer.get("supplier") == VENUE else _trip_component)(row)
    return OrderedItem(
        booking_id=booking_id,
        number=row.number,
        reference=row.reference,
        component=component,
        quote=Quote.model_validate(row.quote) if row.quote else None,
        party=party,
        currency=row.currency,
    )


def _trip_component(row: Any) -> tuple[TripComponent, Party]:
    return TripComponent.model_validate(row.offer), Party(
        travelers=tuple(map(Traveler.model_validate, row.own_travelers or row.travelers)),
        contact=Contact.model_validate(row.contact),
        address=Address.model_validate(row.address) if row.address else None,
    )


def _slot(row: Any) -> tuple[VenueSlot, VenueGuest]:
    return VenueSlot.model_validate(row.offer), VenueGuest.model_validate(row.travelers[0])
