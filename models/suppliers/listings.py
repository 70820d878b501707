"""Which suppliers there are: one entry each, all that is known of one without its adapter.

Adding a supplier takes its adapter, its emulation in the sandbox, and an entry here and in
``suppliers.registry`` (docs/adding-a-supplier.md). Plain data: workflows, settings and commands
read it too.
"""

from dataclasses import dataclass

from models.core.supply import HOUSE, ItemType
from models.core.venues import VENUE


@dataclass(frozen=True)
class Listing:
    """A supplier: what it sells, and where it is reached with and without credentials.

    The environment names of its settings follow from ``name``: ``DUFFEL_API_KEY``,
    ``DUFFEL_BASE_URL``, ``DISPATCH_DUFFEL`` and so on (fields of ``settings.Settings``).
    """

    name: str
    """Lower case; part of its task queue, of trip options' ``supplier`` and of setting names."""
    title: str
    """For people."""
    type: ItemType
    sandbox: str
    """Where the sandbox stands in for it: a path under ``SANDBOX_URL``."""
    test: str
    """Base URL of its own test system."""
    live: str
    """Base URL where things are really sold."""
    timeout: float
    """How long an answer may take, in seconds, as documented."""
    finds: bool = True
    """It finds reservations by our reference (``suppliers.core.protocol.FindsReservations``)."""
    once_only: bool = False
    """It has neither idempotency key nor look-up: nobody may ask twice for the same booking."""


LISTINGS: tuple[Listing, ...] = (
    Listing(
        name="amadeus",
        title="Amadeus",
        type=ItemType.FLIGHT,
        sandbox="",  # its SDK takes a host but no path prefix
        test="https://test.api.amadeus.com",
        live="https://api.amadeus.com",
        timeout=30,
        finds=False,
        once_only=True,
    ),
    Listing(
        name="duffel",
        title="Duffel",
        type=ItemType.FLIGHT,
        sandbox="/duffel",
        test="https://api.duffel.com",  # the token tells test from live
        live="https://api.duffel.com",
        timeout=130,  # airlines take up to 120
    ),
    Listing(
        name="booking_com",
        title="Booking.com",
        type=ItemType.HOTEL,
        sandbox="/booking_com/3.2",
        test="https://demandapi-sandbox.booking.com/3.2",
        live="https://demandapi.booking.com/3.2",
        timeout=60,
    ),
    Listing(
        name="ratehawk",
        title="RateHawk",
        type=ItemType.HOTEL,
        sandbox="/ratehawk/api/b2b/v3",
        test="https://api-sandbox.worldota.net/api/b2b/v3",
        live="https://api.worldota.net/api/b2b/v3",
        timeout=60,
    ),
    Listing(
        name="viator",
        title="Viator",
        type=ItemType.ACTIVITY,
        sandbox="/viator/partner",
        test="https://api.sandbox.viator.com/partner",
        live="https://api.viator.com/partner",
        timeout=120,
    ),
    Listing(
        name="getyourguide",
        title="GetYourGuide",
        type=ItemType.ACTIVITY,
        sandbox="/getyourguide/1",
        test="https://api.gygtest.net/1",
        live="https://api.getyourguide.com/1",
        timeout=30,
        finds=False,
    ),
)

"""What trips are booked at; the inventory of venues stands beside them (decision 93)."""

BY_NAME: dict[str, Listing] = {listing.name: listing for listing in LISTINGS}


def title_of(supplier: str) -> str:
    """Return a supplier's name for people."""
    if supplier == VENUE:
        return "Venue inventory"
    if supplier == HOUSE:
        return "Marketplace"
    listing = BY_NAME.get(supplier)
    return listing.title if listing else supplier
