"""Which entries a booking makes necessary: one pure function of the booking as it is stored.

What is posted already is left alone and what is missing is returned, so repeating a transition
writes nothing, and it does not matter in which order the system learnt what happened: money taken,
given back, disputed. Only what is seen decides, never the event that showed it.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from models.bookings.booking import Booking, DisputeView, Item, PaymentView, RefundView
from models.bookings.lifecycle import SETTLED_STATES, BookingState, ItemStatus
from models.core.money import Money
from models.core.supply import HOUSE
from models.ledger.commission import CommissionRule, applicable, share
from models.ledger.entries import Account, Entry, EntryType, Line, Place, balance

TRAVELER = Place(Account.TRAVELER)
BY_HAND = Place(Account.GATEWAY, "by_hand")
COMMISSION = Place(Account.COMMISSION)
GOODWILL = Place(Account.FEES, "goodwill")
LOST_DISPUTES = Place(Account.FEES, "disputes")
"""Where lost disputes were booked before decision 51; such entries are moved on."""
SUSPENSE = Place(Account.SUSPENSE)
"""What is due to, or from, a traveller while a person has to settle it."""
DISPUTED = Place(Account.SUSPENSE, "disputes")
"""What the gateway took back while a dispute is open."""


def moved_money(booking: Booking) -> bool:
    """Tell whether anything of a booking belongs into the ledger at all."""
    return bool(booking.paid_by_hand or booking.goodwill) or any(
        payment.captured or payment.refunds or payment.disputes for payment in booking.payments
    )


def sold(booking: Booking) -> list[Item]:
    """Return the items the traveller has, or had after the booking was confirmed."""
    confirmed_at = booking.confirmed_at
    if confirmed_at is None:
        return []
    return [item for item in booking.items if item.live or _was_live(item, confirmed_at)]


def payee(item: Item) -> str:
    """Return who earns what an item costs: its supplier; of the marketplace, its provider's id."""
    if item.supplier == HOUSE and item.reservation is not None:
        return item.reservation.provider
    return item.supplier


def _was_live(item: Item, confirmed_at: dt.datetime) -> bool:
    if item.status is not ItemStatus.CANCELLED:
        return False
    cancelled_later = item.cancelled_at is not None and item.cancelled_at >= confirmed_at
    # A fee is part of ``Booking.due`` whenever it arose; the books must not say otherwise.
    return item.fee > 0 or (item.booked_at is not None and cancelled_later)


def unsold(booking: Booking, posted: Iterable[Entry]) -> list[Item]:
    """Return the items whose sale is not posted as it is; only these need commission rules."""
    posted = list(posted)
    return [item for item in sold(booking) if _unposted(item, posted)]


def _sales(item: Item, posted: Iterable[Entry]) -> list[Entry]:
    """Return the sale of an item as it is posted, with every later change of its price."""
    return [e for e in posted if e.type == EntryType.SALE and _is_of(e, item.reference)]


def _unposted(item: Item, posted: Iterable[Entry]) -> int:
    """Return by how much the price of an item is more than what is posted (minor units).

    What is cancelled keeps the price it had.
    """
    sales = _sales(item, posted)
    return 0 if sales and not item.live else item.price - balance(sales, TRAVELER)


def unsettled(entries: Iterable[Entry]) -> int:
    """Return what a traveller is owed (credit, negative) or owes, on TRAVELER and in SUSPENSE."""
    return sum(entry.moved(TRAVELER) + entry.moved(SUSPENSE) for entry in entries)


