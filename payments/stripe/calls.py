"""How a request to Stripe is made and its answer read; raises only :mod:`models.errors`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import stripe

from payments.core.errors import classify, unusable
from payments.core.protocol import Payment
from payments.stripe.shapes import IntentAnswer, Page

Result = TypeVar("Result")


async def call(
    operation: str,
    read: Callable[[dict[str, Any]], Result],
    request: Callable[[], Awaitable[Any]],
) -> Result:
    """Make one request and return what ``read`` makes of the answer."""
    try:
        return await answer(operation, read, request)
    except stripe.StripeError as error:
        # Not chained: the SDK's errors carry whole bodies, client secrets included.
        raise classify(error, operation) from None


async def call_all(
    operation: str,
    read: Callable[[Page], list[Result]],
    page_after: Callable[[str | None], Awaitable[Any]],
) -> list[Result]:
    """Read a list to its end and return what ``read`` makes of its pages, oldest first.

    ``page_after`` asks for the page after an entry's id; for the first page after None.
    """
    newest_first: list[Result] = []
    last: str | None = None
    while True:
        entries, following = await call(
            operation, lambda data: _page(data, read), partial(page_after, last)
        )
        newest_first += entries
        if following is None:
            return newest_first[::-1]
        if following == last:
            raise unusable(operation, LookupError("the list does not go on"))
        last = following


async def answer(
    operation: str,
    read: Callable[[dict[str, Any]], Result],
    request: Callable[[], Awaitable[Any]],
) -> Result:
    """Return what ``read`` makes of the answer to ``request``.

    Raises:
        stripe.StripeError: Stripe, or the SDK, says no.
        ProviderError: the answer is not as published.
    """
    try:
        return read((await request()).to_dict())
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # The first is pydantic's as well as the SDK's over bytes that are no text.
        raise unusable(operation, error) from None


def payment_in(data: dict[str, Any]) -> Payment:
    """Return a payment intent in our words. Raises ValueError: it is not as published."""
    return IntentAnswer.model_validate(data).payment()


def payments_in(page: Page) -> list[Payment]:
    """Return the payments of a page that can be read; those that we made must be readable.

    What else the account sells may be in states or currencies that we know nothing of.
    """
    found = []
    for entry in page.data:
        try:
            found.append(payment_in(entry))
        except ValueError:
            if "booking_id" in (entry.get("metadata") or {}):
                raise
    return found


def _page(
    data: dict[str, Any], read: Callable[[Page], list[Result]]
) -> tuple[list[Result], str | None]:
    """Return what a page holds and the entry after which the next begins; None at the end."""
    page = Page.model_validate(data)
    return read(page), str(page.data[-1]["id"]) if page.has_more and page.data else None
