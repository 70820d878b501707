"""An open case that is renewed: what a decision about it will reckon by."""

import datetime as dt
from typing import Any

import pytest

from models.bookings.booking import OpenCase
from models.bookings.lifecycle import CancelledBy

MON, TUE = "2031-03-03T09:00:00Z", "2031-03-04T09:00:00Z"


def asked(by: CancelledBy | None, at: str) -> dict[str, Any]:
    named = {} if by is None else {"by": by}
    return {"operation": "cancel", "requestedAt": at, "reason": f"{by}", **named}


@pytest.mark.parametrize(
    ("before", "now", "by", "at"),
    [
        (asked(CancelledBy.GUEST, MON), asked(CancelledBy.GUEST, TUE), "GUEST", MON),
        (asked(CancelledBy.GUEST, MON), asked(CancelledBy.OPERATOR, TUE), "GUEST", MON),
        (asked(CancelledBy.GUEST, MON), asked(CancelledBy.PROVIDER, TUE), "PROVIDER", TUE),
        (asked(CancelledBy.PROVIDER, MON), asked(CancelledBy.GUEST, TUE), "PROVIDER", MON),
        ({"operation": "undo"}, asked(CancelledBy.GUEST, TUE), "GUEST", TUE),
        (asked(CancelledBy.GUEST, MON), {"operation": "undo"}, "GUEST", MON),
        (asked(None, MON), asked(CancelledBy.GUEST, TUE), "GUEST", MON),
    ],
)
def test_the_first_request_counts_unless_the_last_pays_no_fee(
    before: dict[str, Any], now: dict[str, Any], by: str, at: str
) -> None:
    opened = dt.datetime(2031, 3, 3, tzinfo=dt.UTC)
    details = {"item": 1, "code": "SUPPLIER_DOWN", **before}
    case = OpenCase(kind="SAGA", source="item:1", summary="a", details=details, opened_at=opened)
    renewed = case.renewed("b", {"item": 1, "code": "UNAVAILABLE", **now})
    assert (renewed.summary, renewed.item, renewed.opened_at) == ("b", 1, opened)
    told = renewed.details
    assert (told["by"], told["requestedAt"], told["code"]) == (by, at, "UNAVAILABLE")
    assert told["operation"] == "cancel"
