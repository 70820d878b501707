"""One gateway moves the money, and production's is a real one."""

from typing import Any

import pytest
from pydantic import ValidationError

from settings import Settings

SERVICE = "https://payments.example"
PRODUCTION = {
    "environment": "production",
    "amadeus_api_key": "k",
    "booking_com_api_key": "k",
    "viator_api_key": "k",
}


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"stripe_secret_key": "sk_test_x"}, "one gateway moves the money"),
        ({"mock_stripe": True}, "one gateway moves the money"),
        ({"mock_stripe": True, **PRODUCTION}, "one gateway moves the money"),
        ({"payment_service_url": "payments.example"}, "no http"),
        ({"payment_service_url": "ftp://payments.example"}, "no http"),
        ({"payment_service_url": "http://"}, "no http"),
        ({"payment_service_url": "http://[::1"}, "no http"),
        ({"payment_service_url": "http://payments:99999"}, "no http"),
        ({"payment_service_url": "http://127.0.0.1:8090/payment_service", **PRODUCTION}, "pretend"),
    ],
)
def test_refused_at_start(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**{"payment_service_url": SERVICE, **values})


def test_the_payment_service_is_in_use_where_it_is_named() -> None:
    assert (settings().gateway, settings().gateway_url) == ("stripe", settings().stripe_url)
    named = settings(payment_service_url=f"{SERVICE}/", **PRODUCTION)
    assert (named.gateway, named.gateway_url) == ("payment_service", SERVICE)
    assert named.gateway_timeout == 80
    # Without a Stripe key, for none is needed.
    assert not named.stripe_secret_key.get_secret_value()


def test_the_sandboxs_is_waited_for_as_the_sandbox_is() -> None:
    here = settings()
    there = settings(payment_service_url=f"{here.sandbox_url}/payment_service")
    assert there.gateway_timeout == here.gateway_timeout == 8
    assert there.settle_period == here.settle_period
    assert settings(payment_service_url=SERVICE).settle_period > here.settle_period
