"""Two venues on a stage: what must always be true there, and what all that happens shares."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.messages import BookingRequest, RequestOutcome
from models.core.venues import VenueSlot, VenueType
from models.reservations.changes import OpenedMove
from models.reservations.policy import VenuePolicy
from models.reservations.slots import TimeDoesNotExist, utc_of
from tests.reservations.books import Diary
from tests.reservations.lives.draws import PLAYS, Chance
from tests.reservations.lives.facts import seen, wrong
from tests.reservations.lives.model import LOST, Life, Model, Place, events_of
from tests.reservations.lives.nights import Night
from tests.reservations.lives.world import LostError, World

S = BookingState
MINUTE = dt.timedelta(minutes=1)


@dataclass
class Moving:
    """A move that is under way: its claim is there already, and the venue is yet to say yes."""

    life: Life
    place: Place
    slot: VenueSlot
    request: BookingRequest
    opened: OpenedMove


class Stage(RuleBasedStateMachine):
    """Two venues in a zone, in a night in which its clocks are changed."""

    def __init__(self, world: World, tally: Counter[str]) -> None:
        super().__init__()
        self.world = world
        self.tally = tally
        self.houses: list[Diary] = []
        self.moves: list[Moving] = []
        self.pages: dict[str, Booking] = {}
        """What a venue's desk has read of its reservations, some time ago."""
        self.swept = False
        self.steps = 0

    def open_venues(
        self, night: Night, kinds: list[VenueType], policies: list[VenuePolicy]
    ) -> None:
        """Begin three hours before the clocks are changed."""
        self.night = night
        self.model = Model(night.change - dt.timedelta(hours=3), policies)
        self.world.turn_clock(self.model.now)
        for kind, policy in zip(kinds, policies, strict=True):
            house = Diary(self.world.books, self.houses[0].caller if self.houses else None)
            house.type, house.time_zone = kind, night.zone
            self.houses.append(house)
            self.world.run(house.open_venue(**policy.model_dump()))
        self.tally["lives"] += 1

    def teardown(self) -> None:
        self.world.forget(self.venues)

    @property
    def venues(self) -> list[str]:
        return [house.venue for house in self.houses]

    # -- what must be true after each step ---------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        moving = [move.life.booking.id for move in self.moves]
        found = wrong(self.world.eyes, self.venues, self.model.now, moving=moving, swept=self.swept)
        self.swept = False
        assert found == []
        self.tally["steps"] += 1

    @invariant()
    def everything_is_as_predicted(self) -> None:
        rows = seen(self.world.eyes, self.venues)
        assert rows.keys() == {life.booking.id for life in self.model.lives}
        for life in self.model.lives:
            row = rows[life.booking.id]
            assert row.states == [*life.states]
            assert (row.state, row.version) == (life.state, len(life.states))
            assert row.claims == [claim.state for claim in life.claims]
            assert row.tables == [claim.place.table for claim in life.claims]
            told = [
                [version, event]
                for version, (before, to) in enumerate(_steps(life.states), start=1)
                for event in events_of(before, to)
            ]
            assert row.events == told
            place = life.place
            assert (row.starts_at, row.ends_at) == place.visit
            assert (row.party_size, row.resource_id) == (place.party, place.table)
            assert (row.time_zone, row.busy) == (place.zone, life.busy)
            assert row.action == (life.due[0] if life.due else None)
            if life.due and row.due_at:
                assert abs(row.due_at - life.due[1]) < MINUTE / 4

    # -- helpers -----------------------------------------------------------------------------------

    def mix(self, chance: Chance, times: int) -> None:
        """Let something happen so often: Hypothesis leaves rules out, in most lives too many."""
        for _ in range(times):
            able = [play for may_be, play in PLAYS.values() if may_be(self)]
            chance.one(able)(self, chance)
            self.steps += 1
            self.nothing_is_wrong()
            self.everything_is_as_predicted()

    def arm(self, cut: int) -> None:
        self.world.scissors.arm(cut)

    def turn_clock(self, to: dt.datetime) -> None:
        self.model.now = to
        self.world.turn_clock(to)

    def place(
        self, number: int, quarters: int, later: bool, minutes: int, party: int, table: str | None
    ) -> Place | None:
        """Return a place by the clock at the wall; None for a time that it never shows."""
        house = self.houses[number]
        wall = self.night.wall(quarters)
        if house.type == "HOTEL":
            return self._night_in(house, wall.date(), quarters, party, table)
        starts_at = self._moment(house.time_zone, wall, later)
        if starts_at is None:
            return None
        visit = (starts_at, starts_at + minutes * MINUTE)
        return Place(visit, party, table, house.time_zone)

    def _night_in(
        self, house: Diary, day: dt.date, quarters: int, party: int, table: str | None
    ) -> Place:
        """Return a room from one local day to the next, however long the night is."""
        arrives = day + dt.timedelta(days=quarters % 3 - 1)
        begins = utc_of(arrives, dt.time(15), house.time_zone)
        ends = utc_of(arrives + dt.timedelta(days=1), dt.time(11), house.time_zone)
        return Place((begins, ends), party, table, house.time_zone)

    def _moment(self, zone: str, wall: dt.datetime, later: bool) -> dt.datetime | None:
        if zone != self.night.zone:
            return utc_of(wall.date(), wall.time(), zone)
        moments = self.night.shown.get(wall, [])
        offset = None
        if later and len(moments) == 2:
            offset = wall.replace(tzinfo=dt.UTC) - moments[1]
        if not moments:
            with pytest.raises(TimeDoesNotExist) as refused:
                utc_of(wall.date(), wall.time(), zone)
            following = min(shown for shown in self.night.shown if shown > wall)
            assert refused.value.following == following
            self.tally["no such time"] += 1
            return None
        found = utc_of(wall.date(), wall.time(), zone, offset)
        assert found == (moments[1] if offset else moments[0])
        self.tally["a time that is there twice"] += len(moments) == 2
        return found

    def slot(self, house: Diary, place: Place) -> VenueSlot:
        return VenueSlot(
            title="Kantine",
            venue_id=house.external_id,
            venue_type=house.type,
            time_zone=place.zone,
            starts_at=place.visit[0],
            ends_at=place.visit[1],
            duration_minutes=(place.visit[1] - place.visit[0]) // MINUTE,
            party_size=place.party,
            resource_id=place.table,
        )

    def record(
        self,
        life: Life,
        to: BookingState,
        ended: list[RequestOutcome] | None = None,
        **more: Any,
    ) -> bool:
        """Have a workflow record a transition that may be; False: the place is held no longer."""
        booking = _as_in(to, life.booking)
        lost = self.model.move(life, to) == LOST
        try:
            recorded = self.world.run(
                self.world.record(booking, to, ended_requests=ended or [], **more)
            )
        except LostError:
            if not lost:
                raise AssertionError(f"{to} was refused, and the place is held") from None
            self.tally["hold lost"] += 1
            return False
        assert not lost, f"{to} without a place"
        life.booking = recorded
        self.tally[to] += 1
        return True


def _as_in(to: BookingState, booking: Booking) -> Booking:
    """Return a booking with what else is different in a state: as workflows write it."""
    following = booking.model_copy(deep=True)
    payment, item = following.payment, following.items[0]
    if to in {S.HELD, S.PROCESSING} and payment.amount:
        payment.status, payment.id = PaymentStatus.AUTHORISED, f"pi_{booking.id}"
        payment.authorised = payment.amount
    if to is S.CONFIRMED and booking.confirmed_at is None:
        item.status = ItemStatus.CONFIRMED
        following.confirmed_at = dt.datetime.now(dt.UTC)
        following.hold_expires_at = None
        if payment.amount:
            payment.status, payment.id = PaymentStatus.SUCCEEDED, f"pi_{booking.id}"
            payment.authorised = payment.captured = payment.amount
    if to is S.CANCELLED and booking.confirmed_at is not None:
        item.status, item.fee = ItemStatus.CANCELLED, item.price
    return following


def _steps(states: list[BookingState]) -> list[tuple[BookingState | None, BookingState]]:
    return list(zip([None, *states], states, strict=False))
