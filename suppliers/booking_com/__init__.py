"""Booking.com: hotels."""
