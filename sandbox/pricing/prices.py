"""Prices, deposits and terms of cancelling, by each venue's tariff."""

import datetime as dt
from typing import Any, Final

from sandbox.amounts import raised
from sandbox.venues.slots import Slot
from sandbox.venues.times import at, stamp

_VALID: Final = dt.timedelta(minutes=15)


def price(slot: Slot, now: dt.datetime, *, binding: bool, drift: bool) -> dict[str, Any]:
    """Return what a slot costs; ``drift``: ten per cent more than its tariff says."""
    tariff = slot.venue.tariff
    each, flat = tariff.each, tariff.flat
    if drift:
        each, flat = (raised(one) if one else 0 for one in (each, flat))
    charges = ((slot.party, each), (slot.nights, flat))
    lines = [
        {
            "description": tariff.what,
            "quantity": quantity,
            "unit_amount": unit,
            "amount": quantity * unit,
        }
        for quantity, unit in charges
        if unit
    ]
    total = sum(quantity * unit for quantity, unit in charges)
    deposit = None if tariff.deposit_each is None else tariff.deposit_each * slot.party
    due = total if deposit is None else deposit
    return {
        "slot": slot.as_json(),
        "lines": lines,
        "total": total,
        "currency": tariff.currency,
        "deposit": deposit,
        "no_show_fee": due * tariff.no_show_percent // 100,
        "cancellation": _terms(slot, due),
        "valid_until": stamp(now + _VALID) if binding else None,
    }


def _terms(slot: Slot, due: int) -> list[dict[str, Any]]:
    tariff, late = slot.venue.tariff, due * slot.venue.tariff.late_percent // 100
    if not due:
        return [{"until": None, "fee": 0}]
    if tariff.free_until is None:
        return [{"until": None, "fee": late}]
    days, time = tariff.free_until
    day = slot.local.date() - dt.timedelta(days=days)
    until = at(dt.datetime.combine(day, time), slot.zone)
    return [{"until": stamp(until), "fee": 0}, {"until": None, "fee": late}]
