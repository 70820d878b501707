"""What must become of reservations, in plain Python: no SQL, and none of the code under test."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.reservations.policy import VenuePolicy

S = BookingState
Range = tuple[dt.datetime, dt.datetime]
QUARTER = dt.timedelta(minutes=15)
LIVE = ("HELD", "SOLD")
LOST = "lost"

_KEEPS = {S.PROCESSING, S.CONFIRMED}
_GIVES_BACK = {S.CANCELLED: "RELEASED", S.FAILED: "RELEASED", S.EXPIRED: "EXPIRED"}
_USES = {S.COMPLETED, S.NO_SHOW}


@dataclass
class Place:
    """A time at a venue, a table of it or any, for so many."""

    visit: Range
    party: int
    table: str | None
    zone: str


@dataclass
class Claim:
    """What a reservation keeps others from."""

    venue: int
    guest: str
    place: Place
    during: Range
    slot_at: dt.datetime
    """Where its start is counted."""
    counted: bool
    twice: bool
    """Whether the guest may be there twice."""
    state: str
    expires: dt.datetime


@dataclass
class Life:
    """A reservation, from its first claim to its end."""

    booking: Booking
    """As the workflow that makes it has it."""
    venue: int
    guest: str
    twice: bool
    place: Place
    """As the reservation says; its claim says the same, unless a move is under way."""
    held_until: dt.datetime
    states: list[BookingState] = field(default_factory=lambda: [S.PENDING, S.VALIDATING])
    claims: list[Claim] = field(default_factory=list)
    due: tuple[str, dt.datetime] | None = None
    busy: bool = False
    """Whether a request about it is being carried out."""

    @property
    def state(self) -> BookingState:
        return self.states[-1]

    @property
    def claim(self) -> Claim | None:
        return next((claim for claim in self.claims if claim.state in LIVE), None)


@dataclass
class Model:
    """All reservations at some venues, and the time."""

    now: dt.datetime
    policies: list[VenuePolicy]
    lives: list[Life] = field(default_factory=list)

    def in_state(self, *states: BookingState) -> list[Life]:
        """Return those about which a workflow may begin."""
        return [life for life in self.lives if life.state in states and not life.busy]

    # -- places ------------------------------------------------------------------------------------

    def claim(self, venue: int, guest: str, place: Place, twice: bool) -> Claim:
        """Return the claim that a place needs today."""
        policy = self.policies[venue]
        before = dt.timedelta(minutes=policy.buffer_before_minutes)
        after = dt.timedelta(minutes=policy.buffer_after_minutes)
        during = (place.visit[0] - before, place.visit[1] + after)
        counted = bool(self.limits(venue))
        slot = self._slot(venue, place)
        return Claim(venue, guest, place, during, slot, counted, twice, "SOLD", self.now)

    def limits(self, venue: int) -> dict[str, int]:
        """Return how many guests may be there, and how many parties and guests may arrive."""
        policy = self.policies[venue]
        covers = policy.covers if policy.capacity_mode == "COVERS" else None
        found = {
            "covers": covers,
            "starts": policy.pacing.parties,
            "arrivals": policy.pacing.covers,
        }
        return {name: most for name, most in found.items() if most is not None}

    def in_the_way(self, wanted: Claim, own: Claim | None = None) -> set[str]:
        """Return what keeps a claim from being made in place of ``own``; empty: nothing."""
        found = set()
        for other in self._others(wanted.venue, own):
            if other.state not in LIVE:
                continue
            same_table = wanted.place.table is not None and wanted.place.table == other.place.table
            if same_table and _meet(other.during, wanted.during):
                found.add("RESOURCE")
            once = not other.twice and not wanted.twice
            if (
                other.guest == wanted.guest
                and once
                and _meet(other.place.visit, wanted.place.visit)
            ):
                found.add("GUEST")
        party = wanted.place.party
        asked = {"covers": party, "starts": 1, "arrivals": party}
        free = self.free(wanted, own)
        if not found and any(free[name] < asked[name] for name in free):
            return {"VENUE"}
        return found

    def free(self, wanted: Claim, own: Claim | None = None) -> dict[str, int]:
        """Return how much of each limit is left at the time of a claim."""
        taken = {"covers": 0, "starts": 0, "arrivals": 0}
        others = [c for c in self._others(wanted.venue, own) if c.counted]
        counting = [c for c in others if c.state in (*LIVE, "USED")]
        for quarter in _quarters(wanted.during):
            there = [c for c in counting if quarter in _quarters(c.during)]
            taken["covers"] = max(taken["covers"], sum(c.place.party for c in there))
        slot = self._slot(wanted.venue, wanted.place)
        begun = [c for c in counting if slot <= c.slot_at < slot + self._length(wanted.venue)]
        taken["starts"] = len(begun)
        taken["arrivals"] = sum(c.place.party for c in begun)
        return {name: most - taken[name] for name, most in self.limits(wanted.venue).items()}

    def _length(self, venue: int) -> dt.timedelta:
        return dt.timedelta(minutes=self.policies[venue].slot_minutes)

    def _slot(self, venue: int, place: Place) -> dt.datetime:
        """Return when the slot of today's policy begins: by the clock at the wall."""
        local = place.visit[0].astimezone(ZoneInfo(place.zone))
        since = dt.timedelta(hours=local.hour, minutes=local.minute)
        return place.visit[0] - since % self._length(venue)

    def _others(self, venue: int, own: Claim | None) -> list[Claim]:
        claims = [claim for life in self.lives for claim in life.claims]
        return [claim for claim in claims if claim.venue == venue and claim is not own]

    def lapse(self, venue: int | None = None) -> None:
        """Let what has been held for too long be free."""
        for life in self.lives:
            for claim in life.claims:
                here = venue is None or claim.venue == venue
                if here and claim.state == "HELD" and claim.expires <= self.now:
                    claim.state = "EXPIRED"

    # -- transitions -------------------------------------------------------------------------------

    def move(self, life: Life, to: BookingState) -> str:
        """Move a booking, and its claims with it; ``LOST``: it does not hold its place."""
        if to is not life.state and not self._follow(life, to):
            return LOST
        life.states.append(to)
        life.due = self.due(life)
        return ""

    def _follow(self, life: Life, to: BookingState) -> bool:
        for claim in life.claims:
            if to in _KEEPS and claim.state == "HELD" and claim.expires > self.now:
                claim.state = "SOLD"
            elif to in _GIVES_BACK and claim.state in LIVE:
                claim.state = _GIVES_BACK[to] if claim.state == "HELD" else "RELEASED"
            elif to in _USES and claim.state == "SOLD":
                claim.state = "USED"
                claim.during = self._used(claim)
        states = [claim.state for claim in life.claims]
        return to not in _KEEPS or bool({"SOLD", "USED"} & set(states) and "HELD" not in states)

    def _used(self, claim: Claim) -> Range:
        """Return while what time a claim is counted that is over now."""
        begins, ends = claim.place.visit
        now = max(begins, self.now)
        over = min(ends, next(_quarters((now, now + QUARTER))) + QUARTER)
        return claim.during[0], over + (claim.during[1] - ends)

    def due(self, life: Life) -> tuple[str, dt.datetime] | None:
        """Return what is due by the policy of today."""
        policy = self.policies[life.venue]
        begins, ends = life.place.visit
        if life.state is S.HELD:
            return "EXPIRE_HOLD", life.held_until
        if life.state is S.CONFIRMED and policy.check_in == "tracked":
            grace = policy.no_show_grace_minutes
            assert grace is not None, "policies that are drawn name it"
            return "NO_SHOW", begins + dt.timedelta(minutes=grace)
        if life.state in {S.CONFIRMED, S.CHECKED_IN}:
            return "COMPLETE", ends
        return None

    def sweep(self) -> None:
        """Do what is due."""
        self.lapse()
        for life in self.lives:
            if life.due is None or life.due[1] > self.now:
                continue
            today = self.due(life)
            if today is None or today[0] != life.due[0] or today[1] > self.now:
                life.due = today  # the venue's policy has changed
            elif today[0] == "EXPIRE_HOLD":
                self.move(life, S.EXPIRED)
            elif not life.busy:
                self.move(life, S.NO_SHOW if today[0] == "NO_SHOW" else S.COMPLETED)

    def moments(self) -> list[dt.datetime]:
        """Return when something will be different."""
        found = [life.due[1] for life in self.lives if life.due]
        found += [c.expires for life in self.lives for c in life.claims if c.state == "HELD"]
        found += [life.place.visit[0] for life in self.lives if life.claim]
        return sorted(moment for moment in found if moment > self.now)


def events_of(before: BookingState | None, to: BookingState) -> list[str]:
    """Return what others are told of a transition, in its order."""
    if before is None:
        return ["booking.created"]
    if before is to:
        return ["booking.updated"]
    if to in {S.VALIDATING, S.PROCESSING, S.PAYMENT_PENDING}:
        return []  # to others it is as pending as it was
    own = f"booking.{to.lower()}"
    return [own] if to is S.HELD else ["booking.status_changed", own]


def _meet(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _quarters(during: Range) -> Iterator[dt.datetime]:
    """Yield every quarter of an hour of UTC that a range touches."""
    since = during[0] - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    quarter = during[0] - since % QUARTER
    while quarter < during[1]:
        yield quarter
        quarter += QUARTER
