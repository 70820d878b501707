"""The one protocol every supplier stands behind."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from models.core.people import Contact, Traveler
from models.core.supply import (
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    SupplierChange,
    TripComponent,
)


class Party(BaseModel):
    """Who travels, and where they are reached."""

    model_config = ConfigDict(frozen=True)

    travelers: tuple[Traveler, ...]
    contact: Contact

    @property
    def lead(self) -> Traveler:
        """The traveller who leads the booking."""
        return self.travelers[0]


class Supplier(Protocol):
    """A supplier of flights, hotels or experiences.

    Every method raises only :mod:`models.errors`; a wait longer than the configured timeout
    is an ``UnknownOutcome`` on ``book`` and ``cancel`` and ``Retryable`` on reads. Adapters never
    retry by themselves: the saga does.
    """

    name: str
    capabilities: Capabilities

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Verify that the item exists, is what it claims to be and is available; price it now.

        Raises:
            Unavailable: it is sold out, gone, or not what the trip option says.
            InvalidRequest: the offer or the party cannot be quoted.
            Retryable: no answer; nothing was touched.
        """
        ...

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Reserve the item under ``reference``, at the quoted price or not at all.

        Raises:
            Unavailable, PriceChanged, InvalidRequest, Declined, AuthConfig: nothing was reserved.
            Retryable: certainly nothing was reserved (refused connection, 429).
            UnknownOutcome: it may have been reserved.
            Duplicate: ``reference`` has been used; ``find`` tells.
        """
        ...

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Look up what was reserved under ``reference``; None when nothing is visible.

        ``since`` (UTC) is when the first attempt began; suppliers that only list by time need it.
        A cancelled reservation is returned with status CANCELLED. Only called where
        ``capabilities.finds``.

        Raises:
            Retryable: no answer.
        """
        ...

    async def look(self, reservation: Reservation) -> Reservation:
        """Return a known reservation as the supplier has it now, found by ``supplier_id``.

        What the supplier does not repeat is kept from ``reservation``. CANCELLED when it is gone,
        REJECTED when the supplier has said no to it, HELD, PENDING or CONFIRMED.

        Raises:
            Retryable: no answer.
            AuthConfig: an operator must mend it.
        """
        ...

    async def complete(
        self, reservation: Reservation, quote: Quote, party: Party, key: str
    ) -> Reservation:
        """Make a HELD reservation ours, at the quoted price or not at all: pay it, confirm it.

        ``key`` is our idempotency key, for suppliers that take one. Answers CONFIRMED, or PENDING.
        Only called where ``capabilities.holds``. Whether an unanswered one was done, ``look``
        tells: it answers HELD when nothing was done.

        Raises:
            Unavailable, PriceChanged, InvalidRequest, Declined, AuthConfig: it stays held, or has
                lapsed; nothing was paid.
            Retryable: certainly nothing was done.
            UnknownOutcome: it may have been done.
        """
        ...

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Say what cancelling would cost now. Nothing is cancelled.

        Only called where ``capabilities.quotes_cancel``.

        Raises:
            Retryable: no answer.
        """
        ...

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:
        """Cancel a reservation; one that is cancelled already counts as success.

        ``key`` is our idempotency key, for suppliers that take one.

        Raises:
            NotCancellable: the supplier refuses for good.
            Retryable, UnknownOutcome: no answer; repeating is safe, for cancels are absorbing.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class ListsChanges(Protocol):
    """A supplier that is asked for changes instead of telling them (``lists_changes``)."""

    async def changes(self, since: dt.datetime) -> list[SupplierChange]:
        """Return what changed at the supplier's side since then (UTC), oldest first.

        Raises:
            Retryable: no answer.
        """
        ...

    async def acknowledge(self, changes: Sequence[SupplierChange]) -> None:
        """Tell the supplier that these have been dealt with; repeating it is safe.

        Raises:
            Retryable: no answer.
        """
        ...


class ChangesTravelers(Protocol):
    """A supplier where traveller details of a reservation can be changed."""

    async def change_travelers(
        self, reservation: Reservation, party: Party, key: str
    ) -> Reservation:
        """Have the travellers of a reservation be ``party``, at no other price.

        Repeating it is safe: it says what shall be, not what to change.

        Raises:
            InvalidRequest, Unavailable, PriceChanged: it stays as it was.
            Retryable, UnknownOutcome: no answer; repeat.
        """
        ...
