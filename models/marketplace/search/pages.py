"""What pages of searches share: their order, their place, prices that are asked for."""

import datetime as dt
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from models.core.money import CODES, least_charge, smallest_charge
from models.marketplace.quotes.pricing import MOST


@dataclass(frozen=True)
class Place:
    """Where an offer stands: by currency, then price, then id."""

    currency: str
    total: int
    id: str


@dataclass(frozen=True)
class Prices:
    """Prices that are wanted, in minor units; without a currency, any."""

    currency: str | None = None
    least: int | None = None
    most: int | None = None

    def values(self) -> dict[str, Any]:
        """Return the parameters of :data:`WANTED`."""
        return {"currency": self.currency, "price_min": self.least, "price_max": self.most}


ANY_PRICE: Final = Prices()

ORDER: Final = "currency, total, id"
"""Prices of two currencies are not compared: those of one stand together."""
BEHIND: Final = f"""
(CAST(:after_currency AS text) IS NULL
    OR (currency, total, id) > (:after_currency, :after_total, CAST(:after_id AS uuid)))
AND total BETWEEN coalesce(:price_min, 0) AND coalesce(:price_max, {MOST})
"""
"""A page begins behind the place of the one before."""


def page_values(after: Place | None, limit: int, prices: Prices) -> dict[str, Any]:
    """Return the parameters of :data:`BEHIND`, and how many rows there are at most."""
    return {
        "after_currency": after and after.currency,
        "after_total": after and after.total,
        "after_id": after and after.id,
        "limit": limit,
        **prices.values(),
    }


def days(now: dt.datetime) -> str:
    """Return which day it is in every zone, as JSON: PostgreSQL may know other zones than we do."""
    return _days(now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0))


@lru_cache(maxsize=2)
def _days(now: dt.datetime) -> str:
    return json.dumps(
        {zone: f"{now.astimezone(ZoneInfo(zone)).date()}" for zone in sorted(available_timezones())}
    )


def step_in_sql(currency: str) -> str:
    """Return, in SQL, what amounts of a currency are multiples of (``smallest_charge``)."""
    steps = {code: smallest_charge(code) for code in CODES}
    cases = " ".join(f"WHEN '{code}' THEN {step}" for code, step in steps.items() if step > 1)
    return f"CASE {currency} {cases} ELSE 1 END"


def payable_in_sql(total: str, currency: str) -> str:
    """Return the condition, in SQL, that somebody can pay so much (``quotes.payable``)."""
    cases = " ".join(
        f"WHEN '{code}' THEN {least}" for code in CODES if (least := least_charge(code)) > 1
    )
    return f"({total} = 0 OR {total} BETWEEN CASE {currency} {cases} ELSE 1 END AND {MOST})"


def taxes_in_sql(taxes: str, price: str, step: str, counts: "Counts") -> str:
    """Return, in SQL, what taxes come to, each rounded by itself (``pricing.tax_lines``)."""
    return f"""
(SELECT coalesce(sum(CASE x.kind
        WHEN 'SHARE' THEN ({price} * x.basis_points + 5000 * ({step}))
            / (10000 * ({step})) * ({step})
        ELSE (x.amount * (CASE x.kind
                WHEN 'PER_ADULT_NIGHT' THEN ({counts.adults}) * ({counts.nights})
                WHEN 'PER_UNIT_NIGHT' THEN ({counts.units}) * ({counts.nights})
                WHEN 'PER_PERSON' THEN ({counts.persons}) ELSE 1 END) + ({step}) / 2)
            / ({step}) * ({step}) END), 0)
FROM jsonb_to_recordset({taxes}) AS x(kind text, basis_points bigint, amount bigint))
"""  # noqa: S608


@dataclass(frozen=True)
class Counts:
    """What taxes are reckoned from, in SQL."""

    adults: str
    persons: str
    units: str
    nights: str
