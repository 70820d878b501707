"""Asking the payment service: whole answers, whole lists, and whether it can do what we need."""

from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from payments.payment_service.errors import (
    failure_in,
    malformed,
    no_such_route,
    refused,
    unsupported,
)
from payments.payment_service.http import Answered, Asked, ServiceHttp
from payments.payment_service.shapes import CaptureIntent, Intent, Page, Row

Model = TypeVar("Model", bound=BaseModel)

NOBODY: Final = "none"
"""The id of an intent that no service has."""

_PAGE_SIZE: Final = 100
_TAKES_AT_ONCE: Final = "confirming would take the money at once (capture_method is not manual)"


class ServiceClient:
    """Reads answers strictly; raises only :mod:`models.errors`."""

    def __init__(self, http: ServiceHttp) -> None:
        """Ask over ``http``."""
        self._http = http
        self._proved = False

    async def answer(self, asked: Asked, model: type[Model]) -> Model:
        """Make one request and read its answer."""
        answered = await self._http.send(asked)
        if not _done(answered):
            raise refused(asked, answered)
        try:
            return model.model_validate_json(answered.content)
        except (ValidationError, RecursionError) as error:
            # Not chained: what pydantic quotes may hold client secrets.
            raise malformed(asked, error) from None

    async def pages(self, asked: Asked, model: type[Page[Row]]) -> list[Row]:
        """Read a whole list, page by page, oldest first."""
        rows: list[Row] = []
        seen: set[str] = set()
        while True:
            page = await self.answer(
                asked.page(_PAGE_SIZE, after=rows[-1].id if rows else None), model
            )
            new = [row for row in page.data if row.id not in seen]
            if len(new) < len(page.data) or (page.has_more and not new):
                raise malformed(asked, ValueError("a page that was told before"))
            rows += new
            seen.update(row.id for row in new)
            if not page.has_more:
                return sorted(rows, key=lambda row: row.created_at)

    async def prove(self, key: str) -> None:
        """See once that the service has the routes without which money could not be held first.

        They are asked about an intent that does not exist: nothing can happen, and a service that
        has the route says ``not_found``. ``key`` is the idempotency key of what comes next.

        Raises:
            AuthConfig: a route is missing, or the service refuses us.
            Retryable: no answer to rely on; nothing was done.
        """
        if self._proved:
            return
        one = CaptureIntent(amount=1)
        for asked in (
            Asked("create", "POST", f"/intents/{NOBODY}/capture", body=one, key=f"{key}:capture"),
            Asked("create", "POST", f"/intents/{NOBODY}/cancel", key=f"{key}:cancel"),
            Asked("create", "GET", "/intents", query={"reference": NOBODY, "hold": "1"}),
            Asked("create", "GET", "/refunds", query={"intent_id": NOBODY}),
        ):
            answered = await self._http.send(asked)
            if no_such_route(answered.status, failure_in(answered)):
                raise unsupported(asked, f"it has no {asked.method} {asked.path}")
            if _done(answered) and asked.method == "POST":
                raise unsupported(asked, f"it answers {asked.path} for an intent nobody made")
            unsure = answered.status in (408, 409, 429) or answered.status >= 500
            if unsure or answered.status in (401, 403):
                raise refused(asked, answered)
        self._proved = True

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()


def holdable(asked: Asked, intent: Intent) -> Intent:
    """Return an intent whose money can be held first.

    Raises:
        AuthConfig: confirming it would take the money at once.
    """
    if intent.capture_method != "manual":
        raise unsupported(asked, _TAKES_AT_ONCE)
    return intent


def _done(answered: Answered) -> bool:
    return 200 <= answered.status < 300
