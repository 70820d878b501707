"""Prices that can be paid. No I/O."""

from collections.abc import Callable, Iterable

from models.core.money import least_charge
from models.marketplace.quotes.errors import PriceNotPayable
from models.marketplace.quotes.pricing import Price, PriceLine


def payable(lines: Callable[[], Iterable[PriceLine]], currency: str) -> Price:
    """Return the price that has these lines; nothing to pay is one, too.

    Raises:
        PriceNotPayable: it is less than a card is charged, or more than any price may be.
    """
    try:
        price = Price.of([*lines()], currency)
    except OverflowError:
        raise PriceNotPayable(None, currency) from None
    least = least_charge(currency)
    if 0 < price.total < least:
        raise PriceNotPayable(least, currency)
    return price
