"""Verifies webhooks of Duffel, and reads what they are about (providers.md §7).

Signed with ``X-Duffel-Signature: t=<unix seconds>,v2=<hex>``: HMAC-SHA256, under the endpoint's
secret, of the time, a full stop and the body as it came. † Duffel's Ruby client and integrations in
use name the signature ``v1``; that it is ``v2`` now could not be confirmed. Both are made the same
way, so both are taken. Events come at least once, in any order, for up to 72 hours.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from models.core.supply import SupplierEvent
from models.core.text import Text
from suppliers.core.answers import Loose
from suppliers.duffel.orders import REFERENCE

HEADER: Final = "x-duffel-signature"
TOLERANCE_SECONDS: Final = 300
_SCHEMES: Final = ("v2", "v1")
_SECONDS: Final = re.compile("[0-9]{1,12}", re.ASCII)
_HEX: Final = re.compile("[0-9a-f]{64}", re.ASCII)

_Word = Annotated[Text, Field(min_length=1, max_length=200)]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    id: _Word
    type: _Word
    created_at: AwareDatetime
    live_mode: bool = False
    idempotency_key: Loose[_Word] = None
    data: dict[str, Any] = Field(default_factory=dict)


def verify(body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str]) -> SupplierEvent:
    """Return what a genuine webhook is about.

    Its id is Duffel's ``idempotency_key`` with the type where there is one: the same thing told
    twice, even as two events, has the same.

    Raises:
        ValueError: not signed by one of ``secrets``, too old, or no event; never another error.
    """
    _verify_signature(body, headers, secrets)
    try:
        event = _Event.model_validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise ValueError("the body is not an event") from error
    told = event.data.get("object", event.data)
    about = told if isinstance(told, dict) else {}
    key = event.idempotency_key
    return SupplierEvent(
        id=f"{event.type}:{key}" if key else event.id,
        type=event.type,
        at=event.created_at,
        reference=_reference(about),
        supplier_id=_order(about),
        livemode=event.live_mode,
    )


def _verify_signature(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    header = next((value for name, value in headers.items() if name.lower() == HEADER), None)
    if header is None:
        raise ValueError("there is no signature")
    moment = ""
    signatures: list[str] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and not moment:
            moment = value
        elif name in _SCHEMES and _HEX.fullmatch(value):
            signatures.append(value)
    if not _SECONDS.fullmatch(moment) or not signatures:
        raise ValueError("the signature cannot be read")
    if abs(time.time() - int(moment)) > TOLERANCE_SECONDS:
        raise ValueError("the signature is too old, or from the future")
    genuine = [
        hmac.compare_digest(_digest(moment, body, secret), signature)
        for secret in secrets
        for signature in signatures
    ]
    if not any(genuine):
        raise ValueError("the signature does not match")


def _digest(moment: str, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def _order(about: dict[str, Any]) -> str | None:
    """Return the order's id; of an order that was never made, the offer's, as we know it by."""
    identity = about.get("id")
    order = identity if isinstance(identity, str) and identity.startswith("ord_") else None
    for found in (about.get("order_id"), order, about.get("offer_id")):
        if isinstance(found, str) and 0 < len(found) <= 200 and _storable(found):
            return found
    return None


def _reference(about: dict[str, Any]) -> str | None:
    metadata = about.get("metadata")
    found = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    usable = isinstance(found, str) and 0 < len(found) <= 200 and _storable(found)
    return found if usable else None


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
