"""From changes to the contract's JSON, in words for travellers."""

from api.bookings import money as told_money
from api.bookings import texts, words
from api.bookings.money import amount as shown
from api.trips.modifying import CONFLICTS, Asked, Quoted
from api.trips.presenters import booking as translate
from api.trips.presenters.confirmations import confirmations, pay_at_property
from api.trips.presenters.payments import paid_answer, waited_for
from api.trips.schemas.answers import BookAnswer, ErrorAnswer, PaymentAnswer
from api.trips.schemas.changing import (
    ChangeAnswer,
    ChangedComponent,
    ChangeFigures,
    ChangeQuoteAnswer,
)
from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.problems import Code, Problem
from models.trips.changes import ChangeOutcome, ChangeQuote
from models.trips.errors import ChangeRefused

_NEXT = {
    Code.PRICE_CHANGED: "Ask for the price of the change again; if you accept it, send it as the"
    " accepted total, with a new Idempotency-Key.",
    Code.NOT_CHANGEABLE: texts.WORDS[Code.NOT_CHANGEABLE].next_step,
    Code.AMOUNT_TOO_SMALL: texts.WORDS[Code.AMOUNT_TOO_SMALL].next_step,
    Code.UNAVAILABLE: "Choose something else and ask for the change again.",
    Code.PAYMENT_DECLINED: "Ask for the change again with another card.",
    Code.AUTHENTICATION_REQUIRED: "Ask for the change again and approve the payment when your bank"
    " asks.",
    Code.CANCELLED_BY_TRAVELER: "If you still want the change, ask for it again.",
    Code.CANCELLED_BY_OPERATOR: "If you still want the change, ask for it again.",
}
_LATER = "Ask for the change again in a few minutes."


def figures(quote: ChangeQuote) -> ChangeFigures:
    """Return what a change costs."""
    return ChangeFigures(
        components=[
            ChangedComponent(
                **item.model_dump(exclude={"pay_at_property"}),
                currency=quote.currency,
                pay_at_property=pay_at_property(item),
            )
            for item in quote.items
        ],
        old_total=quote.old_total,
        new_total=quote.new_total,
        to_pay=max(quote.difference, 0),
        to_refund=_goes_back(quote),
        in_dispute=quote.in_dispute,
        currency=quote.currency,
        quoted_at=quote.quoted_at,
        holds_until=quote.holds_until,
    )


def quote_answer(quoted: Quoted) -> ChangeQuoteAnswer:
    """Return the answer to a question."""
    booking, quote = quoted.booking, quoted.quote
    if quote.difference > 0:
        money = f"The change would cost {shown(quote.difference, quote.currency)} more."
    elif quote.difference < 0:
        money = f"The change would give back {shown(_goes_back(quote), quote.currency)}."
    else:
        money = "The change would cost nothing."
    elsewhere = _elsewhere(quote, _goes_back(quote), quote.in_dispute)
    return ChangeQuoteAnswer(
        dry_run=True,
        booking_id=booking.id,
        booking_reference=booking.reference,
        state=booking.state,
        quote=figures(quote),
        money=" ".join([money, *elsewhere, "Nothing has been changed."]),
    )


def change_answer(asked: Asked) -> ChangeAnswer:
    """Return how a change went, or that it is under way."""
    booking, outcome = asked.booking, asked.outcome
    paid = _paid(booking, asked.change_id)
    answer = ChangeAnswer(
        success=outcome is not None and outcome.carried_out,
        booking_id=booking.id,
        booking_reference=booking.reference,
        state=booking.state,
        change_id=asked.change_id,
        confirmations=confirmations(booking),
        warnings=booking.warnings,
        money=_under_way(booking, paid),
    )
    if paid is not None:
        answer.payment = paid_answer(paid)
    if outcome is None:
        answer.message = _progress(booking, paid)
        answer.status_url = translate.status_url(booking.id)
        return answer
    if outcome.quote is not None:
        answer.quote = figures(outcome.quote)
    if outcome.carried_out and outcome.quote is not None:
        answer.money = _settled(outcome, outcome.quote)
        return answer
    answer.money = _given_back(booking, paid)
    answer.error = _error(booking, outcome.problem, answer.money)
    return answer


def card_answer(asked: Asked) -> BookAnswer:
    """Return how a change went, or waits again, for which another card was sent."""
    booking, outcome = asked.booking, asked.outcome
    paid = _paid(booking, asked.change_id)
    answer = translate.book_answer(booking)
    answer.success = outcome is not None and outcome.carried_out
    if outcome is not None:
        if not outcome.carried_out:
            answer.error = _error(booking, outcome.problem, _given_back(booking, paid))
        return answer
    answer.message = _progress(booking, paid)
    answer.status_url = translate.status_url(booking.id)
    if paid is not None and paid.waits_until is not None:
        answer.payment = PaymentAnswer(
            payment_intent_id=paid.id,
            amount=paid.captured,
            currency=paid.currency,
            **waited_for(booking, paid),
        )
        if booking.problem is not None:
            answer.error = _error(booking, booking.problem, _under_way(booking, paid))
            answer.error.next_step = words.send_card("change", paid.waits_until)
    return answer


