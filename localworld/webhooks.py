"""The sandbox's gateway tells our API what happens to payments: where, and signed with what."""

import os
import secrets
from dataclasses import dataclass
from typing import Final

from localworld.places import Places
from localworld.services import write_private
from settings import Settings


@dataclass(frozen=True)
class _Door:
    """Where the API takes a gateway's events."""

    path: str
    secret: str
    """The API's setting with the secret."""
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


def for_api(settings: Settings, places: Places) -> dict[str, str]:
    """Return what the API's environment must say for it to take the sandbox's events.

    Nothing when the gateway is a real one: then only its operator knows the secret.
    """
    if not settings.is_sandbox(settings.gateway_url):
        return {}
    return {_DOORS[settings.gateway].secret: _secrets(settings, places)}


def for_sandbox(settings: Settings, places: Places, api: str) -> dict[str, str]:
    """Return what the sandbox's environment must say for it to tell the API at ``api``.

    Not on its command line, where everybody could read the secret. Somebody who has named
    another receiver is left with it.
    """
    door = _DOORS[settings.gateway]
    if not settings.is_sandbox(settings.gateway_url) or os.environ.get(door.delivery):
        return {}
    secret = _secrets(settings, places).split(",")[0].strip()
    return {door.delivery: f"{api}{door.path} {secret}"}


def _secrets(settings: Settings, places: Places) -> str:
    """Return the secrets named in the environment, else ours, kept for the life of ``var/``."""
    named = getattr(settings, _DOORS[settings.gateway].secret.lower()).get_secret_value()
    if named.strip(" ,"):
        return str(named)
    try:
        kept = places.webhook_secret.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = f"whsec_{secrets.token_urlsafe(24)}"
        write_private(places.webhook_secret, kept + "\n")
    return kept
