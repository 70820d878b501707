"""Viator's answers, and what of them the adapter cannot do without."""

from tests.suppliers.conftest import now
from tests.suppliers.forms import Form
from tests.suppliers.viator.script import (
    ITEM,
    PARTY,
    QUOTE,
    RESERVATION,
    booking,
    cancel_quote,
    check,
    hold,
    product,
)

POLICY = {**product().body["cancellationPolicy"], "description": "Free until the day before."}
POLICY["refundEligibility"] = [
    {**step, "endTimestamp": "2031-04-30T13:30:00Z"} for step in POLICY["refundEligibility"]
]
BOOKED = booking(
    cancellationPolicy=POLICY,
    voucherInfo={"url": "https://v"},
    nextPollAt="2031-01-01T00:00:00Z",
)
REFUND = cancel_quote(refundPercentage=100, itemPrice=85, refundAmount=85)

REFUNDABLE = "cancellationPolicy.refundEligibility.*"
PRICED = "totalPrice.price.recommendedRetailPrice"
STANDS = {"bookingRef", "status"}
UNPRICED = {"totalPrice": "price"}
OTHERS = {"currency", "partnerBookingRef"}
"""A currency that is none makes no amount; another reference is another's booking."""

FORMS = {
    "product": Form(
        "/products/5P1",
        200,
        product().body,
        {
            "status",
            "cancellationPolicy.type",
            f"{REFUNDABLE}.dayRangeMin",
            f"{REFUNDABLE}.percentageRefundable",
        },
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={"title", "timeZone", "bookingQuestions.*", "productOptions.*.productOptionCode"},
    ),
    "check": Form(
        "/availability/check",
        200,
        check().body,
        {"currency", "productCode", "travelDate", "bookableItems.*.available"},
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={
            f"bookableItems.*.{name}"
            for name in ("productOptionCode", "startTime", "lineItems.*.numberOfTravelers", PRICED)
        },
    ),
    "hold": Form(
        "/bookings/hold",
        200,
        hold().body,
        {"bookingRef", PRICED},
        lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
        words=UNPRICED,
        skipped={"currency"},
    ),
    "book": Form(
        "/bookings/book",
        200,
        BOOKED.body,
        STANDS | {PRICED},
        lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
        words=UNPRICED,
        skipped=OTHERS | {"lineItems.*.numberOfTravelers"},
    ),
    "look": Form(
        "/bookings/status",
        200,
        BOOKED.body,
        STANDS,
        lambda tours: tours.look(RESERVATION),
        skipped=OTHERS,
    ),
    "find": Form(
        "/bookings/status",
        200,
        BOOKED.body,
        STANDS,
        lambda tours: tours.find("ref-1", since=now()),
        skipped=OTHERS,
    ),
    "cancel_quote": Form(
        "/cancel-quote",
        200,
        REFUND.body,
        {"bookingId", "status"},
        lambda tours: tours.cancel_quote(RESERVATION),
    ),
    "quoted before it is cancelled": Form(
        "/cancel-quote",
        200,
        REFUND.body,
        {"bookingId", "status"},
        lambda tours: tours.cancel(RESERVATION, "key"),
    ),
    "cancel": Form(
        "/cancel",
        200,
        {"bookingId": "BR-1", "status": "ACCEPTED", "reason": "NONE"},
        {"bookingId", "status"},
        lambda tours: tours.cancel(RESERVATION, "key"),
    ),
}
