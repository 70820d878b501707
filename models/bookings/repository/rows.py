"""Between a booking and its rows: columns to write, and objects read back."""

import datetime as dt
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.changes import ChangeNote
from models.bookings.lifecycle import BookingKind, BookingState, PaymentStatus
from models.bookings.problems import Problem


def _json(model: BaseModel | None) -> Any:
    return None if model is None else model.model_dump(mode="json")


def booking_columns(booking: Booking, version: int) -> dict[str, Any]:
    """Return what of a booking is written with every transition (table ``bookings``)."""
    return {
        "state": booking.state,
        "waits": booking.waits,
        "version": version,
        "accepted_total": booking.accepted_total,
        "chargeable": booking.chargeable,
        "captured": booking.captured,
        "refunded": booking.refunded,
        "paid_by_hand": booking.paid_by_hand,
        "goodwill": booking.goodwill,
        "grants": booking.grants,
        "warnings": booking.warnings,
        "problem": _json(booking.problem),
        "failed_step": booking.problem.step if booking.problem else None,
        "cancelled_by": booking.cancelled_by,
        "cancel_reason": booking.cancel_reason,
        "hold_expires_at": booking.hold_expires_at,
        "updated_at": booking.updated_at,
        "confirmed_at": booking.confirmed_at,
        "cancelled_at": booking.cancelled_at,
    }


def people_columns(change: ChangeNote | None) -> dict[str, Any]:
    """Return what a transition writes of who travels (table ``bookings``): nothing, as a rule."""
    if change is None or change.travelers is None:
        return {}
    return {"travelers": [t.model_dump(mode="json", by_alias=True) for t in change.travelers]}


def item_columns(booking: Booking, item: Item) -> dict[str, Any]:
    """Return what of an item is written with every transition (table ``booking_items``)."""
    held = item.reservation
    return {
        "status": item.status,
        "saga_state": item.saga_state,
        "supplier_id": held.supplier_id if held else None,
        "vendor_confirmation": held.confirmation_code if held else None,
        "booking_reference": held.supplier_id if held else None,
        "pnr": held.pnr if held else None,
        "payment_number": item.payment,
        "amount": item.price,
        "fee": item.fee,
        "details": _json(held),
        "error": _json(item.problem),
        "booked_at": item.booked_at,
        "cancelled_at": item.cancelled_at,
        "updated_at": booking.updated_at,
    }


def new_item_columns(booking: Booking, item: Item) -> dict[str, Any]:
    """Return what of a new item is written, but for what it was chosen from."""
    return {
        **item_columns(booking, item),
        "trip_option_id": booking.trip_option_id,
        "created_at": booking.updated_at,
        "booking_id": booking.id,
        "number": item.number,
        "type": item.type,
        "supplier": item.supplier,
        "component_ref": item.component_id,
        "title": item.title,
        "reference": item.reference,
        "currency": item.currency,
    }


def history_columns(
    booking_id: str,
    version: int,
    from_state: BookingState | None,
    to_state: BookingState,
    at: dt.datetime,
    who: str,
    why: str,
    digest: str | None = None,
) -> dict[str, Any]:
    """Return one row of ``booking_history``; the database adds when it was written."""
    return {
        "booking_id": booking_id,
        "version": version,
        "from_state": from_state,
        "to_state": to_state,
        "at": at,
        "who": who,
        "why": why,
        "digest": digest,
    }


ITEM_JSON = """jsonb_build_object(
    'number', i.number, 'type', i.type, 'supplier', i.supplier, 'component_id', i.component_ref,
    'title', i.title, 'currency', i.currency, 'price', i.amount, 'reference', i.reference,
    'status', i.status, 'saga_state', i.saga_state, 'quote', i.quote || '{"offer": {}}',
    'reservation', i.details, 'fee', i.fee, 'payment', i.payment_number,
    'booked_at', i.booked_at, 'cancelled_at', i.cancelled_at, 'problem', i.error,
    'supplier_price', CASE
        WHEN i.quote IS NULL AND i.offer->>'currency' <> i.currency
            THEN jsonb_build_object('amount', i.offer->'price', 'currency', i.offer->'currency')
        WHEN coalesce(i.quote->'converted', 'null') <> 'null' THEN i.quote->'price' END)"""
"""A row ``i`` of ``booking_items`` as the JSON of an ``Item``, without its offer.

The supplier's own price is there where it is not what is charged: quoted, or else shown.
"""


def booking_of(row: Row[Any], items: list[Item], payments: list[PaymentView]) -> Booking:
    """Return the booking of its row (table ``bookings``), items and payments."""
    return Booking(
        id=row.id,
        kind=BookingKind(row.kind),
        reference=row.reference,
        trip_option_id=row.trip_option_id,
        state=BookingState(row.state),
        currency=row.currency,
        accepted_total=row.accepted_total,
        items=items,
        payments=payments or [_nothing_to_pay(row)],
        paid_by_hand=row.paid_by_hand,
        goodwill=row.goodwill,
        grants=row.grants,
        warnings=row.warnings,
        problem=Problem.model_validate(row.problem) if row.problem else None,
        cancelled_by=row.cancelled_by,
        cancel_reason=row.cancel_reason,
        hold_expires_at=row.hold_expires_at,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        confirmed_at=row.confirmed_at,
        cancelled_at=row.cancelled_at,
    )


def _nothing_to_pay(row: Row[Any]) -> PaymentView:
    return PaymentView(
        payment_method_id=None,
        currency=row.currency,
        amount=0,
        status=PaymentStatus.NOT_REQUIRED,
    )
