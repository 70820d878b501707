"""The adapters of the suppliers of ``models.suppliers.listings``."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from models.core.supply import SupplierEvent
from models.suppliers.listings import Listing
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Supplier

WebhookVerifier = Callable[[bytes, Mapping[str, str]], SupplierEvent]
"""Gets the raw body and the headers (any case); raises ``ValueError`` for what is not genuine."""


def create_suppliers(settings: Settings, limits: RateLimits) -> dict[str, Supplier]:
    """Return every supplier in use by name, ready to be asked; the caller closes them."""
    return {one.name: create_supplier(one, settings, limits) for one in settings.suppliers_in_use}


def create_supplier(listing: Listing, settings: Settings, limits: RateLimits) -> Supplier:
    """Return one supplier, ready to be asked; the caller closes it."""
    supplier: Supplier = _load(listing.adapter)(settings, limits=limits)
    return supplier


def webhook_verifiers(settings: Settings) -> dict[str, WebhookVerifier]:
    """Return what verifies the webhooks of each supplier in use that sends any, by name.

    A supplier without a secret has no verifier: its endpoint is off (reliability.md S9). The
    secret is ``{NAME}_WEBHOOK_SECRET``; several, separated by commas, while one replaces another.
    """
    found: dict[str, WebhookVerifier] = {}
    for one in settings.suppliers_in_use:
        said = settings.supplier(one.name).webhook_secret.get_secret_value()
        secrets = tuple(secret.strip() for secret in said.split(",") if secret.strip())
        if one.webhooks and secrets:
            found[one.name] = partial(_load(one.webhooks), secrets=secrets)
    return found


def _load(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(module), name)
