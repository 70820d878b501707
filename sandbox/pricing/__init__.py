"""The company's pricing service, emulated: what slots at venues cost. It keeps nothing.

Its routes and shapes are those of docs/pricing-service.openapi.yaml. Everything is under
``/pricing_service``, so that ``PRICING_SERVICE_URL`` is ``{sandbox}/pricing_service``.
"""

from sandbox.pricing.routes import router

__all__ = ["router"]
