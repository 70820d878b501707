"""The outside checker: judges a booking by the sandbox's log and the database alone.

It takes no answer from the code under test. Numbers are the invariants of reliability.md §2.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from models.lifecycle import TRANSITIONS, BookingState
from tests.support.sandbox_client import SandboxClient

SETTLED = {"CONFIRMED", "FAILED", "CANCELLED", "NEEDS_ATTENTION"}
ONCE = {"created", "confirmed", "cancelled"}
"""Effects a supplier reference may have at most once."""


@dataclass
class Facts:
    """What is known outside the code under test."""

    booking: dict[str, Any]
    items: list[dict[str, Any]]
    payment: dict[str, Any]
    history: list[dict[str, Any]]
    reservations: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    log: list[dict[str, Any]]


async def gather(sandbox: SandboxClient, database_url: str, booking_id: str) -> Facts:
    """Collect the facts about a booking."""
    connection = await psycopg.AsyncConnection.connect(database_url, row_factory=dict_row)
    async with connection:

        async def rows(query: str) -> list[dict[str, Any]]:
            return await (await connection.execute(query, [booking_id])).fetchall()

        (booking,) = await rows("SELECT * FROM bookings WHERE id = %s")
        (payment,) = await rows("SELECT * FROM payments WHERE booking_id = %s")
        items = await rows("SELECT * FROM booking_items WHERE booking_id = %s ORDER BY number")
        history = await rows("SELECT * FROM booking_history WHERE booking_id = %s ORDER BY version")
    return Facts(
        booking=booking,
        items=items,
        payment=payment,
        history=history,
        reservations=await sandbox.reservations(booking_id),
        payments=await sandbox.payments(booking_id),
        log=await sandbox.log(booking_id),
    )


def violations(facts: Facts) -> list[str]:
    """Return what is wrong, by invariant; empty when all is well."""
    found: list[str] = []
    state = facts.booking["state"]
    open_case = facts.booking["attention_case"] or {}
    excused = set(open_case.get("items", [])) if not open_case.get("resolved_at") else set()
    captured = sum(p["captured"] for p in facts.payments)
    refunded = sum(p["refunded"] for p in facts.payments)
    kept = captured - refunded

    taken = [p for p in facts.payments if p["captured"] > 0]
    if len(taken) > 1:
        found.append(f"I1: {len(taken)} payments were captured")
    if captured > facts.booking["accepted_total"]:
        found.append(f"I1: captured {captured} > accepted {facts.booking['accepted_total']}")

    held = [p for p in facts.payments if p["status"] == "requires_capture"]
    if state in {"FAILED", "CANCELLED"}:
        fees = sum(item["fee"] for item in facts.items if item["status"] == "CANCELLED")
        if kept != fees:
            found.append(f"I2: {state} keeps {kept}, fees are {fees}")
    if held and not (state == "NEEDS_ATTENTION" and open_case.get("payment")):
        found.append(f"I2: {state}, and money is still held: {held}")

    numbers = {item["reference"]: item["number"] for item in facts.items}
    live = {r["reference"] for r in facts.reservations if r["live"]}
    ours = {item["reference"] for item in facts.items if item["status"] == "CONFIRMED"}
    orphans = {ref for ref in live - ours if numbers.get(ref) not in excused}
    if orphans:
        found.append(f"I3: {state}, and live without a live line: {sorted(orphans)}")
    if len(live) != sum(r["live"] for r in facts.reservations):
        found.append("I3: a reference has more than one live reservation")
    if state == "CONFIRMED":
        if ours - live:
            found.append(f"I4: confirmed but not live: {sorted(ours - live)}")
        prices = {r["reference"]: r["price"] for r in facts.reservations if r["live"]}
        for item in facts.items:
            if item["reference"] in live & ours and prices[item["reference"]] != item["amount"]:
                found.append(f"I4: {item['reference']} costs {prices[item['reference']]}")
        owed = sum(i["amount"] for i in facts.items if i["status"] == "CONFIRMED")
        owed += sum(i["fee"] for i in facts.items if i["status"] == "CANCELLED")
        if kept != owed:
            found.append(f"I4: kept {kept}, confirmed items and fees are {owed}")

    effects = Counter(
        (row["supplier"], row["reference"], row["effect"])
        for row in facts.log
        if row["supplier"] != "stripe" and row["effect"] in ONCE
    )
    money = Counter(
        (row["supplier"], row["effect"])
        for row in facts.log
        if row["supplier"] == "stripe" and row["effect"] in {"authorised", "captured", "released"}
    )
    found += [f"I5: {what} happened {n} times" for what, n in (effects + money).items() if n > 1]

    if state not in SETTLED:
        found.append(f"I7: ended in {state}")
    if (state == "NEEDS_ATTENTION") != (bool(open_case) and not open_case.get("resolved_at")):
        found.append(f"I7: {state} with case {open_case}")
    found += _broken_history(facts)
    if facts.payment["captured"] != captured or facts.payment["refunded"] != refunded:
        found.append(
            f"I9: record says {facts.payment['captured']}/{facts.payment['refunded']},"
            f" gateway {captured}/{refunded}"
        )
    return found


def _broken_history(facts: Facts) -> list[str]:
    found = []
    previous: str | None = None
    for version, row in enumerate(facts.history, start=1):
        if row["version"] != version or row["from_state"] != previous:
            found.append(f"I7: history breaks at {row}")
        if previous is not None:
            allowed = TRANSITIONS[BookingState(previous)]
            if BookingState(row["to_state"]) not in allowed:
                found.append(f"I7: {previous} may not become {row['to_state']}")
        previous = row["to_state"]
    if previous != facts.booking["state"] or len(facts.history) != facts.booking["version"]:
        found.append(f"I7: history ends in {previous}, booking is {facts.booking['state']}")
    return found


async def check(sandbox: SandboxClient, database_url: str, booking_id: str) -> Facts:
    """Assert that nothing is wrong with a booking; returns the facts for more questions."""
    facts = await gather(sandbox, database_url, booking_id)
    found = violations(facts)
    assert not found, "\n".join(found) + f"\nlog: {facts.log}\nstate: {facts.reservations}"
    return facts
