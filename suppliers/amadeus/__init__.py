"""Flights of Amadeus (self-service APIs): ``AmadeusSupplier``."""

from suppliers.amadeus.adapter import AmadeusSupplier

__all__ = ["AmadeusSupplier"]
