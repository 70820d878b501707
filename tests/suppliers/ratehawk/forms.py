"""RateHawk's answers, and what of them the adapter cannot do without."""

from models.core.supply import ReservationStatus
from tests.suppliers.conftest import now
from tests.suppliers.forms import Form
from tests.suppliers.ratehawk.script import (
    CANCEL,
    FINISH,
    FORM,
    HOTEL,
    INFO,
    ITEM,
    PARTY,
    PREBOOK,
    QUOTE,
    SEARCH,
    STATUS,
    amount,
    fee,
    form,
    info,
    ok,
    order,
    page,
    payment,
    prebooked,
    rate,
    reservation,
    status,
)

CONFIRMED, PENDING = ReservationStatus.CONFIRMED, ReservationStatus.PENDING
TAXED = rate(
    "p-1",
    payments=[
        payment(
            tax_data={
                "taxes": [
                    {
                        "name": "vat",
                        "included_by_supplier": True,
                        "amount": "9.00",
                        "currency_code": "USD",
                    }
                ]
            }
        )
    ],
)
ORDER = info(
    order(taxes=[{"name": "city_tax", "is_included": False, "amount_tax": amount("7.50")}])
)
BOOKED = reservation(status=CONFIRMED, settles_by=None)

RATE = "data.hotels.*.rates.*"
WAY = "payment_options.payment_types.*"
STEP = "cancellation_penalties.policies.*"
AMOUNTS = {"amount", "currency_code", f"{STEP}.amount_charge"}
RATES = {"status", "data.hotels.*.hid", f"{RATE}.book_hash", f"{RATE}.room_name"} | {
    f"{RATE}.{WAY}.{name}" for name in AMOUNTS
}
STEPS = {f"{STEP}.start_at", f"{STEP}.end_at", "type"}
"""Of another way to pay nothing is read; steps have to follow each other."""
OTHERS = {"error", f"{RATE}.meal", f"{RATE}.daily_prices.*"} | {
    f"{RATE}.{WAY}.{name}" for name in STEPS
}
"""Another board, or other nights, are another rate."""
KNOWN = {"data.orders.*.partner_data.order_id", "data.orders.*.status"}

FORMS = {
    "info": Form(
        "/hotel/info/",
        200,
        ok(HOTEL).body,
        {"status", "data.hid", "data.name"},
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped={"error"},
    ),
    "search": Form(
        SEARCH,
        200,
        page(rate()).body,
        RATES,
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped=OTHERS,
    ),
    "prebook": Form(
        PREBOOK,
        200,
        prebooked(TAXED).body,
        RATES,
        lambda hotels: hotels.quote(ITEM, PARTY),
        skipped=OTHERS,
    ),
    "form": Form(
        FORM,
        200,
        form().body,
        {"status", "data.partner_order_id"}
        | {f"data.payment_types.*.{name}" for name in ("amount", "currency_code")},
        lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
        stands=PENDING,
        skipped={"error", "data.payment_types.*.type"},
    ),
    "finish": Form(
        FINISH,
        200,
        ok().body,
        {"status"},
        lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
        stands=PENDING,
        skipped={"error"},
    ),
    "status": Form(
        STATUS,
        200,
        status("ok").body,
        {"status"},
        lambda hotels: hotels.look(reservation()),
        others={INFO: ORDER},
        skipped={"error", "data.partner_order_id"},
    ),
    "find": Form(
        INFO,
        200,
        ORDER.body,
        set(),
        lambda hotels: hotels.find("ref-1", since=now()),
        others={STATUS: status("ok")},
        skipped={"data.orders.*.partner_data.order_id"},
    ),
    "look": Form(
        INFO,
        200,
        ORDER.body,
        KNOWN | {"status"},
        lambda hotels: hotels.look(BOOKED),
        others={STATUS: status("ok")},
        skipped={"error"},
    ),
    "cancel_quote": Form(
        INFO,
        200,
        ORDER.body,
        KNOWN | {"status"},
        lambda hotels: hotels.cancel_quote(BOOKED),
        skipped={"error"},
    ),
    "cancel": Form(
        CANCEL,
        200,
        fee().body,
        {"status"},
        lambda hotels: hotels.cancel(BOOKED, "key"),
        skipped={"error"},
    ),
}
