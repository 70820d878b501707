"""A gateway at the sandbox's payment service, behind a front that may say something else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from payments.payment_service.adapter import PaymentServiceGateway
from tests.payments.conftest import Till
from tests.payments.payment_service.fronted import Front, fronted
from tests.support.sandbox_client import SandboxClient

INTENT = r"/intents/pay_\w+"
"""The path of an intent."""


@pytest.fixture(scope="session")
async def served(sandbox_url: str) -> AsyncIterator[Front]:
    async with fronted(sandbox_url) as made:
        yield made


@pytest.fixture
def front(served: Front) -> Front:
    """A front that says nothing of its own yet."""
    served.forget()
    served.seen.clear()
    return served


@pytest.fixture
async def gateway(front: Front) -> AsyncIterator[PaymentServiceGateway]:
    made = front.gateway()
    yield made
    await made.close()


@pytest.fixture
def till(gateway: PaymentServiceGateway, sandbox: SandboxClient) -> Till:
    return Till(gateway, sandbox)


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"It says {code}."}}


def intent(till: Till) -> dict[str, Any]:
    """An intent as the service would answer it."""
    return {
        "id": "pay_1",
        "status": "requires_payment_method",
        "amount": 10_000,
        "currency": "USD",
        "capture_method": "manual",
        "reference": till.booking,
        "hold": 1,
        "created_at": "2026-01-01T00:00:00Z",
    }
