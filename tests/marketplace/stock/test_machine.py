"""The functions of claims against a few lines of plain Python: any order of anything."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.lifecycle import BookingState
from models.marketplace.stock.refusals import SoldOut
from tests.ledger.conftest import Books
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import stay

Answer = TypeVar("Answer")
S = BookingState
NIGHTS, UNITS = 5, 3

Line = tuple[int, int, int, int]
"""A room, from night, until night, units."""
LINES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, NIGHTS - 1), st.integers(1, 3), st.integers(1, 2)),
    min_size=1,
    max_size=3,
).map(lambda lines: [(room, a, min(a + n, NIGHTS), units) for room, a, n, units in lines])
CHOICE = st.integers(0, 99)


@dataclass
class Life:
    """What the model knows of a booking."""

    booking: Booking
    lines: list[Line]
    state: str = "HELD"
    over: bool = False
    version: int = 1


class Machine(RuleBasedStateMachine):
    """Two rooms of five nights with three units; a clock that only moves when it is told to."""

    runner: asyncio.Runner
    books: Books

    def __init__(self) -> None:
        super().__init__()
        self.market = Market(self.books)
        self.lives: list[Life] = []
        self.units = {(room, night): UNITS for room in range(2) for night in range(NIGHTS)}

        async def begin() -> list[str]:
            await self.market.open()
            return [await self.market.room(UNITS, NIGHTS) for _ in range(2)]

        self.rooms = self.run(begin())

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    # -- the model -----------------------------------------------------------------------------

    def counted(self, *states: str) -> Counter[tuple[int, int]]:
        return sum((_stock(one.lines) for one in self.lives if one.state in states), Counter())

    def sweep(self) -> None:
        for life in self.lives:
            if life.state == "HELD" and life.over:
                life.state = "EXPIRED"

    def fits(self, lines: list[Line], without: Life | None = None) -> bool:
        """Tell whether all of it is there; what a booking has already it does not need."""
        own = _stock(without.lines) if without else Counter()
        taken = self.counted("HELD", "SOLD", "USED")
        more = Counter(_stock(lines))
        more.subtract(own)
        return all(taken[n] + add <= self.units[n] for n, add in more.items() if add > 0)

    def one_of(self, choice: int, *states: str) -> Life | None:
        found = [one for one in self.lives if one.state in states]
        return found[choice % len(found)] if found else None

    def wanted(self, lines: list[Line]) -> Any:
        return stay(*((self.rooms[room], a, b, units) for room, a, b, units in lines))

    # -- what happens --------------------------------------------------------------------------

    @rule(lines=LINES)
    def hold(self, lines: list[Line]) -> None:
        wanted = {self.rooms[room] for room, *_ in lines}
        for life in self.lives:  # what is overdue of the same rooms is free
            of_it = wanted & {self.rooms[room] for room, *_ in life.lines}
            if life.state == "HELD" and life.over and of_it:
                life.state = "EXPIRED"
        fits = self.fits(lines)
        told = self.run(self.market.held(self.wanted(lines)))
        assert isinstance(told, Booking if fits else SoldOut)
        if isinstance(told, Booking):
            self.lives.append(Life(told, lines))

    @rule(choice=CHOICE)
    def sell(self, choice: int) -> None:
        life = self.one_of(choice, "HELD")
        if life is None:
            return
        try:
            life.booking = self.run(self.market.come_to(life.booking, S.PROCESSING, S.CONFIRMED))
        except HoldLostError:
            assert life.over
        else:
            assert not life.over
            life.state = "SOLD"

    @rule(choice=CHOICE, how=st.sampled_from([S.CANCELLED, S.EXPIRED, S.FAILED]))
    def end(self, choice: int, how: BookingState) -> None:
        life = self.one_of(choice, "HELD", "SOLD")
        if life is None or (life.state == "SOLD" and how is not S.CANCELLED):
            return
        self.run(self.market.come_to(life.booking, how))
        life.state = "RELEASED"

    @rule(choice=CHOICE)
    def miss(self, choice: int) -> None:
        life = self.one_of(choice, "SOLD")
        if life is not None:
            life.booking = self.run(self.market.come_to(life.booking, S.NO_SHOW))
            life.state = "USED"

    @rule(choice=CHOICE)
    def time_passes(self, choice: int) -> None:
        life = self.one_of(choice, "HELD")
        if life is not None and not life.over:
            self.run(self.market.age(life.booking, dt.timedelta(hours=1)))
            life.over = True

    @rule()
    def everybody_sweeps(self) -> None:
        self.run(self.market.sweep())
        self.sweep()

    @rule(choice=CHOICE, lines=LINES)
    def move(self, choice: int, lines: list[Line]) -> None:
        life = self.one_of(choice, "HELD", "SOLD", "EXPIRED")
        if life is None:
            return
        gone = life.state == "EXPIRED" or (life.state == "HELD" and life.over)
        expected = HoldLostError if gone else None if self.fits(lines, life) else SoldOut
        moving = self.market.move(life.booking, self.wanted(lines), life.version + 1)
        if expected is not None:
            with pytest.raises(expected):
                self.run(moving)
            return
        self.run(moving)
        life.version, life.lines = life.version + 1, lines
        kind, product, _ = self.market.wanted[life.booking.id]
        self.market.wanted[life.booking.id] = (kind, product, self.wanted(lines))

    @rule(choice=CHOICE)
    def take_again(self, choice: int) -> None:
        life = self.one_of(choice, "EXPIRED", "HELD")
        if life is None or life.booking.state is not S.HELD:
            return
        if life.state == "HELD" and not life.over:
            self.run(self.market.take_again(life.booking))
            return
        own = life if life.state == "HELD" else None
        if not self.fits(life.lines, own):
            with pytest.raises(SoldOut):
                self.run(self.market.take_again(life.booking))
            return
        self.run(self.market.take_again(life.booking))
        life.state, life.over, life.version = "HELD", False, life.version + 1

    @rule(room=st.integers(0, 1), night=st.integers(0, NIGHTS - 1), units=st.integers(0, UNITS))
    def provider_changes(self, room: int, night: int, units: int) -> None:
        taken = self.counted("HELD", "SOLD", "USED")[room, night]
        if units < taken:
            return
        self.run(
            self.market.do(
                "UPDATE inventory_nights SET units = :units WHERE room_id = :room"
                " AND night = DATE '2031-03-14' + CAST(:night AS int)",
                units=units,
                room=self.rooms[room],
                night=night,
            )
        )
        self.units[room, night] = units

    @invariant()
    def counters_are_those_of_the_model(self) -> None:
        held, sold = self.counted("HELD"), self.counted("SOLD", "USED")
        for number, room in enumerate(self.rooms):
            assert self.run(self.market.counters(room)) == [
                (held[number, night], sold[number, night]) for night in range(NIGHTS)
            ]

    def teardown(self) -> None:
        self.everybody_sweeps()
        assert self.run(self.market.violations()) == []


def _stock(lines: list[Line]) -> Counter[tuple[int, int]]:
    return Counter(
        {
            (room, night): sum(u for r, a, b, u in lines if r == room and a <= night < b)
            for room, begins, ends, _ in lines
            for night in range(begins, ends)
        }
    )


@pytest.fixture(scope="module")
def machine(scratch_url: str) -> Iterator[type[Machine]]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        books = Books(scratch_url)
        yield type("OnThisRecord", (Machine,), {"runner": runner, "books": books})
        runner.run(books.engine.dispose())


def play(machine: type[Machine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_claims_do_what_plain_python_does(machine: type[Machine]) -> None:
    play(machine, examples=8, steps=20)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_claims_do_what_plain_python_does_however_long(machine: type[Machine]) -> None:
    play(machine, examples=500, steps=40)
