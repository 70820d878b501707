"""Every kind of fault at every operation: what is certain afterwards (reliability.md rule 1)."""

import asyncio

import pytest
from _pytest.mark import ParameterSet

from models.core.errors import PriceChanged, Refusal, UnknownOutcome
from models.core.money import Money
from models.core.supply import ReservationStatus
from tests.suppliers.conformity.conftest import PATIENCE, Counter, settled
from tests.suppliers.conformity.sellers import BEFORE, CANCEL, QUOTE, READ, SELLERS, Ends, Seller

HOLDING = [seller for seller in SELLERS if str(seller) in ("duffel", "getyourguide")]
UNFINDABLE = ("amadeus", "getyourguide")
PARSED = ("refuse", "error", "malformed")
"""The faults at a second request that the first one does not already stand for."""
OTHERWISE = ("refuse", "commit_then_hang", "price_drift")
"""The faults at which a variant of a seller may differ from the seller."""


def cells(kinds: Ends, sellers: list[Seller] | tuple[Seller, ...] = SELLERS) -> list[ParameterSet]:
    return [
        pytest.param(seller, kind, id=f"{seller}-{kind}")
        for seller in sellers
        for kind in kinds
        if not seller.variant or kind in OTHERWISE
    ]


def requests(operation: str) -> list[ParameterSet]:
    """Each request of a reading operation, with the faults it can meet."""
    found = []
    for seller in SELLERS:
        if seller.variant or (operation == "find" and seller.name in UNFINDABLE):
            continue
        count = {"quote": seller.quotes_in, "find": seller.finds_in, "look": seller.looks_in}
        for nth in range(1, count[operation] + 1):
            kinds = QUOTE if operation == "quote" else READ
            found += [
                pytest.param(seller, kind, nth, id=f"{seller}-{nth}-{kind}")
                for kind in kinds
                if nth == 1 or kind in PARSED
            ]
    return found


