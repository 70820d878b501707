"""Moments and days as RFC 3339 writes them; pydantic alone takes numbers as well."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _moment(given: Any) -> Any:
    if isinstance(given, dt.datetime) or (isinstance(given, str) and _MOMENT.fullmatch(given)):
        return given
    raise ValueError("must be a date and time with its zone, such as 2031-03-01T09:00:00Z")


def _day(given: Any) -> Any:
    if isinstance(given, dt.date) or (isinstance(given, str) and _DAY.fullmatch(given)):
        return given
    raise ValueError("must be a date such as 2031-03-01")


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Day = Annotated[dt.date, BeforeValidator(_day)]
