"""Every request of the gateway against Stripe's own mock server, which checks the parameters.

The mock is stateless: its answers are fixtures that fit nothing we asked for. What counts is that
no request is refused for its parameters, its path or its key.
"""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError
from models.core.http import HttpAnswer
from models.core.money import Money
from payments.core.protocol import Gateway
from payments.stripe.adapter import StripeGateway
from tests.support import stripe_mock

pytestmark = pytest.mark.xdist_group("stripe-mock")
"""One server is enough: all its tests run in one process."""


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return stripe_mock.obtain()
    except stripe_mock.NotToBeHad as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def mock_url(program: Path) -> Iterator[str]:
    with stripe_mock.serving(program) as url:
        yield url


class Recorder:
    """The gateway's traffic: method, path and status of every answer."""

    def __init__(self, gateway: StripeGateway) -> None:
        self.gateway = gateway
        self.answers: list[tuple[str, str, int, str]] = []
        self._send = gateway._http.client.send
        gateway._http.client.send = self._noted  # type: ignore[method-assign]

    async def _noted(self, method: str, url: str, **request: Any) -> HttpAnswer:
        answer = await self._send(method, url, **request)
        told = answer.content.decode() if answer.status >= 400 else ""
        self.answers.append((method, urlsplit(url).path, answer.status, told))
        return answer


@pytest.fixture(params=["http://127.0.0.1/back", ""], ids=["return_url", "no return_url"])
async def recorder(mock_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Recorder]:
    gateway = StripeGateway(key="sk_test_mock", url=mock_url, timeout=60, return_url=request.param)
    yield Recorder(gateway)
    await gateway.close()


EUR = Money(amount=9_900, currency="EUR")
DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPERATIONS: dict[str, tuple[str, str, Callable[[Gateway], Coroutine[Any, Any, object]]]] = {
    "create": (
        "POST",
        "/v1/payment_intents",
        lambda g: g.create(amount=EUR, reference="b-1", hold=2, key="k1"),
    ),
    "confirm": (
        "POST",
        "/v1/payment_intents/pi_1/confirm",
        lambda g: g.confirm("pi_1", payment_method_id="pm_card_visa", key="k2"),
    ),
    "retrieve": ("GET", "/v1/payment_intents/pi_1", lambda g: g.retrieve("pi_1")),
    "find": ("GET", "/v1/payment_intents/search", lambda g: g.find("b-1", hold=2)),
    "capture": (
        "POST",
        "/v1/payment_intents/pi_1/capture",
        lambda g: g.capture("pi_1", amount=EUR, key="k3"),
    ),
    "cancel": ("POST", "/v1/payment_intents/pi_1/cancel", lambda g: g.cancel("pi_1", key="k4")),
    "refund": (
        "POST",
        "/v1/refunds",
        lambda g: g.refund("pi_1", amount=EUR, reference="row-1", key="k5"),
    ),
    "refunds": ("GET", "/v1/refunds", lambda g: g.refunds("pi_1")),
    "disputes": ("GET", "/v1/disputes", lambda g: g.disputes("pi_1")),
    "payments": (
        "GET",
        "/v1/payment_intents",
        lambda g: g.payments(DAY, DAY + dt.timedelta(days=1)),
    ),
    "payment_method": ("GET", "/v1/payment_methods/pm_1", lambda g: g.payment_method("pm_1")),
}


def test_every_operation_of_the_protocol_is_asked() -> None:
    asked = {name for name in vars(Gateway) if not name.startswith("_")}
    assert asked - {"verify_webhook", "close"} == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_stripe_takes_the_request(recorder: Recorder, operation: str) -> None:
    method, path, call = OPERATIONS[operation]
    refused: ProviderError | None = None
    try:
        await call(recorder.gateway)
    except ProviderError as error:
        refused = error
    assert [answer[:3] for answer in recorder.answers] == [(method, path, 200)], (
        recorder.answers,
        refused,
    )
    # A fixture may be in a state or shape that is no answer to us; it is never a refusal.
    assert not isinstance(refused, InvalidRequest | AuthConfig)


async def test_the_mock_does_refuse_wrong_parameters(mock_url: str) -> None:
    """Without this the tests above would prove nothing."""
    async with httpx.AsyncClient(
        base_url=mock_url, headers={"Authorization": "Bearer sk_test_mock"}
    ) as client:
        for data in ({"amount": "many", "currency": "eur"}, {"amount": "1", "surprise": "x"}):
            answer = await client.post("/v1/payment_intents", data=data)
            assert answer.status_code == 400, answer.text
    gateway = StripeGateway(key="not_a_key", url=mock_url, timeout=10)
    with pytest.raises(AuthConfig):
        await gateway.retrieve("pi_1")
    await gateway.close()
