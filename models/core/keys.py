"""Business keys and references, made before any call (reliability.md rule 2).

A key never holds a run id or an attempt number: Temporal's Reset changes both.
"""

import hashlib
import hmac
import re
import unicodedata
import uuid

_BOOKINGS = uuid.UUID("6f2b5c1e-8a43-5d7e-9b1a-0c9d4e7f2a10")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OILU", "011V")
_UUID = re.compile("[0-9a-f]{32}")

REFERENCES = 5
"""So many references are tried before a booking is given up because others have them all."""


def booking_id(caller: str, idempotency_key: str, *, route: str | None = None) -> str:
    """Return the booking id of a caller's idempotency key: the same for every repeat.

    ``route`` keeps the keys of different routes apart, such as ``POST /api/v1/bookings``; that of
    trips, ``/booking/book``, has none.
    """
    parts = (caller, idempotency_key) if route is None else (caller, route, idempotency_key)
    return str(uuid.uuid5(_BOOKINGS, "\n".join(parts)))


def change_id(caller: str, booking: str, idempotency_key: str) -> str:
    """Return the id of a change of a booking: the same for every repeat of a request."""
    return str(uuid.uuid5(_BOOKINGS, f"{caller}\n{booking}\n{idempotency_key}"))


def operation_id(subject: str, route: str, target: str, idempotency_key: str) -> str:
    """Return the id of what a request does to ``target``: the same for every repeat.

    ``subject`` is whose key it is, such as ``caller:<uuid>``; ``route`` its method and template.
    """
    return str(uuid.uuid5(_BOOKINGS, f"{subject}\n{route}\n{target}\n{idempotency_key}"))


def booking_reference(booking: str, collisions: int = 0) -> str:
    """Return the human reference of a booking id, such as ``TS-4K7QP-9XW2M`` (50 bits).

    ``collisions`` counts the references before this one that other bookings have.
    """
    name = f"{booking}:{collisions}" if collisions else booking
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    letters = "".join(_CROCKFORD[number >> shift & 31] for shift in range(0, 50, 5))
    return f"TS-{letters[:5]}-{letters[5:]}"


def is_booking_id(text: str | None) -> bool:
    """Tell whether ``text`` is written as booking ids are: a UUID in lower case, with dashes."""
    try:
        return text is not None and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def parse_booking_id(text: str) -> str | None:
    """Return a booking id as it is stored, whatever its case and with dashes or without.

    None: ``text`` is no UUID.
    """
    digits = _joined(text).lower()
    return str(uuid.UUID(digits)) if _UUID.fullmatch(digits) else None


def parse_booking_reference(text: str) -> str | None:
    """Return a reference as it is stored, however it was read out or typed; None: it is none.

    Case, dashes and spaces do not matter; O counts as 0, I and L as 1, U as V, which Crockford's
    Base 32 has not.
    """
    characters = _joined(text).upper()
    letters = characters[2:].translate(_MISREAD)
    if not characters.startswith("TS") or len(letters) != 10 or set(letters) - set(_CROCKFORD):
        return None
    return f"TS-{letters[:5]}-{letters[5:]}"


def _joined(text: str) -> str:
    """Return text without spaces and dashes of any kind."""
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Pd")


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
