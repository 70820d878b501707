"""What travellers and guests read of each code, state and end, by kind of booking.

Every code of ``models.bookings.problems.Code`` has its words here; a test holds the two together.
"""

from dataclasses import dataclass

from models.bookings.lifecycle import MARKET, BookingKind, BookingState
from models.bookings.problems import Code

_S = BookingState


@dataclass(frozen=True)
class Words:
    """What a traveller is told about a code."""

    message: str
    """What happened, where the saga did not say it better itself."""
    next_step: str
    about_item: str = ""
    """The same about one item, where it is known which: ``{item}`` is "the hotel “Aurora”"."""
    settled: str = ""
    """What came of it, once nobody has anything of the booking to settle any more."""


WORDS: dict[Code, Words] = {
    Code.PRICE_CHANGED: Words(
        "The price of the trip has changed since you saw it, so nothing was booked.",
        "Have the trip priced again; if you accept the new price, book the new offer.",
    ),
    Code.UNAVAILABLE: Words(
        "A part of the trip is no longer available.",
        "Choose another trip or other dates and book again.",
        "{item} is no longer available.",
    ),
    Code.INVALID_TRIP: Words(
        "A part of the trip could not be booked as it was described.",
        "Check the travellers' names, birth dates and documents, then book again.",
        "{item} could not be booked as it was described.",
    ),
    Code.NO_EXCHANGE_RATE: Words(
        "A part of the trip is priced in another currency than the one you pay in, and there is"
        " no exchange rate for it right now.",
        "Please try again later, or choose a trip that is priced in the currency you pay in.",
        "{item} is priced in another currency than the one you pay in, and there is no exchange"
        " rate for it right now.",
    ),
    Code.PAYMENT_DECLINED: Words(
        "Your bank declined the payment.",
        "Use another card or ask your bank, then book again.",
    ),
    Code.AUTHENTICATION_REQUIRED: Words(
        "Your bank asked you to approve the payment, and the approval did not come in time.",
        "Book again and approve the payment when your bank asks.",
    ),
    Code.SUPPLIER_DOWN: Words(
        "One of the companies we book with did not answer.",
        "Nothing is wrong with your request. Please book again in a few minutes.",
        "{item} could not be booked: the company that offers it does not answer.",
    ),
    Code.SUPPLIER_ANSWER_WRONG: Words(
        "One of the companies we book with answered with something else than we asked for.",
        "You need not do anything: a person is looking after it and will settle it.",
        "{item}: the company that offers it answered with something else than we asked for.",
        "This has been cleared up: nothing of the trip is booked.",
    ),
    Code.HOLD_EXPIRED: Words(
        "A part of the trip was not held for us long enough to book the rest.",
        "Please book again; if it happens once more, choose another offer.",
    ),
    Code.NOT_APPROVED: Words(  # of reservations alone
        "The venue did not approve the reservation in time.",
        "Reserve again, or choose another place.",
    ),
    Code.PAYMENT_DOWN: Words(
        "The payment service did not answer.",
        "Please book again in a few minutes.",
    ),
    Code.OUTCOME_UNKNOWN: Words(
        "One of the companies we book with did not say whether it booked.",
        "You need not do anything: a person is finding out and will settle it.",
        "{item}: the company that offers it did not say whether it is booked.",
        "This has been cleared up: nothing of the trip is booked.",
    ),
    Code.CANCELLED_BY_TRAVELER: Words(
        "The booking was cancelled at your request.",
        "If you still want to travel, book a new trip.",
    ),
    Code.CANCELLED_BY_OPERATOR: Words(
        "The booking was cancelled by our staff.",
        "If you have questions, contact us with your booking reference.",
    ),
    Code.NOT_CANCELLABLE: Words(
        "A part of the trip cannot be cancelled any more.",
        "Contact us with your booking reference; a person will look for a way.",
        "{item} could not be cancelled.",
        "This has been settled with the company that offers it: nothing of the trip is booked.",
    ),
    Code.AMOUNT_TOO_SMALL: Words(
        "The amount is less than a card is charged.",
        "Add something to the trip or to the change, or contact us.",
    ),
    Code.NOT_CHANGEABLE: Words(
        "The booking cannot be changed like this.",
        "Look at the booking as it stands and ask for another change.",
    ),
    Code.FEE_CHANGED: Words(
        "Cancelling would keep more than was accepted.",
        "Ask what cancelling costs now, and accept that.",
    ),
    Code.NOT_REFUNDABLE: Words(
        "So much is not left to give back.",
        "Look at the booking's payment and ask for what is left.",
    ),
    Code.CASE_SETTLED: Words(
        "The case is not open for a decision any more.",
        "Look at the booking's open cases.",
    ),
    Code.NEEDS_ATTENTION: Words(
        "A part of the booking could not be settled automatically.",
        "You need not do anything: a person is looking after it and will settle it.",
        settled="Our staff has settled it: nothing of the trip is booked.",
    ),
    Code.TRIP_TAKEN: Words(
        "This trip is already being booked, or has been booked.",
        "If the other booking is yours, look at it; otherwise choose another trip.",
    ),
    Code.CONFIGURATION: Words(
        "We could not book with one of our partners because of a mistake on our side.",
        "We have been told. Please try again later or choose another trip.",
        "{item} could not be booked because of a mistake on our side.",
    ),
    Code.INTERNAL: Words(
        "Something went wrong on our side.",
        "Please book again. If it happens twice, contact us with your booking reference.",
    ),
}

