"""Flights of Duffel (API v2): ``DuffelSupplier``, and ``verify_duffel`` for its webhooks."""

from suppliers.duffel.adapter import DuffelSupplier
from suppliers.duffel.webhooks import verify as verify_duffel

__all__ = ["DuffelSupplier", "verify_duffel"]
