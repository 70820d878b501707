"""The money of a booking on its way, and of one at rest: another card, a goodwill refund."""

import asyncio

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import RPC_TIMEOUT, House
from api.core.problems import ApiProblem, is_temporal_away, temporal_away
from api.trips import reading, running, waiting
from api.trips.presenters import words
from api.trips.putting import ACCEPT_TIMEOUT
from api.trips.schemas.requests import GoodwillBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import SETTLED_STATES, BookingState
from models.core.money import smallest_charge
from models.payments.messages import (
    PAYMENT_METHOD_UPDATE,
    GoodwillRefund,
    NewCard,
    SettlePaymentRequest,
)
from temporal import patience, under_booking
from workflows.payments.settle_payment import SettlePayment


async def use_card(
    house: House, caller: KnownCaller, booking_id: str, payment_method_id: str, seconds: float
) -> Booking:
    """Go on with another card; returns the booking at its end, or where it waits again.

    Raises:
        ApiProblem: 404; 409 when no card is waited for; 503.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    booking = (await reading.find(house, caller, booking_id)).booking
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise _not_wanted(booking)
    card = NewCard(payment_method_id=payment_method_id, who=f"{caller.role} {caller.name}")
    handle = await _send(house, booking, card)
    left = deadline - asyncio.get_running_loop().time()
    asked = await waiting.settled(
        house, booking_id, _asked(handle, booking), left, parked=frozenset()
    )
    if asked is None or waiting.is_settled(asked) or asked.state in waiting.PARKED_STATES:
        return asked or (await reading.find(house, caller, booking_id)).booking
    left = deadline - asyncio.get_running_loop().time()
    end = running.handle_of(house, booking_id).result()
    return await waiting.settled(house, booking_id, end, left) or asked


async def _send(house: House, booking: Booking, card: NewCard) -> WorkflowUpdateHandle[Booking]:
    try:
        return await running.handle_of(house, booking.id).start_update(
            PAYMENT_METHOD_UPDATE,
            card,
            result_type=Booking,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            rpc_timeout=ACCEPT_TIMEOUT,
        )
    except WorkflowUpdateFailedError as error:
        raise _not_wanted(booking) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise temporal_away() from error
    except RPCError as error:
        if running.gone(error):
            raise _not_wanted(booking) from error
        raise


async def _asked(handle: WorkflowUpdateHandle[Booking], booking: Booking) -> Booking | None:
    """Wait until the card has been asked; None when the workflow ended without an answer."""
    try:
        return await handle.result()
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        return None
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == (
            "AcceptedUpdateCompletedWorkflow"
        ):
            return None
        raise _not_wanted(booking) from error


def _not_wanted(booking: Booking) -> ApiProblem:
    return ApiProblem(
        409,
        "NO_CARD_WANTED",
        f"This booking does not wait for another card: it is {booking.state}."
        f" {words.money(booking)}",
        field="paymentMethodId",
        details={"bookingId": booking.id, "state": booking.state},
    )


async def give_back(
    house: House,
    caller: KnownCaller,
    booking_id: str,
    wish: GoodwillBody,
    key: str,
    seconds: float,
) -> Booking:
    """Give back more than the terms ask for; the same ``key`` gives it back once.

    Raises:
        ApiProblem: 404; 409 nothing that could be given back, or something else is under way;
            422 another currency or an unknown component; 503.
    """
    found = await reading.find(house, caller, booking_id)
    booking = found.booking
    if key in booking.grants:
        return booking
    item = _checked(booking, wish)
    refund = GoodwillRefund(
        key=key,
        amount=wish.amount,
        who=f"{caller.role} {caller.name}",
        reason=wish.reason,
        item=item,
    )
    try:
        handle = await house.temporal.start_workflow(
            SettlePayment.run,
            SettlePaymentRequest(
                booking_id=booking.id,
                why=f"goodwill: {wish.reason}",
                refund=refund,
                patience=patience(house.settings),
            ),
            **under_booking(booking, house.settings.task_queue, caller.id),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"Goodwill refund for {booking.reference}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError as error:
        raise ApiProblem(
            409,
            "BOOKING_BUSY",
            "Something else is changing this booking right now. Nothing was given back by this"
            " request; ask again in a moment.",
            field="bookingId",
        ) from error
    except Exception as error:
        if is_temporal_away(error):
            raise temporal_away(headers={"Idempotency-Key": key}) from error
        raise
    settled = await waiting.settled(
        house,
        booking_id,
        handle.result(),
        seconds,
        parked=frozenset({BookingState.NEEDS_ATTENTION}),
    )
    if settled is not None and key not in settled.grants:
        _checked(settled, wish)  # something else was given back since the record was read
    return settled or booking


def _checked(booking: Booking, wish: GoodwillBody) -> int | None:
    """Return the number of the item a wish names; refuse what cannot be given back."""
    payment = booking.payment
    left = booking.captured - booking.refunded - booking.paid_by_hand
    if booking.state not in SETTLED_STATES or left <= 0:
        raise ApiProblem(
            409,
            "NOTHING_TO_REFUND",
            f"Nothing can be given back of this booking now: it is {booking.state}."
            f" {words.money(booking)}",
            field="bookingId",
        )
    if wish.currency != payment.currency:
        raise ApiProblem(
            422,
            "CURRENCY_MISMATCH",
            f"The booking was paid in {payment.currency}, not in {wish.currency}.",
            field="currency",
        )
    if wish.amount > left:
        raise ApiProblem(
            409,
            "NOTHING_TO_REFUND",
            f"No more than {words.amount(left, payment.currency)} is left to give back.",
            field="amount",
        )
    step = smallest_charge(payment.currency)
    if wish.amount % step:
        raise ApiProblem(
            422,
            "AMOUNT_NOT_PAYABLE",
            f"Cards take {payment.currency} in steps of {words.amount(step, payment.currency)}.",
            field="amount",
        )
    if wish.component_id is None:
        return None
    for item in booking.items:
        if item.component_id == wish.component_id:
            return item.number
    raise ApiProblem(
        422,
        "COMPONENT_UNKNOWN",
        "The booking has no component with this id.",
        field="componentId",
    )
