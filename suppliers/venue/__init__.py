"""Slots at venues, by the inventory and pricing services: ``VenueSupplier``."""

from suppliers.venue.adapter import VenueSupplier

__all__ = ["VenueSupplier"]
