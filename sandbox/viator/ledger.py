"""What this sandbox remembers: holds, sold places, bookings and what happened to them."""

import datetime as dt
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sandbox.amounts import digits, major
from sandbox.viator.catalogue import (
    Product,
    policy,
    price_object,
    product_of,
    retail_price,
    stamp,
)
from sandbox.viator.messages import Book, Check
from sandbox.world import ReservationRecord, World

SUPPLIER: Final = "viator"
PRICE_HOLD: Final = dt.timedelta(minutes=5)
MANUAL_CONFIRMATION: Final = dt.timedelta(seconds=60)
"""How long the operator of a manual product takes here; up to 72 hours in the world."""


@dataclass(frozen=True)
class Start:
    """A departure: a product on a day at a time, for so many people, in a currency."""

    product: Product
    date: dt.date
    time: str | None
    travelers: int
    currency: str
    mix: tuple[tuple[str, int], ...] = ()
    """How many of each age band; none: all are adults."""

    @property
    def at(self) -> dt.datetime:
        """When it starts, UTC."""
        return self.product.starts(self.date, self.time)

    @property
    def price(self) -> int:
        """The list price for the party, minor units."""
        return retail_price(self.product, self.travelers, self.currency)

    def price_fields(self, price: int) -> dict[str, Any]:
        """Return ``lineItems`` and ``totalPrice``; all travellers pay the same."""
        mix = self.mix or (("ADULT", self.travelers),)
        return {
            "lineItems": [
                {
                    "ageBand": band,
                    "numberOfTravelers": count,
                    "subtotalPrice": {
                        "price": price_object(price * count // self.travelers, self.currency)
                    },
                }
                for band, count in mix
            ],
            "totalPrice": {"price": price_object(price, self.currency)},
        }


def start_of(asked: Check, product: Product, time: str | None) -> Start:
    """Return the departure that is asked for."""
    return Start(product, asked.travel_date, time, asked.travelers, asked.currency, asked.mix)


@dataclass
class Hold:
    """A price held for a while under a booking reference."""

    start: Start
    price: int
    until: dt.datetime


@dataclass
class Ledger:
    """The mutable part. Bookings themselves are the world's reservations."""

    world: World
    holds: dict[str, Hold] = field(default_factory=dict)
    _sold: Counter[tuple[str, str, str | None]] | None = None

    def left(self, product: Product, date: dt.date, time: str | None) -> int:
        """Return how many places are left at a start."""
        return product.places - self._places()[product.code, date.isoformat(), time]

    def _places(self) -> Counter[tuple[str, str, str | None]]:
        # Counted from the bookings at first use, so that it survives a restart as they do.
        if self._sold is None:
            self._sold = Counter()
            for record in self.world.reservations.all(SUPPLIER):
                if record.live:
                    self._count(record, 1)
        return self._sold

    def _count(self, record: ReservationRecord, sign: int) -> None:
        assert self._sold is not None
        item = record.data
        self._sold[item["product"], item["date"], item["time"]] += sign * item["travelers"]

    def new_reference(self) -> str:
        """Return a booking reference that is not in use."""
        while True:
            reference = f"BR-{secrets.randbelow(900_000_000) + 100_000_000}"
            if self.world.reservations.get(SUPPLIER, reference) is None:
                return reference

    def hold(self, start: Start, price: int) -> tuple[str, Hold]:
        """Hold a price and return it with its booking reference."""
        now = self.world.now()
        if len(self.holds) > 10_000:
            self.holds = {ref: held for ref, held in self.holds.items() if held.until > now}
        reference = self.new_reference()
        held = self.holds[reference] = Hold(start, price, now + PRICE_HOLD)
        return reference, held

    def book(
        self, start: Start, price: int, asked: Book, *, auto_confirm: bool
    ) -> ReservationRecord:
        """Make a booking; the places must have been found free in the same turn of the loop."""
        self._places()
        now = self.world.now()
        pending = start.product.manual and not auto_confirm
        taken = asked.booking_ref and self.world.reservations.get(SUPPLIER, asked.booking_ref)
        reference = asked.booking_ref if asked.booking_ref and not taken else self.new_reference()
        record = ReservationRecord(
            supplier=SUPPLIER,
            id=reference,
            reference=asked.partner_booking_ref,
            status="PENDING" if pending else "CONFIRMED",
            live=True,
            price=price,
            currency=start.currency,
            data={
                "product": start.product.code,
                "option": start.product.option,
                "date": start.date.isoformat(),
                "time": start.time,
                "travelers": start.travelers,
                "mix": start.mix,
                "booked": now.isoformat(),
                "confirms": (now + MANUAL_CONFIRMATION).isoformat() if pending else None,
                "booker": asked.booker_info.model_dump(by_alias=True),
                "answers": [a.model_dump(by_alias=True) for a in asked.booking_question_answers],
                "events": [],
            },
        )
        self.world.reservations.add(record)
        self._count(record, 1)
        return record

    def settle(self, record: ReservationRecord) -> None:
        """Let the operator of a manual product confirm, when it is time."""
        confirms = record.data["confirms"]
        if record.status == "PENDING" and dt.datetime.fromisoformat(confirms) <= self.world.now():
            record.status = "CONFIRMED"
            self.remember(record, "CONFIRMATION")

    def confirm(self, record: ReservationRecord) -> None:
        """Let the operator confirm a pending booking now."""
        record.status = "CONFIRMED"
        self.remember(record, "CONFIRMATION")

    def reject(self, record: ReservationRecord, reason: str) -> None:
        """Let the operator say no to a pending booking."""
        self._places()
        record.status, record.live = "REJECTED", False
        record.data["rejection"] = reason
        self._count(record, -1)
        self.remember(record, "REJECTION")

    def cancel(self, record: ReservationRecord, *, by_operator: bool = False) -> None:
        """Cancel a booking; only what the partner has not done itself is news to it."""
        self._places()
        record.status, record.live = "CANCELED", False
        self._count(record, -1)
        if by_operator:
            self.remember(record, "CANCELLATION")

    def amend(self, record: ReservationRecord, date: dt.date | None, time: str | None) -> None:
        """Let the operator move a booking to another start, at the same price."""
        self._places()
        self._count(record, -1)
        record.data["date"] = date.isoformat() if date else record.data["date"]
        record.data["time"] = time
        self._count(record, 1)
        self.remember(record, "AMENDMENT")

    def remember(self, record: ReservationRecord, event: str) -> None:
        """Keep an event for ``modified-since``."""
        self.world.reservations.get(SUPPLIER, record.id)  # so that it is kept
        everything = self.world.reservations.all(SUPPLIER)
        record.data["events"].append(
            {
                "number": 1 + sum(len(one.data["events"]) for one in everything),
                "ref": f"PBE-{secrets.token_hex(8)}",
                "type": event,
                "at": stamp(self.world.now()),
                "acknowledged": False,
            }
        )

    def start_of(self, record: ReservationRecord) -> Start:
        """Return what a booking is for."""
        item = record.data
        product = product_of(item["product"])
        assert product is not None
        date = dt.date.fromisoformat(item["date"])
        mix = tuple((band, count) for band, count in item.get("mix", ()))
        return Start(product, date, item["time"], item["travelers"], record.currency, mix)

    def refund_percent(self, record: ReservationRecord) -> int:
        """Return how much of the price comes back on cancelling now."""
        start, now = self.start_of(record), self.world.now()
        for least, _, percent in start.product.ranges():
            if now < start.at - dt.timedelta(days=least):
                return percent
        return 0

    def invoiced(self, record: ReservationRecord) -> dict[str, Any]:
        """Return ``refundDetails`` of everything that was invoiced, without the percentage."""
        whole = price_object(record.price, record.currency)["partnerTotalPrice"]
        return {"itemPrice": whole, "refundAmount": whole, "currencyCode": record.currency}

    def refund(self, record: ReservationRecord) -> dict[str, Any]:
        """Return ``refundDetails``: of what was invoiced, not of the retail price."""
        invoiced = price_object(record.price, record.currency)["partnerTotalPrice"]
        percent = 0 if record.status == "PENDING" else self.refund_percent(record)
        price = round(invoiced * 10 ** digits(record.currency))
        if record.status == "PENDING":
            # Not charged yet: nothing to pay back and nothing kept (providers.md §5).
            return {
                "itemPrice": 0,
                "refundAmount": 0,
                "refundPercentage": 0,
                "currencyCode": record.currency,
            }
        return {
            "itemPrice": invoiced,
            "refundAmount": major(price * percent // 100, record.currency),
            "refundPercentage": percent,
            "currencyCode": record.currency,
        }

    def shown(self, record: ReservationRecord) -> dict[str, Any]:
        """Return a booking as ``/bookings/book`` answers it."""
        start = self.start_of(record)
        booked = dt.datetime.fromisoformat(record.data["booked"])
        answer: dict[str, Any] = {
            "status": record.status,
            "bookingRef": record.id,
            "partnerBookingRef": record.reference,
        }
        if record.status == "REJECTED":
            return {**answer, "rejectionReasonCode": record.data["rejection"]}
        answer |= {
            "currency": record.currency,
            **start.price_fields(record.price),
            "cancellationPolicy": policy(start.product, booked, start.at),
        }
        if record.status == "CONFIRMED":
            answer["voucherInfo"] = {
                "url": f"https://www.viator.example/ticket?code={record.id.removeprefix('BR-')}",
                "format": "HTML",
                "type": "STANDARD",
            }
        return answer

    def status(self, record: ReservationRecord) -> dict[str, Any]:
        """Return a booking as ``/bookings/status`` answers it."""
        answer = self.shown(record)
        if record.status == "PENDING":
            answer["nextPollAt"] = stamp(dt.datetime.fromisoformat(record.data["confirms"]))
        return answer


_LEDGERS: WeakKeyDictionary[World, Ledger] = WeakKeyDictionary()


def ledger_of(world: World) -> Ledger:
    """Return the one ledger of a world."""
    if world not in _LEDGERS:
        _LEDGERS[world] = Ledger(world)
    return _LEDGERS[world]
