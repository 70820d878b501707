"""Where a suspension ends the holds that are open with a provider.

The seam between providers and stock: holds are claims of the stock (``stock_claims``) with bookings
of their own, which only that domain ends, in the suspension's own transaction.
"""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class EndHolds(Protocol):
    """Ends the open holds with a provider, whose profile is locked; returns how many."""

    async def __call__(
        self, session: AsyncSession, provider_id: str, /, *, who: str, why: str
    ) -> int:
        """End them; ``who`` and ``why`` stand in the history of their bookings."""
        ...


async def no_holds(_session: AsyncSession, _provider_id: str, *, who: str, why: str) -> int:
    """End nothing: as long as nobody can hold anything, there is nothing to end."""
    del who, why
    return 0
