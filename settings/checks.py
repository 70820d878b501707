"""What is refused at start-up, and why: live and test do not mix, and no key is missing."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codec.keys import KeyRing
from models.suppliers.listings import LISTINGS

if TYPE_CHECKING:
    from settings import Settings

LIVE_HOSTS = frozenset(
    {"api.stripe.com"}
    # Duffel has one host: its token tells test from live.
    | {urlsplit(one.live).hostname or "" for one in LISTINGS if one.live != one.test}
)


def _keys_are_keys(settings: "Settings") -> None:
    try:
        if settings.payload_keys.get_secret_value():
            KeyRing.parse(settings.payload_keys.get_secret_value())
    except ValueError as error:
        raise ValueError(f"PAYLOAD_KEYS: {error}") from None
    for name, least in (("traveler_id_key", 32), ("codec_token", 24)):
        if 0 < len(getattr(settings, name).get_secret_value()) < least:
            raise ValueError(f"{name.upper()} must have {least} characters or more")
    if settings.environment == "production":
        settings.require_keys()


def _one_gateway(settings: "Settings") -> None:
    keyed = settings.mock_stripe or settings.stripe.secret_key.get_secret_value()
    if settings.payment_service.url and keyed:
        raise ValueError(
            "PAYMENT_SERVICE_URL and Stripe (STRIPE_SECRET_KEY or MOCK_STRIPE) are both set;"
            " one gateway moves the money: unset the other"
        )


def _stripe_key_fits(settings: "Settings") -> None:
    live = settings.live_money("stripe")
    if urlsplit(settings.stripe_url).hostname != "api.stripe.com":
        if live:
            raise ValueError("STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is not Stripe")
    elif settings.environment == "production" and not live:
        raise ValueError(
            "STRIPE_SECRET_KEY is a test key but ENVIRONMENT=production talks to live"
            " suppliers; set a live key, or MOCK_STRIPE=true, or ENVIRONMENT=local"
        )
    elif settings.environment == "local" and live:
        raise ValueError("STRIPE_SECRET_KEY is a live key; a local world must use a test key")


def _production_is_real(settings: "Settings") -> None:
    if settings.environment != "production":
        return
    urls = [settings.supplier_url(one.name) for one in settings.suppliers_in_use]
    pretended = [url for url in urls if settings.is_sandbox(url)]
    if not urls:
        pretended.append("at least one supplier")
    if settings.is_sandbox(settings.gateway_url) and not settings.mock_stripe:
        pretended.append(settings.gateway_url)
    if pretended:
        raise ValueError(
            "ENVIRONMENT=production must not sell what the sandbox pretends to have:"
            f" set the credentials for {', '.join(pretended)}"
        )
    if settings.is_sandbox(settings.rates_url):
        raise ValueError(
            "ENVIRONMENT=production must not convert by the sandbox's exchange rates:"
            " leave EXCHANGE_RATES_URL empty, or set it to a real source"
        )


def _suppliers_fit(settings: "Settings") -> None:
    wrong = "live" if settings.environment == "local" else "test"
    for one in LISTINGS:
        key = settings.supplier(one.name).api_key.get_secret_value()
        if key.startswith(f"{one.name}_{wrong}_"):
            raise ValueError(
                f"{one.name.upper()}_API_KEY is a {wrong} token,"
                f" but ENVIRONMENT={settings.environment}"
            )
    hosts = [urlsplit(settings.supplier_url(one.name)).hostname or "" for one in LISTINGS]
    live = [host for host in hosts if host in LIVE_HOSTS]
    if live and settings.environment == "local":
        raise ValueError(f"ENVIRONMENT=local must not talk to live hosts: {', '.join(live)}")


CHECKS: tuple[Callable[["Settings"], None], ...] = (
    _keys_are_keys,
    _one_gateway,
    _stripe_key_fits,
    _production_is_real,
    _suppliers_fit,
)
"""Each raises ValueError with what to do; in this order."""
