"""From a booking to the contract's JSON (contracts.md §1)."""

from api.bookings import money as told_money
from api.bookings import texts, words
from api.trips.presenters.confirmations import (
    NOTHING_CONFIRMED,
    confirmations,
    pay_at_property,
)
from api.trips.presenters.payments import authentication, paid_answer
from api.trips.schemas.answers import (
    BookAnswer,
    CancelAnswer,
    CancelledComponent,
    CaseAbout,
    ComponentAnswer,
    ComponentError,
    ErrorAnswer,
    ExchangeRateAnswer,
    HistoryAnswer,
    PaymentAnswer,
    RefundSummary,
    Undone,
    WholeBooking,
)
from models.bookings.booking import Booking, HistoryEntry, Item, RefundView
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.problems import Code, Problem
from models.core.money import Money
from models.trips.cancellation_quotes import shares

SUCCESSES = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN, BookingState.COMPLETED})


_REFUSED_BY_SUPPLIERS = frozenset(
    {Code.UNAVAILABLE, Code.INVALID_TRIP, Code.NOT_CANCELLABLE, Code.CONFIGURATION}
)
"""Codes of what suppliers refuse: the words are theirs, or their adapter's."""


def _wants_card(booking: Booking) -> bool:
    return booking.state is BookingState.PAYMENT_PENDING and booking.problem is not None


def _progress(booking: Booking) -> str | None:
    return words.progress(booking.state, booking.kind, card=_wants_card(booking))


def error(booking: Booking, *, operator: bool = False) -> ErrorAnswer | None:
    """Return what went wrong; None for a booking that stands or is under way.

    ``operator``: with the supplier's own words, which operators alone read.
    """
    if booking.state not in {
        BookingState.FAILED,
        BookingState.EXPIRED,
        BookingState.CANCELLED,
    } and not _wants_card(booking):
        return None
    code, step, message, next_step = words.failure(booking)
    return ErrorAnswer(
        code=code,
        message=message,
        failed_step=step,
        undone=[
            Undone(component_id=item.component_id, type=item.type, title=item.title, message=text)
            for item, text in words.undone(booking)
        ],
        money=told_money.money(booking),
        next_step=next_step,
        details=booking.problem.details if booking.problem else {},
        field=booking.problem.field if booking.problem else None,
        **(_said(booking.problem) if operator and booking.problem else {}),
    )


def _said(problem: Problem) -> dict[str, str | None]:
    """Return what operators are told of a problem beyond what travellers are."""
    if problem.plain or problem.code not in _REFUSED_BY_SUPPLIERS:
        return {}
    return {"supplier_said": problem.message or None, "supplier_code": problem.provider_code}


def book_answer(booking: Booking) -> BookAnswer:
    """Return the answer of ``POST /booking/book``: exactly the contract's for a success."""
    answer = BookAnswer(
        success=booking.state in SUCCESSES,
        booking_id=booking.id,
        booking_reference=booking.reference,
        state=booking.state,
        confirmations=confirmations(booking),
        payment=PaymentAnswer(
            payment_intent_id=booking.payment.id,
            amount=booking.payment.captured,
            currency=booking.payment.currency,
            **authentication(booking),
        ),
        warnings=booking.warnings,
    )
    _tell_cases(answer, booking)
    if (failed := error(booking)) is not None:
        answer.error = failed
    if (progress := _progress(booking)) is not None:
        answer.message = progress
        answer.status_url = status_url(booking.id)
        answer.events_url = f"{status_url(booking.id)}/events"
    return answer


def running_answer(
    booking_id: str, reference: str, currency: str, state: BookingState, *, soon: bool = True
) -> BookAnswer:
    """Return the answer for a booking that has been taken and cannot be read this moment."""
    return BookAnswer(
        success=False,
        booking_id=booking_id,
        booking_reference=reference,
        state=state,
        confirmations=NOTHING_CONFIRMED,
        payment=PaymentAnswer(payment_intent_id=None, amount=0, currency=currency),
        warnings=[],
        message=(
            words.progress(state) or words.progress(BookingState.PENDING)
            if soon
            else texts.NOT_SOON
        ),
        status_url=status_url(booking_id),
        events_url=f"{status_url(booking_id)}/events",
    )


def status_url(booking_id: str) -> str:
    """Return where a booking is asked about."""
    return f"/booking/{booking_id}"


def _tell_cases(answer: BookAnswer | CancelAnswer, booking: Booking) -> None:
    if booking.needs_attention:
        answer.needs_attention = True
        answer.cases = _cases(booking)


def _cases(booking: Booking) -> list[CaseAbout]:
    numbers = {item.number: item.component_id for item in booking.items}
    return [
        CaseAbout(
            case_id=case.id,
            kind=case.kind,
            component_id=numbers.get(case.item) if case.item is not None else None,
            opened_at=case.opened_at,
        )
        for case in booking.cases
        if case.id is not None
    ]


