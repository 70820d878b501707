"""The stage order, and what a saga promises about undoing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.booking import Code, Item, Problem
from models.trip import ItemType
from workflows.plan import plan
from workflows.saga import Saga, finish


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


@given(st.lists(st.sampled_from(list(ItemType)), min_size=1, max_size=12))
def test_every_item_is_planned_once_and_flights_come_first(kinds: list[ItemType]) -> None:
    items = [item(number, kind) for number, kind in enumerate(kinds)]
    stages = plan(items)
    assert sorted(i.number for stage in stages for i in stage) == [i.number for i in items]
    order = [stage[0].type for stage in stages]
    assert order == sorted(order, key=[ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY].index)
    assert all(len({i.type for i in stage}) == 1 for stage in stages)


STUCK = Problem(code=Code.NOT_CANCELLABLE, step="undo", message="ticketed", item=2)


async def test_undo_runs_in_reverse_and_keeps_what_is_stuck() -> None:
    saga, undone, stuck = Saga(), [], True

    def register(name: str) -> None:
        async def undo() -> Problem | None:
            undone.append(name)
            return STUCK if name == "two" and stuck else None

        saga.register(name, undo)

    for name in ("one", "two", "three"):
        register(name)
    await saga.undo()
    assert undone == ["three", "two", "one"]
    assert saga.unsettled == [STUCK]
    stuck = False
    await saga.undo()
    assert undone == ["three", "two", "one", "two"]
    assert saga.unsettled == []


async def test_cancelling_never_cuts_work_short() -> None:
    """One shield would lose it; cancelled over and over, the work still runs to its end."""
    done: list[int] = []

    async def work() -> str:
        for number in range(3):
            await asyncio.sleep(0.01)
            done.append(number)
        return "whole"

    cancels: list[int] = []
    task = asyncio.create_task(finish(work(), on_cancel=lambda: cancels.append(1)))
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
        await finish(work(), on_cancel=lambda: None)
