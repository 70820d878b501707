"""What this sandbox remembers: carts, temporary and real bookings, sold places, drifting prices."""

import datetime as dt
import secrets
import string
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sandbox.amounts import major, raised
from sandbox.getyourguide.catalogue import SLOW, Tour, stamp, tour_of_option
from sandbox.getyourguide.messages import Bookable, Cart
from sandbox.world import ReservationRecord, World

SUPPLIER: Final = "getyourguide"
RESERVATION: Final = dt.timedelta(minutes=30)
"""How long a temporary booking lasts."""
MANUAL_CONFIRMATION: Final = dt.timedelta(seconds=60)
"""How long the supplier of what is not free-sale takes here; up to 48 hours in the world."""
SLOW_CONFIRMATION: Final = dt.timedelta(seconds=2)
"""How long free-sale takes that is not confirmed at once; minutes in the world."""
_LETTERS: Final = string.ascii_uppercase + string.digits


def _hash() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(32))


@dataclass(frozen=True)
class Start:
    """A departure: a tour at a time (local, no zone), for so many people, in a currency."""

    tour: Tour
    local: dt.datetime
    people: int
    currency: str

    @property
    def at(self) -> dt.datetime:
        """When it starts, UTC."""
        return self.tour.starts(self.local)

    @property
    def price(self) -> int:
        """The list price for the party, minor units."""
        return self.tour.price(self.people, self.currency)


