"""What lists are asked for: whatever is not known is refused, by the names of what is."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from models.bookings.listing import MOST_COUNTED
from models.core.supply import HOUSE
from models.core.text import ANY_LINE
from models.core.venues import VENUE
from models.events.content import CONTENTS
from models.suppliers.listings import BY_NAME


@dataclass(frozen=True)
class OneOf:
    """Text that is one of these names, which are known only when the program runs."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


GATEWAYS: Final = ("stripe", "payment_service")
SupplierName = Annotated[str, OneOf(tuple(sorted(BY_NAME)))]
SellerName = Annotated[str, OneOf((*sorted(BY_NAME), HOUSE))]
"""Whose sales earn a commission: a supplier's, or those of the marketplace's providers."""
ProviderName = Annotated[str, OneOf((*sorted(BY_NAME), VENUE, *GATEWAYS))]
"""A supplier's or a gateway's name."""

Words = Annotated[str, StringConstraints(pattern=ANY_LINE)]
"""A line of text to search for: looked up in the record, never stored."""


def _flag(given: Any) -> Any:
    if isinstance(given, bool):
        return given
    try:
        return {"true": True, "false": False}[given]
    except (KeyError, TypeError):
        raise ValueError("must be true or false") from None


Flag = Annotated[bool, BeforeValidator(_flag)]
"""A switch in a query; pydantic alone takes ``1``, ``on`` and more."""

Counted = Annotated[
    Flag,
    Query(
        description=f"Tell how many the whole list has: up to {MOST_COUNTED:,}, or that there are"
        " more. It takes a second statement, so ask for it with one page."
    ),
]
"""Whether a list is counted; ``models.bookings.listing.count`` does it."""

_UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ORDER_PLACE: Final = f"^[0-9]{{1,16}}~{_UUID}~[0-9]{{1,9}}$"
EVENT_PLACE: Final = "^([0-9]{1,15}|latest)$"
EVENT_TYPES: Final = sorted({type_ for type_, _ in CONTENTS})
_TYPE: Final = f"({'|'.join(EVENT_TYPES)})".replace(".", r"\.")
SOME_EVENT_TYPES: Final = f"^{_TYPE}(,{_TYPE}){{0,{len(EVENT_TYPES) - 1}}}$"
CURSOR: Final = "^[A-Za-z0-9_-]{43}$"
Cursor = Annotated[str, Field(pattern=CURSOR)]
"""Made and read by ``api.core.cursors``."""
OrderPlace = Annotated[str, Field(pattern=ORDER_PLACE)]
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def place(at: dt.datetime, *names: object) -> str:
    """Return where something made then stands in a list: the next page's ``after``."""
    return "~".join(str(part) for part in ((at - _EPOCH) // _MICROSECOND, *names))


def made_at(moment: str) -> dt.datetime:
    """Return the moment a place begins with."""
    return _EPOCH + int(moment) * _MICROSECOND
