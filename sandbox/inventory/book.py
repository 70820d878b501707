"""The reservation book: what is taken, what is free, and every reference that was ever used.

All of a request's work happens between two turns of the event loop: of fifty that come at once, the
book takes one after the other.
"""

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.inventory.messages import Reserve, Update
from sandbox.venues.desk import Refused
from sandbox.venues.slots import AskedSlot, Slot, expect_time, resolved
from sandbox.venues.times import opening, stamp
from sandbox.world import Answer, ReservationRecord, World

NAME: Final = "inventory"
_NO_CURRENCY: Final = "XXX"
"""ISO 4217: no currency. An inventory knows no prices."""

_DAYS_AHEAD: Final = 730
_LONGEST: Final = 720
_STEP: Final = 15
MOST_ALTERNATIVES: Final = 5
_MOST_SHOWN: Final = 200


class Book:
    """Reservations of all venues."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tombstones = world.shelf(f"{NAME}.tombstones")
        """Released references, also of what was never reserved."""
        self._live: dict[tuple[str, dt.date], list[ReservationRecord]] | None = None
        """By venue and day (UTC) of the start; made of what an earlier process has kept."""

    # -- what is free -----------------------------------------------------------------------

    def trouble(self, slot: Slot, excluding: str | None = None) -> str | None:
        """Say why a slot is not to be had; None: it is."""
        now, venue = self._world.now(), slot.venue
        if slot.skipped:
            return "time_does_not_exist"
        if slot.starts_at <= now:
            return "in_the_past"
        if slot.starts_at > now + dt.timedelta(days=_DAYS_AHEAD):
            return "too_far_ahead"
        if slot.minutes % _STEP or slot.minutes > _LONGEST:
            return "duration_not_offered"
        if slot.party > venue.largest:
            return "party_too_large"
        if slot.party < venue.smallest:
            return "party_too_small"
        if slot.local.minute % venue.slot_minutes:
            return "not_a_start_time"
        if not any(self.shifts(slot)):
            return "venue_closed"
        if not any(o <= slot.starts_at and slot.ends_at <= c for o, c in self.shifts(slot)):
            return "outside_shift"
        if slot.resource_id is not None and not slot.fitting:
            return "party_too_large"
        total, free = self.capacity(slot, excluding)
        if free < self._wanted(slot):
            return "full" if slot.resource_id is None or not total else "resource_taken"
        return None

    def shifts(self, slot: Slot) -> list[tuple[dt.datetime, dt.datetime]]:
        """Return the shifts of the slot's local day, and those of the night before still open."""
        day, shifts = slot.local.date(), slot.venue.shifts
        midnight = slot.local.replace(hour=0, minute=0)
        night = opening(shifts, day - dt.timedelta(days=1), slot.zone)
        return [one for one in night if one[1] > midnight] + opening(shifts, day, slot.zone)

    def capacity(self, slot: Slot, excluding: str | None = None) -> tuple[int, int]:
        """Return how much of its kind there is for a slot, and how much of it is free."""
        taken = [*self._overlapping(slot, excluding)]
        if slot.venue.resources:
            fitting = {one.id for one in slot.fitting}
            busy = {record.data["assigned"] for record in taken}
            return len(fitting), len(fitting - busy)
        # The fullest moment decides: at the slot's start, or at the start of one within it.
        starts = [slot.starts_at, *(max(_start(one), slot.starts_at) for one in taken)]
        fullest = max(
            sum(one.data["party"] for one in taken if _start(one) <= moment < _end(one))
            for moment in starts
        )
        return slot.venue.covers, max(slot.venue.covers - fullest, 0)

    def alternatives(self, slot: Slot, excluding: str | None = None) -> list[dict[str, Any]]:
        """Return other starts of the same day that are to be had, the nearest first."""
        found: list[tuple[dt.timedelta, dt.datetime, int]] = []
        step = dt.timedelta(minutes=slot.venue.slot_minutes)
        for opens, closes in self.shifts(slot):
            begins = opens
            while begins + dt.timedelta(minutes=slot.minutes) <= closes:
                other = slot.at(begins)
                if begins != slot.starts_at and self.trouble(other, excluding) is None:
                    free = self.capacity(other, excluding)[1]
                    found.append((abs(begins - slot.starts_at), begins, free))
                begins += step
        nearest = sorted(found)[:MOST_ALTERNATIVES]
        return [{"starts_at": stamp(when, slot.zone), "free": free} for _, when, free in nearest]

    def _wanted(self, slot: Slot) -> int:
        return 1 if slot.venue.resources else slot.party

    def _overlapping(self, slot: Slot, excluding: str | None) -> Iterator[ReservationRecord]:
        day = slot.starts_at.date() - dt.timedelta(days=1)
        while day <= slot.ends_at.date():
            for record in self._index().get((slot.venue.id, day), ()):
                if (
                    record.reference != excluding
                    and _start(record) < slot.ends_at
                    and _end(record) > slot.starts_at
                ):
                    yield record
            day += dt.timedelta(days=1)

    def _index(self) -> dict[tuple[str, dt.date], list[ReservationRecord]]:
        if self._live is None:
            self._live = {}
            for record in self._world.reservations.all(NAME):
                if record.live:
                    self._live.setdefault(_place_of(record), []).append(record)
        return self._live

    # -- reservations -----------------------------------------------------------------------

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
            self._index()[_place_of(record)].remove(record)
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
        trouble = self.trouble(slot, excluding)
        if trouble is not None:
            raise Refused(409, trouble, f"{slot.venue.name} does not have that: {trouble}.")
        return slot

    def _place(self, record: ReservationRecord, slot: Slot, asked: AskedSlot) -> None:
        busy = {one.data["assigned"] for one in self._overlapping(slot, record.reference)}
        free = (one.id for one in slot.fitting if one.id not in busy)
        if record.data.get("venue"):
            self._index()[_place_of(record)].remove(record)
        record.data |= {
            "venue": slot.venue.id,
            "starts_at": stamp(slot.starts_at),
            "ends_at": stamp(slot.ends_at),
            "party": slot.party,
            "assigned": next(free, None),
            "slot": asked.model_dump(mode="json"),
        }
        self._index().setdefault(_place_of(record), []).append(record)

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
            total, free = self.capacity(slot)
            zone = ZoneInfo(slot.venue.time_zone)
            found.append(
                {
                    "venue": slot.venue.id,
                    "begins": f"{_start(record).astimezone(zone):%Y-%m-%d %H:%M}",
                    "ends": f"{_end(record).astimezone(zone):%H:%M}",
                    "zone": slot.venue.time_zone,
                    "party": slot.party,
                    "place": record.data["assigned"],
                    "free": f"{free} of {total}",
                    "status": record.status,
                    "reference": record.reference,
                }
            )
        return found


def _place_of(record: ReservationRecord) -> tuple[str, dt.date]:
    return record.data["venue"], _start(record).date()


def _start(record: ReservationRecord) -> dt.datetime:
    return dt.datetime.fromisoformat(record.data["starts_at"])


def _end(record: ReservationRecord) -> dt.datetime:
    return dt.datetime.fromisoformat(record.data["ends_at"])


def _fingerprint(asked: Reserve | Update) -> str:
    return hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
