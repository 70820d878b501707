"""The stage order, and what a saga promises about undoing."""

import asyncio
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bookings.booking import Item
from models.bookings.problems import Code, Problem
from models.core.money import Money
from models.core.patience import BookingOrder
from models.core.supply import ItemType, Quote
from models.core.terms import CancellationTerms, FeeStep
from workflows.core.compensations import Compensations, shielded
from workflows.trips.plan import CONTRACT_ORDER, plan


def item(number: int, kind: ItemType) -> Item:
    return Item(
        number=number,
        type=kind,
        supplier="s",
        component_id=str(number),
        title="",
        currency="USD",
        price=1,
        reference=str(number),
    )


NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
OF_TRIPS = [ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(ItemType)),
            st.integers(min_value=0, max_value=500),
            st.none() | st.integers(min_value=0, max_value=600),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(list(BookingOrder)),
)
def test_every_item_is_in_one_stage_or_nothing_is_planned(
    components: list[tuple[ItemType, int, int | None, bool]], order: BookingOrder
) -> None:
    items = [
        item(number, kind).model_copy(
            update={
                "price": price,
                "quote": fee
                if fee is None
                else Quote(
                    price=Money(amount=price, currency="USD"),
                    terms=CancellationTerms(steps=(FeeStep(until=None, fee=fee),)),
                    title="",
                    offer={},
                    holdable=holdable,
                ),
            }
        )
        for number, (kind, price, fee, holdable) in enumerate(components)
    ]
    if order is BookingOrder.CONTRACT and any(i.type not in CONTRACT_ORDER for i in items):
        with pytest.raises(ValueError, match="which has no place in it"):
            plan(items, order, now=NOW)
        return
    stages = plan(items, order, now=NOW)
    assert sorted(i.number for stage in stages for i in stage) == list(range(len(items)))


@given(st.lists(st.sampled_from(OF_TRIPS), min_size=1, max_size=12))
def test_every_item_is_planned_once_and_flights_come_first(kinds: list[ItemType]) -> None:
    items = [item(number, kind) for number, kind in enumerate(kinds)]
    stages = plan(items)
    assert sorted(i.number for stage in stages for i in stage) == [i.number for i in items]
    order = [stage[0].type for stage in stages]
    assert order == sorted(order, key=[ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY].index)
    assert all(len({i.type for i in stage}) == 1 for stage in stages)


def quoted(number: int, price: int, terms: CancellationTerms, *, holdable: bool = False) -> Item:
    kind = [ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY][number % 3]
    quote = Quote(
        price=Money(amount=price, currency="USD"),
        terms=terms,
        title="",
        offer={},
        holdable=holdable,
    )
    return item(number, kind).model_copy(update={"price": price, "quote": quote})


def test_what_cannot_be_undone_comes_last_the_dearest_at_the_very_end() -> None:
    partly = CancellationTerms(steps=(FeeStep(until=None, fee=30),))
    later = CancellationTerms.free_until(NOW + dt.timedelta(days=1), 500)
    items = [
        quoted(0, 900, CancellationTerms.non_refundable(900)),
        quoted(1, 100, partly),
        quoted(2, 500, later),
        quoted(3, 700, CancellationTerms.non_refundable(700)),
        quoted(4, 800, CancellationTerms.non_refundable(800), holdable=True),
    ]
    stages = plan(items, BookingOrder.UNDOABLE_FIRST, now=NOW)
    assert [[i.number for i in stage] for stage in stages] == [[2, 4], [1], [3], [0]]
    too_late = plan(items, BookingOrder.UNDOABLE_FIRST, now=NOW + dt.timedelta(days=2))
    assert [[i.number for i in stage] for stage in too_late] == [[4], [1], [2], [3], [0]]


TERMS = st.one_of(
    st.just(CancellationTerms.free()),
    st.integers(1, 100).map(CancellationTerms.non_refundable),
    st.integers(1, 99).map(lambda fee: CancellationTerms(steps=(FeeStep(until=None, fee=fee),))),
)