@dataclass
class Ledger:
    """The mutable part. Bookings are the world's reservations; carts are on a shelf of it."""

    world: World
    _taken: Counter[tuple[int, str]] | None = None
    _temporary: set[str] = field(default_factory=set)
    _drifting: set[tuple[int, dt.datetime]] = field(default_factory=set)

    # -- places and prices ------------------------------------------------------------------

    def left(self, tour: Tour, local: dt.datetime) -> int:
        """Return how many places are left at a start; temporary bookings take theirs too."""
        taken = self._places()
        for booking_hash in [*self._temporary]:
            record = self.world.reservations.get(SUPPLIER, booking_hash)
            if record is not None:
                self.settle(record)
        return tour.places - taken[tour.id, local.isoformat()]

    def _places(self) -> Counter[tuple[int, str]]:
        # Counted from the bookings at first use, so that it survives a restart as they do.
        if self._taken is None:
            self._taken = Counter()
            for record in self.world.reservations.all(SUPPLIER):
                if record.live or record.status == "temp":
                    self._count(record, 1)
                if record.status == "temp":
                    self._temporary.add(record.id)
        return self._taken

    def _count(self, record: ReservationRecord, sign: int) -> None:
        assert self._taken is not None
        item = record.data
        self._taken[item["tour"], item["datetime"]] += sign * item["people"]

    def drift(self, start: Start) -> None:
        """Let the price of a start be 10 % up until it has been told once."""
        self._drifting.add((start.tour.id, start.local))

    def price(self, start: Start) -> int:
        """Return the price now."""
        drifting = (start.tour.id, start.local) in self._drifting
        return raised(start.price) if drifting else start.price

    def told(self, start: Start) -> int:
        """Return the price now; a drift is over with it."""
        price = self.price(start)
        self._drifting.discard((start.tour.id, start.local))
        return price

    # -- bookings ---------------------------------------------------------------------------

    def hold(
        self, start: Start, asked: Bookable, cart_hash: str | None, until: dt.datetime
    ) -> ReservationRecord:
        """Put a temporary booking into a cart; places must be free in this turn of the loop."""
        self._places()
        cart = self.cart(cart_hash) if cart_hash else None
        if cart is None:
            number = 30_000_000 + secrets.randbelow(9_000_000)
            cart = {"hash": _hash(), "id": number, "status": "open", "bookings": []}
        record = ReservationRecord(
            supplier=SUPPLIER,
            id=_hash(),
            reference=asked.external_reference_id,
            status="temp",
            live=False,
            price=start.price,
            currency=start.currency,
            data={
                "number": 13_000_000 + secrets.randbelow(9_000_000),
                "cart": cart["hash"],
                "tour": start.tour.id,
                "option": start.tour.option_id,
                "datetime": start.local.isoformat(),
                "people": start.people,
                "questions": asked.questions,
                "expires": until.isoformat(),
                "confirms": None,
                "ticket": None,
            },
        )
        self.world.reservations.add(record)
        cart["bookings"].append(record.id)
        self.keep_cart(cart)
        self._temporary.add(record.id)
        self._count(record, 1)
        return record

    def settle(self, record: ReservationRecord) -> None:
        """Apply what is due: delete what was not confirmed in time, confirm what was requested."""
        now = self.world.now()
        if record.status == "temp" and dt.datetime.fromisoformat(record.data["expires"]) <= now:
            self.end(record, "deleted_by_daemon")
        confirms = record.data["confirms"]
        if record.status == "unconfirmed" and dt.datetime.fromisoformat(confirms) <= now:
            self.confirm(record)

    def check_out(self, record: ReservationRecord) -> None:
        """Make a temporary booking a real one, confirmed or to be confirmed."""
        self._places()
        self._temporary.discard(record.id)
        tour = self.start_of(record).tour
        record.live = True
        if tour.free_sale and tour.kind != SLOW:
            self.confirm(record)
            return
        record.status = "unconfirmed"
        wait = SLOW_CONFIRMATION if tour.free_sale else MANUAL_CONFIRMATION
        record.data["confirms"] = (self.world.now() + wait).isoformat()

    def confirm(self, record: ReservationRecord) -> None:
        """Let the supplier say yes."""
        record.status = "confirmed"
        code = "".join(secrets.choice(_LETTERS) for _ in range(9))
        record.data["ticket"] = {"reference": f"GYG{code}", "hash": _hash()}

    def end(self, record: ReservationRecord, status: str) -> None:
        """Take a booking away: canceled, deleted, deleted_by_customer, deleted_by_daemon."""
        self._places()
        record.status, record.live = status, False
        self._temporary.discard(record.id)
        self._count(record, -1)

    def start_of(self, record: ReservationRecord) -> Start:
        """Return what a booking is for."""
        item = record.data
        tour = tour_of_option(item["option"])
        assert tour is not None
        local = dt.datetime.fromisoformat(item["datetime"])
        return Start(tour, local, item["people"], record.currency)

    def free_now(self, record: ReservationRecord) -> bool:
        """Tell whether cancelling costs nothing now."""
        if record.status in ("temp", "unconfirmed"):
            return True
        start, policy = self.start_of(record), self.start_of(record).tour.policy
        notice = dt.timedelta(minutes=policy["cancellation_offset_minutes"])
        return (
            policy["cancellable"]
            and not policy["cancellation_fee_value"]
            and self.world.now() < start.at - notice
        )

    # -- carts --------------------------------------------------------------------------------

    def cart(self, cart_hash: str) -> dict[str, Any] | None:
        """Return a cart, or None."""
        return self.world.shelf("getyourguide_carts").get(cart_hash)

    def keep_cart(self, cart: dict[str, Any]) -> None:
        """Keep a cart that is new or has changed."""
        self.world.shelf("getyourguide_carts").put(cart["hash"], cart)

    def in_cart(self, cart: dict[str, Any]) -> list[ReservationRecord]:
        """Return the bookings of a cart, as time has left them."""
        found = [self.world.reservations.get(SUPPLIER, one) for one in cart["bookings"]]
        records = [record for record in found if record is not None]
        for record in records:
            self.settle(record)
        return records

    def shown_cart(self, cart: dict[str, Any], asked: Cart | None = None) -> dict[str, Any]:
        """Return a cart as it is shown; with ``asked`` as ``POST /carts`` answers it."""
        if asked is not None:
            cart["billing"] = asked.billing.model_dump(exclude_none=True)
            cart["traveler"] = asked.traveler.model_dump(exclude_none=True)
        records = self.in_cart(cart)
        standing = [r for r in records if r.status == "temp" or r.live]
        people: dict[str, Any] = {n: cart[n] for n in ("billing", "traveler") if n in cart}
        shown: dict[str, Any] = {
            "shopping_cart_id": cart["id"],
            "shopping_cart_hash": cart["hash"],
            **people,
            "status": cart["status"],
            "bookings": [self.shown(record) for record in records],
        }
        if standing:
            currency = standing[0].currency
            shown["payment_info"] = {
                "payment_currency": currency,
                "total_price": major(sum(record.price for record in standing), currency),
            }
        return shown

    # -- how bookings look --------------------------------------------------------------------

    def shown(self, record: ReservationRecord) -> dict[str, Any]:
        """Return a booking as ``GET /bookings/{hash}`` shows it, with its ticket if it has one."""
        start = self.start_of(record)
        cart = self.cart(record.data["cart"])
        shown: dict[str, Any] = {
            "booking_id": record.data["number"],
            "booking_hash": record.id,
            "booking_status": record.status,
            "shopping_cart_id": cart["id"] if cart else 0,
            "shopping_cart_hash": record.data["cart"],
            "bookable": {
                "tour_id": start.tour.id,
                "option_id": start.tour.option_id,
                "datetime": record.data["datetime"],
                "datetime_utc": stamp(start.at),
                "datetime_type": "datetime",
                "price": major(record.price, record.currency),
                "cancellation_policy_text": start.tour.policy["cancellation_policy_text"],
                "currently_cancellable_at_no_fee": self.free_now(record),
                "categories": [
                    {
                        "category_id": start.tour.category_id,
                        "name": "Adults",
                        "number_of_participants": start.people,
                    }
                ],
            },
        }
        ticket = record.data["ticket"]
        if record.status == "confirmed" and ticket:
            shown["ticket"] = {
                "booking_reference": ticket["reference"],
                "emergency_phone_number": "+49 30 5557 0100",
                "emergency_email": "emergency@example.com",
                "ticket_url": f"https://www.getyourguide.example/voucher/{ticket['hash']}",
                "ticket_hash": ticket["hash"],
            }
        return shown


_LEDGERS: WeakKeyDictionary[World, Ledger] = WeakKeyDictionary()


def ledger_of(world: World) -> Ledger:
    """Return the one ledger of a world."""
    if world not in _LEDGERS:
        _LEDGERS[world] = Ledger(world)
    return _LEDGERS[world]
