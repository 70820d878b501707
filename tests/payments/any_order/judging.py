"""Judges how lives end: by the gateway, the database and the outside checker."""

from collections import Counter
from typing import Any

from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.operations import SORRY
from tests.payments.any_order.stage import Stage
from tests.support.checker import Facts, check

DISPUTED = {"needs_response": "open", "won": "won", "lost": "lost"}
Normal = dict[str, Any]


async def judge(booking: LiveBooking) -> Normal:
    """Hold the end of a life against everything that must be; returns the end without names."""
    stage = booking.stage
    facts = await check(stage.stack.sandbox, stage.database_url, booking.id)
    await _is_in_the_inbox(booking)
    payment = facts.payment
    charge = await booking.charge()
    refunds = sorted((r["id"], r["amount"], r["status"]) for r in charge.refunds)
    own_refunds = [
        row for row in facts.refunds if row["payment_number"] is not None and row["gateway_id"]
    ]
    assert refunds == sorted((r["gateway_id"], r["amount"], r["status"]) for r in own_refunds)
    disputes = sorted((d["id"], d["amount"], DISPUTED[d["status"]]) for d in charge.disputes)
    assert disputes == sorted((d["id"], d["amount"], d["status"]) for d in facts.disputes)
    balances = _balances(facts)
    assert balances["GATEWAY", "stripe"] == charge.left, (balances, charge)
    # The invariants are looked at from time to time: their cases are judged at the very end.
    # The plays store other terms than the suppliers': what these keep differs, and is a case.
    others = {"INVARIANT", "FEE"}
    cases = sorted(case["source"] for case in facts.cases if case["kind"] not in others)
    assert cases == [f"dispute:{name}" for name, _, status in disputes if status == "open"]
    _is_granted_once(booking, facts)
    strays = [await stage.outside.charge(stray) for stray in booking.strays]
    assert all(stray.captured == stray.refunded for stray in strays), strays
    assert all(stray.status in {"canceled", "succeeded"} for stray in strays), strays
    booking.tally.ends[facts.booking["state"]] += 1
    return {
        "state": facts.booking["state"],
        "payment": payment["status"],
        "money": {
            name: facts.booking[name]
            for name in ("captured", "refunded", "paid_by_hand", "goodwill")
        },
        "refunds": sorted((amount, status) for _, amount, status in refunds),
        "disputes": sorted((amount, status) for _, amount, status in disputes),
        "strays": sorted((s.status, s.captured, s.refunded) for s in strays),
        "items": [(i["number"], i["status"], i["amount"], i["fee"]) for i in facts.items],
        "ledger": sorted((*account, amount) for account, amount in balances.items() if amount),
        "cases": len(cases),
    }


async def _is_in_the_inbox(booking: LiveBooking) -> None:
    """Every event that was delivered is there once, with its count, and has come to an end."""
    delivered = booking.round.deliveries
    rows = await booking.stage.rows(
        "SELECT event_id, type, status, deliveries FROM webhook_events"
        " WHERE event_id = ANY(%s) OR booking_id = %s OR payment_id = ANY(%s)",
        list(delivered),
        booking.id,
        [booking.payment, *booking.strays],
    )
    assert len(rows) == len(delivered)
    assert {row["event_id"]: row["deliveries"] for row in rows} == delivered
    assert {row["status"] for row in rows} <= {"done", "kept"}, rows
    tally = booking.tally
    tally.deliveries += delivered.total()
    tally.events.update(row["type"] for row in rows)
    tally.rows.update(row["status"] for row in rows)


def _is_granted_once(booking: LiveBooking, facts: Facts) -> None:
    """Goodwill is given at most as often as it was asked for, repeats of a request not counted."""
    grants = facts.booking["grants"]
    assert len(set(grants)) == len(grants) <= booking.refund_requests
    assert sum(row["reason"] == SORRY for row in facts.refunds) <= len(grants)


def _balances(facts: Facts) -> Counter[tuple[str, str]]:
    balances: Counter[tuple[str, str]] = Counter()
    for line in facts.ledger:
        balances[line["account"], line["owner"]] += line["signed"]
    return balances


async def audit(stage: Stage) -> None:
    """Have the system check all its money, when all is over: nothing may be wrong."""
    await stage.watch(full=True)  # what an earlier round found and is mended since is closed by it
    summary = await stage.watch(full=True)
    assert summary.reconciled is not None
    assert summary.reconciled.differing == 0, summary
    assert summary.checked is not None
    assert not any(summary.checked.violations.values()), summary
    assert summary.reported is not None
    assert summary.reported.differences == 0, summary
    assert await stage.ledger_violations() == []
    cases = await stage.rows("SELECT * FROM cases WHERE resolved_at IS NULL")
    assert {case["kind"] for case in cases} <= {"DISPUTE", "FEE"}, cases
    dead = await stage.rows("SELECT * FROM webhook_events WHERE status NOT IN ('done', 'kept')")
    assert dead == []
