"""Hotels of Booking.com (Demand API 3.2): ``BookingComSupplier``."""

from suppliers.booking_com.adapter import BookingComSupplier

__all__ = ["BookingComSupplier"]
