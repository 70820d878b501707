"""Booking, reading, cancelling and changing trips (contracts.md §1)."""
