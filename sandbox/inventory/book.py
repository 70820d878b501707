"""The reservation book: what is taken, what is free, and every reference that was ever used.

All of a request's work happens between two turns of the event loop: of fifty that come at once, the
book takes one after the other.
"""

import hashlib
import json
import secrets
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.inventory.messages import Reserve, Update
from sandbox.inventory.places import NAME, Places, end_of, start_of
from sandbox.venues.desk import Refused
from sandbox.venues.slots import AskedSlot, Slot, expect_time, resolved
from sandbox.venues.times import stamp
from sandbox.world import Answer, ReservationRecord, World

_NO_CURRENCY: Final = "XXX"
"""ISO 4217: no currency. An inventory knows no prices."""

_MOST_SHOWN: Final = 200


class Book:
    """Reservations of all venues."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.places = Places(world)
        self._tombstones = world.shelf(f"{NAME}.tombstones")
        """Released references, also of what was never reserved."""

    def reserve(self, asked: Reserve) -> Answer:
        """Reserve under the caller's reference, once; a repeat answers what stands there."""
        self._expect_not_released(asked.reference)
        known = self._world.reservations.find(NAME, asked.reference)
        stamp_of = _fingerprint(asked)
        if known is not None:
            if known.data["asked"] != stamp_of:
                message = "Another reservation was asked for under that reference."
                raise Refused(422, "reference_reused", message)
            return self._answer(known, "none", 200)
        slot = self._to_be_had(asked.slot)
        record = ReservationRecord(
            supplier=NAME,
            id=f"inv_{secrets.token_hex(8)}",
            reference=asked.reference,
            status="reserved",
            live=True,
            price=0,
            currency=_NO_CURRENCY,
            data={
                "asked": stamp_of,
                "revision": 1,
                "keys": {},
                "guest_name": asked.guest_name,
                "notes": asked.notes,
            },
        )
        self._place(record, slot, asked.slot)
        self._world.reservations.add(record)
        return self._answer(record, "created", 201)

    def update(self, asked: Update) -> Answer:
        """Change a reservation, all or nothing, once for each key; without a key, read it."""
        record = self._world.reservations.find(NAME, asked.reference)
        if record is not None and asked.key is None:
            return self._answer(record, "none", 200)
        self._expect_not_released(asked.reference)
        if record is None or asked.key is None:
            raise Refused(404, "unknown_reference", "Nothing is reserved under that reference.")
        stamp_of = _fingerprint(asked)
        done = record.data["keys"].get(asked.key)
        if done is not None:
            if done != stamp_of:
                raise Refused(422, "key_reused", "Another change was asked for under that key.")
            return self._answer(record, "none", 200)
        if asked.slot is not None:
            slot = self._to_be_had(asked.slot, asked.reference)
            if slot.venue.id != record.data["venue"]:
                raise Refused(422, "other_venue", "A reservation stays at its venue.")
            self._place(record, slot, asked.slot)
        for name in ("guest_name", "notes"):
            given = getattr(asked, name)
            record.data[name] = record.data[name] if given is None else given
        record.data["revision"] += 1
        record.data["keys"][asked.key] = stamp_of
        return self._answer(record, "changed", 200)

    def release(self, reference: str) -> Answer:
        """Release what stands under a reference, and take nothing under it any more."""
        record = self._world.reservations.find(NAME, reference)
        released = record is not None and record.live
        if record is not None and record.live:
            self.places.leave(record)
            record.live, record.status = False, "released"
        if self._tombstones.get(reference) is None:
            self._tombstones.put(reference, {"released_at": stamp(self._world.now())})
        body = {
            "reference": reference,
            "inventory_reference": record.id if record else None,
            "status": "released",
            "already": not released,
            "released_at": (self._tombstones.get(reference) or {})["released_at"],
        }
        extra = {"id": record.id} if record else {}
        return Answer(200, body, effect="released" if released else "none", extra=extra)

    def _expect_not_released(self, reference: str) -> None:
        # Before anything else, so that a tombstone says the same whatever is asked.
        if self._tombstones.get(reference) is not None:
            raise Refused(409, "reference_released", "That reference has been released.")

    def _to_be_had(self, asked: AskedSlot, excluding: str | None = None) -> Slot:
        slot = resolved(asked)
        expect_time(slot)
        trouble = self.places.trouble(slot, excluding)
        if trouble is not None:
            raise Refused(409, trouble, f"{slot.venue.name} does not have that: {trouble}.")
        return slot

    def _place(self, record: ReservationRecord, slot: Slot, asked: AskedSlot) -> None:
        busy = {one.data["assigned"] for one in self.places.overlapping(slot, record.reference)}
        free = (one.id for one in slot.fitting if one.id not in busy)
        if record.data.get("venue"):
            self.places.leave(record)
        record.data |= {
            "venue": slot.venue.id,
            "starts_at": stamp(slot.starts_at),
            "ends_at": stamp(slot.ends_at),
            "party": slot.party,
            "assigned": next(free, None),
            "slot": asked.model_dump(mode="json"),
        }
        self.places.take(record)

    def _answer(self, record: ReservationRecord, effect: str, status: int) -> Answer:
        asked = AskedSlot.model_validate_json(json.dumps(record.data["slot"]))
        body = {
            "inventory_reference": record.id,
            "reference": record.reference,
            "status": record.status,
            "revision": record.data["revision"],
            "slot": resolved(asked).as_json(),
            "assigned_resource_id": record.data["assigned"],
        }
        return Answer(status, body, effect=effect, extra={"id": record.id})

    # -- for the sandbox's page ----------------------------------------------------------------

    def taken(self) -> list[dict[str, Any]]:
        """Return the newest reservations, oldest first, on each venue's own clock."""
        found = []
        for record in self._world.reservations.all(NAME)[-_MOST_SHOWN:]:
            slot = resolved(AskedSlot.model_validate_json(json.dumps(record.data["slot"])))
            total, free = self.places.capacity(slot)
            zone = ZoneInfo(slot.venue.time_zone)
            found.append(
                {
                    "venue": slot.venue.id,
                    "begins": f"{start_of(record).astimezone(zone):%Y-%m-%d %H:%M}",
                    "ends": f"{end_of(record).astimezone(zone):%H:%M}",
                    "zone": slot.venue.time_zone,
                    "party": slot.party,
                    "place": record.data["assigned"],
                    "free": f"{free} of {total}",
                    "status": record.status,
                    "reference": record.reference,
                }
            )
        return found


def _fingerprint(asked: Reserve | Update) -> str:
    return hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
