"""Which gateway moves the money, chosen by the settings."""

from payments.protocol import Gateway
from payments.stripe import StripeGateway
from settings import Settings

_DOCUMENTED_SECONDS = 80.0
"""The SDK's own default; Stripe documents no shorter one."""


def create_gateway(settings: Settings) -> Gateway:
    """Return the gateway in use; the caller closes it."""
    return StripeGateway(
        key=settings.stripe_key,
        url=settings.stripe_url,
        timeout=settings.timeout_for(settings.stripe_url, _DOCUMENTED_SECONDS),
        webhook_secrets=settings.stripe_webhook_secret.get_secret_value(),
        return_url=settings.payment_return_url
        or f"http://{settings.api_host}:{settings.api_port}/",
    )
