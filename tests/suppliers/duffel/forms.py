"""What Duffel answers in other forms than published: read where nobody needs it, else named."""

from models.core.supply import ReservationStatus
from tests.suppliers.conftest import now
from tests.suppliers.duffel.script import (
    ASK,
    CONFIRM,
    CONFIRMED_AT,
    ITEM,
    LISTED,
    ORDER,
    ORDERS,
    PARTY,
    PRICED,
    QUOTE,
    offer,
    order,
    refund,
    reservation,
)
from tests.suppliers.forms import Form

SEGMENT = "data.slices.*.segments.*"
FLIGHTS = {
    f"{SEGMENT}.{field}"
    for field in ("departing_at", "arriving_at", "marketing_carrier_flight_number")
} | {f"{SEGMENT}.{field}.iata_code" for field in ("origin", "destination", "marketing_carrier")}
HOLD = {"data.payment_requirements.requires_instant_payment"}
"""Not needed, and decisive: what does not say that it can be held is paid at once."""
AMOUNT = {"data.total_amount", "data.total_currency"}
STANDS = {"data.id", "data.payment_status.awaiting_payment"}
SAID = {"data.cancelled_at"}
"""Any word there says that it is cancelled; a number makes no sense."""
PEOPLE = {"data.passengers.*.given_name", "data.passengers.*.family_name"}
OURS = {"data.metadata.trip_reference", "data.booking_reference"}

FORMS = {
    "quote": Form(
        PRICED,
        200,
        {"data": offer()},
        FLIGHTS - {f"{SEGMENT}.marketing_carrier.iata_code"} | {"data.id", "data.passengers.*.id"},
        lambda flights: flights.quote(ITEM, PARTY),
        skipped={
            *AMOUNT,
            *HOLD,
            f"{SEGMENT}.marketing_carrier.iata_code",  # of some there is none
            "data.passenger_identity_documents_required",  # who has none is refused
            # An age or another type is of somebody else.
            "data.passengers.*.type",
            "data.passengers.*.age",
        },
    ),
    "book": Form(
        ORDERS,
        201,
        {"data": order()},
        STANDS,
        lambda flights: flights.book(ITEM, QUOTE, PARTY, "ref-1"),
        stands=ReservationStatus.HELD,
        skipped=FLIGHTS | AMOUNT | PEOPLE | OURS | SAID,  # other than asked: see test_answers
    ),
    "look": Form(
        ORDER,
        200,
        {"data": order(paid=True)},
        STANDS,
        lambda flights: flights.look(reservation()),
        skipped=SAID,
    ),
    "find": Form(
        ORDER,
        200,
        {"data": order(paid=True)},
        STANDS | AMOUNT | {"data.booking_reference"},
        lambda flights: flights.find("ref-1", since=now()),
        skipped=SAID | {"data.metadata.trip_reference"},
    ),
    "list": Form(
        LISTED,
        200,
        {"data": [order()], "meta": {"after": None, "before": None, "limit": 50}},
        {"data.*.id"},
        lambda flights: flights.find("ref-1", since=now()),
        stands=ReservationStatus.HELD,
        skipped={"data.*.metadata.trip_reference", "meta.after"},
    ),
    "cancel_quote": Form(
        ASK,
        201,
        {"data": refund()},
        {"data.id", "data.order_id"},
        lambda flights: flights.cancel_quote(reservation()),
    ),
    "cancel": Form(
        CONFIRM,
        200,
        {"data": refund(**CONFIRMED_AT)},
        {"data.id", "data.order_id"},
        lambda flights: flights.cancel(reservation(), "key"),
        skipped={"data.confirmed_at"},
    ),
}
