"""Reservations: a party at a venue, at a time (contracts.md §2)."""
