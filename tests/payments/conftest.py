"""A gateway at the sandbox, and the payments it makes."""

import uuid
from collections.abc import AsyncIterator

import pytest

from models.money import Money
from payments.protocol import Payment
from payments.stripe import StripeGateway
from tests.support.sandbox_client import SandboxClient


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


class Till:
    """A gateway and one booking's payment."""

    def __init__(self, gateway: StripeGateway, sandbox: SandboxClient) -> None:
        self.gateway = gateway
        self.sandbox = sandbox
        self.booking = str(uuid.uuid4())

    def key(self, operation: str) -> str:
        return f"v1:{self.booking}:payment:{operation}:1"

    async def create(self, method: str = "pm_card_visa", amount: int = 10_000) -> Payment:
        return await self.gateway.create(
            amount=usd(amount),
            payment_method_id=method,
            reference=self.booking,
            metadata={"trip": "sample"},
            key=self.key("create"),
        )

    async def authorised(self, method: str = "pm_card_visa") -> Payment:
        payment = await self.create(method)
        return await self.gateway.confirm(payment.id, key=self.key("confirm"))

    async def captured(self, amount: int = 10_000, method: str = "pm_card_visa") -> Payment:
        payment = await self.authorised(method)
        return await self.gateway.capture(payment.id, amount=usd(amount), key=self.key("capture"))

    async def arm(self, operation: str, kind: str, **more: object) -> None:
        await self.sandbox.arm("stripe", operation, kind, reference=self.booking, **more)

    async def effects(self) -> list[str]:
        rows = await self.sandbox.log(self.booking)
        return [row["effect"] for row in rows if row["effect"] != "none"]


@pytest.fixture
async def till(sandbox_url: str, sandbox: SandboxClient) -> AsyncIterator[Till]:
    gateway = StripeGateway(
        key="sk_test_till",
        url=f"{sandbox_url}/stripe",
        timeout=2,
        webhook_secrets="whsec_old, whsec_new",
        return_url="http://127.0.0.1/back",
    )
    yield Till(gateway, sandbox)
    await gateway.close()
