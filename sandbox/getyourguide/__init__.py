"""GetYourGuide Partner API 1, emulated with state.

Shapes follow the published specification (``specs/getyourguide``, Apache-2.0); behaviour follows
providers.md §6: a booking is a temporary one in a cart until the cart is confirmed, and deletes
itself when nobody confirms; what is not free-sale is confirmed by its supplier later.

Written here without a source that could be checked (†): error codes other than 25; that a booking
outside its free period is cancelled at its fee, and refused only where the policy says that it is
not cancellable or the activity has begun; how long a temporary booking lasts (30 minutes here);
that what a supplier does not confirm ends as ``canceled``.
"""

from sandbox.getyourguide.offers import live_offers
from sandbox.getyourguide.routes import router

__all__ = ["live_offers", "router"]