def _error(booking: Booking, problem: Problem | None, money: str) -> ErrorAnswer:
    problem = problem or Problem(code=Code.INTERNAL, step="modify", message="")
    return ErrorAnswer(
        code=problem.code,
        message=_message(booking, problem),
        field=problem.field,
        failed_step=problem.step,
        undone=[],
        money=money,
        next_step=_NEXT.get(problem.code, _LATER),
        details=problem.details,
    )


def refusal(error: ChangeRefused) -> str:
    """Say why a change is not made, where the money is and what the traveller can do."""
    booking, problem = error.booking, error.problem
    money = "Nothing has been changed or charged."
    if error.change_id is not None:
        money = _given_back(booking, _paid(booking, error.change_id))
    return f"{_message(booking, problem)} {money} {_NEXT.get(problem.code, _LATER)}"


def _paid(booking: Booking, change_id: str) -> PaymentView | None:
    """Return the payment of a change that cost more; None when there is none."""
    return next((p for p in booking.payments if p.change == change_id), None)


def _message(booking: Booking, problem: Problem) -> str:
    told = texts.WORDS[problem.code]
    item = next((i for i in booking.items if i.number == problem.item), None)
    if (item is not None and told.about_item) or problem.plain or problem.field:
        return words.about(problem, item)
    if problem.code in CONFLICTS | {Code.PAYMENT_DECLINED, Code.AUTHENTICATION_REQUIRED}:
        return words.sentence(problem.message) or told.message
    if problem.code in {Code.CANCELLED_BY_TRAVELER, Code.CANCELLED_BY_OPERATOR}:
        return "The change was given up because somebody cancelled."
    return told.message


def _goes_back(quote: ChangeQuote) -> int:
    return max(-quote.difference, 0) if quote.refund is None else quote.refund


def _settled(outcome: ChangeOutcome, quote: ChangeQuote) -> str:
    expected = _goes_back(quote)
    back = expected if outcome.refunded is None else outcome.refunded
    told = []
    if quote.difference > 0:
        told.append(f"{shown(quote.difference, quote.currency)} was taken from your card.")
    elif quote.difference == 0:
        told.append("The change cost nothing.")
    if back:
        told.append(
            f"{shown(back, quote.currency)} is being refunded. Banks usually show a refund"
            " within 5 to 10 days."
        )
    elif quote.difference < 0:
        told.append("Nothing is being refunded now.")
    late = expected - back - outcome.in_dispute
    if late > 0:
        told.append(
            f"{shown(late, quote.currency)} could not be given back at once: our staff settles it."
        )
    return " ".join([*told, *_elsewhere(quote, back + max(late, 0), outcome.in_dispute)])


def _elsewhere(quote: ChangeQuote, back: int, in_dispute: int) -> list[str]:
    """Say where the part is of what a change costs less that does not go back now."""
    told = []
    if in_dispute:
        told.append(told_money.in_dispute(in_dispute, quote.currency))
    had = -quote.difference - back - in_dispute
    if had > 0:
        told.append(
            f"{shown(had, quote.currency)} of what the change costs less was given back"
            " before, by us or by the card holder's bank."
        )
    return told


def _stands(booking: Booking) -> str:
    if booking.state is BookingState.CANCELLED:
        return "Your booking has been cancelled."
    return "Your booking stands as it was."


def _given_back(booking: Booking, paid: PaymentView | None) -> str:
    stands = _stands(booking)
    if paid is not None and paid.captured:
        back = shown(paid.refunded, paid.currency)
        return f"{stands} {back}, taken for the change, is being refunded."
    if paid is not None and paid.status is PaymentStatus.RELEASED:
        return (
            f"{stands} Nothing was charged for the change; whatever was set aside on your card"
            " has been released."
        )
    return f"{stands} Nothing was charged for the change."


def _under_way(booking: Booking, paid: PaymentView | None) -> str:
    if paid is not None and paid.captured:
        return f"{shown(paid.captured, paid.currency)} was taken for the change."
    return f"Nothing has been charged for the change yet. {_stands(booking)}"


def _progress(booking: Booking, paid: PaymentView | None) -> str:
    if paid is not None and paid.waits_until is not None:
        if booking.problem is not None:
            return "The card was not accepted; the change waits for another one."
        return "Your bank wants you to approve the payment of the difference."
    return "The change is under way. The same request, sent again, tells how it ended."
