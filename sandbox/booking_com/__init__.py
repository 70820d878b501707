"""Booking.com Demand API 3.2, emulated with state.

The shapes follow providers.md §4 and the guides it names: availability and policies from
"order-preview-create", prices as pairs of booker and accommodation currency from the 3.2 migration
guides, order look-ups from "order-details" and "order-details-accommodations", cancellation from
"cancel-order", errors from "about-errors". The specification itself is not redistributable.

What the property takes itself (``charges``, ``chargeable_online``) follows "Prices and extra
charges" and the migration guide to 3.2, ``occupancy_mismatch`` "Occupancy and allocation", and the
403 of a new order the errors of "cancel-order".

Written here without a source that could be checked (†, providers.md): an order token works once;
``cancellation_details`` has ``at`` and ``fee``; a cancel answers ``{"status": "successful"}``; the
shape of ``occupancy_mismatch`` and what marks a conditional charge; the error ids of an order that
does not exist or cannot be cancelled (any more); AirPlus (billed to the agency's account by
invoice) needs no card data in ``orders/create``.
"""

from sandbox.booking_com.offers import live_offer
from sandbox.booking_com.routes import router

__all__ = ["live_offer", "router"]
