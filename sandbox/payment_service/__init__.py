"""A company's own HTTP payment service, emulated with state: intents, refunds, disputes, webhooks.

Its routes and shapes are those of docs/payment-service.md, its test cards those of Stripe's
sandbox. Everything is under ``/payment_service``, so that ``PAYMENT_SERVICE_URL`` is
``{sandbox}/payment_service``.
"""

from sandbox.payment_service.routes import router

__all__ = ["router"]
