"""Duffel: flights."""
