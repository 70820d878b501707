"""Reservations that are made, approved, refused and cancelled: by workflows."""

import datetime as dt

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from models.bookings.lifecycle import BookingKind, BookingState, may_become
from models.bookings.messages import RequestKind, RequestOutcome
from tests.reservations.lives.draws import GUESTS, NUMBERS, Chance, always, step
from tests.reservations.lives.model import Life, Place
from tests.reservations.lives.nights import NIGHTS, Night
from tests.reservations.lives.stage import MINUTE, Stage
from tests.reservations.lives.world import NotRecordedError
from tests.reservations.requests import request_of

S = BookingState

MAKING = (S.VALIDATING, S.PAYMENT_PENDING, S.PROCESSING)
"""States in which the workflow that makes a reservation runs."""


_NEXT = [*MAKING, S.HELD, S.HELD, *[S.CONFIRMED] * 4, S.CANCELLED, S.EXPIRED]
_BEGUN = [S.CONFIRMED, S.CONFIRMED, S.CONFIRMED, S.HELD, S.PAYMENT_PENDING, None]


class Making(Stage):
    """Whatever is asked of a workflow but moving."""

    # -- making ------------------------------------------------------------------------------------

    @initialize(night=st.sampled_from(NIGHTS), number=NUMBERS)
    def begin(self, night: Night, number: int) -> None:
        """Begin with some reservations that are there already."""
        chance = Chance(number)
        self.open_venues(night, chance.kinds(), [chance.policy(), chance.policy()])
        for _ in range(chance.randint(4, 7)):
            self._reserve(chance)
        for life in self.model.in_state(S.VALIDATING):
            state = chance.one(_BEGUN)
            if state is not None:
                self.record(life, state)
        self.mix(chance, 8)

    @step(always)
    def reserve(self, chance: Chance) -> None:
        """Ask for a place: it is had if nothing is in the way, and only then."""
        self._reserve(chance)

    def _reserve(self, chance: Chance) -> None:
        number = chance.randint(0, 1)
        place = self.place(number, **chance.place())
        if place is None or place.visit[0] < self.model.now:
            return
        self.ask(
            number,
            place,
            chance.one(GUESTS),
            twice=chance.random() < 0.2,
            held=chance.one([4, 15, 60]),
            amount=chance.one([0, 0, 4_000]),
            cut=chance.cut(),
        )

    def ask(
        self,
        number: int,
        place: Place,
        guest: str,
        *,
        twice: bool = False,
        held: int = 15,
        amount: int = 0,
        cut: int = 0,
    ) -> None:
        """Ask for a place; it is held for some minutes if it is had."""
        house = self.houses[number]
        # Half a minute more: between two readings of the clock, which moves by whole minutes.
        until = self.model.now + held * MINUTE + MINUTE / 2
        request = house.request(
            self.slot(house, place),
            guest=guest,
            amount=amount,
            hold_seconds=int((until - dt.datetime.now(dt.UTC)).total_seconds()),
            allow_duplicate=twice,
        )
        self.arm(cut)
        opened = self.world.run(self.world.open(request))
        self.model.lapse(number)
        wanted = self.model.claim(number, guest, place, twice)
        wanted.state, wanted.expires = "HELD", until
        expected = self.model.in_the_way(wanted)
        refused = "" if opened.refusal is None else str(opened.refusal.details["conflict"])
        assert bool(refused) is bool(expected), (refused, expected)
        assert not refused or refused in expected, (refused, expected)
        booking = request.new_booking(dt.datetime.now(dt.UTC))
        booking.state, booking.version = S.VALIDATING, opened.version
        life = Life(booking, number, guest, twice, place, until)
        self.model.lives.append(life)
        self.tally[f"reserve {refused or 'had'}"] += 1
        if refused:
            self.record(life, S.FAILED)
        else:
            life.claims.append(wanted)

    @step(lambda self: self.model.in_state(*MAKING))
    def go_on(self, chance: Chance) -> None:
        """Let the workflow that makes a reservation record its next state, or one that is none."""
        life, to = chance.one(self.model.in_state(*MAKING)), chance.one(_NEXT)
        self.arm(chance.cut())
        if not may_become(BookingKind.RESERVATION, life.state, to):
            with pytest.raises(NotRecordedError):
                self.world.run(self.world.record(life.booking, to))
            self.tally["transition refused"] += 1
            return
        self._or_expired(life, to, [])

    # -- a workflow of one request -----------------------------------------------------------------

    @step(lambda self: self.model.in_state(S.HELD))
    def decide(self, chance: Chance) -> None:
        """Approve what is held, or refuse it."""
        life, yes, cut = chance.one(self.model.in_state(S.HELD)), chance.yes(), chance.cut()
        request = request_of(RequestKind.APPROVE if yes else RequestKind.CANCEL)
        self.arm(cut)
        life.booking = self.world.run(self.world.load(life.booking.id, request))
        ended = [RequestOutcome(request=request)]
        self.arm(cut)
        if not yes:
            self.record(life, S.CANCELLED, ended)
        elif life.booking.accepted_total == 0:
            self._or_expired(life, S.CONFIRMED, ended)
        elif self._or_expired(life, S.PROCESSING, ended, last=False):
            self.record(life, S.CONFIRMED, ended)
        self.tally["approved" if life.state is S.CONFIRMED else "not approved"] += 1

    @step(lambda self: self.model.in_state(S.CONFIRMED, S.CHECKED_IN))
    def cancel(self, chance: Chance) -> None:
        life = chance.one(self.model.in_state(S.CONFIRMED, S.CHECKED_IN))
        cut = chance.cut()
        request = request_of(RequestKind.CANCEL)
        self.arm(cut)
        life.booking = self.world.run(self.world.load(life.booking.id, request))
        self.arm(cut)
        self.record(life, S.CANCELLED, [RequestOutcome(request=request)])

    def _or_expired(
        self, life: Life, to: BookingState, ended: list[RequestOutcome], *, last: bool = True
    ) -> bool:
        """Record a state, or that it could not be because the place is held no longer."""
        done = self.record(life, to, ended if last else [])
        if not done:
            self.record(life, S.EXPIRED, ended)
        return done
