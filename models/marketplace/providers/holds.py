"""Where a suspension ends the holds that are open with a provider.

The seam between providers and stock: holds are claims of the stock (``stock_claims``) with bookings
of their own, which only that domain ends. Until it does, there is nothing to end.
"""

from sqlalchemy.ext.asyncio import AsyncSession


async def end_holds_of(_session: AsyncSession, _provider_id: str) -> int:
    """End the open holds with a provider, in the caller's transaction; returns how many."""
    return 0
