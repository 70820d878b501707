"""The texts that travellers read, in one module so that they stay consistent.

Every code of ``models.bookings.problems.Code`` has its words here; a test holds the two together.
"""

import datetime as dt
import re
from dataclasses import dataclass

from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import BookingState, SagaState
from models.bookings.problems import RETRY_AFTER, Code, Problem
from models.core.party import called
from models.core.supply import ItemType
from models.suppliers.listings import title_of

KIND = {ItemType.FLIGHT: "flight", ItemType.HOTEL: "hotel", ItemType.ACTIVITY: "activity"}


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
    Code.HOLD_EXPIRED: Words(
        "A part of the trip was not held for us long enough to book the rest.",
        "Please book again; if it happens once more, choose another offer.",
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


def _card_refused(booking: Booking) -> bool:
    """Tell whether the problem is a refused card, worded where declines are explained."""
    problem = booking.problem
    return (
        problem is not None
        and problem.code is Code.PAYMENT_DECLINED
        and problem.step == "authorise"
    )


def failure(booking: Booking) -> tuple[Code, str, str, str]:
    """Return code, step, message and next step of a booking that did not succeed."""
    problem = booking.problem
    code = problem.code if problem else _code_of(booking)
    words = WORDS[code]
    message = words.message
    if problem is not None:
        item = next((i for i in booking.items if i.number == problem.item), None)
        if RETRY_AFTER in problem.details:  # turned away before anybody was asked
            message = sentence(problem.message)
        elif (item is not None and words.about_item) or problem.plain or problem.field:
            message = about(problem, item)
        elif code in TOLD_BY_THE_SAGA or _card_refused(booking):
            message = sentence(problem.message) or words.message
    next_step = words.next_step
    if words.settled and not booking.needs_attention and not booking.live_items:
        message = f"{message} {words.settled}"
        next_step = "If you still want to travel, book a new trip."
    if booking.needs_attention:
        next_step = WORDS[Code.NEEDS_ATTENTION].next_step
    elif booking.state is BookingState.PAYMENT_PENDING:
        next_step = send_card("booking", booking.payment.waits_until)
    return code, problem.step if problem else "cancel", message, next_step


def send_card(what: str, until: dt.datetime | None) -> str:
    """Say that a booking or a change waits for another card, and until when."""
    return f"Send another card and the {what} goes on" + (
        f"; it waits until {until:%H:%M} UTC on {until:%-d %B}." if until else "."
    )


def about(problem: Problem, item: Item | None) -> str:
    """Say what went wrong with an item; None: it is not known with which, or is not booked yet."""
    told = WORDS[problem.code]
    what = told.about_item.format(item=named(item)) if item and told.about_item else told.message
    if problem.plain:
        return sentence(f"{what.removesuffix('.')}: {problem.message}")
    if problem.field:
        who = title_of(item.supplier) if item else "the company that offers it"
        return sentence(f"{what.removesuffix('.')}: {who} does not accept {_part(problem.field)}")
    return sentence(what)


_PARTS = {
    "firstName": "the first name",
    "lastName": "the last name",
    "dateOfBirth": "the date of birth",
    "gender": "the gender",
    "email": "the e-mail address",
    "phone": "the phone number",
    "document": "the document",
    "document.documentType": "the type of the document",
    "document.number": "the document number",
    "document.expiryDate": "the expiry date of the document",
    "document.issuanceCountry": "the country that issued the document",
    "document.nationality": "the nationality",
}
_TRAVELER = re.compile(r"travelers\[(\d+)\]\.?(.*)")


def _part(field: str) -> str:
    """Return a field of a request in words: "the date of birth of traveller 2"."""
    if (found := _TRAVELER.fullmatch(field)) is not None:
        who = called(int(found[1]))
        return f"{_PARTS.get(found[2], 'what is said')} of {who}" if found[2] else who
    whose, _, name = field.partition(".")
    if whose == "userContact":
        return f"{_PARTS.get(name, 'what is said')} of the contact"
    return "these travellers" if whose == "travelers" else field


def sentence(text: str) -> str:
    """Return text of the saga as a sentence."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


TOLD_BY_THE_SAGA = frozenset(
    {
        Code.PRICE_CHANGED,
        Code.TRIP_TAKEN,
        Code.AUTHENTICATION_REQUIRED,
        Code.AMOUNT_TOO_SMALL,
    }
)
"""Codes whose problem is worded by the saga itself. What suppliers say is for operators."""


def named(item: Item) -> str:
    """Return an item as travellers know it: the hotel “Aurora”."""
    kind = KIND[item.type]
    return f"the {kind} “{item.title}”" if item.title else f"the {kind}"


def _code_of(booking: Booking) -> Code:
    if booking.state is BookingState.CANCELLED:
        if booking.cancelled_by is not None and booking.cancelled_by.value == "GUEST":
            return Code.CANCELLED_BY_TRAVELER
        return Code.CANCELLED_BY_OPERATOR
    return Code.INTERNAL


def undone(booking: Booking) -> list[tuple[Item, str]]:
    """Return the items that had been booked and are not any more, each with a sentence."""
    return [
        (item, sentence(f"{named(item)} was cancelled again"))
        for item in booking.items
        if item.saga_state is SagaState.UNDONE and item.reservation is not None
    ]


def progress(state: BookingState, *, card: bool = False) -> str | None:
    """Say what is going on in a state that is not an end; None for ends.

    ``card``: a waiting payment waits for another card, not for the bank's approval.
    """
    if card and state is BookingState.PAYMENT_PENDING:
        return "The card was not accepted; the booking waits for another one."
    return _PROGRESS.get(state)


NOT_SOON = (
    "The booking has been taken. Many trips are being booked right now: it begins when its turn"
    " comes."
)

_PROGRESS = {
    BookingState.QUOTED: "The trip has been priced.",
    BookingState.PENDING: "The booking has been taken and will start in a moment.",
    BookingState.VALIDATING: "Checking availability and prices of every part of the trip.",
    BookingState.HELD: "Every part of the trip is being held for you.",
    BookingState.PAYMENT_PENDING: "Your bank wants you to approve the payment.",
    BookingState.PROCESSING: "Booking the trip, one part after the other.",
    BookingState.NEEDS_ATTENTION: "A person is looking after this booking and will settle it.",
}


def not_cancellable(booking: Booking) -> str:
    """Say why a booking in an end state cannot be cancelled."""
    if booking.needs_attention and booking.state in (BookingState.FAILED, BookingState.EXPIRED):
        return "This booking has ended, and a person is settling what is still open of it."
    return {
        BookingState.FAILED: (
            "This booking failed: everything was undone and there is nothing to cancel."
        ),
        BookingState.EXPIRED: "This booking has expired: there is nothing to cancel.",
        BookingState.COMPLETED: "This trip is over and cannot be cancelled.",
        BookingState.NO_SHOW: "This trip's date has passed and it cannot be cancelled.",
    }[booking.state]
