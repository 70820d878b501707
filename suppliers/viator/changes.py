"""What has changed at Viator's side: its list of booking events, and telling that we know.

There are no webhooks (providers.md §5). Events that we caused over the API are not listed.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from pydantic import AwareDatetime, Field

from models.core.errors import Retryable
from models.core.supply import SupplierChange
from models.core.text import Text
from suppliers.core.answers import CamelMessage, JsonAnswer, Loose
from suppliers.viator import responses

_PAGE: Final = 50
"""As many as Viator puts on a page."""
_MAX_PAGES: Final = 100

Call = Callable[[str, str, object], Awaitable[JsonAnswer]]
"""Sends (method, path, body) and returns the answer, of whatever status."""


class _Event(CamelMessage):
    transaction_ref: Text = Field(min_length=1)
    event_type: Text
    booking_ref: Text = Field(min_length=1)
    partner_booking_ref: Loose[str] = None
    last_updated: AwareDatetime

    def change(self) -> SupplierChange:
        return SupplierChange(
            reference=self.partner_booking_ref,
            supplier_id=self.booking_ref,
            kind=self.event_type,
            at=self.last_updated,
            acknowledgement=self.transaction_ref,
        )


class _Events(CamelMessage):
    bookings: list[_Event]
    next_cursor: str | None = None


class _Unknown(CamelMessage):
    unknown_transaction_refs: list[str] = Field(min_length=1)


async def listed(call: Call, since: dt.datetime) -> list[SupplierChange]:
    """Return the events since then (UTC) that were not acknowledged, oldest first.

    Raises:
        Retryable: no answer, or a list without an end.
        AuthConfig: our key is refused.
    """
    start = since.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    asked = {"modified-since": start, "count": str(_PAGE)}
    found: dict[str, SupplierChange] = {}
    for _ in range(_MAX_PAGES):
        answer = await call("GET", f"/bookings/modified-since?{urlencode(asked)}", None)
        page = responses.expect_ok(answer).parse(_Events)
        found |= {event.transaction_ref: event.change() for event in page.bookings}
        if not page.next_cursor:
            return sorted(found.values(), key=lambda change: change.at)
        asked = {"cursor": page.next_cursor, "count": str(_PAGE)}
    raise answer.failure(Retryable, "Viator's list of events does not end")


async def acknowledge(call: Call, changes: Sequence[SupplierChange]) -> None:
    """Take events off the list; those that Viator knows no more are off it already.

    Raises:
        Retryable: no answer; repeating it is safe.
        AuthConfig: our key is refused.
    """
    refs = [change.acknowledgement for change in changes if change.acknowledgement]
    path = "/bookings/modified-since/acknowledge"
    while refs:
        batch, refs = refs[:_PAGE], refs[_PAGE:]
        answer = await call("POST", path, {"transactionRefs": batch})
        unknown = answer.peek(_Unknown) if answer.status == 404 else None
        if unknown is None:
            responses.expect_ok(answer)
            continue
        # Viator does not tell whether the others of the list were taken off.
        known = [ref for ref in batch if ref not in unknown.unknown_transaction_refs]
        if len(known) == len(batch):
            raise answer.failure(Retryable, "Viator knows other events than we told")
        if known:
            responses.expect_ok(await call("POST", path, {"transactionRefs": known}))
