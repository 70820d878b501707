"""RateHawk (ETG API v3), emulated with state.

Shapes and behaviour follow providers.md §3 and the guides it names: the hotelpage and prebooking,
the form and the asynchronous booking process, the booking status webhook, ``order/info`` which
lags behind, cancellation with fees, and the outcomes that its own sandbox chooses by the ending of
``partner_order_id``. No specification is published.

Written here without a source that could be checked (†, providers.md): a rate's ``book_hash`` is
the same in two searches while its price is; a form whose order has failed is expired; a cancelled
order is "not found" by ``order/cancel``, its status stays ``ok`` and its ``amount_payable`` is
the fee; the order statuses ``failed`` and ``rejected``.

Amounts due at the hotel (``tax_data``, ``taxes``), the times of ``order/info`` with a colon before
the microseconds, and what its old orders lack (``policies``, ``hid``) are as in the published
samples of RateHawk's own clients; the rules for guests are those of "Start booking process".

The log and the state say ``reference`` without the ``-r2``, ``-r3``, … that a client may put
behind it: who checks from outside looks for one order for each reference.
"""

from sandbox.ratehawk.offers import live_offer
from sandbox.ratehawk.routes import router

__all__ = ["live_offer", "router"]
