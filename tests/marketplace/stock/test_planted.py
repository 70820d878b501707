"""What is planted turns the proofs red: stock that is sold twice, lost, or locked for ever."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from localworld.shared import Servers
from models.marketplace.stock import claims, gate, moves, taking
from models.marketplace.stock.refusals import StockRefused
from tests.ledger.conftest import Books
from tests.marketplace.stock import test_claims as proofs
from tests.marketplace.stock.crowds import Scramble, sell_out, suspension
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.watch import watch
from tests.support.databases import migrated_database
from tests.support.selection import table

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]
Proof = Callable[[Market], Awaitable[Any]]


def other_sql(module: Any, name: str, was: str, becomes: str) -> Plant:
    """Plant another wording in a statement."""
    statement = getattr(module, name).text
    assert was in statement, name
    return lambda patch: patch.setattr(module, name, text(statement.replace(was, becomes)))


def gate_without(words: str) -> Plant:
    """Let the gate lock less than it has to."""

    def plant(patch: Patch) -> None:
        for key, statement in gate._STATEMENTS.items():
            open_gate = statement.text.split(words)[0]
            patch.setitem(gate._STATEMENTS, key, text(open_gate))

    return plant


def own_nights_are_taken(patch: Patch) -> None:
    """A stay that is moved wants all its nights anew."""

    async def take(session: Any, made: taking.Claims, _: Any) -> None:
        await taking.take(session, made, taking.stock_of(made.lines))

    patch.setattr(moves, "take", take)


async def crowd(market: Market) -> None:
    for seed in range(5):
        await sell_out(market, buyers=60, stock=10, seed=seed)


async def scrambled(market: Market) -> None:
    scramble = Scramble(market, seed=1)
    for _ in range(5):
        await scramble.play(80)


async def suspended(market: Market) -> None:
    for seed in range(5):
        other = Market(market.books)
        await other.open()
        await suspension(other, buyers=40, seed=seed)


FITS = "s.seats - s.held - s.sold >= w.units"
NIGHT_FITS = "s.units - s.held - s.sold >= w.units"
TOGETHER = "count(*) FILTER (WHERE on_sale AND fits) = (SELECT count(*) FROM wanted)"
SOON = " AND c.expires_at > clock_timestamp()"

PLANTED: dict[str, tuple[Plant, Proof]] = {
    "M1: seats are judged before they are locked": (
        other_sql(taking, "_LOCK_SEATS", "FOR UPDATE OF s", ""),
        crowd,
    ),
    "M1: any number of seats": (other_sql(taking, "_TAKE_SEATS", FITS, "true"), crowd),
    "M2: nights are judged before they are locked": (
        other_sql(taking, "_LOCK_NIGHTS", "FOR UPDATE OF s", ""),
        scrambled,
    ),
    "M2: what is moved keeps its old nights too": (
        other_sql(taking, "_TAKE_NIGHTS", "version < :version", "version > :version"),
        scrambled,
    ),
    "M3: a hold is sold when it is over": (
        other_sql(claims, "_SELL", SOON, ""),
        proofs.test_a_hold_that_is_over_is_not_sold,
    ),
    "M3: the beginning of the transaction counts": (
        other_sql(claims, "_SELL", "expires_at > clock_timestamp()", "expires_at > now()"),
        proofs.test_a_hold_that_ends_while_a_transaction_waits_is_not_sold,
    ),
    "M4: the gate locks nothing": (gate_without("FOR SHARE"), suspended),
    "a part of the nights is enough": (
        other_sql(taking, "_TAKE_NIGHTS", TOGETHER, "count(*) FILTER (WHERE fits) > 0"),
        proofs.test_a_refused_move_changes_nothing,
    ),
    "report 9: each line by itself": (
        other_sql(taking, "_TAKE_NIGHTS", NIGHT_FITS, "s.units - s.held - s.sold >= 1"),
        proofs.test_report_9_two_lines_of_one_room_are_added_up,
    ),
    "report 10: nights are locked in no order": (
        other_sql(taking, "_LOCK_NIGHTS", "ORDER BY s.room_id, s.night", "ORDER BY random()"),
        proofs.test_report_10_the_same_rooms_in_opposite_order_do_not_deadlock,
    ),
    "report 15: claims are read and not locked": (
        other_sql(claims, "_GIVE_BACK", "FOR UPDATE OF c", ""),
        proofs.test_report_15_a_hundred_cancellations_give_one_night_back,
    ),
    "a stay is in its own way": (own_nights_are_taken, proofs.test_a_stay_is_not_in_its_own_way),
}
QUICK = (
    "M1: any number of seats",
    "M3: a hold is sold when it is over",
    "M3: the beginning of the transaction counts",
    "report 15: claims are read and not locked",
)


ROUNDS = 10
"""Some are races, which a fault does not lose every time."""


async def several(proof: Callable[[Market], Awaitable[None]], market: Market) -> None:
    for _ in range(ROUNDS):
        await proof(market)


@pytest.fixture
async def own_market(shared_servers: Servers) -> Market:
    """A market on a database of its own, of whose commits each is looked at."""
    books = Books(migrated_database(shared_servers))
    await watch(books)
    made = Market(books)
    await made.open()
    return made


@pytest.mark.parametrize("what", table(PLANTED, quick=QUICK))
async def test_what_is_planted_is_found(own_market: Market, monkeypatch: Patch, what: str) -> None:
    plant, proof = PLANTED[what]
    plant(monkeypatch)
    # An assertion, a constraint of the database, or stock that is not to be had any more.
    with pytest.raises((AssertionError, DBAPIError, StockRefused, pytest.fail.Exception)):
        await several(proof, own_market)
    await own_market.books.engine.dispose()
