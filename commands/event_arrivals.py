"""What the feed tells of bookings that were just made."""

import asyncio
import time
from collections.abc import Collection
from itertools import groupby
from typing import Any, Self

from commands.target import Target
from commands.trips import TripClient, TripError

_SECONDS = 10.0
_AT_REST = "booking.confirmed"


class Arrivals:
    """The feed from where it was when this was entered."""

    def __init__(self, target: Target) -> None:
        """Nothing is asked yet."""
        self._client = _FeedClient(target.api, target.api_key, target.sandbox)
        self._behind: int | None = None

    async def __aenter__(self) -> Self:
        try:
            self._behind = (await self._client.page("latest"))["next"]
        except TripError:
            self._behind = None  # whoever books next finds out why
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def of(self, references: Collection[str]) -> dict[str, str]:
        """Return the events of bookings as a line each, such as ``created, confirmed``.

        Waits until each is confirmed in the feed, but for 10 seconds at most.
        """
        found: dict[str, list[str]] = {reference: [] for reference in references}
        end = time.monotonic() + _SECONDS
        behind = self._behind
        while behind is not None and time.monotonic() < end:
            try:
                page = await self._client.page(behind)
            except TripError:
                break
            behind = page["next"]
            for event in page["events"]:
                found.get(event["data"]["reference"], []).append(event["type"])
            if all(_AT_REST in types for types in found.values()):
                break
            if page["caught_up"]:
                await asyncio.sleep(0.1)
        return {reference: _line(types) for reference, types in found.items()}


class _FeedClient(TripClient):
    async def page(self, behind: int | str) -> dict[str, Any]:
        """Return a page of the feed behind a position. Raises TripError."""
        answer = await self._call("GET", f"{self.api}/api/v1/events?after={behind}&limit=500")
        return dict(answer.json())


def _line(types: list[str]) -> str:
    told = []
    for type_, several in groupby(types):
        count = len(list(several))
        told.append(type_.removeprefix("booking.") + (f" ×{count}" if count > 1 else ""))
    return ", ".join(told) or "none has arrived yet"
