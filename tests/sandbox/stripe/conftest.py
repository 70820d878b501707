"""A caller of the sandbox's Stripe who sends what anybody's client would send."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest


class Caller:
    """Plain HTTP with a test key."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(
            base_url=f"{url}/stripe/v1", headers={"Authorization": "Bearer sk_test_caller"}
        )
        self.booking = str(uuid.uuid4())

    async def post(
        self, path: str, data: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(path, data=data or {}, headers=headers)

    async def intent(self, **more: Any) -> dict[str, Any]:
        """A manual-capture intent over 10.00 USD with a good card, unconfirmed."""
        data = {
            "amount": "1000",
            "currency": "usd",
            "capture_method": "manual",
            "payment_method": "pm_card_visa",
            "metadata[booking_id]": self.booking,
            **more,
        }
        answer = await self.post("/payment_intents", data)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def step(
        self, intent: dict[str, Any], action: str, data: dict[str, Any] | None = None
    ) -> httpx.Response:
        return await self.post(f"/payment_intents/{intent['id']}/{action}", data)

    async def read(self, intent: dict[str, Any], expand: str = "latest_charge") -> dict[str, Any]:
        answer = await self.http.get(
            f"/payment_intents/{intent['id']}", params={"expand[]": expand}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def authenticate(self, intent: dict[str, Any], outcome: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url) as traveller:
            return await traveller.post(
                f"/stripe/_authenticate/{intent['id']}", params={"outcome": outcome}
            )

    async def control(self, path: str, **query: Any) -> dict[str, Any]:
        """Have something happen at Stripe that no caller asks for."""
        async with httpx.AsyncClient(base_url=self.url) as dashboard:
            answer = await dashboard.post(f"/_sandbox/stripe/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def events(self, intent: dict[str, Any]) -> list[str]:
        """The types of the events about an intent and what belongs to it, oldest first."""
        listed = (await self.http.get("/events", params={"limit": "100"})).json()["data"]
        return [
            event["type"]
            for event in reversed(listed)
            if intent["id"]
            in (event["data"]["object"]["id"], event["data"]["object"].get("payment_intent"))
        ]

    async def money(self, intent: dict[str, Any]) -> dict[str, Any]:
        """The intent as ``/_sandbox/state`` tells it."""
        async with httpx.AsyncClient(base_url=self.url) as observer:
            state = (await observer.get("/_sandbox/state")).json()
        return dict(next(p for p in state["payments"] if p["id"] == intent["id"]))

    async def effects(self) -> list[str]:
        """What was done to our booking, reads left out."""
        async with httpx.AsyncClient(base_url=self.url) as observer:
            rows = await observer.get("/_sandbox/log", params={"reference": self.booking})
        return [row["effect"] for row in rows.json() if row["effect"] != "none"]

    async def in_state(self, state: str) -> dict[str, Any]:
        """An intent in one of Stripe's states."""
        method = "pm_card_threeDSecure2Required" if state == "requires_action" else "pm_card_visa"
        if state == "requires_payment_method":
            method = ""
        intent = await self.intent(payment_method=method)
        if state == "canceled":
            await self.step(intent, "cancel")
        if state in ("requires_action", "requires_capture", "succeeded"):
            await self.step(intent, "confirm")
        if state == "succeeded":
            await self.step(intent, "capture")
        intent = await self.read(intent)
        assert intent["status"] == state
        return intent


@pytest.fixture
async def caller(sandbox_url: str) -> AsyncIterator[Caller]:
    made = Caller(sandbox_url)
    yield made
    await made.http.aclose()
