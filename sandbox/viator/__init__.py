"""Viator Partner API 2.0 for merchants, emulated with state.

Shapes follow the published specification (``specs/viator``, CC BY 4.0); behaviour follows
providers.md §5: price holds of five minutes, a partner's booking reference that books once,
404 for mere holds, manual confirmation, cancellation by quote and cancel.

``GET /products/{code}`` answers the fields of an active product that a booking needs; the trimmed
specification leaves them out and names only ``productCode``, ``status`` and ``createdAt``.
"""

from sandbox.viator.offers import live_offers
from sandbox.viator.routes import router

__all__ = ["live_offers", "router"]
