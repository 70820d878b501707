"""Cancellation terms of a quote: amounts and moments, made of what providers state. No I/O."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from models.core.money import smallest_charge
from models.core.terms import CancellationTerms, FeeStep
from models.marketplace.catalogue.terms import FeeTemplate, Kept
from models.marketplace.quotes.moments import next_moment
from models.marketplace.quotes.pricing import WHOLE_SHARE, rounded

_Steps = list[tuple[dt.datetime | None, int]]


@dataclass(frozen=True)
class Part:
    """What of a price is sold on the same terms: all of it, or the rooms of one rate plan."""

    total: int
    """Taxes included."""
    nights: Sequence[int]
    """The price of each of its nights or days, without taxes."""
    templates: Sequence[FeeTemplate]
    no_show: Kept | None
    """None: what is kept of who cancels last."""


@dataclass(frozen=True)
class Beginning:
    """When what is sold begins: deadlines are reckoned from it on the clock there."""

    local: dt.datetime
    zone: str


def kept(what: Kept, part: Part, currency: str) -> int:
    """Return how much is kept; never more than the part costs."""
    step = smallest_charge(currency)
    if what.basis_points is not None:
        amount = rounded(part.total * what.basis_points, WHOLE_SHARE, step)
    elif what.nights is not None:
        amount = sum(part.nights[: what.nights])
    else:
        amount = rounded(what.amount or 0, 1, step)
    return min(amount, part.total)


def no_show_fee(parts: Sequence[Part], currency: str) -> int:
    """Return what is kept of who does not come."""
    return sum(
        kept(part.no_show, part, currency)
        if part.no_show is not None
        else _ordered(part, None, currency)[-1][1]
        for part in parts
    )


def terms_of(
    parts: Sequence[Part], begins: Beginning, now: dt.datetime, currency: str
) -> CancellationTerms:
    """Return the steps that are still ahead at ``now``, of all parts together.

    No step keeps more than a later one: where a provider states it so, the earlier is lowered, and
    nobody pays more than was stated. Terms that say nothing of the end keep everything then.
    """
    stated = [_ordered(part, begins, currency) for part in parts]
    moments = sorted({until for steps in stated for until, _ in steps if until is not None})
    steps: list[FeeStep] = []
    for until in [*(one for one in moments if one > now), None]:
        fee = sum(_fee_before(one, until) for one in stated)
        if steps and steps[-1].fee == fee:
            steps.pop()
        steps.append(FeeStep(until=until, fee=fee))
    return CancellationTerms(steps=tuple(steps))


def _ordered(part: Part, begins: Beginning | None, currency: str) -> _Steps:
    """Return the steps of a part in order; the last has no end. Without ``begins``, that alone."""
    found: dict[dt.datetime | None, int] = {}
    for template in part.templates:
        until = None
        if template.hours_before is not None:
            if begins is None:
                continue
            before = begins.local - dt.timedelta(hours=template.hours_before)
            until = next_moment(before, begins.zone)
        fee = kept(template.kept, part, currency)
        found[until] = min(fee, found.get(until, fee))
    last = found.pop(None, part.total)
    ends = [*sorted(one for one in found if one is not None), None]
    fees = [*(found[end] for end in ends[:-1]), last]
    lowered = list(accumulate(reversed(fees), min))
    return list(zip(ends, reversed(lowered), strict=True))


def _fee_before(steps: _Steps, until: dt.datetime | None) -> int:
    """Return the fee of who cancels right before ``until``; None: at last."""
    if until is None:
        return steps[-1][1]
    return next(fee for end, fee in steps if end is None or until <= end)
