"""What happens without a workflow: by hand, by a venue's policy, and as time passes."""

import datetime as dt

from models.bookings.lifecycle import BookingKind, BookingState, may_become
from tests.reservations.lives.draws import GUESTS, Chance, always, step
from tests.reservations.lives.model import Life
from tests.reservations.lives.stage import MINUTE, Stage

S = BookingState

R = BookingKind.RESERVATION

_FROM = (S.CONFIRMED, S.CHECKED_IN, S.NO_SHOW)
BY_HAND = (*_FROM, S.COMPLETED)
"""Where a venue may move a reservation without a workflow, and to where."""


class Passing(Stage):
    """A desk, a policy, a clock and a sweep; and who only looks."""

    # -- without a workflow ------------------------------------------------------------------------

    @step(lambda self: self.at_desk())
    def by_hand(self, chance: Chance) -> None:
        """Move a reservation as a desk does, which may have read it a while ago."""
        life = chance.one(self.at_desk())
        page = self.pages.get(life.booking.id)
        if page is None or chance.yes():
            page = self.world.run(self.world.stored(life.booking.id))
            self.pages[life.booking.id] = page
        moves = [s for s in BY_HAND if s is not page.state and may_become(R, page.state, s)]
        if page.state not in _FROM or not moves:
            return
        state = chance.one(moves)
        opens = life.place.visit[0]
        if state is S.CHECKED_IN:
            minutes = self.model.policies[life.venue].check_in_from_minutes
            opens -= dt.timedelta(minutes=minutes)
        if state is not S.CONFIRMED and self.model.now < opens:
            if chance.yes():
                return
            self.turn_clock(opens)
        self.arm(max(chance.cut(), 0))
        done = self.world.run(self.world.move_alone(page, state))
        assert done is (page.version == len(life.states) and not life.busy)
        self.tally[f"by hand {state}" if done else "by hand, too late"] += 1
        if done:
            assert self.model.move(life, state) == ""

    @step(always)
    def change_policy(self, chance: Chance) -> None:
        """Register a venue anew; what stands, stands."""
        number, policy = chance.randint(0, 1), chance.policy()
        house = self.houses[number]
        house.time_zone = chance.one([self.night.zone, self.night.zone, "UTC"])
        self.world.run(house.open_venue(**policy.model_dump()))
        self.model.policies[number] = policy

    # -- time --------------------------------------------------------------------------------------

    @step(always)
    def wait(self, chance: Chance) -> None:
        self.turn_clock(self.model.now + chance.one([1, 5, 20, 45]) * MINUTE)

    @step(lambda self: self.model.moments())
    def wait_for_something(self, chance: Chance) -> None:
        """Let it be the minute in which something is due, over or begins."""
        self.wait_for(chance.one(self.model.moments()[:3]))

    @step(always)
    def sweep(self, chance: Chance) -> None:
        """Make a round; one that was cut is made up for when the leases are over."""
        if chance.yes() and self.model.moments():
            self.wait_for(self.model.moments()[0])
        before = [life.state for life in self.model.lives]
        self.arm(max(chance.cut(), 0))
        cuts = self.world.scissors.cuts
        self.world.run(self.world.sweep())
        if self.world.scissors.cuts > cuts:
            self.turn_clock(self.model.now + 3 * MINUTE)
            for _ in range(2):
                self.world.run(self.world.sweep())
            self.model.sweep()
        self.model.sweep()
        for was, life in zip(before, self.model.lives, strict=True):
            self.tally[f"sweep {life.state}"] += was is not life.state
        self.swept = True

    # -- what is free ------------------------------------------------------------------------------

    @step(always)
    def look(self, chance: Chance) -> None:
        """What is said to be free is what can be had."""
        number, guest = chance.randint(0, 1), chance.one(GUESTS)
        place = self.place(number, **chance.place())
        if place is None or place.visit[0] < self.model.now:
            return
        others = [None, *(life for life in self.model.lives if life.venue == number and life.claim)]
        life = chance.one(others)
        house = self.houses[number]
        excluded = life.booking.id if life else None
        room = self.world.run(self.world.room(house, self.slot(house, place), guest, excluded))
        held = [(c, c.state) for one in self.model.lives for c in one.claims]
        self.model.lapse(number)  # what is over is free, though nobody has swept it
        wanted = self.model.claim(number, guest, place, twice=False)
        own = life.claim if life else None
        expected, free = self.model.in_the_way(wanted, own), self.model.free(wanted, own)
        for claim, state in held:
            claim.state = state
        assert room.is_free is not bool(expected), (room, expected)
        for name in ("covers", "starts", "arrivals"):
            told = getattr(room, f"{name}_free")
            assert told == (max(free[name], 0) if name in free else None), (room, free)
        self.tally["look free" if room.is_free else "look taken"] += 1

    # -- helpers -----------------------------------------------------------------------------------

    def wait_for(self, moment: dt.datetime) -> None:
        self.turn_clock(moment + (self.night.change - moment) % MINUTE)

    def at_desk(self) -> list[Life]:
        over = {S.CANCELLED, S.COMPLETED}
        return [life for life in self.model.lives if life.state in {*BY_HAND, *over}]
