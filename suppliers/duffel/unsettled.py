"""Orders that were asked for and are not, or not yet, what was asked for: PENDING."""

import datetime as dt
from typing import Final

from models.core.errors import OTHER_THAN_ASKED
from models.core.supply import Quote, Reservation, ReservationStatus
from suppliers.duffel.orders import Order
from suppliers.duffel.requests import Priced

_SETTLES: Final = dt.timedelta(minutes=10)
"""How long an order that was only accepted is waited for; mostly it takes seconds."""


def accepted(priced: Priced, quote: Quote, reference: str, look_pause: dt.timedelta) -> Reservation:
    """Return an order that was only accepted: its offer is what we know it by until it is made.

    The body of such an answer says nothing that is documented †.
    """
    now = dt.datetime.now(dt.UTC)
    return Reservation(
        reference=reference,
        supplier_id=priced.offer_id,
        confirmation_code="",
        provider=priced.provider,
        price=quote.price,
        status=ReservationStatus.PENDING,
        settles_by=now + _SETTLES,
        look_after=now + look_pause,
        starts_at=priced.starts_at,
        ends_at=priced.ends_at,
        details={"asked_at": now.isoformat()},
    )


def other_than_asked(
    order: Order, priced: Priced, quote: Quote, reference: str, wrong: list[str]
) -> Reservation:
    """Return an order that was made, and is not what was asked for: it is never the booking.

    It stays PENDING for as long as it lives, so that it is undone by its id, whatever else it may
    lack: a look-up by our reference may not find it, and could not tell it from the right one.
    """
    now = dt.datetime.now(dt.UTC)
    return Reservation(
        reference=reference,
        supplier_id=order.id,
        confirmation_code=order.booking_reference or "",
        pnr=order.booking_reference,
        provider=priced.provider,
        price=quote.price,
        status=ReservationStatus.PENDING,
        settles_by=now,
        look_after=now,
        details={OTHER_THAN_ASKED: wrong},
    )
