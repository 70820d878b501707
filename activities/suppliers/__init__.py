"""Booking, completing, looking up and cancelling items at suppliers."""
