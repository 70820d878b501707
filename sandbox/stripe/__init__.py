"""Stripe's published API, as far as payments by card go: paths, shapes, states, webhooks.

Source: specs/stripe/openapi.trimmed.json; providers.md §1. Everything under ``/stripe/v1`` is
what Stripe documents; ``/stripe/_authenticate`` stands for the card issuer's 3-D Secure page.
"""

from sandbox.stripe.routes import router

__all__ = ["router"]
