"""Which suppliers there are: adding one means one module and one line here."""

from settings import Settings
from suppliers.amadeus import AmadeusSupplier
from suppliers.booking_com import BookingComSupplier
from suppliers.protocol import Supplier
from suppliers.viator import ViatorSupplier


def create_suppliers(settings: Settings) -> dict[str, Supplier]:
    """Return every supplier by name, ready to be asked; the caller closes them."""
    suppliers: tuple[Supplier, ...] = (
        AmadeusSupplier(settings),
        BookingComSupplier(settings, agency_phone=settings.agency_phone),
        ViatorSupplier(settings, agency_phone=settings.agency_phone),
    )
    return {supplier.name: supplier for supplier in suppliers}
