"""Bookings as tests need them: made of the real messages, brought to where a story wants them."""

import datetime as dt
import uuid
from collections.abc import Iterable

from models.bookings.booking import Booking, DisputeView, PaymentView, RefundView
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.core import keys
from models.core.money import Money
from models.core.people import Contact
from models.core.supply import ItemType, Quote, Reservation, TripComponent
from models.core.terms import CancellationTerms
from models.ledger.commission import CommissionRule
from models.ledger.entries import Entry
from models.ledger.postings import missing_entries
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption

NOON = dt.datetime(2031, 2, 1, 12, tzinfo=dt.UTC)
FLIGHT, HOTEL, TOUR = 60_000, 100_000, 40_000
TOTAL = FLIGHT + HOTEL + TOUR

_KINDS = [
    (ItemType.FLIGHT, "amadeus", "DL 100", "Delta"),
    (ItemType.HOTEL, "booking_com", "Hotel Aurora", "Hotel Aurora"),
    (ItemType.ACTIVITY, "viator", "Harbour tour", "Harbour Tours"),
]


def request(
    *, prices: tuple[int, ...] = (FLIGHT, HOTEL, TOUR), currency: str = "USD"
) -> BookTripRequest:
    """A request to book a flight, a hotel, a tour, and so on round, at these prices."""
    components = [
        TripComponent(
            component_id=f"component-{number}",
            type=kind,
            supplier=supplier,
            title=title,
            price=price,
            currency=currency,
            starts_at=NOON,
            ends_at=NOON,
            offer={},
        )
        for number, price in enumerate(prices, start=1)
        for kind, supplier, title, _ in [_KINDS[(number - 1) % 3]]
    ]
    caller, key = str(uuid.uuid4()), str(uuid.uuid4())
    booking_id = keys.booking_id(caller, key)
    return BookTripRequest(
        booking_id=booking_id,
        booking_reference=keys.booking_reference(booking_id),
        caller_id=caller,
        idempotency_key=key,
        fingerprint="test",
        trip=TripOption(
            trip_option_id=str(uuid.uuid4()),
            total_price=sum(prices),
            currency=currency,
            components=components,
        ),
        travelers=[],
        contact=Contact(email="ada@example.org"),
        payment_method_id="pm_card_visa",
        billing_details={"name": "Ada"},
        amount=sum(prices),
        currency=currency,
    )


def quote(amount: int, currency: str = "USD") -> Quote:
    """What a supplier asks for an item that cannot be given back (minor units)."""
    price = Money(amount=amount, currency=currency)
    return Quote(price=price, terms=CancellationTerms.non_refundable(amount), title="", offer={})


def new_booking(**options: object) -> Booking:
    return request(**options).new_booking(NOON)  # type: ignore[arg-type]


# -- what happens to a booking; every function changes it and returns it -------------------------


def book(booking: Booking, numbers: Iterable[int] | None = None) -> Booking:
    """Every item, or those numbered, is booked at its supplier; the others are refused."""
    chosen = None if numbers is None else set(numbers)
    for item in booking.items:
        if chosen is not None and item.number not in chosen:
            item.status = ItemStatus.FAILED
            continue
        item.status = ItemStatus.CONFIRMED
        item.booked_at = NOON
        item.reservation = Reservation(
            reference=item.reference,
            supplier_id=f"s{item.number}",
            confirmation_code=f"C{item.number}",
            provider=_KINDS[(item.number - 1) % 3][3],
            price=Money(amount=item.price, currency=booking.currency),
        )
    return booking


def capture(booking: Booking) -> Booking:
    """What is booked is paid."""
    amount = sum(item.price for item in booking.live_items)
    payment = booking.payment
    payment.id = payment.id or f"pi_{uuid.uuid4().hex}"
    payment.status = PaymentStatus.SUCCEEDED
    payment.authorised = booking.accepted_total
    payment.captured = amount
    return booking


def confirm(booking: Booking, numbers: Iterable[int] | None = None) -> Booking:
    """Booked, paid and confirmed."""
    capture(book(booking, numbers))
    booking.state = BookingState.CONFIRMED
    booking.confirmed_at = NOON
    return booking


def cancel(booking: Booking, fees: dict[int, int]) -> Booking:
    """Items are cancelled after the confirmation, each with what the terms keep."""
    for number, fee in fees.items():
        item = booking.item(number)
        item.status = ItemStatus.CANCELLED
        item.cancelled_at = NOON + dt.timedelta(hours=1)
        item.fee = fee
    return booking


def put_back(booking: Booking) -> Booking:
    """Items are undone before the booking was confirmed."""
    for item in booking.items:
        if item.status is ItemStatus.CONFIRMED:
            item.status = ItemStatus.CANCELLED
            item.cancelled_at = NOON
    return booking


def refund(booking: Booking, amount: int, status: str = "succeeded") -> RefundView:
    """The gateway gives money back, or says it tried."""
    made = RefundView(id=f"re_{uuid.uuid4().hex}", amount=amount, status=status, at=NOON)
    booking.payment.refunds = [*booking.payment.refunds, made]
    count(booking.payment)
    return made


def change(booking: Booking, refund_: RefundView, status: str) -> None:
    """A refund turns out otherwise."""
    booking.payment.refunds = [
        one.model_copy(update={"status": status}) if one.id == refund_.id else one
        for one in booking.payment.refunds
    ]
    count(booking.payment)


def count(payment: PaymentView) -> None:
    """Sum up, as the gateway does, what was given back."""
    payment.refunded = sum(one.amount for one in payment.refunds if one.gives_back)


def dispute(booking: Booking, amount: int, status: str, ident: str = "") -> str:
    """A card holder's dispute is opened, or decided."""
    ident = ident or f"du_{uuid.uuid4().hex}"
    others = [one for one in booking.payment.disputes if one.id != ident]
    one = DisputeView.model_validate({"id": ident, "amount": amount, "status": status, "at": NOON})
    booking.payment.disputes = [*others, one]
    return ident


# -- the ledger without a database ---------------------------------------------------------------


class Journal:
    """The entries of one booking, as ``missing_entries`` makes them."""

    def __init__(self, rules: Iterable[CommissionRule] = ()) -> None:
        self.entries: list[Entry] = []
        self.rules = list(rules)
        self.version = 2

    def post(self, booking: Booking) -> list[Entry]:
        """Record a transition; returns the new entries."""
        self.version += 1
        new = missing_entries(booking, self.version, self.entries, self.rules, NOON)
        for entry in new:
            assert entry.faults() == []
            assert all(line.signed for line in entry.lines)
        self.entries += new
        sources = [(entry.type, entry.source) for entry in self.entries]
        assert len(sources) == len(set(sources))
        assert missing_entries(booking, self.version, self.entries, self.rules, NOON) == []
        return new

    def totals(self) -> dict[str, int]:
        """What stands on every account and owner that is not 0: debit positive."""
        found: dict[str, int] = {}
        for entry in self.entries:
            for line in entry.lines:
                found[str(line.place)] = found.get(str(line.place), 0) + line.signed
        return {name: signed for name, signed in sorted(found.items()) if signed}


def rule(
    basis_points: int,
    supplier: str | None = None,
    provider: str | None = None,
    *,
    number: int = 1,
    valid_from: dt.datetime = NOON,
) -> CommissionRule:
    return CommissionRule(number, supplier, provider, basis_points, valid_from, NOON, "test")
