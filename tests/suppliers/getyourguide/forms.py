"""GetYourGuide's answers, and what of them the adapter cannot do without."""

from models.core.supply import ReservationStatus
from tests.suppliers.forms import Form
from tests.suppliers.getyourguide.script import (
    BOOKING,
    BOOKINGS,
    CARTS,
    DAYS,
    ITEM,
    KEPT,
    OPTIONS,
    PARTY,
    PRICES,
    QUOTE,
    SCRIPT,
    TOUR,
    booking,
    cart,
    deleted,
    options,
    shown,
)

HELD = ReservationStatus.HELD
TICKET = {"booking_reference": "GYG1", "ticket_url": "https://t", "emergency_phone_number": "+1"}
ASKING = options(
    title="Morning",
    questions={"participant_questions": [{"question": "traveler_names", "mandatory": True}]},
    cond_language={"language_live": ["en"]},
)
TEMP, DONE = booking("temp", ticket=TICKET), booking("confirmed", ticket=TICKET)
CART = cart(bookings=[shown("confirmed", ticket=TICKET)])

ASKED = "data.tour_options.*.questions.participant_questions.*"
SLOT = "tour_options.*.time_slots.*"
POLICY = "data.tours.*.cancellation_policy"
ITEM_OF = {"option_id", "categories.*.number_of_participants"}
"""Of another option, or for others, it is another booking."""
STANDS = {"booking_hash", "booking_status"}
BOOKED = {f"booking.{name}" for name in STANDS}
CARTED = {f"data.bookings.*.{name}" for name in (*STANDS, "bookable.price")}

FORMS = {
    "tour": Form(
        TOUR,
        200,
        SCRIPT.replies[TOUR].body,
        {"data.tours.*.title", "data.tours.*.tour_id"},
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={
            f"{POLICY}.{name}"
            for name in (
                "cancellable",
                "cancellation_fee_unit",
                "cancellation_fee_value",
                "cancellation_offset_minutes",
            )
        },
    ),
    "options": Form(
        OPTIONS,
        200,
        ASKING.body,
        {f"{ASKED}.question"},
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={
            f"{ASKED}.mandatory",
            "data.tour_options.*.option_id",
            "data.tour_options.*.tour_id",
        },
    ),
    "days": Form(
        DAYS,
        200,
        SCRIPT.replies[DAYS].body,
        {"tour_id"},
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={"available_dates.*.date", "participants_range.min"},
    ),
    "prices": Form(
        PRICES,
        200,
        SCRIPT.replies[PRICES].body,
        set(),
        lambda tours: tours.quote(ITEM, PARTY),
        skipped={"tour_options.*.option_id", f"{SLOT}.date_time"}
        | {
            f"{SLOT}.price_breakdown.{name}"
            for name in (
                "individuals.*.category_id",
                "individuals.*.quantity",
                "individuals.*.ticket_category",
                "price_summary.currency",
                "price_summary.retail_price",
            )
        },
    ),
    "book": Form(
        BOOKINGS,
        200,
        SCRIPT.replies[BOOKINGS].body,
        {
            f"data.bookings.{name}"
            for name in ("booking_hash", "reservation_expires_at", "shopping_cart_hash", "status")
        },
        lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
        stands=HELD,
        skipped={"data.bookings.return_code"},
    ),
    "before it is completed": Form(
        BOOKING,
        200,
        TEMP.body,
        BOOKED | {"booking.bookable.price"},
        lambda tours: tours.complete(KEPT, QUOTE, PARTY, "key"),
        skipped={f"booking.bookable.{name}" for name in ITEM_OF} | {"booking.shopping_cart_hash"},
    ),
    "complete": Form(
        CARTS,
        200,
        CART.body,
        CARTED | {"data.status", "data.shopping_cart_hash"},
        lambda tours: tours.complete(KEPT, QUOTE, PARTY, "key"),
        skipped={f"data.bookings.*.bookable.{name}" for name in ITEM_OF}
        | {"data.payment_info.payment_currency", "data.payment_info.total_price"},
    ),
    "look": Form(BOOKING, 200, DONE.body, BOOKED, lambda tours: tours.look(KEPT)),
    "cancel_quote": Form(BOOKING, 200, DONE.body, BOOKED, lambda tours: tours.cancel_quote(KEPT)),
    "cancel": Form(
        BOOKING,
        200,
        DONE.body,
        BOOKED,
        lambda tours: tours.cancel(KEPT, "key"),
        after=(deleted(),),
    ),
    "the end of a cancel": Form(
        BOOKING,
        200,
        deleted().body,
        {"data.bookings.booking_hash", "data.bookings.booking_status"},
        lambda tours: tours.cancel(KEPT, "key"),
        before=(DONE,),
    ),
}