def missing_entries(
    booking: Booking,
    version: int,
    posted: Sequence[Entry],
    rules: Iterable[CommissionRule],
    now: dt.datetime,
) -> list[Entry]:
    """Return the entries that ``booking``, stored as ``version``, lacks, in order.

    Args:
        booking: as stored now.
        version: of the record; names what is known by its total only (goodwill, paid by hand).
        posted: the entries of this booking that the ledger has.
        rules: the commission rules that may concern its items.
        now: moment of writing, UTC, for the commission rules.
    """
    books = _Books(booking, version, posted)
    for payment in booking.payments:
        books.capture(payment)
    rules = list(rules)
    for item in sold(booking):
        books.sale(item, rules, now)
        if item.status is ItemStatus.CANCELLED:
            books.cancellation(item)
    for item in booking.items:
        if not item.live:  # sold while it was awaited, and then refused
            books.reversal(item)
    books.grown(EntryType.GOODWILL, booking.goodwill, "given back as goodwill", TRAVELER, GOODWILL)
    for payment in booking.payments:
        for refund in payment.refunds:
            books.refund(refund)
    books.grown(EntryType.PAID_BY_HAND, booking.paid_by_hand, "paid out by hand", BY_HAND, TRAVELER)
    for payment in booking.payments:
        for dispute in payment.disputes:
            books.dispute(dispute)
    books.settle()
    return books.new


