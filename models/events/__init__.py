"""Bookings' events as others get them: CloudEvents, their schemas and their description."""
