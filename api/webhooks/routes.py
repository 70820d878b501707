"""For gateways and suppliers: signed events, taken in at once and handled by the workers.

Nothing in an event is used but its signature: it is a reason to look at a payment, or at a
reservation.
"""

import logging
from typing import Annotated, Final

from fastapi import Path, Request
from pydantic import ValidationError

from api.core import idempotency
from api.core.audience import Audience, Policy, read_raw
from api.core.context import AppContext, Context
from api.core.problems import NOTHING_HERE, ApiProblem, ProblemCode
from api.openapi import problems
from api.webhooks.schemas import EventTaken
from models.core.errors import InvalidRequest
from models.core.keys import is_booking_id
from models.inbox.repository import NewEvent, receive_event
from models.suppliers.events import supplier_event
from payments.core.protocol import PaymentEvent
from payments.registry import webhook_verifier
from suppliers.registry import webhook_verifiers

MAX_BYTES: Final = 1024 * 1024
"""Far above the largest event that is published."""

_Told = tuple[ProblemCode, str]
_CODES: Final[dict[str, _Told]] = {
    "bad_signature": ("SIGNATURE_REFUSED", "The signature does not fit the body."),
    "signature_expired": (
        "SIGNATURE_EXPIRED",
        "The body was signed more than five minutes ago or ahead.",
    ),
}
_NOT_GENUINE: Final[_Told] = (
    "SIGNATURE_REFUSED",
    "The body is not signed as this supplier signs events.",
)
_NOT_AN_EVENT: Final[_Told] = (
    "NOT_AN_EVENT",
    "The body is not an event of this gateway.",
)

_ANSWERS: Final = {
    200: {
        "description": "Kept; or it was kept before.",
        "content": {"application/json": {"example": {"received": True}}},
    },
    **problems(400, 404, 408, 413, 500, 503),
}

_log = logging.getLogger(__name__)

router = Audience(Policy.SIGNED, prefix="/webhooks", tags=["webhooks"])


@router.post(
    "/stripe", operation_id="takeStripeEvent", summary="Events from Stripe", responses=_ANSWERS
)
@idempotency.event
async def stripe(context: Context, request: Request) -> EventTaken:
    """Take an event in, signed with `Stripe-Signature`; off (404) while no secret is set."""
    return await _take(context, request, "stripe")


@router.post(
    "/payment-service",
    operation_id="takePaymentServiceEvent",
    summary="Events from the payment service",
    responses=_ANSWERS,
)
@idempotency.event
async def payment_service(context: Context, request: Request) -> EventTaken:
    """Take an event in, signed with `Payment-Signature`; off (404) while no secret is set."""
    return await _take(context, request, "payment_service")


@router.post(
    "/{supplier}",
    operation_id="takeSupplierEvent",
    summary="Events from a supplier",
    responses={**_ANSWERS, **problems(422)},
)
@idempotency.event
async def from_supplier(
    context: Context, request: Request, supplier: Annotated[str, Path(max_length=64)]
) -> EventTaken:
    """Take an event in, signed as Duffel or RateHawk sign; off (404) while no secret is set."""
    verify = webhook_verifiers(context.settings).get(supplier)
    if verify is None:
        raise _nothing_here()
    payload = await read_raw(request, MAX_BYTES)
    try:
        event = verify(payload, request.headers)
        strange = event.livemode and context.settings.environment != "production"
        kept_because = "of live mode, which is not served here" if strange else None
        new = supplier_event(supplier, event, kept_because=kept_because)
    except ValueError as error:
        _log.info("a webhook of %s is refused: %s", supplier, error)
        raise ApiProblem(400, *_NOT_GENUINE) from error
    return await _keep(context, new)


async def _take(context: AppContext, request: Request, gateway: str) -> EventTaken:
    verify = webhook_verifier(context.settings, gateway)
    payload = await read_raw(request, MAX_BYTES)
    try:
        event = verify(payload, request.headers)
        new = _new_event(event, live=context.settings.live_money(event.gateway))
    except InvalidRequest as refusal:
        raise _refused(refusal.code) from refusal
    except ValidationError as error:  # an id that no gateway would write
        raise _refused(None) from error
    return await _keep(context, new)


async def _keep(context: AppContext, new: NewEvent) -> EventTaken:
    first = await context.record.write(lambda session: receive_event(session, new))
    _log.info("event %s (%s)%s", new.event_id, new.type, "" if first else " once more")
    return EventTaken()


def _new_event(event: PaymentEvent, *, live: bool) -> NewEvent:
    return NewEvent(
        gateway=event.gateway,
        event_id=event.id,
        type=event.type,
        livemode=event.livemode,
        payment_id=event.payment_id,
        booking_id=_uuid(event.booking_id),
        created_at=event.created_at,
        payload=event.payload,
        kept_because=_kept_because(event, live=live),
    )


def _uuid(reference: str | None) -> str | None:
    return reference if is_booking_id(reference) else None


def _kept_because(event: PaymentEvent, *, live: bool) -> str | None:
    """Return why nothing is to be done about an event; None when its payment is to be looked at."""
    if event.livemode is not live:
        return f"of {'live' if event.livemode else 'test'} mode, which is not served here"
    if not event.known:
        return "of a type that changes no money"
    if event.payment_id is None and _uuid(event.booking_id) is None:
        return "it names no payment"
    return None


def _refused(code: str | None) -> ApiProblem:
    if code == "webhook_secret_missing":
        return _nothing_here()
    return ApiProblem(400, *_CODES.get(code or "", _NOT_AN_EVENT))


def _nothing_here() -> ApiProblem:
    return ApiProblem(404, *NOTHING_HERE)
