"""What is refused at start-up, and why: live and test do not mix, and nothing is missing."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codec.keys import KeyRing
from models.suppliers.listings import LISTINGS
from settings import parts

if TYPE_CHECKING:
    from settings import Settings

LIVE_HOSTS = frozenset(
    {"api.stripe.com"}
    # Duffel has one host: its token tells test from live.
    | {urlsplit(one.live).hostname or "" for one in LISTINGS if one.live != one.test}
)

_STRIPE_KEY = re.compile(r"(sk|rk)_(live|test)_\w+")
_FICTITIOUS_PHONE = re.compile(r"|\+1\d{3}55501\d{2}")
"""Empty, or a number of those that North America keeps for fiction (555-0100 to 555-0199)."""
_SANDBOX_ACCOUNT = parts.SupplierSettings.model_fields["account"].default
_WITH_SECRET = ("amadeus",)
_WITH_ACCOUNT = {"booking_com": "BOOKING_COM_AFFILIATE_ID", "ratehawk": "RATEHAWK_ACCOUNT"}
"""Suppliers to which the account is sent, and the environment's name of it."""


def _keys_are_keys(settings: "Settings") -> Iterator[str]:
    try:
        if settings.payload_keys.get_secret_value():
            KeyRing.parse(settings.payload_keys.get_secret_value())
    except ValueError as error:
        yield f"PAYLOAD_KEYS: {error}"
    long = dict.fromkeys(("traveler_id_key", "webhook_master_key", "auth_pepper"), 32)
    for name, least in {**long, "codec_token": 24}.items():
        if 0 < len(getattr(settings, name).get_secret_value()) < least:
            yield f"{name.upper()} must have {least} characters or more"
    if settings.environment == "production":
        yield from settings.missing_keys()


def _one_gateway(settings: "Settings") -> Iterator[str]:
    keyed = settings.mock_stripe or settings.stripe.secret_key.get_secret_value()
    if settings.payment_service.url and keyed:
        yield (
            "PAYMENT_SERVICE_URL and Stripe (STRIPE_SECRET_KEY or MOCK_STRIPE) are both set;"
            " one gateway moves the money: unset the other"
        )


def _stripe_key_fits(settings: "Settings") -> Iterator[str]:
    given = settings.stripe.secret_key.get_secret_value()
    if given and not _STRIPE_KEY.fullmatch(given):
        yield "STRIPE_SECRET_KEY is no secret key of Stripe: those begin with sk_live_ or rk_live_"
        return
    live = settings.live_money("stripe")
    if urlsplit(settings.stripe_url).hostname != "api.stripe.com":
        if live:
            yield "STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is not Stripe"
    elif settings.environment == "production" and not live:
        yield (
            "STRIPE_SECRET_KEY is a test key but ENVIRONMENT=production talks to live"
            " suppliers; set a live key, or MOCK_STRIPE=true, or ENVIRONMENT=local"
        )
    elif settings.environment == "local" and live:
        yield "STRIPE_SECRET_KEY is a live key; a local world must use a test key"


def _production_is_real(settings: "Settings") -> Iterator[str]:
    if settings.environment != "production":
        return
    if not settings.suppliers_in_use:
        keys = ", ".join(f"{one.name.upper()}_API_KEY" for one in LISTINGS)
        yield f"no supplier has credentials: set at least one of {keys}"
    for one in settings.suppliers_in_use:
        yield from _account_is_real(settings, one.name)
    if settings.is_sandbox(settings.gateway_url) and not settings.mock_stripe:
        name = "PAYMENT_SERVICE_URL" if settings.payment_service.url else "STRIPE_SECRET_KEY"
        yield f"{name} must be set: ENVIRONMENT=production takes no money in the sandbox"
    if settings.is_sandbox(settings.rates_url):
        yield (
            "EXCHANGE_RATES_URL must not be the sandbox's in production: leave it empty, or set it"
            " to a real source of exchange rates"
        )
    if not settings.trip_planner_url:
        yield "TRIP_PLANNER_URL must be set: in production the sandbox plans no trips"
    elif settings.is_sandbox(settings.trip_planner_url):
        yield "TRIP_PLANNER_URL must not be the sandbox's in production"
    if _FICTITIOUS_PHONE.fullmatch(settings.agency_phone):
        yield (
            "AGENCY_PHONE must be the agency's own number in production: suppliers call"
            f" {settings.agency_phone}, which nobody has"
        )


def _people_are_told(settings: "Settings") -> Iterator[str]:
    if settings.environment != "production":
        return
    if settings.sends_mail and settings.mail_from.endswith("@example.com"):
        yield "MAIL_FROM must be our own address in production: SMTP_URL is set"
    if settings.is_sandbox(settings.text_url):
        yield "TEXT_URL must not be the sandbox's in production"
    if settings.text_url and not settings.text.countries:
        yield "TEXT_COUNTRIES must name the countries that texts are sent to"
    if settings.text_url and _FICTITIOUS_PHONE.fullmatch(settings.text.sender):
        yield "TEXT_SENDER must be our own number in production: texts are sent"


def _venues_are_whole(settings: "Settings") -> Iterator[str]:
    if settings.environment != "production":
        return
    services = {
        "INVENTORY_SERVICE_URL": settings.inventory_service.url,
        "PRICING_SERVICE_URL": settings.pricing_service.url,
    }
    for name, url in services.items():
        if url and settings.is_sandbox(url):
            yield f"{name} must not be the sandbox's in production"
        if not url and any(services.values()):
            yield f"{name} must be set where the other of the two services is: slots need both"


def _account_is_real(settings: "Settings", name: str) -> Iterator[str]:
    given, prefix = settings.supplier(name), name.upper()
    if settings.is_sandbox(settings.supplier_url(name)):
        yield (
            f"{prefix}_BASE_URL must not be the sandbox's: ENVIRONMENT=production does not sell"
            " what the sandbox pretends to have"
        )
    if not given.api_key.get_secret_value():
        yield f"{prefix}_API_KEY must be set where {prefix}_BASE_URL is"
    if name in _WITH_SECRET and not given.api_secret.get_secret_value():
        yield f"{prefix}_API_SECRET must be set where {prefix}_API_KEY is"
    if name in _WITH_ACCOUNT and given.account in ("", _SANDBOX_ACCOUNT):
        yield (
            f"{_WITH_ACCOUNT[name]} must be our own in production, not"
            f" {given.account or 'empty'!r}: the supplier knows us by it"
        )


def _suppliers_fit(settings: "Settings") -> Iterator[str]:
    wrong = "live" if settings.environment == "local" else "test"
    for one in LISTINGS:
        key = settings.supplier(one.name).api_key.get_secret_value()
        if key.startswith(f"{one.name}_{wrong}_"):
            yield (
                f"{one.name.upper()}_API_KEY is a {wrong} token,"
                f" but ENVIRONMENT={settings.environment}"
            )
        host = urlsplit(settings.supplier_url(one.name)).hostname
        if host in LIVE_HOSTS and settings.environment == "local":
            yield f"{one.name.upper()}_BASE_URL: ENVIRONMENT=local must not talk to {host}"


CHECKS: tuple[Callable[["Settings"], Iterator[str]], ...] = (
    _keys_are_keys,
    _one_gateway,
    _stripe_key_fits,
    _production_is_real,
    _suppliers_fit,
    _venues_are_whole,
    _people_are_told,
)
"""Each yields what is wrong, one line each, and names the setting; in this order."""
