"""Rows of the record, put there without a saga."""

import json
import uuid
from typing import Any

from tests.suppliers.health.conftest import Query

ITEM_DEFAULTS: dict[str, Any] = {"supplier": "ratehawk", "status": "CONFIRMED", "hash": "h-1"}


def clear(sql: Query) -> None:
    sql("DELETE FROM attempts; DELETE FROM supplier_health")
    sql(
        "SET session_replication_role = replica; DELETE FROM booking_items;"
        " DELETE FROM payments; DELETE FROM bookings"
    )


def booking(sql: Query, state: str = "CONFIRMED", days: int = 0, traveler: str = "t") -> str:
    """Plant a booking that changed last so many days ago; past the triggers."""
    made = str(uuid.uuid4())
    sql(
        "SET session_replication_role = replica;"
        "INSERT INTO bookings (id, reference, caller_id, idempotency_key, fingerprint, run_id,"
        " trip_option_id, traveler_id, state, version, currency, accepted_total, captured,"
        " refunded, paid_by_hand, goodwill, grants, travelers, contact, warnings, created_at,"
        " updated_at)"
        f" VALUES ('{made}', '{made}', '{made}', 'k', 'f', 'r', 't', '{traveler}', '{state}', 1,"
        " 'USD', 1, 0, 0, 0, 0, '[]',"
        """ '[{"firstName": "Ada"}]', '{"email": "ada@example.com"}', '[]',"""
        f" now() - interval '1 year', now() - interval '{days} days');"
        "INSERT INTO payments (booking_id, number, purpose, gateway, amount, currency, status,"
        " authorised, captured, refunded, hold, created_at, updated_at)"
        f" VALUES ('{made}', 1, 'booking', 'stripe', 1, 'USD', 'pending', 0, 0, 0, 1, now(), now())"
    )
    return made


def item(sql: Query, booking_id: str, number: int, **more: Any) -> str:
    """Plant an item; returns our reference."""
    values = {**ITEM_DEFAULTS, **more}
    reference = f"{booking_id}-{number}"
    sql(
        "INSERT INTO booking_items (booking_id, number, trip_option_id, type, supplier,"
        " component_ref, title, status, saga_state, reference, supplier_id, payment_number, amount,"
        " currency, fee, offer, quote, created_at, updated_at)"
        " VALUES (%(booking)s, %(number)s, 't', 'HOTEL', %(supplier)s, 'c', 'Hotel Aurora',"
        " %(status)s, 'BOOKED', %(reference)s, %(order)s, 1, 100,"
        " 'USD', 0, %(offer)s, %(quote)s, clock_timestamp(), now())",
        booking=booking_id,
        number=number,
        supplier=values["supplier"],
        status=values["status"],
        reference=reference,
        order=f"order-{booking_id}-{number}",
        offer=json.dumps(
            {
                "startsAt": "2031-03-01T15:00:00Z",
                "endsAt": "2031-03-05T11:00:00Z",
                "offer": {"book_hash": values["hash"]},
            }
        ),
        quote=json.dumps({"offer": {"book_hash": f"p-{values['hash']}"}}),
    )
    return reference


def attempt(sql: Query, booking_id: str, **more: Any) -> None:
    """Plant an attempt that began ``ago`` seconds ago and took ``took`` seconds (None: no end)."""
    values: dict[str, Any] = {
        "provider": "duffel",
        "operation": "book",
        "key": uuid.uuid4().hex,
        "ago": 60,
        "took": 1.0,
        "outcome": "done",
        "settled": None,
        "code": None,
        "status": None,
        "message": None,
        "result": None,
        **more,
    }
    sql(
        "INSERT INTO attempts (booking_id, item, provider, operation, key, number, started_at,"
        " finished_at, outcome, settled, provider_id, provider_code, http_status, request_id,"
        " message, result) VALUES (%(booking)s, 1, %(provider)s, %(operation)s, %(key)s, 1,"
        " now() - make_interval(secs => %(ago)s),"
        " now() - make_interval(secs => %(ago)s) + make_interval(secs => %(took)s),"
        " %(outcome)s, %(settled)s, 'order-1', %(code)s, %(status)s, 'req-1', %(message)s,"
        " %(result)s)",
        booking=booking_id,
        **values,
    )
