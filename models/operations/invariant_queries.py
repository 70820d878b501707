"""What must always hold about money, as SQL: reliability.md §2, I1, I2, I8 and I9.

A query returns one row for each violation: ``subject`` (what it is about; the booking's id where
there is one), ``booking_id`` or NULL, and ``what`` in plain words. It looks at what changed since
``:since``, at payments that may still change by themselves, and at the bookings ``:also``.
"""

# ruff: noqa: S608  (made of our own constants; what comes from outside is always a parameter)

from models.payments.recorded import CLOSED, DUE, MAY_CHANGE, MONEY, SETTLED, withdrawn

_SCOPE = f"""
WITH scope AS (
    SELECT booking_id FROM payments WHERE updated_at >= :since
    UNION {MAY_CHANGE}
    UNION SELECT unnest(CAST(:also AS uuid[]))
)
"""

_ABOUT_A_BOOKING = "SELECT b.id::text AS subject, b.id AS booking_id,"
_IN_SCOPE = f"""
FROM scope JOIN bookings b ON b.id = scope.booking_id {MONEY}
"""

_ACCEPTED = "coalesce(b.chargeable, b.accepted_total)"
MORE_THAN_ACCEPTED = f"""{_SCOPE} {_ABOUT_A_BOOKING}
    format('%s %s captured, %s accepted', p.captured, b.currency, {_ACCEPTED}) AS what
{_IN_SCOPE} WHERE p.captured > {_ACCEPTED}
"""

# A payment that was taken by mistake and given back whole is no double charge any more. What a
# change cost more has a payment of its own: one for each price that was accepted.
TWO_CAPTURED = f"""{_SCOPE}, kept AS (
    SELECT a.booking_id, a.provider_id,
        max((a.result->>'captured')::bigint) - (
            SELECT coalesce(sum(r.amount), 0) FROM refunds r
            WHERE r.booking_id = a.booking_id AND r.payment_intent_id = a.provider_id
            AND r.status IN ('pending', 'requires_action', 'succeeded')) AS amount
    FROM scope JOIN attempts a ON a.booking_id = scope.booking_id
    WHERE a.operation = 'capture' AND a.outcome = 'done'
    AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = a.booking_id AND p.number > 1
        AND p.payment_intent_id = a.provider_id)
    GROUP BY a.booking_id, a.provider_id
)
{_ABOUT_A_BOOKING}
    format('%s payments were captured: %s', count(*), string_agg(kept.provider_id, ', ')) AS what
FROM kept JOIN bookings b ON b.id = kept.booking_id
WHERE kept.amount > 0 GROUP BY b.id HAVING count(*) > 1
"""

_KEPT = f"(p.captured - p.refunded - {withdrawn(states=('lost',))} - b.paid_by_hand + b.goodwill)"
_IN_DISPUTE = withdrawn(states=("open",))
"""What an open dispute covers is not given back before it is decided."""
KEPT_FOR_NOTHING = f"""{_SCOPE} {_ABOUT_A_BOOKING}
    format('the booking is %s and keeps %s %s, its fees are %s',
           b.state, {_KEPT}, b.currency, {DUE}) AS what
{_IN_SCOPE}
WHERE b.state IN ({CLOSED}) AND {_KEPT} - {DUE} NOT BETWEEN 0 AND {_IN_DISPUTE}
"""

HELD_FOR_NOTHING = f"""{_SCOPE} {_ABOUT_A_BOOKING}
    format('the booking is %s and its payment %s is still %s',
           b.state, p.payment_intent_id, p.status) AS what
FROM scope JOIN bookings b ON b.id = scope.booking_id
JOIN payments p ON p.booking_id = b.id
WHERE b.state IN ({CLOSED}) AND p.payment_intent_id IS NOT NULL
AND p.status IN ('pending', 'authorised') AND b.updated_at < now() - interval '1 minute'
"""

