"""What travellers and guests read about a booking; the texts are in ``texts``."""

import datetime as dt
import re

from api.bookings import texts
from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import MARKET, BookingKind, BookingState, SagaState
from models.bookings.problems import RETRY_AFTER, Code, Problem
from models.core.party import called
from models.core.supply import ItemType
from models.suppliers.listings import title_of

KIND = {
    ItemType.FLIGHT: "flight",
    ItemType.HOTEL: "hotel",
    ItemType.ACTIVITY: "activity",
    ItemType.VENUE_SLOT: "reservation",
    ItemType.STAY: "stay",
    ItemType.PACKAGE: "package",
    ItemType.TOUR: "tour",
}


_NAME = {
    BookingKind.TRIP: "booking",
    BookingKind.RESERVATION: "reservation",
    **dict.fromkeys(sorted(MARKET), "booking"),
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
    words = texts.words_of(booking.kind, code)
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
        next_step = texts.ANEW[booking.kind]
    if booking.needs_attention:
        next_step = texts.words_of(booking.kind, Code.NEEDS_ATTENTION).next_step
    elif booking.state is BookingState.PAYMENT_PENDING:
        next_step = send_card(_NAME[booking.kind], booking.payment.waits_until)
    return code, problem.step if problem else "cancel", message, next_step


def send_card(what: str, until: dt.datetime | None) -> str:
    """Say that a booking or a change waits for another card, and until when."""
    return f"Send another card and the {what} goes on" + (
        f"; it waits until {until:%H:%M} UTC on {until:%-d %B}." if until else "."
    )


def about(problem: Problem, item: Item | None) -> str:
    """Say what went wrong with an item; None: it is not known with which, or is not booked yet."""
    kind = BookingKind.TRIP
    if item is not None and item.type is ItemType.VENUE_SLOT:
        kind = BookingKind.RESERVATION
    told = texts.words_of(kind, problem.code)
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


def progress(
    state: BookingState, kind: BookingKind = BookingKind.TRIP, *, card: bool = False
) -> str | None:
    """Say what is going on in a state that is not an end; None for ends.

    ``card``: a waiting payment waits for another card, not for the bank's approval.
    """
    if card and state is BookingState.PAYMENT_PENDING:
        return f"The card was not accepted; the {_NAME[kind]} waits for another one."
    if kind in MARKET:
        return texts.PROGRESS_OF_BOUGHT.get(state)
    if kind is BookingKind.RESERVATION:
        return texts.PROGRESS_OF_RESERVATIONS.get(state)
    return texts.PROGRESS.get(state)


def not_cancellable(booking: Booking) -> str:
    """Say why a booking in an end state cannot be cancelled."""
    if booking.needs_attention and booking.state in (BookingState.FAILED, BookingState.EXPIRED):
        return "This booking has ended, and a person is settling what is still open of it."
    if booking.kind in MARKET:
        return texts.OVER_OF_BOUGHT[booking.state]
    if booking.kind is BookingKind.RESERVATION:
        return texts.OVER_OF_RESERVATIONS[booking.state]
    return texts.OVER[booking.state]
