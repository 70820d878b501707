"""What is free at a venue: its shifts, its tables or covers, and what is taken of them."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from sandbox.venues.slots import TIME_DOES_NOT_EXIST, Slot
from sandbox.venues.times import opening, stamp
from sandbox.world import ReservationRecord, World

NAME: Final = "inventory"
_DAYS_AHEAD: Final = 730
_STEP: Final = 15
_MOST_ALTERNATIVES: Final = 5


class Places:
    """The places of all venues, and who has them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._live: dict[tuple[str, dt.date], list[ReservationRecord]] | None = None
        """By venue and day (UTC) of the start; made of what an earlier process has kept."""

    def trouble(self, slot: Slot, excluding: str | None = None) -> str | None:
        """Say why a slot is not to be had; None: it is."""
        now, venue = self._world.now(), slot.venue
        if slot.skipped:
            return TIME_DOES_NOT_EXIST
        if slot.starts_at <= now:
            return "in_the_past"
        if slot.starts_at > now + dt.timedelta(days=_DAYS_AHEAD):
            return "too_far_ahead"
        if slot.minutes % _STEP or slot.minutes > venue.longest:
            return "duration_not_offered"
        if slot.party > venue.largest:
            return "party_too_large"
        if slot.party < venue.smallest:
            return "party_too_small"
        if slot.local.minute % venue.slot_minutes:
            return "not_a_start_time"
        if not any(self.shifts(slot)):
            return "venue_closed"
        if not any(o <= slot.starts_at <= c - _open_for(slot) for o, c in self.shifts(slot)):
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
        taken = [*self.overlapping(slot, excluding)]
        if slot.venue.resources:
            fitting = {one.id for one in slot.fitting}
            busy = {record.data["assigned"] for record in taken}
            return len(fitting), len(fitting - busy)
        # The fullest moment decides: at the slot's start, or at the start of one within it.
        starts = [slot.starts_at, *(max(start_of(one), slot.starts_at) for one in taken)]
        fullest = max(
            sum(one.data["party"] for one in taken if start_of(one) <= moment < end_of(one))
            for moment in starts
        )
        return slot.venue.covers, max(slot.venue.covers - fullest, 0)

    def alternatives(self, slot: Slot, excluding: str | None = None) -> list[dict[str, Any]]:
        """Return other starts of the same day that are to be had, the nearest first."""
        found: list[tuple[dt.timedelta, dt.datetime, int]] = []
        step = dt.timedelta(minutes=slot.venue.slot_minutes)
        for opens, closes in self.shifts(slot):
            begins = opens
            while begins <= closes - _open_for(slot):
                other = slot.at(begins)
                if begins != slot.starts_at and self.trouble(other, excluding) is None:
                    free = self.capacity(other, excluding)[1]
                    found.append((abs(begins - slot.starts_at), begins, free))
                begins += step
        nearest = sorted(found)[:_MOST_ALTERNATIVES]
        return [{"starts_at": stamp(when, slot.zone), "free": free} for _, when, free in nearest]

    def _wanted(self, slot: Slot) -> int:
        return 1 if slot.venue.resources else slot.party

    def overlapping(self, slot: Slot, excluding: str | None) -> Iterator[ReservationRecord]:
        """Yield the reservations at the slot's venue that meet it in time."""
        day = slot.starts_at.date() - dt.timedelta(days=1 + slot.venue.longest // 1_440)
        while day <= slot.ends_at.date():
            for record in self._index().get((slot.venue.id, day), ()):
                if (
                    record.reference != excluding
                    and start_of(record) < slot.ends_at
                    and end_of(record) > slot.starts_at
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

    def take(self, record: ReservationRecord) -> None:
        """Have a reservation count from now on, at the time that its data say."""
        self._index().setdefault(_place_of(record), []).append(record)

    def leave(self, record: ReservationRecord) -> None:
        """Have it count no more: it is released, or is about to be moved."""
        self._index()[_place_of(record)].remove(record)


def _open_for(slot: Slot) -> dt.timedelta:
    """Return how long the venue has to be open from a slot's start on."""
    return dt.timedelta(minutes=0 if slot.venue.longest > 1_440 else slot.minutes)


def _place_of(record: ReservationRecord) -> tuple[str, dt.date]:
    return record.data["venue"], start_of(record).date()


def start_of(record: ReservationRecord) -> dt.datetime:
    """Return when a reservation begins (UTC)."""
    return dt.datetime.fromisoformat(record.data["starts_at"])


def end_of(record: ReservationRecord) -> dt.datetime:
    """Return when a reservation ends (UTC)."""
    return dt.datetime.fromisoformat(record.data["ends_at"])
