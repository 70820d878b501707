"""The adapters of the suppliers of ``models.suppliers.listings``, and their webhooks' verifiers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from models.core.supply import SupplierEvent, TripComponent
from models.core.venues import VENUE
from models.suppliers.listings import BY_NAME, Listing, title_of
from settings import Settings
from suppliers.amadeus import AmadeusSupplier
from suppliers.booking_com import BookingComSupplier
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import invalid
from suppliers.core.protocol import Party, Supplier
from suppliers.duffel import DuffelSupplier, verify_duffel
from suppliers.getyourguide import GetYourGuideSupplier
from suppliers.ratehawk import RateHawkSupplier, verify_ratehawk
from suppliers.venue import VenueSupplier
from suppliers.viator import ViatorSupplier


class WebhookVerifier(Protocol):
    """Tells what a webhook is about, if it is genuine."""

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> SupplierEvent:
        """Return what it is about.

        Args:
            body: as it came.
            headers: in any case of letters.

        Raises:
            ValueError: it is not genuine.
        """
        ...


class _Adapter(Protocol):
    def __call__(self, settings: Settings, *, limits: RateLimits) -> Supplier: ...

    def check(self, item: TripComponent, party: Party, agency_phone: str) -> object: ...


class _Verify(Protocol):
    def __call__(
        self, body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str]
    ) -> SupplierEvent: ...


ADAPTERS: Final[Mapping[str, _Adapter]] = {
    "amadeus": AmadeusSupplier,
    "duffel": DuffelSupplier,
    "booking_com": BookingComSupplier,
    "ratehawk": RateHawkSupplier,
    "viator": ViatorSupplier,
    "getyourguide": GetYourGuideSupplier,
}
"""The adapter of each supplier, by its name in ``models.suppliers.listings``."""

WEBHOOKS: Final[Mapping[str, _Verify]] = {
    "duffel": verify_duffel,
    "ratehawk": verify_ratehawk,
}
"""What verifies the webhooks of the suppliers that send any, by name."""


def check(item: TripComponent, party: Party, settings: Settings) -> None:
    """Refuse what could not be booked for what stands in the component and the party alone.

    Nobody is asked. What only the supplier can tell is left to ``quote``, and a supplier that we
    do not book with to whoever names it. No trip has a slot at a venue: those are reservations.

    Raises:
        InvalidRequest: in our own words, with the field where it is one of the travellers'.
    """
    if item.supplier == VENUE:
        raise invalid(VENUE, "quote", "a slot at a venue is reserved by itself, in no trip")
    if (adapter := ADAPTERS.get(item.supplier)) is not None:
        if item.type is not BY_NAME[item.supplier].type:
            message = f"{title_of(item.supplier)} does not sell a component of type {item.type}"
            raise invalid(item.supplier, "quote", message)
        adapter.check(item, party, settings.agency_phone)


def create_suppliers(settings: Settings, limits: RateLimits) -> dict[str, Supplier]:
    """Return every supplier in use by name, ready to be asked; the caller closes them."""
    return {one.name: create_supplier(one, settings, limits) for one in settings.suppliers_in_use}


def create_supplier(listing: Listing, settings: Settings, limits: RateLimits) -> Supplier:
    """Return one supplier, ready to be asked; the caller closes it."""
    return ADAPTERS[listing.name](settings, limits=limits)


def create_venues(settings: Settings, limits: RateLimits) -> VenueSupplier | None:
    """Return who reserves slots at venues, ready to be asked; the caller closes it.

    None: no reservations are taken (``Settings.reserves_at_venues``).
    """
    return VenueSupplier(settings, limits=limits) if settings.reserves_at_venues else None


def webhook_verifiers(settings: Settings) -> dict[str, WebhookVerifier]:
    """Return what verifies the webhooks of each supplier in use that sends any, by name.

    A supplier without a secret has no verifier: its endpoint is off (reliability.md S9). The
    secret is ``{NAME}_WEBHOOK_SECRET``; several, separated by commas, while one replaces another.
    """
    found: dict[str, WebhookVerifier] = {}
    for one in settings.suppliers_in_use:
        configured = settings.supplier(one.name).webhook_secret.get_secret_value()
        secrets = tuple(secret.strip() for secret in configured.split(",") if secret.strip())
        if one.name in WEBHOOKS and secrets:
            found[one.name] = partial(WEBHOOKS[one.name], secrets=secrets)
    return found
