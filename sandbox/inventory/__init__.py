"""The company's inventory service, emulated with state: what venues have free, and who has it.

Its routes and shapes are those of docs/inventory-service.openapi.yaml. Everything is under
``/inventory_service``, so that ``INVENTORY_SERVICE_URL`` is ``{sandbox}/inventory_service``.
"""

from sandbox.inventory.routes import router

__all__ = ["router"]
