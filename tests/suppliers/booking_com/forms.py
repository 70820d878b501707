"""Booking.com's answers, and what of them the adapter cannot do without."""

from models.core.supply import ReservationStatus
from tests.suppliers.booking_com.script import (
    CREATED,
    HOTEL,
    ITEM,
    PARTY,
    QUOTE,
    RESERVATION,
    SHOWN,
    detail,
    error,
    preview,
    room,
    told,
)
from tests.suppliers.conftest import now
from tests.suppliers.forms import Form

ORDER = told(
    [detail(products=[{**room((0, 0), (1, 9)), "price": {"total": {"booker_currency": 300.5}}}])]
)
LISTED = told([{"id": "41", "label": "ref-1"}], metadata={"total_results": 1, "next_page": None})

PRODUCT = "data.accommodation.products.*"
POLICY = f"{PRODUCT}.policies.cancellation.schedule.*"
KNOWN = {"data.*.id", "data.*.status"}
OTHERS = {"data.*.label", "data.*.currency.booker"}
"""Another label is another order's; a currency that is none makes no amount."""

FORMS = {
    "details": Form(
        "/accommodations/details",
        200,
        told([HOTEL]).body,
        {"data.*.id"},
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped={"data.*.name.en-gb", "data.*.booker_address_required"},
    ),
    "availability": Form(
        "/accommodations/availability",
        200,
        told([{"id": 5, "products": [{"id": "5_1"}]}]).body,
        {"data.*.id"},
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped={"data.*.products.*.id"},
    ),
    "preview": Form(
        "/orders/preview",
        200,
        told(preview()).body,
        {
            "data.order_token",
            "data.accommodation.id",
            "data.accommodation.currency.booker",
            "data.accommodation.price.total.booker_currency",
            f"{PRODUCT}.id",
            f"{POLICY}.price.booker_currency",
            f"{PRODUCT}.policies.payment.timings",
        },
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped={f"{POLICY}.from", f"{PRODUCT}.policies.payment.timings.*"},
    ),
    "book": Form(
        "/orders/create",
        200,
        told(CREATED).body,
        {"data.order"},
        lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
    ),
    "list": Form(
        "/orders/details",
        200,
        LISTED.body,
        {"data.*.id"},
        lambda hotels: hotels.find("ref-1", since=now()),
        others={SHOWN: ORDER},
        skipped={"metadata.next_page"},
    ),
    "find": Form(
        SHOWN,
        200,
        ORDER.body,
        KNOWN,
        lambda hotels: hotels.find("ref-1", since=now()),
        others={"/orders/details": LISTED},
        skipped=OTHERS,
    ),
    "look": Form(
        SHOWN, 200, ORDER.body, KNOWN, lambda hotels: hotels.look(RESERVATION), skipped=OTHERS
    ),
    "look at one that is gone": Form(
        SHOWN,
        200,
        told(
            [detail(status="cancelled", cancellation_details={"fee": {"booker_currency": 20}})]
        ).body,
        KNOWN,
        lambda hotels: hotels.look(RESERVATION),
        stands=ReservationStatus.CANCELLED,
        skipped=OTHERS,
    ),
    "cancel_quote": Form(
        SHOWN,
        200,
        ORDER.body,
        KNOWN,
        lambda hotels: hotels.cancel_quote(RESERVATION),
        skipped=OTHERS,
    ),
    "cancel": Form(
        "/orders/cancel",
        200,
        told({"status": "successful"}).body,
        {"data.status"},
        lambda hotels: hotels.cancel(RESERVATION, "key"),
    ),
    "the fee": Form(
        SHOWN,
        200,
        told(
            [detail(status="cancelled", cancellation_details={"fee": {"booker_currency": 20}})]
        ).body,
        set(),
        lambda hotels: hotels.cancel(RESERVATION, "key"),
        others={"/orders/cancel": told({"status": "successful"})},
    ),
    "cancelled already": Form(
        SHOWN,
        200,
        told([detail(status="cancelled")]).body,
        KNOWN,
        lambda hotels: hotels.cancel(RESERVATION, "key"),
        others={"/orders/cancel": error(409, "whatever")},
    ),
}