@given(st.lists(st.tuples(st.integers(0, 100), TERMS, st.booleans()), min_size=1, max_size=12))
def test_every_item_is_planned_once_in_the_other_order_too(
    components: list[tuple[int, CancellationTerms, bool]],
) -> None:
    items = [
        quoted(number, price, terms, holdable=holdable)
        for number, (price, terms, holdable) in enumerate(components)
    ]
    stages = plan(items, BookingOrder.UNDOABLE_FIRST, now=NOW)
    assert sorted(i.number for stage in stages for i in stage) == [i.number for i in items]

    def lost(item: Item) -> float:
        assert item.quote is not None
        if item.quote.holdable or not item.price:
            return 0
        return item.quote.terms.fee_at(NOW, item.price) / item.price

    shares = [[lost(i) for i in stage] for stage in stages]
    kinds = [0 if max(part) == 0 else 2 if min(part) == 1 else 1 for part in shares]
    assert kinds == sorted(kinds)
    assert all(len(stage) == 1 for stage, kind in zip(stages, kinds, strict=True) if kind == 2)


STUCK = Problem(code=Code.NOT_CANCELLABLE, step="undo", message="ticketed", item=2)


async def test_compensations_run_in_reverse_and_say_what_is_stuck() -> None:
    compensations, undone = Compensations(), []
    stuck = {"two"}

    def register(name: str) -> None:
        async def undo() -> Problem | None:
            undone.append(name)
            return STUCK if name in stuck else None

        compensations.register(name, undo)

    for name in ("one", "two", "three", "two"):
        register(name)
    await compensations.run_one("two")
    await compensations.run_one("three")
    assert undone == ["two", "three"]
    assert await compensations.run() == [STUCK]
    assert undone == ["two", "three", "two", "one"]
    assert await compensations.run() == [], "what is stuck is somebody else's from now on"


async def test_what_stands_is_not_undone() -> None:
    compensations, undone = Compensations(), []

    def register(name: str, problem: Problem | None) -> None:
        async def undo() -> Problem | None:
            undone.append(name)
            return problem

        compensations.register(name, undo)

    register("booked", None)
    register("dropped", STUCK)
    await compensations.run_one("dropped")
    compensations.keep_failed()
    assert await compensations.run() == [STUCK]
    assert undone == ["dropped", "dropped"]


async def test_cancelling_never_cuts_work_short() -> None:
    """One shield would lose it; cancelled over and over, the work still runs to its end."""
    done: list[int] = []

    async def work() -> str:
        for number in range(3):
            await asyncio.sleep(0.01)
            done.append(number)
        return "whole"

    cancels: list[int] = []
    task = asyncio.create_task(shielded(work(), on_cancel=lambda: cancels.append(1)))
    for _ in range(5):
        await asyncio.sleep(0.003)
        task.cancel()
    assert await task == "whole"
    assert done == [0, 1, 2]
    assert len(cancels) == 5


async def test_what_goes_wrong_in_the_work_comes_out() -> None:
    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await shielded(work(), on_cancel=lambda: None)


def test_the_worked_comparison_is_right() -> None:
    """The trip of docs/booking-order.md: what is lost when a stage fails, in both orders."""
    trip = [
        quoted(0, 600, CancellationTerms.non_refundable(600)),  # flight
        quoted(1, 500, CancellationTerms.free()),  # hotel
        quoted(2, 80, CancellationTerms.free()),  # tours
        quoted(5, 60, CancellationTerms.non_refundable(60)),
    ]

    def lost(order: BookingOrder) -> list[int]:
        booked: list[Item] = []
        found = []
        for stage in plan(trip, order, now=NOW):
            found.append(sum(i.quote.terms.fee_at(NOW, i.price) for i in booked if i.quote))
            booked += stage
        return found

    assert [len(stage) for stage in plan(trip)] == [1, 1, 2]
    assert lost(BookingOrder.CONTRACT) == [0, 600, 600]  # and 660 when the capture is refused
    stages = plan(trip, BookingOrder.UNDOABLE_FIRST, now=NOW)
    assert [[i.number for i in stage] for stage in stages] == [[1, 2], [5], [0]]
    assert lost(BookingOrder.UNDOABLE_FIRST) == [0, 0, 60]
