"""Of another's provider and of what there is not, the answers and what is asked are the same."""

import uuid
from typing import Any

import pytest

from api.app import create_app
from settings import Settings
from tests.api.marketplace.conftest import Market
from tests.api.marketplace.scenes import of_providers
from tests.api.test_who_may_what import counted
from tests.marketplace.house import STEPS, new_id

DAYS = {"from": "2031-06-01", "to": "2031-06-03"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/market/v1/rooms/{room_id}/inventory"): DAYS,
    ("POST", "/market/v1/tours/{tour_id}/departures"): DAYS,
    ("PATCH", "/market/v1/providers/{provider_id}/onboarding/{step}"): {
        "step": "contact",
        **STEPS["contact"],  # type: ignore[index]
    },
}
"""Where the first example of the document will not do."""
NOTHING = {("POST", "/market/v1/providers"), ("GET", "/market/v1/providers")}
"""Routes about no thing that is there."""
IN_BODY = {
    ("POST", "/market/v1/listings"): "provider_id",
    ("POST", "/market/v1/packages"): "listing_id",
    ("POST", "/market/v1/tours"): "provider_id",
}


DOCUMENT = create_app(Settings()).openapi()


def _body(method: str, path: str) -> dict[str, Any] | None:
    if (method, path) in BODIES:
        return BODIES[method, path]
    operation = DOCUMENT["paths"][path][method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    name = content["schema"]["$ref"].rpartition("/")[2]
    return dict(DOCUMENT["components"]["schemas"][name]["examples"][0])


async def test_anothers_looks_unknown(market: Market) -> None:
    user = await market.user()
    other = await market.user()
    theirs = {**await market.house.everything(other.id), "step": "contact"}
    unknown = {name: new_id() for name in theirs} | {"step": "contact"}
    asked = of_providers() - NOTHING
    assert len(asked) > 30
    for method, path in sorted(asked):
        body = _body(method, path)
        told = []
        for things in (theirs, unknown):
            sent: dict[str, Any] = {"headers": {"Idempotency-Key": uuid.uuid4().hex}}
            if body is not None:
                field = IN_BODY.get((method, path))
                sent["json"] = {**body, **({field: things[field]} if field else {})}
            if path.endswith(("/inventory", "/schedule")) and method == "GET":
                sent["params"] = DAYS
            url = path.format(**things)
            with counted(market.served) as statements:
                answer = await user.http.request(method, url, **sent)
            told.append((answer.status_code, answer.content, list(statements)))
        assert told[0][0] == 404, (method, path, told[0])
        assert told[0] == told[1], (method, path)
        assert told[0][2], (method, path)


@pytest.mark.parametrize("path", ["/market/v1/listings/x", "/market/v1/rooms/1/inventory"])
async def test_ids_are_uuids(market: Market, path: str) -> None:
    user = await market.user()
    answer = await user.http.get(path, params=DAYS if "inventory" in path else {})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
