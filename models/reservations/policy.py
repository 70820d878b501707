"""What a venue lets be reserved: times, parties, capacity, approval. No I/O.

Opening hours, tables and prices are the inventory's and the pricing service's; the policy only
says what we hold ourselves, so that two requests of ours cannot have the same place.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.core.money import WHOLE
from models.core.venues import Minutes, PartySize

MOST_GUESTS = 500
"""Of one party."""

NO_SHOW_GRACE_MINUTES = 30
PENDING_MINUTES = 15
PENDING_MINUTES_BY_HAND = 1_440
"""So long at most: well below the days after which a card's hold ends by itself."""

Approval = Literal["instant", "manual"]
"""Who says yes to a reservation: we do at once, or somebody at the venue."""

OutOfTime = Literal["too_soon", "too_far_ahead"]
"""Why a time cannot be reserved by now: it is over or about to begin, or too far ahead."""

Count = Annotated[int, Field(ge=0, le=100_000, strict=True), WHOLE]
Party = Annotated[PartySize, Field(strict=True), WHOLE]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnTime(_Strict):
    """How long a party stays that says nothing else."""

    up_to: Party
    """The largest party it is for."""
    minutes: Annotated[Minutes, Field(strict=True), WHOLE]


class Pacing(_Strict):
    """How many may arrive in one slot; None: any number."""

    parties: Count | None = None
    covers: Count | None = None


class VenuePolicy(_Strict):
    """The policy of a venue. Times in minutes."""

    slot_minutes: Literal[5, 10, 15, 20, 30, 60] = 15
    """Reservations begin at multiples of it, counted from midnight at the venue."""
    turn_minutes: Annotated[tuple[TurnTime, ...], Field(max_length=20)] = ()
    """By the size of the party; larger ones, or all where it is empty, stay as long as the
    inventory service says."""
    buffer_before_minutes: Annotated[int, Field(ge=0, le=1_440, strict=True), WHOLE] = 0
    buffer_after_minutes: Annotated[int, Field(ge=0, le=1_440, strict=True), WHOLE] = 0
    """So long before and after a visit its table and its seats are nobody else's."""
    min_party: Party = 1
    max_party: Party = MOST_GUESTS
    book_ahead_min_minutes: Annotated[int, Field(ge=0, le=525_600, strict=True), WHOLE] = 0
    """How long before its beginning a reservation must be made."""
    book_ahead_max_days: Annotated[int, Field(ge=1, le=730, strict=True), WHOLE] = 365
    """How far ahead one may be made."""
    approval: Approval = "instant"
    """``manual``: a reservation is PENDING until the venue sets it CONFIRMED or CANCELLED."""
    pending_minutes: (
        Annotated[int, Field(ge=1, le=PENDING_MINUTES_BY_HAND, strict=True), WHOLE] | None
    ) = None
    """How long a place is held for a reservation that is being made, paid or approved; None: 15,
    or 1,440 where reservations are approved by hand."""
    check_in_from_minutes: Annotated[int, Field(ge=0, le=2_880, strict=True), WHOLE] = 60
    """How long before the beginning guests may be checked in."""
    check_in: Literal["untracked", "tracked"] = "untracked"
    """``tracked``: who is not checked in has not come. Else a visit is over when it ends."""
    no_show_grace_minutes: Annotated[int, Field(ge=0, le=1_440, strict=True), WHOLE] | None = None
    """How long after the beginning a guest may still be checked in; None: 30, and at hotels until
    04:00 of the next day there."""
    capacity_mode: Literal["NONE", "COVERS"] = "NONE"
    """``COVERS``: no more guests at a time than ``covers``."""
    covers: Count = 0
    pacing: Pacing = Pacing()

    @property
    def contradiction(self) -> str | None:
        """What of it does not go together, as a sentence; None: all does."""
        sizes = [turn.up_to for turn in self.turn_minutes]
        if sizes != sorted(set(sizes)):
            return "turn_minutes must grow in up_to."
        if self.min_party > self.max_party:
            return "min_party must not be larger than max_party."
        if self.book_ahead_min_minutes > self.book_ahead_max_days * 1_440:
            return "book_ahead_min_minutes must not be more than book_ahead_max_days."
        return None

    def turn(self, party_size: int) -> int | None:
        """Return how many minutes a party of this size stays; None: as the inventory says."""
        fitting = (turn.minutes for turn in self.turn_minutes if party_size <= turn.up_to)
        return next(fitting, None)

    def out_of_time(self, starts_at: dt.datetime, now: dt.datetime) -> OutOfTime | None:
        """Return why what begins then cannot be reserved now, by the clock; None: it can."""
        if starts_at < now + dt.timedelta(minutes=self.book_ahead_min_minutes):
            return "too_soon"
        if starts_at > now + dt.timedelta(days=self.book_ahead_max_days):
            return "too_far_ahead"
        return None

    @property
    def hold_minutes(self) -> int:
        """How long a place is held for a reservation that is yet to be confirmed."""
        by_hand = self.approval == "manual"
        return self.pending_minutes or (PENDING_MINUTES_BY_HAND if by_hand else PENDING_MINUTES)

    @property
    def counted(self) -> bool:
        """Whether the database counts guests or parties of this venue at all."""
        return self.capacity_mode != "NONE" or self.pacing != Pacing()
