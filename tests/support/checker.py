"""The outside checker: judges a booking by the sandbox's log and the database alone.

It takes no answer from the code under test. Numbers are the invariants of reliability.md §2.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import iso4217
import psycopg
from psycopg.rows import dict_row

from models.bookings.lifecycle import BookingKind, BookingState, transitions_of
from models.core.supply import HOUSE
from tests.support.sandbox_client import SandboxClient

SETTLED = {"CONFIRMED", "FAILED", "CANCELLED", "EXPIRED"}
GATEWAYS = {"stripe", "payment_service"}
ONCE = {"created", "confirmed", "cancelled"}
"""Effects a supplier reference may have at most once."""


@dataclass
class Facts:
    """What is known outside the code under test."""

    booking: dict[str, Any]
    items: list[dict[str, Any]]
    on_record: list[dict[str, Any]]
    """Every payment on record, in the order of their numbers."""
    history: list[dict[str, Any]]
    reservations: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    log: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    """Journal lines: entry, type, account, owner, signed, currency."""
    cases: list[dict[str, Any]]
    """Open cases about the booking."""
    refunds: list[dict[str, Any]]
    """Those asked for and those made elsewhere."""
    disputes: list[dict[str, Any]]

    @property
    def payment(self) -> dict[str, Any]:
        """What the booking was paid with."""
        return self.on_record[0]

    @property
    def further(self) -> list[dict[str, Any]]:
        """The later payments: what changes cost more."""
        return self.on_record[1:]


async def gather(sandbox: SandboxClient, database_url: str, booking_id: str) -> Facts:
    """Collect the facts about a booking."""
    connection = await psycopg.AsyncConnection.connect(database_url, row_factory=dict_row)
    async with connection:

        async def rows(query: str) -> list[dict[str, Any]]:
            return await (await connection.execute(query, [booking_id])).fetchall()

        (booking,) = await rows("SELECT * FROM bookings WHERE id = %s")
        del booking["fence"]  # who may write, not what the booking is
        on_record = await rows("SELECT * FROM payments WHERE booking_id = %s ORDER BY number")
        disputes = await rows("SELECT * FROM disputes WHERE booking_id = %s ORDER BY at, id")
        items = await rows("SELECT * FROM booking_items WHERE booking_id = %s ORDER BY number")
        history = await rows("SELECT * FROM booking_history WHERE booking_id = %s ORDER BY version")
        ledger = await rows(
            "SELECT e.id AS entry, e.entry_type, l.account, l.owner, l.signed, l.currency"
            " FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id"
            " WHERE e.booking_id = %s ORDER BY e.id, l.number"
        )
        cases = await rows("SELECT * FROM cases WHERE booking_id = %s AND resolved_at IS NULL")
        refunds = await rows("SELECT * FROM refunds WHERE booking_id = %s ORDER BY number")
    there = await sandbox.state(booking_id)
    return Facts(
        booking=booking,
        items=items,
        on_record=on_record,
        history=history,
        reservations=there["reservations"],
        payments=there["payments"],
        log=await sandbox.log(booking_id),
        ledger=ledger,
        cases=cases,
        refunds=refunds,
        disputes=disputes,
    )


def violations(facts: Facts) -> list[str]:
    """Return what is wrong, by invariant; empty when all is well."""
    found: list[str] = []
    state = facts.booking["state"]
    unsettled = [case["details"] for case in facts.cases if case["kind"] == "SAGA"]
    excused = {about["item"] for about in unsettled if "item" in about}
    """Items that a person is settling."""
    money_open = any("payment" in about for about in unsettled)
    captured = sum(p["captured"] for p in facts.payments)
    refunded = sum(p["refunded"] for p in facts.payments)
    kept = captured - refunded
    by_hand = facts.booking["paid_by_hand"] - facts.booking["goodwill"]
    """What the gateway keeps more than is due, because the traveller has it otherwise."""

    lost = sum(one["amount"] for one in facts.disputes if one["status"] == "lost")
    open_ = sum(one["amount"] for one in facts.disputes if one["status"] == "open")

    taken = [p for p in facts.payments if p["captured"] > p["refunded"] or _is_ours(facts, p)]
    # one payment for each price that was accepted: the trip's, and each change's difference
    agreed = {row["payment_intent_id"]: row["amount"] for row in facts.on_record}
    changes = {row["payment_intent_id"] for row in facts.further}
    if len([p for p in taken if p["id"] not in changes]) > 1:
        found.append(f"I1: {len(taken)} payments were captured")
    for paid in facts.payments:
        most = agreed.get(paid["id"], facts.payment["amount"])
        if paid["captured"] > most:
            found.append(f"I1: captured {paid['captured']} > accepted {most}")
    if state == "CONFIRMED" and kept - lost - open_ - by_hand > facts.booking["accepted_total"]:
        found.append(f"I1: keeps {kept} > accepted {facts.booking['accepted_total']}")

    held = [p for p in facts.payments if p["status"] == "requires_capture"]
    if state in {"FAILED", "CANCELLED", "EXPIRED"}:
        fees = sum(item["fee"] for item in facts.items if item["status"] == "CANCELLED")
        if not 0 <= kept - lost - fees - by_hand <= open_ and not money_open:
            found.append(f"I2: {state} keeps {kept}, fees are {fees}, by hand {by_hand}")
    if held and not money_open:
        found.append(f"I2: {state}, and money is still held: {held}")

    numbers = {item["reference"]: item["number"] for item in facts.items}
    live = {r["reference"] for r in facts.reservations if r["live"]}
    # Our own stock is no supplier's: what it has is held against its claims elsewhere.
    elsewhere = [item for item in facts.items if item["supplier"] != HOUSE]
    expected = {item["reference"] for item in elsewhere if _stands(item)}
    orphans = {ref for ref in live - expected if numbers.get(ref) not in excused}
    if orphans:
        found.append(f"I3: {state}, and live without a live line: {sorted(orphans)}")
    if len(live) != sum(r["live"] for r in facts.reservations):
        found.append("I3: a reference has more than one live reservation")
    if state == "CONFIRMED":
        gone = {ref for ref in expected - live if numbers[ref] not in excused}
        if gone:
            found.append(f"I4: confirmed but not live: {sorted(gone)}")
        standing = {r["reference"]: r for r in facts.reservations if r["live"]}
        for item in facts.items:
            if item["reference"] in live & expected and item["type"] != "VENUE_SLOT":
                # what a slot costs the inventory does not know
                costs = _payable(standing[item["reference"]], item)
                if costs != item["amount"]:
                    found.append(f"I4: {item['reference']} costs {costs}")
        owed = sum(i["amount"] for i in facts.items if _stands(i))
        owed += sum(i["fee"] for i in facts.items if i["status"] == "CANCELLED")
        if not 0 <= kept - lost - owed - by_hand <= open_ and not money_open:
            found.append(f"I4: kept {kept}, items and fees are {owed}, by hand {by_hand}")

    effects = Counter(
        (row["supplier"], row["reference"], row["effect"])
        for row in facts.log
        if row["supplier"] not in GATEWAYS and row["effect"] in ONCE
    )
    money = Counter(
        (row["supplier"], row.get("id"), row["effect"])
        for row in facts.log
        if row["supplier"] in GATEWAYS and row["effect"] in {"authorised", "captured", "released"}
    )
    found += [f"I5: {what} happened {n} times" for what, n in (effects + money).items() if n > 1]

    if state not in SETTLED:
        found.append(f"I7: ended in {state}")
    found += _broken_history(facts)
    for row in facts.on_record:
        recorded = [p for p in facts.payments if p["id"] == row["payment_intent_id"]]
        at_gateway = tuple(sum(p[name] for p in recorded) for name in ("captured", "refunded"))
        on_record = (row["captured"], row["refunded"])
        if on_record != at_gateway:
            found.append(f"I9: record says {on_record}, gateway {at_gateway}")
    return found + _broken_ledger(facts, kept)


def _stands(item: dict[str, Any]) -> bool:
    """Tell whether the traveller has it, or will once its supplier says yes."""
    return bool(item["status"] == "CONFIRMED" or item["saga_state"] == "AWAITED")


def _is_ours(facts: Facts, payment: dict[str, Any]) -> bool:
    """Tell whether it is the payment on record, and was taken (others were given back whole)."""
    return bool(payment["captured"] > 0 and payment["id"] == facts.payment["payment_intent_id"])


def _broken_ledger(facts: Facts, kept: int) -> list[str]:
    found = []
    sums = Counter[tuple[int, str]]()
    accounts = Counter[str]()
    for line in facts.ledger:
        sums[line["entry"], line["currency"]] += line["signed"]
        where = "BY_HAND" if line["owner"] == "by_hand" else line["account"]
        accounts[where] += line["signed"]
    found += [f"I8: entry {entry} is off by {off} {c}" for (entry, c), off in sums.items() if off]
    disputed = sum(d["amount"] for d in facts.disputes if d["status"] != "won")
    if accounts["GATEWAY"] != kept - disputed:
        found.append(f"I9: the ledger has {accounts['GATEWAY']}, the gateway {kept - disputed}")
    if accounts["TRAVELER"] and facts.booking["state"] in SETTLED:
        found.append(f"I9: {accounts['TRAVELER']} is left on TRAVELER")
    covered = any(d["status"] == "open" for d in facts.disputes)
    if accounts["SUSPENSE"] and not facts.cases and not covered:
        found.append(f"I9: {accounts['SUSPENSE']} in SUSPENSE and no case is open")
    stuck = [item["number"] for item in facts.items if item["saga_state"] == "UNDO_FAILED"]
    about = {case["details"].get("item") for case in facts.cases}
    if not set(stuck) <= about:
        found.append(f"I7: {stuck} could not be undone, and the operators' list has {about}")
    own = [row for row in facts.refunds if row["payment_number"] is not None]
    given = sum(row["amount"] for row in own if _back(row))
    refunded = sum(row["refunded"] for row in facts.on_record)
    unsettled = any(row["status"] == "requested" for row in facts.refunds)
    if given != refunded or (unsettled and not facts.cases):
        found.append(f"I9: refund rows give back {given}, the record {refunded}: {facts.refunds}")
    if unrecorded := [row for row in own if row["gateway_id"] and not row["recorded_in"]]:
        found.append(f"I9: no transition has recorded the refunds {unrecorded}")
    return found


def _back(refund: dict[str, Any]) -> bool:
    return refund["status"] in {"succeeded", "pending", "requires_action"}


def _payable(reservation: dict[str, Any], item: dict[str, Any]) -> int:
    """What the supplier's price is in the payment's currency, by the rate that is on record."""
    price, rate = int(reservation["price"]), (item["quote"] or {}).get("rate")
    base, paid = (iso4217.Currency(x["currency"]).exponent or 0 for x in (reservation, item))
    step = 10 if paid == 3 else 1  # cards are charged in hundredths
    if rate is None or rate["base"] != reservation["currency"]:
        return price - price % step if reservation["currency"] == item["currency"] else -1
    exact = price * Fraction(rate["rate"]) * Fraction(10) ** (paid - base)
    return round(exact / step) * step


def _broken_history(facts: Facts) -> list[str]:
    found = []
    previous: str | None = None
    kind = BookingKind(facts.booking["kind"])
    for version, row in enumerate(facts.history, start=1):
        if row["version"] != version or row["from_state"] != previous:
            found.append(f"I7: history breaks at {row}")
        if previous is not None:
            allowed = transitions_of(kind)[BookingState(previous)]
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
