"""Bookings of all kinds, for dashboards."""
