"""Between a booking and its rows: columns to write, and objects read back."""

import datetime as dt
from typing import Any

from pydantic import BaseModel

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.changes import ChangeNote
from models.bookings.lifecycle import BookingKind, BookingState, PaymentStatus, SagaState
from models.bookings.problems import Problem
from models.bookings.tables import BookingItemRow, BookingRow
from models.core.supply import Reservation


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


def item_of(row: BookingItemRow) -> Item:
    """Return the item of a row, without its offer."""
    return Item.model_validate(
        {
            "number": row.number,
            "type": row.type,
            "supplier": row.supplier,
            "component_id": row.component_ref,
            "title": row.title,
            "currency": row.currency,
            "price": row.amount,
            "supplier_price": _supplier_price(row),
            "reference": row.reference,
            "status": row.status,
            "saga_state": SagaState(row.saga_state),
            "quote": {**row.quote, "offer": {}} if row.quote else None,
            "reservation": Reservation.model_validate(row.details) if row.details else None,
            "fee": row.fee,
            "payment": row.payment_number,
            "booked_at": row.booked_at,
            "cancelled_at": row.cancelled_at,
            "problem": row.error,
        }
    )


def _supplier_price(row: BookingItemRow) -> Any:
    """Return the supplier's own price where it is not what is charged: quoted, or else shown."""
    if row.quote:
        return row.quote["price"] if row.quote.get("converted") else None
    shown = row.offer
    if shown["currency"] == row.currency:
        return None
    return {"amount": shown["price"], "currency": shown["currency"]}


def booking_of(row: BookingRow, items: list[Item], payments: list[PaymentView]) -> Booking:
    """Return the booking of its rows."""
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
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        confirmed_at=row.confirmed_at,
        cancelled_at=row.cancelled_at,
    )


def _nothing_to_pay(row: BookingRow) -> PaymentView:
    return PaymentView(
        payment_method_id=None,
        currency=row.currency,
        amount=0,
        status=PaymentStatus.NOT_REQUIRED,
    )
