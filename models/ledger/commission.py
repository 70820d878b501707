"""Commission: the share of a sale that the company earns. No I/O."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

WHOLE = 10_000
"""Basis points of a whole."""


@dataclass(frozen=True)
class CommissionRule:
    """A share, and what it is for."""

    id: int
    supplier: str | None
    """None: for every supplier that has no rule of its own."""
    provider: str | None
    """Who delivers at that supplier; None: all of them."""
    basis_points: int
    valid_from: dt.datetime
    created_at: dt.datetime
    who: str


def applicable(
    rules: Iterable[CommissionRule], supplier: str, provider: str, at: dt.datetime
) -> CommissionRule | None:
    """Return the rule for a sale at ``at``: the most specific one, of those the newest.

    Provider at a supplier goes before supplier, and that before the rule for all.
    """
    found = [
        rule
        for rule in rules
        if rule.valid_from <= at
        and rule.supplier in (None, supplier)
        and rule.provider in (None, provider)
    ]
    return max(
        found,
        key=lambda r: (r.provider is not None, r.supplier is not None, r.valid_from, r.id),
        default=None,
    )


def share(amount: int, basis_points: int) -> int:
    """Return ``basis_points`` of ``amount``, in whole minor units.

    Half a unit goes to the even neighbour, so that many roundings do not add up to one side.
    """
    units, rest = divmod(amount * basis_points, WHOLE)
    if rest * 2 > WHOLE or (rest * 2 == WHOLE and units % 2):
        units += 1
    return units
