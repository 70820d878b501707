"""Business keys and references, made before any call (reliability.md rule 2).

A key never holds a run id or an attempt number: Temporal's Reset changes both.
"""

import hashlib
import hmac
import uuid

_BOOKINGS = uuid.UUID("6f2b5c1e-8a43-5d7e-9b1a-0c9d4e7f2a10")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def booking_id(caller: str, idempotency_key: str) -> str:
    """Return the booking id of a caller's idempotency key: the same for every repeat."""
    return str(uuid.uuid5(_BOOKINGS, f"{caller}\n{idempotency_key}"))


def change_id(caller: str, booking: str, idempotency_key: str) -> str:
    """Return the id of a change of a booking: the same for every repeat of a request."""
    return str(uuid.uuid5(_BOOKINGS, f"{caller}\n{booking}\n{idempotency_key}"))


def booking_reference(booking: str) -> str:
    """Return the human reference of a booking id, such as ``TS-4K7QP-9XW2M`` (50 bits)."""
    number = int.from_bytes(hashlib.sha256(booking.encode()).digest()[:8])
    letters = "".join(_CROCKFORD[number >> shift & 31] for shift in range(0, 50, 5))
    return f"TS-{letters[:5]}-{letters[5:]}"


def traveler_id(key: bytes, caller: str, email: str) -> str:
    """Return an opaque id for a traveller, made with the key ``TRAVELER_ID_KEY``.

    It stands in search attributes, which Temporal never encrypts (S13): a plain hash could be
    found by trying addresses, an HMAC only by who has the key.
    """
    digest = hmac.new(key, f"{caller}\n{email.lower()}".encode(), hashlib.sha256).hexdigest()
    return f"trv_{digest[:16]}"


def item_reference(booking: str, item: int, version: int = 1) -> str:
    """Return the reference a supplier gets; ``version`` counts deliberate rebookings."""
    return f"{booking}-{item}-{version}"


def payment_key(booking: str, payment: int, operation: str, version: int = 1) -> str:
    """Return the idempotency key of an operation on one of a booking's payments, by its number."""
    which = "payment" if payment == 1 else f"payment-{payment}"
    return operation_key(booking, which, operation, version)


def operation_key(booking: str, item: int | str, operation: str, version: int = 1) -> str:
    """Return an idempotency key: ``v1:{booking}:{item}:{operation}:{version}``."""
    return f"v1:{booking}:{item}:{operation}:{version}"