_RESERVATION: dict[Code, Words] = {
    Code.PRICE_CHANGED: Words(
        "The price has changed since you saw it, so nothing was reserved.",
        "Ask for the price again; if you accept it, reserve again.",
    ),
    Code.UNAVAILABLE: Words(
        "The place is no longer available.",
        "Choose another time or another place and reserve again.",
        "{item} could not be had: there is no free place.",
    ),
    Code.INVALID_TRIP: Words(
        "The place could not be reserved as it was asked for.",
        "Check the time, the party and the names, then reserve again.",
        "{item} could not be made as it was asked for.",
    ),
    Code.NO_EXCHANGE_RATE: Words(
        "The place is priced in another currency than the one you pay in, and there is no exchange"
        " rate for it right now.",
        "Please try again later.",
    ),
    Code.PAYMENT_DECLINED: Words(
        "Your bank declined the payment.",
        "Use another card or ask your bank, then reserve again.",
    ),
    Code.AUTHENTICATION_REQUIRED: Words(
        "Your bank asked you to approve the payment, and the approval did not come in time.",
        "Reserve again and approve the payment when your bank asks.",
    ),
    Code.SUPPLIER_DOWN: Words(
        "The venue's system did not answer.",
        "Nothing is wrong with your request. Please reserve again in a few minutes.",
    ),
    Code.SUPPLIER_ANSWER_WRONG: Words(
        "The venue's system answered with another time, party or table than was asked for.",
        "You need not do anything: a person is looking after it and will settle it.",
        settled="It was given back: nothing is reserved.",
    ),
    Code.HOLD_EXPIRED: Words(
        "The place could not be held until the reservation was made.",
        "Please reserve again, if the place is still free.",
    ),
    Code.PAYMENT_DOWN: Words(
        "The payment service did not answer.",
        "Please reserve again in a few minutes.",
    ),
    Code.OUTCOME_UNKNOWN: Words(
        "The venue's system did not say whether the place is reserved.",
        "You need not do anything: a person is finding out and will settle it.",
        settled="This has been cleared up: nothing is reserved.",
    ),
    Code.CANCELLED_BY_TRAVELER: Words(
        "The reservation was cancelled at your request.",
        "If you still want to come, reserve again.",
    ),
    Code.CANCELLED_BY_OPERATOR: Words(
        "The reservation was cancelled by the venue or by our staff.",
        "If you have questions, contact us with your reference.",
    ),
    Code.NOT_CANCELLABLE: Words(
        "The reservation cannot be cancelled any more.",
        "Contact us with your reference; a person will look for a way.",
        "{item} could not be cancelled.",
        "This has been settled with the venue: nothing is reserved.",
    ),
    Code.AMOUNT_TOO_SMALL: Words(
        "The amount is less than a card is charged.",
        "Contact us with your reference.",
    ),
    Code.NEEDS_ATTENTION: Words(
        "A part of the reservation could not be settled automatically.",
        "You need not do anything: a person is looking after it and will settle it.",
        settled="Our staff has settled it: nothing is reserved.",
    ),
    Code.TRIP_TAKEN: Words(
        "This place is already being reserved, or has been reserved.",
        "If the other reservation is yours, look at it; otherwise choose another place.",
    ),
    Code.CONFIGURATION: Words(
        "We could not reserve at the venue because of a mistake on our side.",
        "We have been told. Please try again later.",
    ),
    Code.INTERNAL: Words(
        "Something went wrong on our side.",
        "Please reserve again. If it happens twice, contact us with your reference.",
    ),
}


