"""Every gateway at the sandbox: what holds for one must hold for each."""

from collections.abc import AsyncIterator, Callable

import pytest

from payments.core.protocol import Gateway
from payments.payment_service.adapter import PaymentServiceGateway
from payments.stripe.adapter import StripeGateway
from tests.payments.conftest import Till
from tests.support.sandbox_client import SandboxClient

BACK = "http://127.0.0.1/back"


def stripe(url: str, *, timeout: float = 5, key: str = "sk_test_conformity") -> Gateway:
    return StripeGateway(key=key, url=f"{url}/stripe", timeout=timeout, return_url=BACK)


def payment_service(url: str, *, timeout: float = 5, key: str = "test_conformity") -> Gateway:
    return PaymentServiceGateway(
        url=f"{url}/payment_service", api_key=key, timeout=timeout, return_url=BACK
    )


MAKERS: dict[str, Callable[..., Gateway]] = {
    "stripe": stripe,
    "payment_service": payment_service,
}


@pytest.fixture(params=MAKERS)
async def till(
    request: pytest.FixtureRequest, sandbox_url: str, sandbox: SandboxClient
) -> AsyncIterator[Till]:
    """Each gateway in turn; a module that lets it wait says for how long in ``TIMEOUT``."""
    gateway = MAKERS[request.param](sandbox_url, timeout=getattr(request.module, "TIMEOUT", 5))
    assert gateway.name == request.param
    yield Till(gateway, sandbox)
    await gateway.close()
