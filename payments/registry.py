"""Which gateway moves the money, chosen by the settings."""

from collections.abc import Callable, Mapping
from functools import partial

from pydantic import SecretStr

from payments.core import webhooks
from payments.core.protocol import Gateway, PaymentEvent
from payments.payment_service import webhooks as payment_service_webhooks
from payments.payment_service.adapter import PaymentServiceGateway
from payments.stripe.adapter import StripeGateway
from settings import Settings

Verifier = Callable[[bytes, Mapping[str, str]], PaymentEvent]


def create_gateway(settings: Settings) -> Gateway:
    """Return the gateway in use; the caller closes it.

    The payment service when ``PAYMENT_SERVICE_URL`` names one, else Stripe.
    """
    return_url = settings.payment_return_url or f"http://{settings.api.host}:{settings.api.port}/"
    if settings.payment_service.url:
        return PaymentServiceGateway(
            url=settings.gateway_url,
            api_key=settings.payment_service.api_key.get_secret_value(),
            timeout=settings.gateway_timeout,
            webhook_secrets=settings.payment_service.webhook_secret.get_secret_value(),
            return_url=return_url,
        )
    return StripeGateway(
        key=settings.stripe_key,
        url=settings.gateway_url,
        timeout=settings.gateway_timeout,
        webhook_secrets=settings.stripe.webhook_secret.get_secret_value(),
        return_url=return_url,
    )


def webhook_verifier(settings: Settings, name: str) -> Verifier:
    """Return what checks webhooks of the gateway ``name``; see ``Gateway.verify_webhook``.

    It needs no connection, and no gateway that is in use: after a change of gateway the old one
    still has things to tell.

    Raises:
        ValueError: there is no such gateway.
    """
    secrets: dict[str, tuple[Callable[..., PaymentEvent], SecretStr]] = {
        "stripe": (webhooks.verify, settings.stripe.webhook_secret),
        "payment_service": (
            payment_service_webhooks.verify,
            settings.payment_service.webhook_secret,
        ),
    }
    if name not in secrets:
        raise ValueError(f"there is no gateway {name!r}")
    verify, setting = secrets[name]
    return partial(verify, secrets=webhooks.secrets_in(setting.get_secret_value()))
