"""Judges how lives end: by the gateway, the database and the outside checker."""

from collections import Counter
from typing import Any

from tests.money.player import Player
from tests.money.stage import Stage, Tally
from tests.support.checker import Facts, check

DISPUTED = {"needs_response": "open", "won": "won", "lost": "lost"}
Normal = dict[str, Any]


async def judge(stage: Stage, player: Player, tally: Tally) -> Normal:
    """Hold the end of a life against everything that must be; returns the end without names."""
    booking = player.booking_id
    facts = await check(stage.stack.sandbox, stage.database_url, booking)
    await _is_in_the_inbox(stage, player, tally)
    charge = await player.charge()
    disputes = [(d["id"], d["amount"], DISPUTED[d["status"]]) for d in charge.disputes]
    recorded = [(d["id"], d["amount"], d["status"]) for d in facts.payment["disputes"]]
    assert sorted(recorded) == sorted(disputes)
    refunds = [(r["id"], r["amount"], r["status"]) for r in charge.refunds]
    assert sorted((r["id"], r["amount"], r["status"]) for r in facts.payment["refunds"]) == sorted(
        refunds
    )
    balances = _balances(facts)
    at_the_gateway = sum(
        amount for account, amount in balances.items() if account == ("GATEWAY", "stripe")
    )
    assert at_the_gateway == charge.left, (balances, charge)
    open_cases = sorted(case["source"] for case in facts.cases if case["kind"] != "INVARIANT")
    # The invariants are looked at from time to time: their cases are judged at the very end.
    assert open_cases == sorted(
        f"dispute:{name}" for name, _, status in disputes if status == "open"
    )
    strays = [await stage.outside.charge(stray) for stray in player.strays]
    assert all(stray.captured == stray.refunded for stray in strays), strays
    assert all(stray.status in {"canceled", "succeeded"} for stray in strays), strays
    tally.ends[facts.booking["state"]] += 1
    return {
        "state": facts.booking["state"],
        "payment": facts.payment["status"],
        "money": {
            name: facts.payment[name]
            for name in ("captured", "refunded", "paid_by_hand", "goodwill")
        },
        "refunds": sorted((amount, status) for _, amount, status in refunds),
        "disputes": sorted((amount, status) for _, amount, status in disputes),
        "strays": sorted((s.status, s.captured, s.refunded) for s in strays),
        "items": [(i["number"], i["status"], i["amount"], i["fee"]) for i in facts.items],
        "ledger": sorted((*account, amount) for account, amount in balances.items() if amount),
        "cases": len(open_cases),
    }


async def _is_in_the_inbox(stage: Stage, player: Player, tally: Tally) -> None:
    """Every event that was delivered is there once, with its count, and has come to an end."""
    delivered = player.round.deliveries
    rows = await stage.rows(
        "SELECT event_id, type, status, deliveries FROM webhook_events"
        " WHERE event_id = ANY(%s) OR booking_id = %s OR payment_id = ANY(%s)",
        list(delivered),
        player.booking_id,
        [player.payment, *player.strays],
    )
    assert Counter({row["event_id"]: row["deliveries"] for row in rows}) == delivered
    assert len(rows) == len(delivered)
    unhandled = [row for row in rows if row["status"] not in {"done", "kept"}]
    assert not unhandled
    tally.deliveries += delivered.total()
    tally.events.update(row["type"] for row in rows)
    tally.rows.update(row["status"] for row in rows)


def _balances(facts: Facts) -> Counter[tuple[str, str]]:
    balances: Counter[tuple[str, str]] = Counter()
    for line in facts.ledger:
        balances[line["account"], line["owner"]] += line["signed"]
    return balances


async def audit(stage: Stage) -> None:
    """Have the house look at all its money by itself, when all is over: nothing may be wrong."""
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
    assert {case["kind"] for case in cases} <= {"DISPUTE"}, cases
    dead = await stage.rows("SELECT * FROM webhook_events WHERE status NOT IN ('done', 'kept')")
    assert dead == []