class _Books:
    """The entries of one booking: those posted, and those found missing so far."""

    def __init__(self, booking: Booking, version: int, posted: Sequence[Entry]) -> None:
        self._booking = booking
        self._version = f"{booking.id}:{version}"
        self._posted = posted
        self._gateway = Place(Account.GATEWAY, booking.payment.gateway)
        self.new: list[Entry] = []

    @property
    def _all(self) -> list[Entry]:
        return [*self._posted, *self.new]

    # -- one kind of movement each --------------------------------------------------------

    def capture(self, paid: PaymentView) -> None:
        source = paid.id or self._booking.id
        what = f"payment {source} captured"
        self._move(EntryType.CAPTURE, source, what, paid.captured, TRAVELER, self._gateway)

    def sale(self, item: Item, rules: list[CommissionRule], now: dt.datetime) -> None:
        provider = item.reservation.provider if item.reservation else ""
        rule = applicable(rules, item.supplier, provider, now)
        sales = _sales(item, self._all)
        more = _unposted(item, sales)
        commission = share(more, rule.basis_points) if rule else 0
        self._post(
            EntryType.SALE,
            f"{item.reference}:{self._version}" if sales else item.reference,
            f"{_name(item)} sold at another price" if sales else f"{_name(item)} sold",
            {
                TRAVELER: more,
                Place(Account.PROVIDER_EARNINGS, payee(item)): commission - more,
                COMMISSION: -commission,
            },
        )

    def cancellation(self, item: Item) -> None:
        """Reverse the sale as it was posted; what the terms keep is the supplier's fee."""
        undone: dict[Place, int] = {}
        for line in (line for sale in _sales(item, self._all) for line in sale.lines):
            undone[line.place] = undone.get(line.place, 0) - line.signed
        undone[TRAVELER] = undone.get(TRAVELER, 0) + item.fee
        undone[Place(Account.FEES, payee(item))] = -item.fee
        kept = f", {self._money(item.fee)} kept" if item.fee else ""
        self._post(EntryType.CANCELLATION, item.reference, f"{_name(item)} cancelled{kept}", undone)

    def reversal(self, item: Item) -> None:
        """Reverse a sale of which nothing came; one that was cancelled has been reversed."""
        if self._find(EntryType.SALE, item.reference):
            self.cancellation(item)

    def refund(self, refund: RefundView) -> None:
        types = {TRAVELER: EntryType.REFUND, self._gateway: EntryType.REFUND_FAILED}
        at = TRAVELER if refund.gives_back else self._gateway
        self._follow(types, refund.id, f"refund {refund.id}", refund.amount, at)

    def dispute(self, dispute: DisputeView) -> None:
        types = {
            DISPUTED: EntryType.DISPUTE,
            self._gateway: EntryType.DISPUTE_WON,
            TRAVELER: EntryType.DISPUTE_LOST,
            LOST_DISPUTES: EntryType.DISPUTE_LOST,
        }
        at = {"open": DISPUTED, "won": self._gateway, "lost": TRAVELER}[dispute.status]
        self._follow(types, dispute.id, f"dispute {dispute.id}", dispute.amount, at)

    def grown(self, type_: EntryType, total: int, what: str, origin: Place, target: Place) -> None:
        """Post by how much a total has grown (or, corrected, shrunk) since it was last posted."""
        before = balance((e for e in self._posted if e.type == type_), target)
        growth = total - before
        described = what if growth > 0 else f"{what}: corrected"
        self._move(type_, self._version, described, growth, origin, target)

    def settle(self) -> None:
        """Leave nothing on TRAVELER once the booking is at rest or waits for a person."""
        state = self._booking.state
        resting = state in SETTLED_STATES
        open_, parked = balance(self._all, TRAVELER), balance(self._all, SUSPENSE)
        if resting and parked and open_ + parked == 0:
            released = self._entry(
                EntryType.SUSPENSE_RELEASED,
                self._version,
                f"settled: the booking is {state}",
                {SUSPENSE: -parked, TRAVELER: parked},
            )
            self.new.insert(0, released)  # first it comes back, then it goes where it belongs
        elif resting or state is BookingState.NEEDS_ATTENTION:
            what = f"unsettled: the booking is {state}"
            self._move(EntryType.SUSPENSE, self._version, what, open_, TRAVELER, SUSPENSE)

    # -- writing --------------------------------------------------------------------------

    def _follow(
        self, types: dict[Place, EntryType], ident: str, what: str, amount: int, at: Place
    ) -> None:
        """Post where the gateway's money of one refund or dispute is by now.

        It begins with the first of ``types``; one seen only after it had ended gets both entries.
        """
        kinds = set(types.values())
        steps = [e for e in self._posted if e.type in kinds and _is_of(e, ident)]
        if not steps:
            first = next(iter(types))
            step = self._move(types[first], ident, what, amount, self._gateway, first)
            steps = [step] if step else []
        there = {place: amount if place == at else 0 for place in types if place != self._gateway}
        moves = {place: there[place] - balance(steps, place) for place in there}
        moves[self._gateway] = -sum(moves.values())
        repeats = sum(step.type == types[at] for step in steps)
        source = f"{ident}:{repeats + 1}" if repeats else ident
        described = f"{what} {_OUTCOME[types[at]]}: {self._money(amount)}"
        self._post(types[at], source, described, moves)

    def _move(
        self, type_: EntryType, source: str, what: str, amount: int, origin: Place, target: Place
    ) -> Entry | None:
        """Credit ``origin`` and debit ``target``."""
        described = f"{what}: {self._money(abs(amount))}"
        return self._post(type_, source, described, {target: amount, origin: -amount})

    def _post(
        self, type_: EntryType, source: str, what: str, moves: dict[Place, int]
    ) -> Entry | None:
        """Add an entry, unless it is there already or moves nothing."""
        if self._find(type_, source) or not any(moves.values()):
            return None
        entry = self._entry(type_, source, what, moves)
        self.new.append(entry)
        return entry

    def _entry(self, type_: EntryType, source: str, what: str, moves: dict[Place, int]) -> Entry:
        currency = self._booking.payment.currency
        lines = [Line(place, moved, currency) for place, moved in moves.items() if moved]
        debits_first = tuple(sorted(lines, key=lambda line: line.signed < 0))
        return Entry(type_, source, what, debits_first)

    def _find(self, type_: EntryType, source: str) -> Entry | None:
        for entry in self._all:
            if entry.type == type_ and entry.source == source:
                return entry
        return None

    def _money(self, amount: int) -> str:
        return str(Money(amount=amount, currency=self._booking.payment.currency))


_OUTCOME = {
    EntryType.REFUND: "under way anew",
    EntryType.REFUND_FAILED: "failed",
    EntryType.DISPUTE: "open anew",
    EntryType.DISPUTE_WON: "won",
    EntryType.DISPUTE_LOST: "lost",
}


def _is_of(entry: Entry, ident: str) -> bool:
    return entry.source == ident or entry.source.startswith(f"{ident}:")


def _name(item: Item) -> str:
    return item.title or item.type.lower()