_BOUGHT: dict[Code, Words] = {
    Code.UNAVAILABLE: Words(
        "It is not on sale any more.",
        "Choose another offer or other dates.",
    ),
    Code.PAYMENT_DECLINED: Words(
        "Your bank declined the payment.",
        "Use another card or ask your bank; if it is not held any more, ask for a new quote.",
    ),
    Code.AUTHENTICATION_REQUIRED: Words(
        "Your bank asked you to approve the payment, and the approval did not come in time.",
        "Ask for a new quote, and approve the payment when your bank asks.",
    ),
    Code.HOLD_EXPIRED: Words(
        "It was not held any more when it was paid, and somebody else may have it.",
        "Ask for a new quote, if it is still to be had.",
    ),
    Code.PAYMENT_DOWN: Words(
        "The payment service did not answer.",
        "Ask for a new quote in a few minutes.",
    ),
    Code.CANCELLED_BY_TRAVELER: Words(
        "It was cancelled at your request.",
        "If you still want it, ask for a new quote.",
    ),
    Code.CANCELLED_BY_OPERATOR: Words(
        "It was cancelled by the provider or by our staff.",
        "If you have questions, contact us with your reference.",
    ),
    Code.NOT_CANCELLABLE: Words(
        "It cannot be cancelled any more.",
        "Contact us with your reference; a person will look for a way.",
    ),
    Code.AMOUNT_TOO_SMALL: _RESERVATION[Code.AMOUNT_TOO_SMALL],
    Code.NEEDS_ATTENTION: Words(
        "A part of it could not be settled automatically.",
        "You need not do anything: a person is looking after it and will settle it.",
        settled="Our staff has settled it: nothing is booked.",
    ),
    Code.INTERNAL: Words(
        "Something went wrong on our side.",
        "Ask for a new quote. If it happens twice, contact us with your booking reference.",
    ),
}

_WORDS: dict[BookingKind, dict[Code, Words]] = {
    BookingKind.RESERVATION: _RESERVATION,
    **dict.fromkeys(sorted(MARKET), _BOUGHT),
}
"""What is said otherwise of other kinds than trips."""


def words_of(kind: BookingKind, code: Code) -> Words:
    """Return what is said of a code about a kind of booking."""
    return _WORDS.get(kind, WORDS).get(code, WORDS[code])


ANEW = {
    BookingKind.TRIP: "If you still want to travel, book a new trip.",
    BookingKind.RESERVATION: "If you still want to come, reserve again.",
    **dict.fromkeys(sorted(MARKET), "If you still want it, ask for a new quote."),
}
"""What may be done once nobody has anything to settle any more."""

NOT_SOON = (
    "The booking has been taken. Many trips are being booked right now: it begins when its turn"
    " comes."
)

PROGRESS = {
    BookingState.QUOTED: "The trip has been priced.",
    BookingState.PENDING: "The booking has been taken and will start in a moment.",
    BookingState.VALIDATING: "Checking availability and prices of every part of the trip.",
    BookingState.HELD: "Every part of the trip is being held for you.",
    BookingState.PAYMENT_PENDING: "Your bank wants you to approve the payment.",
    BookingState.PROCESSING: "Booking the trip, one part after the other.",
    BookingState.NEEDS_ATTENTION: "A person is looking after this booking and will settle it.",
}
"""What is going on with a trip, by states that are no end."""

PROGRESS_OF_RESERVATIONS = {
    _S.QUOTED: "The reservation has been priced.",
    _S.PENDING: "The reservation has been taken and will start in a moment.",
    _S.VALIDATING: "The place is being reserved.",
    _S.HELD: "The place is held for you.",
    _S.PAYMENT_PENDING: "Your bank wants you to approve the payment.",
    _S.PROCESSING: "The place is held; the payment is being taken.",
    _S.NEEDS_ATTENTION: "A person is looking after this reservation and will settle it.",
}

PROGRESS_OF_BOUGHT = {
    _S.QUOTED: "It has been priced.",
    _S.HELD: "It is held for you until it is paid.",
    _S.PAYMENT_PENDING: "Your bank wants you to approve the payment.",
    _S.PROCESSING: "It is yours; the payment is being taken.",
}

OVER = {
    _S.FAILED: "This booking failed: everything was undone and there is nothing to cancel.",
    _S.EXPIRED: "This booking has expired: there is nothing to cancel.",
    _S.COMPLETED: "This trip is over and cannot be cancelled.",
    _S.NO_SHOW: "This trip's date has passed and it cannot be cancelled.",
}
"""Why nothing is to be cancelled any more."""

OVER_OF_RESERVATIONS = {
    _S.FAILED: "This reservation could not be had: there is nothing to cancel.",
    _S.EXPIRED: "This reservation has expired: there is nothing to cancel.",
    _S.COMPLETED: "This visit is over and cannot be cancelled.",
    _S.NO_SHOW: "The guest did not come, and the reservation cannot be cancelled any more.",
}

OVER_OF_BOUGHT = {
    _S.FAILED: "It could not be had: there is nothing to cancel.",
    _S.EXPIRED: "It was not paid in time: there is nothing to cancel.",
    _S.COMPLETED: "It is over and cannot be cancelled.",
    _S.NO_SHOW: "Nobody came, and it cannot be cancelled any more.",
}