def _component(booking: Booking, item: Item, *, operator: bool) -> ComponentAnswer:
    held, quote = item.reservation, item.quote
    own_price = item.supplier_price or Money(amount=item.price, currency=item.currency)
    rate = quote.rate if quote else None
    return ComponentAnswer(
        number=item.number,
        component_id=item.component_id,
        type=item.type,
        supplier=item.supplier,
        title=item.title,
        status=item.status,
        saga_state=item.saga_state,
        reference=item.reference,
        vendor_confirmation=held.confirmation_code if held else None,
        booking_reference=held.supplier_id if held else None,
        pnr=held.pnr if held else None,
        payment_intent_id=booking.payment_of(item).id,
        amount=item.price,
        currency=item.currency,
        fee=item.fee,
        supplier_price=own_price.amount,
        supplier_currency=own_price.currency,
        exchange_rate=ExchangeRateAnswer(**rate.model_dump()) if rate else None,
        booked_at=item.booked_at,
        cancelled_at=item.cancelled_at,
        cancellation_terms=(
            [step.model_dump(mode="json") for step in quote.payable.terms.steps] if quote else []
        ),
        legs=item.legs,
        pay_at_property=pay_at_property(item),
        details=held.details if held else {},
        error=_component_error(item.problem, item, operator=operator) if item.problem else None,
    )


def _component_error(problem: Problem, item: Item, *, operator: bool) -> ComponentError:
    return ComponentError(
        code=problem.code,
        message=words.about(problem, item),
        field=problem.field,
        **(_said(problem) if operator else {}),
    )


def whole_booking(
    booking: Booking, history: list[HistoryEntry], *, operator: bool = False
) -> WholeBooking:
    """Return the answer of ``GET /booking/{id}``; operators also read what suppliers said."""
    payment, *later = booking.payments
    return WholeBooking(
        booking_id=booking.id,
        booking_reference=booking.reference,
        kind=booking.kind,
        trip_option_id=booking.trip_option_id,
        state=booking.state,
        total_price=booking.accepted_total,
        currency=booking.currency,
        components=[_component(booking, item, operator=operator) for item in booking.items],
        confirmations=confirmations(booking),
        payment=paid_answer(payment, later, **authentication(booking)),
        history=[HistoryAnswer(**entry.model_dump()) for entry in history],
        warnings=booking.warnings,
        needs_attention=booking.needs_attention,
        cases=_cases(booking),
        error=error(booking, operator=operator),
        note=_progress(booking),
        cancelled_by=booking.cancelled_by,
        cancel_reason=booking.cancel_reason,
        version=booking.version,
        created_at=booking.created_at,
        updated_at=booking.updated_at,
        confirmed_at=booking.confirmed_at,
        cancelled_at=booking.cancelled_at,
    )


def _unsettled(booking: Booking) -> ErrorAnswer | None:
    """Return what a person is settling of a booking that stands; None when nobody is."""
    stuck = [item for item in booking.live_items if item.problem is not None]
    if not booking.needs_attention:
        return None
    told = texts.words_of(booking.kind, Code.NEEDS_ATTENTION)
    problem = stuck[0].problem if stuck else None
    return ErrorAnswer(
        code=problem.code if problem else Code.NEEDS_ATTENTION,
        message=words.about(problem, stuck[0]) if problem else told.message,
        failed_step=problem.step if problem else "refund",
        undone=[],
        money=told_money.money(booking),
        next_step=told.next_step,
        details={},
    )


def _refunds(booking: Booking) -> list[RefundView]:
    return [refund for payment in booking.payments for refund in payment.refunds]


def _refund_status(booking: Booking) -> str:
    payment = booking.payment
    if booking.refunded:
        if any(refund.status == "pending" for refund in _refunds(booking)):
            return "pending"
        return "refunded" if booking.refunded >= booking.captured else "partially_refunded"
    return "released" if payment.status is PaymentStatus.RELEASED else "none"


def cancel_answer(booking: Booking, components: list[str]) -> CancelAnswer:
    """Return the answer of ``POST /booking/cancel`` for the components named (all when none).

    Made from the booking alone, so that asking twice is answered alike.
    """
    chosen = [i for i in booking.items if not components or i.component_id in components]
    cancelled = [item for item in chosen if item.status is ItemStatus.CANCELLED]
    if components:
        success = bool(chosen) and not any(item.live for item in chosen)
    else:
        success = booking.state is BookingState.CANCELLED
    payment = booking.payment
    back = shares(
        {i.number: i.price - i.fee for i in booking.items if i.status is ItemStatus.CANCELLED},
        booking.refunded + booking.paid_by_hand,
    )
    answer = CancelAnswer(
        success=success,
        booking_id=booking.id,
        booking_reference=booking.reference,
        state=booking.state,
        cancelled_components=[
            CancelledComponent(
                component_id=item.component_id,
                type=item.type,
                title=item.title,
                price=item.price,
                fee=item.fee,
                refund=back[item.number],
                currency=item.currency,
                cancelled_at=item.cancelled_at,
            )
            for item in cancelled
        ],
        refund=RefundSummary(
            amount=booking.refunded,
            currency=payment.currency,
            status=_refund_status(booking),
            ids=[refund.id for refund in _refunds(booking)],
        ),
        kept=booking.still_there,
        money=told_money.money(booking),
        warnings=booking.warnings,
    )
    _tell_cases(answer, booking)
    if not success and (failed := error(booking) or _unsettled(booking)) is not None:
        answer.error = failed
    if (progress := _progress(booking)) is not None:
        answer.message = progress
        answer.status_url = status_url(booking.id)
    return answer