def drifted(counter: Counter) -> Money:
    price = counter.item.price
    return Money(amount=price + price // 10, currency="USD")


@pytest.mark.parametrize(("counter", "kind", "nth"), requests("quote"), indirect=["counter"])
async def test_quote(counter: Counter, kind: str, nth: int) -> None:
    fault = counter.arm("quote", kind, nth)
    await counter.meets(
        fault, QUOTE[kind], lambda supplier: supplier.quote(counter.item, counter.party), "quote"
    )
    assert (await counter.quote()).price == counter.item.money


@pytest.mark.parametrize("counter", SELLERS, indirect=True, ids=str)
async def test_a_price_that_drifts_is_the_quote_s(counter: Counter) -> None:
    counter.arm("quote", "price_drift")
    price, asked = (await counter.quote()).price, counter.item.price
    # Amadeus' drift is of the parts of a price.
    assert abs(price.amount - drifted(counter).amount) < asked // 100
    if counter.seller.name != "duffel":
        assert (await counter.quote()).price == counter.item.money
        return
    quote = await counter.quote()  # Duffel's offer has changed for good, and is sold like that
    assert (await counter.book(quote)).price == quote.price == price


@pytest.mark.parametrize(
    ("counter", "kind"),
    [cell for seller in SELLERS for cell in cells(seller.book, [seller])],
    indirect=["counter"],
)
async def test_book(counter: Counter, kind: str) -> None:
    seller, quote = counter.seller, await counter.quote()
    fault = counter.arm("book", kind, seller.books_at)
    error = await counter.meets(
        fault, seller.book[kind], lambda supplier: counter.book(quote, supplier), "book"
    )
    if isinstance(error, PriceChanged) and error.new_price is not None:
        assert error.new_price == drifted(counter)
    done = {"refuse": 0, "error": 0, "reset": 0, "hang": 0, "price_drift": 0}.get(kind, 1)
    await asyncio.sleep(0.1 if kind == "late_commit" else 0)
    if counter.supplier.capabilities.lapses:
        assert counter.held == (2 if kind == "duplicate" else done)
    else:
        assert counter.live == done
        if counter.finds:
            assert (await counter.find() is not None) == bool(done)
    if isinstance(error, Refusal) and not seller.again_after_refusal:
        return
    made = await settled(counter, quote)
    if counter.supplier.capabilities.lapses:  # one stands, whatever the first attempt has left
        assert made is not None
        holds = counter.held
        await counter.complete(made, quote)
        assert (counter.live, counter.effects) == (1, ["created"])
        assert counter.held == holds - 1
    elif counter.finds or done:
        assert counter.live == 1
        assert counter.effects.count("created") == 1
    if not counter.finds and not counter.supplier.capabilities.repeats:
        rows = counter.local.world.log.rows(reference=counter.reference)
        assert sum(row["operation"] == "book" for row in rows) <= (
            2 if kind in ("duplicate", "late_commit") else 1
        )


@pytest.mark.parametrize(
    ("counter", "kind"),
    cells(BEFORE, [seller for seller in SELLERS if seller.before]),
    indirect=["counter"],
)
async def test_the_step_before_booking(counter: Counter, kind: str) -> None:
    assert counter.seller.before is not None
    operation, nth = counter.seller.before
    quote = await counter.quote()
    fault = counter.arm(operation, kind, nth)
    error = await counter.meets(
        fault, BEFORE[kind], lambda supplier: counter.book(quote, supplier), "book"
    )
    if isinstance(error, PriceChanged):
        assert error.new_price == drifted(counter)
    assert counter.live == (BEFORE[kind] is None)
    if isinstance(error, Refusal):
        assert await counter.find() is None
        return
    await settled(counter, quote)
    assert (counter.live, counter.effects.count("created")) == (1, 1)


@pytest.mark.parametrize(
    "counter",
    [seller for seller in SELLERS if seller.name in ("booking_com", "ratehawk", "viator")],
    indirect=True,
    ids=str,
)
async def test_a_late_commit_after_the_repeat_makes_no_second_booking(counter: Counter) -> None:
    quote = await counter.quote()
    fault = counter.arm("book", "late_commit", counter.seller.books_at, seconds=PATIENCE + 0.3)
    await counter.meets(fault, UnknownOutcome, lambda supplier: counter.book(quote, supplier))
    await counter.book(quote)
    await asyncio.sleep(0.5)
    assert (counter.live, counter.effects.count("created")) == (1, 1)


@pytest.mark.parametrize(
    ("counter", "kind"),
    [cell for seller in HOLDING for cell in cells(seller.complete, [seller])],
    indirect=["counter"],
)
async def test_complete(counter: Counter, kind: str) -> None:
    quote, held = await counter.booked()
    assert held.status is ReservationStatus.HELD
    fault = counter.arm("complete", kind)
    expected = counter.seller.complete[kind]
    error = await counter.meets(
        fault, expected, lambda supplier: counter.complete(held, quote, supplier), "complete"
    )
    if isinstance(error, PriceChanged):
        assert error.new_price == drifted(counter)
    await asyncio.sleep(0.1 if kind == "late_commit" else 0)
    done = kind not in ("refuse", "error", "reset", "hang", "price_drift")
    seen = await counter.supplier.look(held)
    if expected is not None and kind == "price_drift" and seen.status is not held.status:
        assert seen.status is ReservationStatus.CANCELLED
        return
    assert seen.status is (ReservationStatus.CONFIRMED if done else ReservationStatus.HELD)
    if kind == "price_drift":
        return
    again = await counter.complete(held, quote)
    assert again.status is ReservationStatus.CONFIRMED
    assert counter.live == 1
    assert len(counter.effects) == len(set(counter.effects)), "once each"


@pytest.mark.parametrize(("counter", "kind", "nth"), requests("find"), indirect=["counter"])
async def test_find(counter: Counter, kind: str, nth: int) -> None:
    made = await counter.confirmed()
    fault = counter.arm("find", kind, nth)
    await counter.meets(fault, READ[kind], counter.find, "find")
    found = await counter.find()
    assert found is not None
    assert (found.supplier_id, found.status) == (made.supplier_id, made.status)


@pytest.mark.parametrize(("counter", "kind", "nth"), requests("look"), indirect=["counter"])
async def test_look(counter: Counter, kind: str, nth: int) -> None:
    _, made = await counter.booked()
    fault = counter.arm("find", kind, nth)
    await counter.meets(fault, READ[kind], lambda supplier: supplier.look(made))
    assert (await counter.supplier.look(made)).status is made.status


@pytest.mark.parametrize(
    ("counter", "kind", "held"),
    [
        pytest.param(*cell.values, held, id=f"{cell.id}{'-held' if held else ''}")
        for held, sellers in ((False, SELLERS), (True, HOLDING))
        for cell in cells(CANCEL, sellers)
    ],
    indirect=["counter"],
)
async def test_cancel(counter: Counter, kind: str, held: bool) -> None:
    made = (await counter.booked())[1] if held else await counter.confirmed()
    fault = counter.arm("cancel", kind)
    expected = CANCEL[kind]
    await counter.meets(fault, expected, lambda supplier: supplier.cancel(made, "key"), "cancel")
    await asyncio.sleep(0.1 if kind == "late_commit" else 0)
    stands = kind in ("refuse", "error", "reset", "hang")
    assert counter.live + counter.held == stands
    assert (await counter.supplier.cancel(made, "key")).already is not stands
    assert counter.live + counter.held == 0
    assert sum(effect in ("cancelled", "released") for effect in counter.effects) == 1
