"""What holds of what providers state, beyond the form of each field. No I/O."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

from models.core.legs import known_zone
from models.marketplace.catalogue.errors import OfferRefused
from models.marketplace.catalogue.lifecycle import AvailabilityRule
from models.marketplace.catalogue.terms import FeeTemplate

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2199
"""Of days that are stated: their moments can be told in every zone."""
WEEKEND: Final = frozenset({5, 6, 7})
"""Days on which a weekend's package may begin, ISO: Friday to Sunday."""


def expect_zone(zone: str) -> None:
    """Make sure that the IANA database has a time zone. Raises OfferRefused."""
    if known_zone(zone) is None:
        words = "There is no such time zone in the IANA database; one is Europe/Lisbon."
        raise OfferRefused("time_zone", words)


def days_between(
    since: dt.date, until: dt.date, weekdays: Collection[int] | None, *, at_most: int
) -> list[dt.date]:
    """Return the days from one to another, which is not meant any more, on some days of the week.

    Args:
        since: the first.
        until: the day after the last.
        weekdays: ISO (1 is Monday); None: on all.
        at_most: how many there may be, whatever the days of the week.

    Raises:
        OfferRefused: there are more, or none.
    """
    if not FIRST_YEAR <= since.year <= until.year <= LAST_YEAR or since >= until:
        words = f"to must be a day after from, and both in the years {FIRST_YEAR} to {LAST_YEAR}."
        raise OfferRefused("to", words)
    length = (until - since).days
    if length > at_most:
        raise OfferRefused("to", f"At most {at_most} days can be named at once, not {length}.")
    days = [since + dt.timedelta(days=number) for number in range(length)]
    found = [day for day in days if weekdays is None or day.isoweekday() in weekdays]
    if not found:
        raise OfferRefused("weekdays", "None of these days of the week is between from and to.")
    return found


def expect_terms(terms: Sequence[FeeTemplate], field: str = "terms") -> None:
    """Make sure that cancellation terms are steps in order of time, the last without an end.

    Raises:
        OfferRefused: they are not.
    """
    hours = [step.hours_before for step in terms]
    if not hours or hours[-1] is not None:
        words = "The last step of the terms has no hours_before: it holds up to the end."
        raise OfferRefused(field, words)
    ends = [hour for hour in hours[:-1] if hour is not None]
    if len(ends) != len(hours) - 1 or sorted(set(ends), reverse=True) != ends:
        words = "The steps of the terms stand in order of time: each hours_before is less than the"
        raise OfferRefused(field, f"{words} one before it, and only the last step has none.")


def expect_package(
    rule: AvailabilityRule,
    season: tuple[dt.date, dt.date] | None,
    weekdays: Collection[int] | None,
    nights: int,
) -> None:
    """Make sure that a hotel package can begin on some day.

    Raises:
        OfferRefused: it cannot, or its season or days contradict its rule.
    """
    if (season is not None) is not (rule is AvailabilityRule.SEASONAL):
        raise OfferRefused("season", "A SEASONAL package has a season, and no other one has.")
    if season is not None:
        since, until = season
        if not FIRST_YEAR <= since.year <= until.year <= LAST_YEAR:
            words = f"The season must be in the years {FIRST_YEAR} to {LAST_YEAR}."
            raise OfferRefused("season", words)
        if (until - since).days < nights:
            raise OfferRefused("season", "The season is shorter than the package.")
    if rule is AvailabilityRule.WEEKEND_ONLY and not WEEKEND.issuperset(weekdays or WEEKEND):
        words = "A WEEKEND_ONLY package begins on a Friday (5), Saturday (6) or Sunday (7)."
        raise OfferRefused("weekdays", words)
