"""Users who offer stays and tours, and an admin, at an API whose Temporal is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.server import Served
from tests.marketplace.conftest import house as house
from tests.marketplace.house import STEPS, House
from tests.support.users import SignedIn, sign_in


@dataclass(frozen=True)
class User:
    """A signed-in user."""

    id: str
    http: httpx.AsyncClient

    async def call(
        self, method: str, path: str, *, status: int = 200, **sent: Any
    ) -> dict[str, Any]:
        """Send a request below ``/market/v1``; return its answer, which has to have a status."""
        answer = await self.http.request(method, f"/market/v1/{path}", **sent)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def post(self, path: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
        return await self.call("POST", path, status=status, json=body)

    async def patch(self, path: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
        return await self.call("PATCH", path, status=status, json=body)

    async def get(self, path: str, status: int = 200, /, **query: Any) -> dict[str, Any]:
        return await self.call("GET", path, status=status, params=query)


class Market:
    """Makes users and what they offer."""

    def __init__(self, served: Served, url: str, house: House, opened: AsyncExitStack) -> None:
        self.served = served
        self.house = house
        self._url = url
        self._opened = opened

    async def user(self, **how: Any) -> User:
        signed_in: SignedIn = sign_in(self._url, **how)
        http = await self._opened.enter_async_context(
            httpx.AsyncClient(base_url=self.served.url, headers=signed_in.bearer, timeout=60)
        )
        return User(signed_in.id, http)

    async def admin(self) -> User:
        return await self.user(admin=True, second_factor=True)

    async def provider(self, user: User, kind: str = "HOTEL_MANAGER") -> str:
        made = await user.post("providers", 201, provider_type=kind)
        return str(made["id"])

    async def fill_in(self, user: User, provider: str, steps: list[str]) -> None:
        for step in steps:
            where = f"providers/{provider}/onboarding/{step}"
            await user.patch(where, step=step, **STEPS[step])  # type: ignore[index]

    async def approve(self, provider: str) -> None:
        """Have a provider approved, whatever it says of itself."""
        moves = ("IN_PROGRESS", "SUBMITTED", "UNDER_REVIEW", "APPROVED")
        for version, status in enumerate(moves, 2):
            await self.house.execute(
                "UPDATE provider_profiles SET verification_status = :s, version = :v,"
                " submitted_at = now() WHERE id = :p",
                s=status,
                v=version,
                p=provider,
            )


@pytest.fixture
async def market(lonely: Served, database_url: str, house: House) -> AsyncIterator[Market]:
    async with AsyncExitStack() as opened:
        yield Market(lonely, database_url, house, opened)
