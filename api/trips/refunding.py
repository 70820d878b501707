"""``POST /booking/{id}/refund``: more is given back than the terms ask for."""

import uuid

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem
from api.trips import reading, requests
from api.trips.presenters import words
from api.trips.schemas.requests import GoodwillBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import SETTLED_STATES
from models.bookings.messages import RequestKind
from models.core.money import smallest_charge
from models.payments.messages import GoodwillRefund


async def give_back(
    house: House,
    caller: KnownCaller,
    booking_id: str,
    body: GoodwillBody,
    key: str,
    seconds: float,
) -> bool:
    """Give back more than the terms ask for; the same ``key`` gives it back once.

    Returns whether the request has ended.

    Raises:
        ApiProblem: 404; 409 nothing that could be given back; 422 another currency, an unknown
            component, or the key was used for another refund; 503.
    """
    booking = (await reading.find(house, caller, booking_id)).booking
    refund = GoodwillRefund(
        key=key, amount=body.amount, reason=body.reason, item=_item(booking, body)
    )
    request_id = str(uuid.uuid5(uuid.UUID(booking.id), f"refund\n{key}"))
    request = requests.request_of(RequestKind.REFUND, caller, refund, request_id)
    ended = await house.record.ended_request(request_id)
    if ended is None:
        _check(booking, body)
        await requests.send(house, booking, caller, request)
        ended = await requests.ended(house, booking_id, request, seconds)
    if ended is not None and ended.body != request.body:
        raise ApiProblem(
            422,
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key was used before with another refund. Use a new key for a new"
            " one. Nothing was given back by this request.",
            field="Idempotency-Key",
        )
    if ended is not None and ended.problem is not None:
        raise _nothing(ended.problem.message, field="amount")
    return ended is not None


def _item(booking: Booking, body: GoodwillBody) -> int | None:
    """Return the number of the item that is named."""
    if body.component_id is None:
        return None
    for item in booking.items:
        if item.component_id == body.component_id:
            return item.number
    raise ApiProblem(
        422,
        "COMPONENT_UNKNOWN",
        "The booking has no component with this id.",
        field="componentId",
    )


def _check(booking: Booking, body: GoodwillBody) -> None:
    """Refuse at once what cannot be given back."""
    currency = booking.payment.currency
    left = booking.captured - booking.refunded - booking.paid_by_hand
    if booking.state not in SETTLED_STATES or left <= 0:
        raise _nothing(
            f"nothing can be given back of this booking now: it is {booking.state}."
            f" {words.money(booking)}",
            field="bookingId",
        )
    if body.currency != currency:
        raise ApiProblem(
            422,
            "CURRENCY_MISMATCH",
            f"The booking was paid in {currency}, not in {body.currency}.",
            field="currency",
        )
    if body.amount > left:
        raise _nothing(
            f"no more than {words.amount(left, currency)} is left to give back", field="amount"
        )
    step = smallest_charge(currency)
    if body.amount % step:
        raise ApiProblem(
            422,
            "AMOUNT_NOT_PAYABLE",
            f"Cards take {currency} in steps of {words.amount(step, currency)}.",
            field="amount",
        )


def _nothing(message: str, field: str) -> ApiProblem:
    return ApiProblem(409, "NOTHING_TO_REFUND", words.sentence(message), field=field)
