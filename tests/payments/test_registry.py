"""Which gateway moves the money, and whose webhooks are checked how."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from models.core.errors import InvalidRequest
from payments.payment_service.adapter import PaymentServiceGateway
from payments.registry import create_gateway, webhook_verifier
from payments.stripe.adapter import StripeGateway
from settings import Settings
from temporal import patience
from tests.support.environment import changed


def settings(**values: Any) -> Settings:
    return Settings(**values)


async def test_stripe_unless_a_payment_service_is_named() -> None:
    stripe = create_gateway(settings())
    assert isinstance(stripe, StripeGateway)
    service = create_gateway(settings(payment_service={"url": "http://payments:8080"}))
    assert isinstance(service, PaymentServiceGateway)
    assert (stripe.name, service.name) == ("stripe", "payment_service")
    for gateway in (stripe, service):
        await gateway.close()


async def test_a_workflow_asks_the_gateway_in_use_and_waits_as_long_as_it_does() -> None:
    stripe = patience(settings(provider_timeout_seconds=3))
    assert (stripe.gateway, stripe.provider_timeout["stripe"]) == ("stripe", 3)
    assert "stripe" in stripe.local
    here = settings(payment_service={"url": "http://payments:8080/"})
    service = patience(here)
    assert (service.gateway, service.provider_timeout["payment_service"]) == ("payment_service", 80)
    assert "payment_service" not in service.local
    assert "stripe" not in service.provider_timeout
    assert service.queue(service.gateway) == "trips-payment_service"
    local = patience(changed(here, dispatch={"payment_service": "local"}))
    assert "payment_service" in local.local
    assert "payment_service" in patience(here, {"payment_service"}).local


def test_who_is_measured_to_be_fast_is_asked_locally_unless_it_can_be_asked_once_only() -> None:
    plain = settings()
    assert patience(plain, {"viator", "amadeus", "stripe"}).local == ["stripe", "viator"]
    assert patience(plain, ()).local == []
    dispatch = {"viator": "activity", "ratehawk": "local", "amadeus": "local"}
    assert patience(changed(plain, dispatch=dispatch), {"viator", "amadeus"}).local == ["ratehawk"]


def test_every_gateways_webhooks_are_checked_by_its_own_secret() -> None:
    """Whichever is in use: after a change, the earlier one still has things to tell."""
    both = settings(
        payment_service={"webhook_secret": "service_secret"},
        stripe={"webhook_secret": "whsec_stripe"},
    )
    body = json.dumps(
        {"id": "e", "type": "x.y", "livemode": True, "created_at": "2026-01-01T00:00:00Z"}
    ).encode()
    now = int(time.time())

    def header(secret: str) -> str:
        mac = hmac.new(secret.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
        return f"t={now},v1={mac}"

    verify = webhook_verifier(both, "payment_service")
    assert verify(body, {"payment-signature": header("service_secret")}).id == "e"
    for headers in (
        {"payment-signature": header("whsec_stripe")},
        {"stripe-signature": header("service_secret")},
    ):
        with pytest.raises(InvalidRequest) as refused:
            verify(body, headers)
        assert refused.value.code == "bad_signature"
    with pytest.raises(InvalidRequest) as refused:
        webhook_verifier(both, "stripe")(body, {"stripe-signature": header("service_secret")})
    assert refused.value.code == "bad_signature"


def test_a_gateway_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no gateway 'paypal'"):
        webhook_verifier(settings(), "paypal")
