"""Payments of bookings: tables, messages, and what is held against the gateway."""
