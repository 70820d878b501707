"""Writing journal entries and commission rules. Callers own the transaction."""

import datetime as dt
import json
import logging
from collections.abc import Sequence

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.lifecycle import SETTLED_STATES, BookingState
from models.core.cases import CaseKind, close_case, open_case
from models.core.money import Money
from models.ledger.chain import GENESIS, Sealed, seal
from models.ledger.commission import CommissionRule, applicable
from models.ledger.entries import Entry, EntryType
from models.ledger.errors import RuleRefused
from models.ledger.postings import missing_entries, moved_money, unsettled, unsold
from models.ledger.reading import load_entries, load_rules
from models.ledger.tables import COMMISSION_RULES

CLOCKS_DIFFER = dt.timedelta(minutes=1)
"""A rule that is to begin "now" by another machine's clock does not begin in the past."""
LONGEST_AHEAD = dt.timedelta(days=3653)
"""How far ahead a rule may begin."""

log = logging.getLogger("tripsaga.ledger")

# One round trip: a confirmation writes an entry for each item, each with three lines. Ids are drawn
# in the order of the chain.
_INSERT = text("""
WITH made AS (
    INSERT INTO ledger_entries
        (entry_type, source_id, booking_id, description, created_at, previous_hash, hash)
    SELECT e.entry_type, e.source_id, :booking_id, e.description, :created_at, e.previous_hash,
           e.hash
    FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS e
        (place int, entry_type text, source_id text, description text, previous_hash text,
         hash text)
    ORDER BY e.place
    RETURNING id, hash
)
INSERT INTO ledger_lines (entry_id, number, account, owner, direction, amount, currency)
SELECT made.id, l.number, l.account, l.owner, l.direction, l.amount, l.currency
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l
    (hash text, number int, account text, owner text, direction text, amount bigint, currency text)
JOIN made USING (hash)
""")


async def post_transition(
    session: AsyncSession, booking: Booking, from_state: BookingState, version: int
) -> None:
    """Write the entries that this transition of a booking makes necessary.

    Call it with the booking's row locked: its chain grows at one end. A booking without money
    costs no statement. Nothing is left on TRAVELER of a booking at rest; what does not add up goes
    to SUSPENSE and becomes a case, for the transition itself has happened and must be recorded.
    """
    if not moved_money(booking):
        return
    now = dt.datetime.now(dt.UTC)
    stored = await load_entries(session, booking.id)
    posted = [sealed.entry for sealed in stored]
    suppliers = {item.supplier for item in unsold(booking, posted)}
    rules = await load_rules(session, suppliers) if suppliers else []
    new = missing_entries(booking, version, posted, rules, now)
    if new:
        await _append(session, booking.id, stored, new, now)
    await _watch_rest(session, booking, from_state, [*posted, *new])


async def _append(
    session: AsyncSession,
    booking_id: str,
    stored: Sequence[Sealed],
    new: Sequence[Entry],
    now: dt.datetime,
) -> None:
    """Seal new entries to the end of the booking's chain and insert them."""
    previous = stored[-1].hash if stored else GENESIS
    entries, lines = [], []
    for place, entry in enumerate(new):
        own = seal(entry, booking_id, now, previous)
        entries.append(
            {
                "place": place,
                "entry_type": entry.type,
                "source_id": entry.source,
                "description": entry.description,
                "previous_hash": previous,
                "hash": own,
            }
        )
        lines += [
            {
                "hash": own,
                "number": number,
                "account": line.place.account,
                "owner": line.place.owner,
                "direction": line.direction,
                "amount": line.amount,
                "currency": line.currency,
            }
            for number, line in enumerate(entry.lines, start=1)
        ]
        previous = own
    await session.execute(
        _INSERT,
        {
            "booking_id": booking_id,
            "created_at": now,
            "entries": json.dumps(entries),
            "lines": json.dumps(lines),
        },
    )


async def _watch_rest(
    session: AsyncSession,
    booking: Booking,
    from_state: BookingState,
    entries: list[Entry],
) -> None:
    """Open a case for a booking that comes to rest with money unaccounted for; or close it."""
    if booking.state not in SETTLED_STATES:
        return
    source = f"ledger:{booking.id}"
    left = unsettled(entries)
    if -left in range(booking.disputed + 1):
        left = 0  # an open dispute covers it: whose it is will be decided
    if left and booking.has_payment_case:
        return  # a person is settling the money already
    if left:
        money = Money(amount=abs(left), currency=booking.payment.currency)
        whose = "is still owed to" if left < 0 else "was given too much to"
        summary = (
            f"booking {booking.reference} is {booking.state}, and {money} {whose} the traveller"
            " by the ledger; it stands in SUSPENSE"
        )
        log.error("%s (it was %s)", summary, from_state)
        await open_case(
            session,
            kind=CaseKind.INVARIANT,
            source=source,
            summary=summary,
            booking_id=booking.id,
            details={"amount": -left, "currency": booking.payment.currency, "from": from_state},
        )
    elif any(entry.type == EntryType.SUSPENSE for entry in entries):
        await close_case(session, source=source, by="ledger", resolution="the money adds up again")


async def add_rule(
    session: AsyncSession,
    *,
    supplier: str | None,
    provider: str | None,
    basis_points: int,
    valid_from: dt.datetime | None,
    who: str,
) -> tuple[CommissionRule, bool]:
    """Add a commission rule; answer it, and whether it is new.

    One that would change nothing, because the same share is in force for exactly that supplier
    and provider then, is not added: the answer is the rule in force.

    Args:
        session: in a transaction of the caller's.
        supplier: None for all suppliers without a rule of their own.
        provider: at that supplier; None for all of them.
        basis_points: 0 to 10000.
        valid_from: UTC, not in the past, for sales are never commissioned anew; None for at once.
        who: for the record.

    Raises:
        RuleRefused: a provider without a supplier, or a moment past or more than ten years ahead.
    """
    now = dt.datetime.now(dt.UTC)
    if provider is not None and supplier is None:
        raise RuleRefused("a rule for a provider needs the supplier it is found at")
    if valid_from is not None and valid_from < now - CLOCKS_DIFFER:
        raise RuleRefused("a rule cannot begin in the past: what was sold keeps its commission")
    if valid_from is not None and valid_from > now + LONGEST_AHEAD:
        raise RuleRefused("a rule cannot begin more than ten years ahead")
    starts = valid_from or now
    same_scope = [
        rule
        for rule in await load_rules(session, [supplier] if supplier else [])
        if (rule.supplier, rule.provider) == (supplier, provider)
    ]
    current = applicable(same_scope, supplier or "", provider or "", starts)
    if current is not None and current.basis_points == basis_points:
        return current, False
    row = (
        await session.execute(
            insert(COMMISSION_RULES)
            .values(
                supplier=supplier,
                provider=provider,
                basis_points=basis_points,
                valid_from=starts,
                who=who,
            )
            .returning(COMMISSION_RULES)
        )
    ).one()
    return CommissionRule(**row._mapping), True
