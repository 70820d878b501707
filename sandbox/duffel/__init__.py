"""Duffel flights (API v2), emulated with state: offer requests, offers, orders, payments,
cancellations, webhooks.

Duffel publishes no OpenAPI document: shapes and error codes follow its reference
(https://duffel.com/docs/api), the types in its JavaScript client, and providers.md §7. What none of
them states for sure is marked †.

Who flies, when and for how much is derived from route, date and party, as at Amadeus here; the
offers made of it are kept, for 30 minutes, for Duffel's ids say nothing.
"""

from sandbox.duffel.offers import live_offer
from sandbox.duffel.routes import router

__all__ = ["live_offer", "router"]