CROOKED_ENTRY = """
WITH scope AS (
    SELECT id FROM ledger_entries WHERE created_at >= :since
    UNION SELECT id FROM ledger_entries WHERE booking_id = ANY(CAST(:also AS uuid[]))
    UNION SELECT id FROM ledger_entries WHERE booking_id IS NULL
), sums AS (
    SELECT scope.id, l.currency, coalesce(sum(l.signed), 0) AS off, count(l.entry_id) AS lines
    FROM scope LEFT JOIN ledger_lines l ON l.entry_id = scope.id GROUP BY scope.id, l.currency
)
SELECT coalesce(e.booking_id::text, 'entry ' || e.id) AS subject, e.booking_id,
    CASE WHEN s.lines = 0 THEN format('ledger entry %s has no lines', e.id)
         ELSE format('ledger entry %s is %s %s out of balance', e.id, s.off, s.currency) END AS what
FROM sums s JOIN ledger_entries e ON e.id = s.id WHERE s.off <> 0 OR s.lines = 0
"""

CROOKED_TOTAL = """
SELECT 'total ' || currency AS subject, NULL::uuid AS booking_id,
    format('all accounts together are %s %s, not 0', sum(signed), currency) AS what
FROM ledger_lines GROUP BY currency HAVING sum(signed) <> 0
"""

GUARDS = (
    ("ledger_entries", "append_only"),
    ("ledger_entries", "stamp_ledger_entry"),
    ("ledger_entries", "balanced"),
    ("ledger_lines", "append_only"),
    ("ledger_lines", "guard_ledger_line"),
    ("ledger_lines", "balanced"),
    ("commission_rules", "append_only"),
)
"""Table and name of the triggers that make the ledger append-only and balanced (0003_ledger)."""

UNGUARDED = f"""
SELECT 'guards' AS subject, NULL::uuid AS booking_id,
    'triggers missing or switched off: ' || string_agg(g.name || ' on ' || g.relation, ', ') AS what
FROM (VALUES {", ".join(f"('{table}', '{name}')" for table, name in GUARDS)}) AS g(relation, name)
WHERE NOT EXISTS (
    SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(g.relation) AND t.tgname = g.name
    AND t.tgenabled IN ('O', 'A'))
HAVING count(*) > 0
"""

# What was paid out by hand left the company's own bank account, not the gateway.
_LEDGER_OF_BOOKING = """
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.signed) FILTER (
            WHERE l.currency = b.currency), 0) AS cash,
        count(*) FILTER (WHERE l.currency <> b.currency) AS strange
    FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
    WHERE e.booking_id = b.id AND l.account = 'GATEWAY' AND l.owner <> 'by_hand'
) AS ledger
"""

LEDGER_IS_NOT_RECORD = f"""{_SCOPE} {_ABOUT_A_BOOKING}
    format('the ledger has %s %s at the gateway, on record are %s', ledger.cash, b.currency,
           p.captured - p.refunded - {withdrawn()}) AS what
{_IN_SCOPE} {_LEDGER_OF_BOOKING}
WHERE b.state IN ({SETTLED})
AND (ledger.strange > 0 OR ledger.cash <> p.captured - p.refunded - {withdrawn()})
"""

# An invariant's own case is no excuse: it would close itself and open again for ever. What an open
# dispute has taken is explained by the dispute, also when an operator has closed its case.
SUSPENSE = f"""{_SCOPE} {_ABOUT_A_BOOKING}
    format('%s %s are in suspense, and nobody has been asked about them', off, s.currency) AS what
{_IN_SCOPE} CROSS JOIN LATERAL (
    SELECT l.currency, sum(l.signed) AS off
    FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
    WHERE e.booking_id = b.id AND l.account = 'SUSPENSE'
    AND (l.owner <> 'disputes' OR NOT EXISTS (
        SELECT FROM disputes d WHERE d.booking_id = b.id AND d.status = 'open'))
    GROUP BY l.currency HAVING sum(l.signed) <> 0
) AS s
WHERE -s.off NOT BETWEEN 0 AND {_IN_DISPUTE} AND b.state IN ({SETTLED}) AND NOT EXISTS (
    SELECT FROM cases c
    WHERE c.booking_id = b.id AND c.resolved_at IS NULL AND c.kind <> 'INVARIANT')
"""
