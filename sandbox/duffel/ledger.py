"""What this sandbox remembers: orders, sold seats, orders under way, holds that lapse."""

import datetime as dt
import secrets
import string
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sandbox.duffel import offers
from sandbox.duffel.events import tell
from sandbox.duffel.messages import REFERENCE, SUPPLIER, new_id, stamp
from sandbox.effects import NO_ANSWER
from sandbox.world import ReservationRecord, World

Json = dict[str, Any]

HELD: Final = "held"
CONFIRMED: Final = "confirmed"
CANCELLED: Final = "cancelled"
LAPSED: Final = "lapsed"
PAID: Final[Json] = {
    "awaiting_payment": False,
    "payment_required_by": None,
    "price_guarantee_expires_at": None,
}
"""The payment status of an order that was paid; captured ones do not all say when."""
_PNR: Final = string.ascii_uppercase + string.digits


@dataclass
class Later:
    """The next orders are only accepted (202): what becomes of them, and when."""

    created: bool
    """Made in the end; else the airline says no."""
    seconds: float
    times: int
    status: int = 202
    reference: str | None = None
    """Only orders whose reference contains this; None for all."""


@dataclass
class Ledger:
    """The mutable part. Orders themselves are the world's reservations."""

    world: World
    later: list[Later] = field(default_factory=list)
    forgetting: list[str] = field(default_factory=list)
    """References whose next order is kept without its metadata."""
    _sold: Counter[str] | None = None

    # -- seats ------------------------------------------------------------------------------

    def left(self, offer: Json) -> int:
        """Return how many seats are left on the fullest flight of an offer kept."""
        sold = self._sales()
        return min(offers.seats(flight[:2]) - sold[flight] for flight in offer["flights"])

    def _sales(self) -> Counter[str]:
        # Counted from the orders at first use, so that it survives a restart as they do.
        if self._sold is None:
            self._sold = Counter()
            for record in self.world.reservations.all(SUPPLIER):
                if record.live:
                    self._count(record, 1)
        return self._sold

    def _count(self, record: ReservationRecord, sign: int) -> None:
        assert self._sold is not None
        for flight in record.data["flights"]:
            self._sold[flight] += sign * record.data["seats"]

    # -- orders -----------------------------------------------------------------------------

    def drawn(self, reference: str | None) -> Later | None:
        """Return what becomes of an order that is asked for now, unless it is made at once."""
        for later in self.later:
            if later.times and (later.reference is None or later.reference in (reference or "")):
                later.times -= 1
                return later
        return None

    def taken(self, offer: Json) -> ReservationRecord | str | None:
        """Return the order made of an offer's request, or "attempted" while one is being made."""
        attempt = self.world.shelf("duffel_attempts").get(offer["request"])
        if attempt is None:
            return None
        order = attempt["order"]
        return (self.world.reservations.get(SUPPLIER, order) if order else None) or "attempted"

    def make(self, offer: Json, asked: Json, *, kept_for: float | None = None) -> ReservationRecord:
        """Make an order; the seats must have been found free in the same turn of the loop.

        ``kept_for`` is how long a hold is kept at most, in seconds.
        """
        self._sales()
        now, written = self.world.now(), offer["offer"]
        hold = asked["type"] == "hold"
        tells = not offer.get("ticketless")
        status = self._payment_status(written, now, hold=hold, kept_for=kept_for, tells=tells)
        order: Json = {
            "id": new_id("ord_"),
            "offer_id": written["id"],
            "type": asked["type"],
            "live_mode": False,
            "booking_reference": "".join(secrets.choice(_PNR) for _ in range(6)),
            "created_at": stamp(now),
            "synced_at": stamp(now),
            "cancelled_at": None,
            "cancellation": None,
            "owner": written["owner"],
            **offers.money(offer["price"], offer["currency"]),
            "slices": written["slices"],
            "passengers": [{**one, "type": "adult"} for one in asked["passengers"]],
            "services": [],
            "payment_status": status,
            "conditions": written["conditions"],
            "documents": [] if hold or offer.get("ticketless") else tickets(asked["passengers"]),
            "metadata": {} if self._forgets(asked) else asked.get("metadata") or {},
            "airline_initiated_changes": [],
            "available_actions": ["cancel", "update"],
        }
        record = self.world.reservations.add(
            ReservationRecord(
                supplier=SUPPLIER,
                id=order["id"],
                reference=reference_in(asked),
                status=HELD if hold else CONFIRMED,
                live=True,
                price=offer["price"],
                currency=offer["currency"],
                data={
                    "order": order,
                    "flights": offer["flights"],
                    "seats": offer["seats"],
                    "penalty": offer["penalty"],
                    "departs": offer["departs"],
                },
            )
        )
        self._count(record, 1)
        self.world.shelf("duffel_attempts").put(offer["request"], {"order": record.id})
        if hold:
            self.watch(record.id)
        tell(self.world, "order.created", order, order["id"])
        return record

    def _forgets(self, asked: Json) -> bool:
        about = [part for part in self.forgetting if part in (reference_in(asked) or "")]
        for part in about[:1]:
            self.forgetting.remove(part)
        return bool(about)

    def _payment_status(
        self, offer: Json, now: dt.datetime, *, hold: bool, kept_for: float | None, tells: bool
    ) -> Json:
        if not hold:
            return {"paid_at": stamp(now), **PAID} if tells else {**PAID}
        needs = offer["payment_requirements"]
        pay_by = needs["payment_required_by"]
        if kept_for is not None:
            pay_by = stamp(now + dt.timedelta(seconds=kept_for))
        return {
            "awaiting_payment": True,
            "payment_required_by": pay_by,
            "price_guarantee_expires_at": needs["price_guarantee_expires_at"],
            "paid_at": None,
        }

    def record(self, order_id: str) -> ReservationRecord | None:
        """Return an order as it is now: a hold that nobody paid in time has lapsed."""
        record = self.world.reservations.get(SUPPLIER, order_id)
        if record is None or record.status != HELD:
            return record
        status = record.data["order"]["payment_status"]
        if dt.datetime.fromisoformat(status["payment_required_by"]) <= self.world.now():
            self.end(record, LAPSED)
            status["awaiting_payment"] = False
            self.world.log.append(
                SUPPLIER, "book", record.reference, "released", NO_ANSWER, id=record.id
            )
        return record

    def end(self, record: ReservationRecord, status: str) -> None:
        """Take an order off the books: its seats are free again."""
        self._sales()
        record.status, record.live = status, False
        record.data["order"]["available_actions"] = []
        self._count(record, -1)

    def newest_first(self) -> list[ReservationRecord]:
        """Return all orders as they are now."""
        records = [*reversed(self.world.reservations.all(SUPPLIER))]
        for record in records:
            if record.status == HELD:
                self.record(record.id)
        return records

    # -- what happens by itself ---------------------------------------------------------------

    def accept(self, offer: Json, asked: Json, later: Later) -> None:
        """Take note of an order that is made later, or never."""
        key = offer["offer"]["id"]
        self.world.shelf("duffel_attempts").put(offer["request"], {"order": None})
        due = self.world.now() + dt.timedelta(seconds=later.seconds)
        self.world.shelf("duffel_accepted").put(
            key, {"asked": asked, "due": due.isoformat(), "created": later.created}
        )
        self.world.spawn(self._settle_at(key, due))

    def watch(self, order_id: str) -> None:
        """Have a hold lapse when its time is over, whether or not anybody looks."""
        record = self.world.reservations.get(SUPPLIER, order_id)
        assert record is not None
        by = record.data["order"]["payment_status"]["payment_required_by"]
        self.world.spawn(self._lapse_at(order_id, dt.datetime.fromisoformat(by)))

    def resume(self) -> None:
        """Go on with the timers of an earlier process."""
        for key, document in self.world.shelf("duffel_accepted").documents.items():
            due = dt.datetime.fromisoformat(document["due"])
            self.world.spawn(self._settle_at(key, due))
        for record in self.world.reservations.all(SUPPLIER):
            if record.status == HELD:
                self.watch(record.id)

    async def _lapse_at(self, order_id: str, moment: dt.datetime) -> None:
        await self.world.pause((moment - self.world.now()).total_seconds())
        if not self.world.closing.is_set():
            self.record(order_id)

    async def _settle_at(self, key: str, moment: dt.datetime) -> None:
        await self.world.pause((moment - self.world.now()).total_seconds())
        if not self.world.closing.is_set():
            self._settle(key)

    def settle(self) -> int:
        """Have every order that was only accepted come out now; return how many there were."""
        accepted = [*self.world.shelf("duffel_accepted").documents]
        for key in accepted:
            self._settle(key)
        return len(accepted)

    def _settle(self, key: str) -> None:
        document = self.world.shelf("duffel_accepted").get(key)
        offer = offers.shelf(self.world).get(key)
        if document is None or offer is None:
            return
        self.world.shelf("duffel_accepted").drop(key)
        asked = document["asked"]
        if document["created"] and self.left(offer) >= offer["seats"]:
            record = self.make(offer, asked)
            extra = {"id": record.id, "amount": record.price}
            self.world.log.append(
                SUPPLIER, "book", record.reference, "created", NO_ANSWER, **extra, step="later"
            )
            return
        about = {"offer_id": key, "metadata": asked.get("metadata") or {}}
        tell(self.world, "order.creation_failed", about, f"failed-{key}")


def reference_in(asked: Json) -> str | None:
    """Return the caller's reference from the metadata, if any."""
    metadata = asked.get("metadata")
    found = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None


def tickets(passengers: list[Json]) -> list[Json]:
    """Issue a ticket for everybody."""
    return [
        {
            "type": "electronic_ticket",
            "unique_identifier": str(secrets.randbelow(9 * 10**12) + 10**12),
            "passenger_ids": [one["id"]],
        }
        for one in passengers
    ]


_LEDGERS: WeakKeyDictionary[World, Ledger] = WeakKeyDictionary()


def ledger_of(world: World) -> Ledger:
    """Return the one ledger of a world."""
    if world not in _LEDGERS:
        _LEDGERS[world] = Ledger(world)
    return _LEDGERS[world]
