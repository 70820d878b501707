"""The sandbox's gateway and suppliers tell our API what happens: where, and signed with what."""

import os
import secrets
from dataclasses import dataclass
from typing import Final

from localworld import keys
from localworld.places import Places
from settings import Settings
from suppliers.registry import WEBHOOKS


@dataclass(frozen=True)
class _Door:
    """Where the API takes a gateway's events."""

    path: str
    secret: str
    """The environment's name of the API's secret."""
    delivery: str
    """The sandbox's environment variable: address and secret."""


_DOORS: Final = {
    "stripe": _Door("/webhooks/stripe", "STRIPE_WEBHOOK_SECRET", "SANDBOX_STRIPE_WEBHOOK"),
    "payment_service": _Door(
        "/webhooks/payment-service",
        "PAYMENT_SERVICE_WEBHOOK_SECRET",
        "SANDBOX_PAYMENT_SERVICE_WEBHOOK",
    ),
}


SUPPLIER_DELIVERIES: Final = "SANDBOX_SUPPLIER_WEBHOOKS"
"""The sandbox's environment variable: ``supplier=address,secret``, with spaces between several."""


def for_api(settings: Settings, places: Places) -> dict[str, str]:
    """Return what the API's environment must say for it to take the sandbox's events.

    Nothing for a real gateway or supplier: then only its operator knows the secret.
    """
    variables = {
        f"{name.upper()}_WEBHOOK_SECRET": _supplier_secrets(settings, places, name)
        for name in _telling(settings)
    }
    if settings.is_sandbox(settings.gateway_url):
        variables[_DOORS[settings.gateway].secret] = _secrets(settings, places)
    return variables


def for_sandbox(settings: Settings, places: Places, api: str) -> dict[str, str]:
    """Return what the sandbox's environment must say for it to tell the API at ``api``.

    Not on its command line, where everybody could read the secret. Somebody who has named
    another receiver is left with it.
    """
    variables = {}
    door = _DOORS[settings.gateway]
    if settings.is_sandbox(settings.gateway_url) and not os.environ.get(door.delivery):
        variables[door.delivery] = f"{api}{door.path} {_newest(_secrets(settings, places))}"
    told = [
        f"{name}={api}/webhooks/{name},{_newest(_supplier_secrets(settings, places, name))}"
        for name in _telling(settings)
    ]
    if told and not os.environ.get(SUPPLIER_DELIVERIES):
        variables[SUPPLIER_DELIVERIES] = " ".join(told)
    return variables


def _telling(settings: Settings) -> list[str]:
    """Return the suppliers that send webhooks, and that the sandbox stands in for."""
    return [
        one.name
        for one in settings.suppliers_in_use
        if one.name in WEBHOOKS and settings.is_sandbox(settings.supplier_url(one.name))
    ]


def _newest(secrets_named: str) -> str:
    return secrets_named.split(",")[0].strip()


def _secrets(settings: Settings, places: Places) -> str:
    """Return the gateway's secrets named in the environment, else those made here."""
    named = getattr(settings, settings.gateway).webhook_secret.get_secret_value()
    return str(named) if named.strip(" ,") else _kept(places)


def _supplier_secrets(settings: Settings, places: Places, name: str) -> str:
    """Return a supplier's secrets named in the environment, else those made here."""
    named = settings.supplier(name).webhook_secret.get_secret_value()
    return named if named.strip(" ,") else _kept(places)


def _kept(places: Places) -> str:
    """Return our own secret, kept for the life of ``var/``: one for all, for it never leaves."""
    return keys.kept(places.webhook_secret, lambda: f"whsec_{secrets.token_urlsafe(24)}")
