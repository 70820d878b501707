"""Whatever a list cannot be asked for is refused, by a code and the names of what it can be."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.core.audience import KEYLESS, GuardedRoute
from api.core.problems import PLAIN
from settings import Settings
from tests.api.conftest import client
from tests.api.server import Served
from tests.support.users import sign_in

OTHERS = {  # they answer one thing, and have no parameters
    "/booking/{bookingId}",
    "/booking/{bookingId}/events",
    "/booking/{bookingId}/steps",
    "/booking/reference/{bookingReference}",
    "/api/v1/bookings/{booking_id}",
    "/api/v1/bookings/reference/{booking_reference}",
    "/api/v1/venues/{external_id}",
    "/api/v1/webhook-endpoints/{endpoint_id}",
    "/api/v1/webhook-endpoints/{endpoint_id}/deliveries/{position}",
    "/market/v1/bookings/{booking_id}",
    "/market/v1/quotes/{quote_id}",
    "/market/v1/admin/providers/{provider_id}",
    "/market/v1/admin/providers/{provider_id}/history",
    "/market/v1/listings/{listing_id}",
    "/market/v1/packages/{package_id}",
    "/market/v1/providers/{provider_id}",
    "/market/v1/providers/{provider_id}/history",
    "/market/v1/tours/{tour_id}",
    "/market/v1/me",
    "/operator/cases/{caseId}",
    "/operator/webhooks/{webhookId}",
    "/operator/ledger/bookings/{bookingId}",
    "/operator/reconciliations/{day}",
}


def _read() -> dict[str, list[str]]:
    """Return the parameters of every route that callers read, by its path."""
    return {
        route.path: sorted(
            field.alias
            for field in get_flat_params(route.dependant)
            if isinstance(field.field_info, params.Query)
        )
        for context in iter_route_contexts(create_app(Settings()).routes)
        if isinstance(route := context.original_route, GuardedRoute)
        and "GET" in (route.methods or ())
        and route.policy not in KEYLESS
    }


READ = _read()


@pytest.fixture
async def anonymous(lonely: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client(lonely.url) as http:
        yield http


@pytest.mark.parametrize("path", sorted(READ))
async def test_an_unknown_filter(
    operator: httpx.AsyncClient, anonymous: httpx.AsyncClient, database_url: str, path: str
) -> None:
    known = READ[path]
    named = f"only {', '.join(known)}" if known else "none"
    detail = f"The query has a parameter that is not known here: {named} can be given."
    asked, query = re.sub(r"\{\w+\}", "1", path), {"stat": "FAILED"}
    answer = await operator.get(asked, params=query)
    if answer.status_code == 401:  # of users alone
        headers = sign_in(database_url, admin=True, second_factor=True).bearer
        answer = await anonymous.get(asked, params=query, headers=headers)
    told = answer.json()
    assert answer.status_code == 422
    if path in PLAIN:
        assert told == {"error": detail}
        return
    assert told["detail"] == detail
    if path in OTHERS:
        assert (told["code"], "details" in told) == ("INVALID_REQUEST", False)
    else:
        assert told["code"] == "FILTER_NOT_SUPPORTED"
        assert told["details"] == {"supported": known}


def test_every_list_is_asked() -> None:
    assert READ.keys() > OTHERS
    assert {"/booking", "/api/v1/events", "/operator/orders"} < READ.keys() - OTHERS


async def test_a_filter_that_is_given_twice(operator: httpx.AsyncClient) -> None:
    """It is known: what is wrong is the form, as of a value."""
    answer = await operator.get("/booking?code=a&code=b")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert answer.json()["detail"] == "The query has code more than once."
