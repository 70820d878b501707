"""A gateway at the sandbox, and the payments it makes."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.money import Money
from payments.core.protocol import Gateway, Payment, Refund
from payments.stripe.adapter import StripeGateway
from tests.support.sandbox_client import SandboxClient


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


class Till:
    """A gateway and one booking's payment."""

    def __init__(self, gateway: Gateway, sandbox: SandboxClient) -> None:
        self.gateway = gateway
        self.sandbox = sandbox
        self.booking = str(uuid.uuid4())

    def key(self, operation: str) -> str:
        return f"v1:{self.booking}:payment:{operation}:1"

    async def create(
        self, amount: int = 10_000, *, currency: str = "USD", hold: int = 1
    ) -> Payment:
        return await self.gateway.create(
            amount=Money(amount=amount, currency=currency),
            reference=self.booking,
            hold=hold,
            key=self.key(f"create:{hold}"),
        )

    async def confirm(
        self, payment_id: str, method: str = "pm_card_visa", attempt: int = 1
    ) -> Payment:
        return await self.gateway.confirm(
            payment_id, payment_method_id=method, key=self.key(f"confirm:{attempt}")
        )

    async def authorised(self, method: str = "pm_card_visa", **more: Any) -> Payment:
        payment = await self.create(**more)
        return await self.confirm(payment.id, method)

    async def captured(
        self, part: int = 10_000, method: str = "pm_card_visa", **more: Any
    ) -> Payment:
        payment = await self.authorised(method, **more)
        money = Money(amount=part, currency=payment.amount.currency)
        return await self.gateway.capture(payment.id, amount=money, key=self.key("capture"))

    async def refund(self, payment_id: str, amount: int, number: int = 1) -> Refund:
        key = self.key(f"refund:{number}")
        return await self.gateway.refund(payment_id, amount=usd(amount), reference=key, key=key)

    async def arm(self, operation: str, kind: str, **more: object) -> None:
        await self.sandbox.arm(self.gateway.name, operation, kind, reference=self.booking, **more)

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
