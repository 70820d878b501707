"""Routes of providers: which they are, and what they say about repeats."""

from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.core.audience import GuardedRoute, Policy
from settings import Settings

TAGS = {"market: providers", "market: catalogue"}


def of_providers() -> set[tuple[str, str]]:
    """Method and path of every route of users that is about what providers have."""
    found = set()
    for context in iter_route_contexts(list(create_app(Settings()).routes)):
        route = context.original_route
        assert isinstance(route, GuardedRoute)
        if route.policy is Policy.USER and TAGS & set(route.tags):
            (method,) = list(route.methods or ())
            found.add((method, route.path))
    return found


_OFFERS = ("listings/{listing_id}", "packages/{package_id}", "tours/{tour_id}")
_DEPARTURE = "/market/v1/tours/{tour_id}/departures/{departure_id}"

NATURAL_OF_PROVIDERS = [
    ("POST", "/market/v1/providers"),
    ("PATCH", "/market/v1/providers/{provider_id}/onboarding/{step}"),
    ("POST", "/market/v1/providers/{provider_id}/submit"),
    *(("PATCH", f"/market/v1/{offer}") for offer in _OFFERS),
    *(
        ("POST", f"/market/v1/{offer}/{move}")
        for offer in _OFFERS
        for move in ("publish", "pause", "archive")
    ),
    ("PATCH", "/market/v1/rooms/{room_id}"),
    ("PATCH", "/market/v1/rate-plans/{rate_plan_id}"),
    ("PUT", "/market/v1/rooms/{room_id}/inventory"),
    ("POST", "/market/v1/tours/{tour_id}/departures"),
    ("PATCH", _DEPARTURE),
    ("POST", f"{_DEPARTURE}/cancel"),
]
