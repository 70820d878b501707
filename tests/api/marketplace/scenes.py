"""Routes of providers by what they say about repeats."""

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
