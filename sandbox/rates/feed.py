"""Writes ``eurofxref-daily.xml``."""

import datetime as dt
from decimal import Decimal
from typing import Final

from sandbox.amounts import RATES

PUBLISHED: Final = (
    "USD", "JPY", "CZK", "DKK", "GBP", "HUF", "PLN", "RON", "SEK", "CHF", "ISK", "NOK", "TRY",
    "AUD", "BRL", "CAD", "CNY", "HKD", "IDR", "ILS", "INR", "KRW", "MXN", "MYR", "NZD", "PHP",
    "SGD", "THB", "ZAR",
)  # fmt: skip
"""What the bank has rates for, in its order; the dinars of the Gulf are not among them."""

_DRIFT: Final = Decimal("1.1")


def daily(day: dt.date, *, drifted: bool = False) -> bytes:
    """Return the file for a day; ``drifted``: the euro has become a tenth dearer."""
    cubes = "".join(
        f"\t\t\t<Cube currency='{currency}' rate='{_rate(currency, drifted=drifted)}'/>\n"
        for currency in PUBLISHED
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
        "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
        # A pretended bank says so: the name is kept with every price that was converted.
        "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank (sandbox)</gesmes:name>\n"
        "\t</gesmes:Sender>\n"
        f"\t<Cube>\n\t\t<Cube time='{day.isoformat()}'>\n{cubes}\t\t</Cube>\n\t</Cube>\n"
        "</gesmes:Envelope>"
    ).encode()


def _rate(currency: str, *, drifted: bool) -> str:
    rate = Decimal(RATES[currency])
    return f"{rate * _DRIFT if drifted else rate:f}"
