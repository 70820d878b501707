"""Answers compared with what was asked for: an answer about something else is no success."""

import datetime as dt
from typing import Final

from models.core.errors import OTHER_THAN_ASKED, UnknownOutcome
from models.core.money import Money
from models.core.terms import CancellationTerms
from suppliers.core.answers import Answer

FURTHEST_ZONE: Final = dt.timedelta(hours=14)
"""Nowhere on earth is local time further from UTC."""
_SLACK: Final = dt.timedelta(hours=1)
"""How far a trip's times may be off the supplier's where the time zone is known."""


def utc(moment: dt.datetime) -> dt.datetime:
    """Return a moment in UTC; one without a zone is in it."""
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def is_other_time(asked: dt.datetime, local: dt.datetime, known: dt.datetime | None = None) -> bool:
    """Tell whether a time is another than the trip's.

    Args:
        asked: the trip's; without a zone it is UTC.
        local: what the clock on the wall shows there; its zone does not count.
        known: the same in UTC, where the zone is known. Without it ``local`` may be as far off as
            time zones are.
    """
    slack = FURTHEST_ZONE if known is None else _SLACK
    return abs((known or local.replace(tzinfo=dt.UTC)) - utc(asked)) > slack


def other_price(got: Money, asked: Money) -> str | None:
    """Say how a price differs from the one that was asked for; None when it does not."""
    return None if got == asked else f"it costs {got} instead of {asked}"


def expect_as_asked(answer: Answer, what: str, *differences: str | None) -> None:
    """Make sure that what a supplier made is what it was asked for.

    Args:
        answer: which says that it was made.
        what: names it, for people ("Duffel made order ord_1").
        differences: each in words, None for what does not differ.

    Raises:
        UnknownOutcome: it differs. It may be live: only a look-up, a person or an undo settles it.
    """
    if wrong := [difference for difference in differences if difference]:
        raise answer.failure(
            UnknownOutcome, f"{what}, but {'; '.join(wrong)}", code=OTHER_THAN_ASKED
        )


def as_lenient(
    new: tuple[Money, CancellationTerms], old: tuple[Money, CancellationTerms], now: dt.datetime
) -> bool:
    """Tell whether new terms never keep a larger part of their price than old ones, from now on."""
    steps = (*new[1].steps, *old[1].steps)
    moments = [now, *(step.until for step in steps if step.until and step.until > now)]
    (price, terms), (old_price, old_terms) = new, old
    return all(
        terms.fee_at(moment, price.amount) * old_price.amount
        <= old_terms.fee_at(moment, old_price.amount) * price.amount
        for moment in moments
    )
