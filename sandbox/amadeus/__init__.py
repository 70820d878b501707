"""Amadeus flights, emulated with state: token, search, pricing, orders.

Shapes are those of the published Swagger files (Flight Offers Search v2, Flight Offers Price v1,
Flight Create Orders v1, Flight Order Management v1); error codes those of providers.md §2.

Offers are derived from route, date and party alone, never stored: the sandbox recognises its own
offers, and every change made to one, after a restart too.
"""

from sandbox.amadeus.offers import live_offer
from sandbox.amadeus.routes import router

__all__ = ["live_offer", "router"]
