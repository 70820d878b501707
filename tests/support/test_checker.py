"""The checker's red-proof: a planted violation of each invariant turns it red."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.checker import Facts, gather, violations
from tests.support.stack import Stack


@pytest.fixture(scope="module")
async def clean(world: Stack) -> Facts:
    await world.sandbox.clear()
    world.ensure_worker()
    booking = await world.book()
    facts = await gather(world.sandbox, world.settings.database.url, booking.id)
    assert violations(facts) == []
    return facts


def _twice(facts: Facts) -> None:
    facts.payments.append({**facts.payments[0], "id": "pi_other"})


def _more_than_accepted(facts: Facts) -> None:
    facts.payments[0]["captured"] = facts.booking["accepted_total"] + 1


def _money_kept_for_nothing(facts: Facts) -> None:
    facts.booking["state"] = "FAILED"


def _money_still_held(facts: Facts) -> None:
    facts.payments[0]["status"] = "requires_capture"


def _orphan(facts: Facts) -> None:
    facts.items[2]["status"] = "FAILED"


def _second_reservation(facts: Facts) -> None:
    facts.reservations.append(dict(facts.reservations[0]))


def _lost_room(facts: Facts) -> None:
    facts.reservations[1]["live"] = False


def _other_price(facts: Facts) -> None:
    facts.reservations[1]["price"] += 1


def _two_effects(facts: Facts) -> None:
    created = next(r for r in facts.log if r["effect"] == "created" and r["supplier"] != "stripe")
    facts.log.append(dict(created))


def _captured_twice(facts: Facts) -> None:
    facts.log.append(dict(next(row for row in facts.log if row["effect"] == "captured")))


def _not_ended(facts: Facts) -> None:
    facts.booking["state"] = "PROCESSING"


def _silent_case(facts: Facts) -> None:
    facts.booking["state"] = "NEEDS_ATTENTION"


def _history_with_a_hole(facts: Facts) -> None:
    del facts.history[1]


def _record_differs(facts: Facts) -> None:
    facts.payment["captured"] -= 1


PLANTED: dict[str, tuple[str, Callable[[Facts], None]]] = {
    "double charge": ("I1", _twice),
    "charged more than accepted": ("I1", _more_than_accepted),
    "money kept for nothing": ("I2", _money_kept_for_nothing),
    "money still held": ("I2", _money_still_held),
    "orphan reservation": ("I3", _orphan),
    "two live reservations": ("I3", _second_reservation),
    "lost room": ("I4", _lost_room),
    "another price": ("I4", _other_price),
    "two effects for one reference": ("I5", _two_effects),
    "captured twice": ("I5", _captured_twice),
    "not ended": ("I7", _not_ended),
    "attention without a case": ("I7", _silent_case),
    "a hole in the history": ("I7", _history_with_a_hole),
    "record and gateway differ": ("I9", _record_differs),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_seen(clean: Facts, name: str) -> None:
    invariant, plant = PLANTED[name]
    facts: Any = copy.deepcopy(clean)
    plant(facts)
    assert any(found.startswith(invariant) for found in violations(facts))
