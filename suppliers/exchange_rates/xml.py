"""Reads ``eurofxref-daily.xml``, strictly: every value is checked before it is used.

Parsed by expat, event by event, with document types refused: without one there are no entities
to expand and nothing outside to fetch (reliability.md S21).
"""

import datetime as dt
import re
from decimal import Decimal
from typing import Final
from xml.parsers import expat

from models.core.exchange import PIVOT, RateTable

_RATES: Final = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
_SENDER: Final = "http://www.gesmes.org/xml/2002-08-01 name"
_CODE: Final = re.compile("[A-Z]{3}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_NAME: Final = 100


class NotTheFeedError(Exception):
    """What came is not the daily file of reference rates."""


def read_daily(content: bytes) -> RateTable:
    """Return the rates of a daily file.

    Raises:
        NotTheFeedError: it is not one, or names no sender, no day or no rate, or a rate twice.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise NotTheFeedError(f"it is no XML we read: {error}") from error
    return reader.table()


class _Reader:
    """Collects what the elements say."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._in_sender = False
        self._sender = ""
        self._days: list[str] = []
        self._rates: dict[str, Decimal] = {}

    def table(self) -> RateTable:
        """Return what was collected."""
        sender = self._sender.strip()
        if not sender or len(sender) > _LONGEST_NAME or not sender.isprintable():
            raise NotTheFeedError("it does not say who publishes it")
        if len(self._days) != 1:
            raise NotTheFeedError(f"it is for {len(self._days)} days, not one")
        if not self._rates:
            raise NotTheFeedError("it has no rates")
        return RateTable(
            as_of=_day(self._days[0]),
            source=f"{sender} euro foreign exchange reference rates",
            per_euro=self._rates,
        )

    def _refuse_doctype(self, *_: object) -> None:
        raise NotTheFeedError("it has a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._in_sender = name == _SENDER
        if name != _RATES:
            return
        if "time" in attributes:
            self._days.append(attributes["time"])
        if "currency" in attributes or "rate" in attributes:
            self._add(attributes.get("currency", ""), attributes.get("rate", ""))

    def _end(self, _: str) -> None:
        self._in_sender = False

    def _text(self, text: str) -> None:
        if self._in_sender:
            self._sender += text

    def _add(self, currency: str, rate: str) -> None:
        if not _CODE.fullmatch(currency) or currency == PIVOT or currency in self._rates:
            raise NotTheFeedError(f"{currency!r} is no currency it can have a rate for")
        if not _NUMBER.fullmatch(rate) or Decimal(rate) == 0:
            raise NotTheFeedError(f"{rate!r} is no rate")
        self._rates[currency] = Decimal(rate)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise NotTheFeedError(f"{text!r} is no day") from error
