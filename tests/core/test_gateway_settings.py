"""One gateway moves the money, and production's is a real one."""

import pytest
from pydantic import ValidationError

from settings import Settings
from tests.support.environment import PRODUCTION, settings_from

SERVICE = "https://payments.example"


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"STRIPE_SECRET_KEY": "sk_test_x"}, "one gateway moves the money"),
        ({"MOCK_STRIPE": "true"}, "one gateway moves the money"),
        ({"MOCK_STRIPE": "true", **PRODUCTION}, "one gateway moves the money"),
        ({"PAYMENT_SERVICE_URL": "payments.example"}, "no http"),
        ({"PAYMENT_SERVICE_URL": "ftp://payments.example"}, "no http"),
        ({"PAYMENT_SERVICE_URL": "http://"}, "no http"),
        ({"PAYMENT_SERVICE_URL": "http://[::1"}, "no http"),
        ({"PAYMENT_SERVICE_URL": "http://payments:99999"}, "no http"),
        (
            {"PAYMENT_SERVICE_URL": "http://127.0.0.1:8090/payment_service", **PRODUCTION},
            "no money",
        ),
    ],
)
def test_refused_at_start(environment: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings_from({"PAYMENT_SERVICE_URL": SERVICE, **environment})


def test_the_payment_service_is_in_use_where_it_is_named() -> None:
    local = Settings()
    assert (local.gateway, local.gateway_url) == ("stripe", local.stripe_url)
    named = settings_from({"PAYMENT_SERVICE_URL": f"{SERVICE}/", **PRODUCTION})
    assert (named.gateway, named.gateway_url) == ("payment_service", SERVICE)
    assert named.gateway_timeout == 80
    # Without a Stripe key, for none is needed.
    assert not named.stripe.secret_key.get_secret_value()


def test_the_sandboxs_is_waited_for_as_the_sandbox_is() -> None:
    here = Settings()
    there = settings_from({"PAYMENT_SERVICE_URL": f"{here.sandbox_url}/payment_service"})
    assert there.gateway_timeout == here.gateway_timeout == 8
    assert there.settle_period == here.settle_period
    assert settings_from({"PAYMENT_SERVICE_URL": SERVICE}).settle_period > here.settle_period
