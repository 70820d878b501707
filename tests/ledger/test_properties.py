"""Whatever happens to a booking's money, in whatever order it is learnt: the books are right."""

import copy
import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.bookings.booking import Booking
from models.ledger.chain import GENESIS, Sealed, breaks, seal
from models.ledger.commission import CommissionRule, share
from models.ledger.entries import Account, Place, balance
from models.ledger.postings import BY_HAND, DISPUTED, SUSPENSE, TRAVELER, unsettled
from tests.ledger.bookings import NOON, Journal
from tests.ledger.walks import Step, rules, starts, steps

WALKS = st.lists(steps(), max_size=12)


def stands(journal: Journal, place: Place) -> int:
    return balance(journal.entries, place)


def at_the_gateway(booking: Booking) -> int:
    paid = booking.payment
    gone = sum(one.amount for one in paid.disputes if one.status != "won")
    return paid.captured - paid.refunded - gone


@settings(max_examples=300, deadline=None)
@given(starts(), WALKS, rules(), st.sampled_from(["stripe", "payment_service"]))
def test_the_books_agree_with_the_booking_after_every_step(
    booking: Booking, walk: list[Step], rules: list[CommissionRule], gateway: str
) -> None:
    booking.payment.gateway = gateway
    lying = Place(Account.GATEWAY, gateway)
    journal = Journal(rules)
    journal.post(booking)  # it holds that entries balance and that posting again adds nothing
    for step in walk:
        step(booking)
        journal.post(booking)
        assert sum(journal.totals().values()) == 0
        assert stands(journal, TRAVELER) == 0  # at rest or parked: it is in SUSPENSE, if anywhere
        assert stands(journal, SUSPENSE) == -booking.owed
        assert stands(journal, lying) == at_the_gateway(booking)
        assert stands(journal, BY_HAND) == -booking.paid_by_hand
        opened = sum(one.amount for one in booking.payment.disputes if one.status == "open")
        assert stands(journal, DISPUTED) == opened


@settings(max_examples=300, deadline=None)
@given(starts(), WALKS, rules(), st.data())
def test_what_was_seen_on_the_way_does_not_matter_in_the_end(
    booking: Booking, walk: list[Step], rules: list[CommissionRule], data: st.DataObject
) -> None:
    """Two systems, of which one missed some of the news: the same balances at the end."""
    every, some = Journal(rules), Journal(rules)
    for step in walk:
        every.post(booking)
        if data.draw(st.booleans(), label="the other system hears of it"):
            some.post(booking)
        step(booking)
    every.post(booking)
    mixed = copy.deepcopy(booking)
    mixed.payment.refunds = data.draw(st.permutations(booking.payment.refunds))
    mixed.payment.disputes = data.draw(st.permutations(booking.payment.disputes))
    mixed.items = data.draw(st.permutations(booking.items))
    some.post(mixed)
    assert some.totals() == every.totals()
    assert unsettled(some.entries) == unsettled(every.entries) == -booking.owed


@given(st.integers(0, 99_999_999_999), st.integers(0, 10_000))
def test_a_share_is_never_off_by_more_than_half_a_unit(amount: int, basis_points: int) -> None:
    found = share(amount, basis_points)
    assert abs(found * 10_000 - amount * basis_points) * 2 <= 10_000
    assert 0 <= found <= amount


@settings(max_examples=100, deadline=None)
@given(starts(), WALKS, st.data())
def test_any_one_change_breaks_the_chain(
    booking: Booking, walk: list[Step], data: st.DataObject
) -> None:
    journal = Journal()
    for step in walk:
        journal.post(booking)
        step(booking)
    journal.post(booking)
    assume(journal.entries)  # a trip that costs nothing has none
    chain: list[Sealed] = []
    for number, entry in enumerate(journal.entries):
        previous = chain[-1].hash if chain else GENESIS
        own = seal(entry, booking.id, NOON, previous)
        chain.append(Sealed(number, entry, booking.id, NOON, previous, own))
    assert breaks(chain) == []

    at = data.draw(st.integers(0, len(chain) - 1))
    victim = chain[at]
    line = victim.entry.lines[0]
    changes: dict[str, dict[str, Any]] = {
        "amount": {"lines": (replace(line, signed=line.signed * 2), *victim.entry.lines[1:])},
        "account": {
            "lines": (replace(line, place=Place(line.place.account, "me")), *victim.entry.lines[1:])
        },
        "description": {"description": "nothing to see here"},
        "source": {"source": "pi_other"},
        "dropped line": {"lines": victim.entry.lines[1:]},
    }
    kind = data.draw(st.sampled_from([*sorted(changes), "moment"]))
    tampered = list(chain)
    if kind == "moment":
        tampered[at] = replace(victim, created_at=NOON + dt.timedelta(microseconds=1))
    else:
        tampered[at] = replace(victim, entry=replace(victim.entry, **changes[kind]))
    assert [entry_id for entry_id, _ in breaks(tampered)] == [at]

    if at + 1 < len(chain):  # without the last one, a chain is whole: the record tells
        following = replace(chain[at + 1], previous_hash=victim.previous_hash)
        assert breaks([*chain[:at], *chain[at + 1 :]])
        assert breaks([*chain[:at], following, *chain[at + 2 :]])  # linked anew, and still
