"""Amadeus: flights."""
