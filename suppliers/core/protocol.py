"""The protocol that every supplier implements, and those of what only some can do.

Callers ask with ``isinstance`` whether a supplier has an optional protocol; there are no flags.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from models.core.people import Address, Contact, Traveler
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
    address: Address | None = None
    """Of whoever pays, where it was given."""

    @property
    def lead(self) -> Traveler:
        """The traveller who leads the booking."""
        return self.travelers[0]


Item = TypeVar("Item", contravariant=True)
"""What is booked."""
Who = TypeVar("Who", contravariant=True)
"""Who it is for."""


class Sells(Protocol[Item, Who]):
    """Whoever sells something that is booked under our reference.

    Every method raises only :mod:`models.core.errors`; a wait longer than the configured timeout
    is an ``UnknownOutcome`` on ``book`` and ``cancel`` and ``Retryable`` on reads. Adapters never
    retry by themselves: the saga does.
    """

    name: str
    capabilities: Capabilities

    async def quote(self, item: Item, party: Who) -> Quote:
        """Verify that the item exists, is what it claims to be and is available; price it now.

        Raises:
            Unavailable: it is sold out, gone, or not what the trip option says.
            InvalidRequest: the offer or the party cannot be quoted.
            Retryable: no answer; nothing was touched.
        """
        ...

    async def book(self, item: Item, quote: Quote, party: Who, reference: str) -> Reservation:
        """Reserve the item under ``reference``, at the quoted price or not at all.

        Raises:
            Unavailable, PriceChanged, InvalidRequest, Declined, AuthConfig: nothing was reserved.
            Retryable: certainly nothing was reserved (refused connection, 429).
            UnknownOutcome: it may have been reserved.
            Duplicate: ``reference`` has been used; ``find`` tells.
        """
        ...

    async def look(self, reservation: Reservation) -> Reservation:
        """Return a known reservation as the supplier has it now, found by ``supplier_id``.

        What the supplier does not repeat is kept from ``reservation``. CANCELLED when it is gone,
        REJECTED when the supplier has refused it, HELD, PENDING or CONFIRMED.

        Raises:
            Retryable: no answer.
            AuthConfig: an operator must mend it.
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


class Supplier(Sells[TripComponent, Party], Protocol):
    """A supplier of flights, hotels or experiences: of what trips are made of."""


@runtime_checkable
class FindsReservations(Protocol):
    """A supplier that looks a reservation up by our reference, also one nobody answered about."""

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Look up what was reserved under ``reference``; None when nothing is visible.

        ``since`` (UTC) is when the first attempt began; suppliers that only list by time need it.
        A cancelled reservation is returned with status CANCELLED.

        Raises:
            Retryable: no answer.
        """
        ...


@runtime_checkable
class CompletesHolds(Protocol):
    """A supplier whose ``book`` may answer HELD: reserved for a while, with nothing owed."""

    completes: Literal["before_capture", "after_capture"]
    """When a hold is completed: before the traveller's money is captured, or after it, where
    completing costs what does not come back."""

    async def complete(
        self, reservation: Reservation, quote: Quote, party: Party, key: str
    ) -> Reservation:
        """Pay or confirm a HELD reservation, at the quoted price or not at all.

        ``key`` is our idempotency key, for suppliers that take one. Answers CONFIRMED, or PENDING.
        Whether an unanswered one was done, ``look`` tells: it answers HELD when nothing was done.

        Raises:
            Unavailable, PriceChanged, InvalidRequest, Declined, AuthConfig: it stays held, or has
                lapsed; nothing was paid.
            Retryable: certainly nothing was done.
            UnknownOutcome: it may have been done.
        """
        ...


@runtime_checkable
class QuotesCancellation(Protocol):
    """A supplier that says beforehand what cancelling costs; else only the stored terms do."""

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Say what cancelling would cost now. Nothing is cancelled.

        Raises:
            Retryable: no answer.
        """
        ...


@runtime_checkable
class ListsChanges(Protocol):
    """A supplier that is asked for changes on its side, instead of sending webhooks."""

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


@runtime_checkable
class ReleasesReferences(Protocol):
    """Who cancels whatever stands under our reference, and takes nothing under it afterwards."""

    async def release(self, reference: str) -> Cancellation:
        """Leave a tombstone under ``reference``; what stands there, or comes late, is gone.

        For an unanswered ``book``: nothing need be known of it. Repeating it is safe. ``already``
        when nothing was cancelled by this very call.

        Raises:
            NotCancellable: the supplier refuses for good.
            Retryable, UnknownOutcome: no answer; repeating is safe.
        """
        ...


@runtime_checkable
class ChangesReservations(Protocol[Item, Who]):
    """Who changes a reservation in place: all of it or nothing."""

    async def change(
        self, reservation: Reservation, item: Item, quote: Quote, party: Who, key: str
    ) -> Reservation:
        """Make a reservation one of ``item`` at the quoted price, once for each ``key``.

        A repeat under the same key changes nothing more.

        Raises:
            Unavailable, InvalidRequest, AuthConfig: nothing was changed.
            Retryable: certainly nothing was changed.
            UnknownOutcome: it may have been changed; repeating it under the same key is safe.
        """
        ...
