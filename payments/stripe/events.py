"""What a Stripe event tells: which payment it is about, and what of it may be kept.

An event is a hint to look at the payment anew, never a source of amounts (providers.md §1).
"""

import datetime as dt
import math
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from payments.core.protocol import PaymentEvent

_TYPES: Final = re.compile(
    r"payment_intent\.\w+|refund\.\w+|charge\.(captured|expired|refunded|refund\.updated)"
    r"|charge\.dispute\.(created|updated|closed|funds_withdrawn|funds_reinstated)"
)
"""Types that can change money or its holds (providers.md §1, and the disputes')."""

_PAYMENT_ID: Final = re.compile(r"pi_\w{1,250}", re.ASCII)
_BOOKING_ID: Final = re.compile(r"[\w.:-]{1,255}", re.ASCII)

_PROPERTIES: Final = """
    account advice_code amount amount_captured amount_capturable amount_received amount_refunded
    api_version booking_id canceled_at cancellation_reason capture_before capture_method captured
    card charge charges code created currency data decline_code disputed due_by evidence_details
    failure_code failure_reason has_more hold id idempotency_key is_charge_refundable
    last_payment_error latest_charge livemode metadata network_advice_code network_decline_code
    network_status object outcome paid past_due payment_intent payment_method
    payment_method_details pending_reason pending_webhooks previous_attributes reason refund_key
    refunded refunds request risk_level status submission_count three_d_secure result type
"""
_KEPT: Final = frozenset(_PROPERTIES.split())
"""Properties that are kept, whatever object they are of. All others go: what an event may hold of
the traveller (names, addresses, e-mail, receipts, client secrets) has no end (S19)."""

_LONGEST: Final = 255
_DEEPEST: Final = 10
_MOST: Final = 100
_LARGEST: Final = 2**63 - 1


class Event(BaseModel):
    """A webhook event, as far as anyone may rely on it before reading the object anew."""

    object: Literal["event"]
    id: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
    type: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]
    created: Annotated[int, Field(strict=True, ge=0, le=253_402_300_799)]
    livemode: Annotated[bool, Field(strict=True)]
    account: str | None = None
    """Set on events of other accounts, connected to our account."""
    data: dict[str, Any]


def payment_event(gateway: str, content: dict[str, Any]) -> PaymentEvent:
    """Return a verified event as a hint.

    Raises:
        ValueError: it is not as Stripe publishes events.
    """
    event = Event.model_validate(content)
    subject = event.data.get("object")
    subject = subject if isinstance(subject, dict) else {}
    # What happens to another account's payments is none of our business.
    own_account = event.account is None
    return PaymentEvent(
        gateway=gateway,
        id=event.id,
        type=event.type,
        livemode=event.livemode,
        created_at=dt.datetime.fromtimestamp(event.created, dt.UTC),
        payment_id=_payment_id(subject) if own_account else None,
        booking_id=_booking_id(subject) if own_account else None,
        known=own_account and _TYPES.fullmatch(event.type) is not None,
        payload=_clean(content, _DEEPEST),
    )


def _payment_id(subject: dict[str, Any]) -> str | None:
    """Return the payment intent an object is, or belongs to, expanded or not."""
    if subject.get("object") == "payment_intent":
        found = subject.get("id")
    else:
        found = subject.get("payment_intent")
        if isinstance(found, dict):
            found = found.get("id")
    return found if isinstance(found, str) and _PAYMENT_ID.fullmatch(found) else None


def _booking_id(subject: dict[str, Any]) -> str | None:
    for place in (subject, subject.get("payment_intent")):
        metadata = place.get("metadata") if isinstance(place, dict) else None
        found = metadata.get("booking_id") if isinstance(metadata, dict) else None
        if isinstance(found, str) and _BOOKING_ID.fullmatch(found):
            return found
    return None


def _clean(value: Any, depth: int) -> Any:
    """Return a copy with what may be kept, in values that PostgreSQL's JSONB takes."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _LARGEST else None
        case float():
            return value if math.isfinite(value) else None
        case str():
            # JSONB knows no NUL, and UTF-8 no half of a surrogate pair.
            text = value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
            return text[:_LONGEST]
    if depth == 0:
        return None
    if isinstance(value, list):
        return [_clean(entry, depth - 1) for entry in value[:_MOST]]
    return {name: _clean(inner, depth - 1) for name, inner in value.items() if name in _KEPT}
