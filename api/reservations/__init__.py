"""Reservations at venues, under ``/api/v1`` (contracts.md §2)."""
