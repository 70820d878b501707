"""The published OpenAPI document: valid examples for every answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from api.app import create_app
from api.core import problems
from api.core.problems import CODES
from settings import Settings


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: FastAPI = create_app(Settings())
    return app.openapi()


def _examples(media_type: str, content: dict[str, Any]) -> Iterator[Any]:
    if media_type == "text/event-stream":  # the schema is of each event, up to OpenAPI 3.2
        for event in content["example"].split("\n\n")[:-1]:
            yield dict(line.split(": ", 1) for line in event.split("\n"))
    elif "example" in content:
        yield content["example"]
    yield from (example["value"] for example in content.get("examples", {}).values())


def _validate(document: dict[str, Any], schema: dict[str, Any], example: Any, where: str) -> None:
    whole = {**schema, "components": document["components"]}
    errors = [e.message for e in Draft202012Validator(whole).iter_errors(example)]
    assert not errors, (where, errors)


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    where = f"{method} {path} {status} {media_type}"
                    examples = list(_examples(media_type, content))
                    assert examples, where
                    for example in examples:
                        _validate(document, content["schema"], example, where)
                        seen += 1
    assert seen > 50


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                schema = document["components"]["schemas"][name]
                assert schema["examples"]
                for example in schema["examples"]:
                    _validate(document, content["schema"], example, name)


def test_examples_have_no_field_the_schema_does_not_name(document: dict[str, Any]) -> None:
    """Answers allow further fields in the schema; examples must not invent any."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    reference = content.get("schema", {}).get("$ref", "")
                    if not reference:
                        continue
                    names = document["components"]["schemas"][reference.rpartition("/")[2]]
                    for example in _examples(media_type, content):
                        assert set(example) <= set(names["properties"]), (path, media_type)


def test_every_route_that_works_can_be_unavailable(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/booking"):
                unknown = set() if path == "/booking" else {"404"}  # a list may be empty
                assert {"401", "500", "503"} | unknown <= set(operation["responses"])
                assert "Retry-After" in operation["responses"]["503"]["headers"]


def test_the_events_of_a_stream_are_described(document: dict[str, Any]) -> None:
    answer = document["paths"]["/booking/{bookingId}/events"]["get"]["responses"]["200"]
    content = answer["content"]["text/event-stream"]
    told = {
        kind: one["properties"]["data"]["contentSchema"]
        for one in content["schema"]["oneOf"]
        for kind in one["properties"]["event"]["enum"]
    }
    seen = set()
    for event in _examples("text/event-stream", content):
        _validate(document, told[event["event"]], json.loads(event["data"]), event["event"])
        seen.add(event["event"])
    assert seen == set(told) == {"step", "state", "end"}


OPERATIONS = {
    "createQuote": "POST /market/v1/quotes",
    "getQuote": "GET /market/v1/quotes/{quote_id}",
    "holdQuote": "POST /market/v1/quotes/{quote_id}/hold",
    "getMarketBooking": "GET /market/v1/bookings/{booking_id}",
    "payMarketBooking": "POST /market/v1/bookings/{booking_id}/pay",
    "useOtherCardForMarketBooking": "POST /market/v1/bookings/{booking_id}/payment-method",
    "cancelMarketBooking": "POST /market/v1/bookings/{booking_id}/cancel",
    "listDepartures": "GET /market/v1/tours/{tour_id}/departures",
    "listOffers": "GET /market/v1/stays/{listing_id}/offers",
    "searchPackages": "GET /market/v1/packages",
    "searchStays": "GET /market/v1/stays",
    "searchTours": "GET /market/v1/tours",
    "changeReservation": "PUT /api/v1/bookings/{booking_id}",
    "cancelReservation": "POST /api/v1/bookings/{booking_id}/cancel",
    "checkAvailability": "POST /api/v1/bookings/availability/check",
    "createReservation": "POST /api/v1/bookings",
    "getReservation": "GET /api/v1/bookings/{booking_id}",
    "getReservationByReference": "GET /api/v1/bookings/reference/{booking_reference}",
    "getVenue": "GET /api/v1/venues/{external_id}",
    "listReservationsOfGuest": "GET /api/v1/bookings/guest/{guest_id}",
    "listReservationsOfVenue": "GET /api/v1/bookings/venue/{venue_id}",
    "moveReservation": "POST /api/v1/bookings/{booking_id}/status",
    "putVenue": "PUT /api/v1/venues/{external_id}",
    "changeWebhookEndpoint": "PATCH /api/v1/webhook-endpoints/{endpoint_id}",
    "createWebhookEndpoint": "POST /api/v1/webhook-endpoints",
    "deleteWebhookEndpoint": "DELETE /api/v1/webhook-endpoints/{endpoint_id}",
    "getWebhookDelivery": "GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries/{position}",
    "getWebhookEndpoint": "GET /api/v1/webhook-endpoints/{endpoint_id}",
    "listWebhookDeliveries": "GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries",
    "listWebhookEndpoints": "GET /api/v1/webhook-endpoints",
    "recoverWebhookEndpoint": "POST /api/v1/webhook-endpoints/{endpoint_id}/recover",
    "retryWebhookDelivery": "POST /api/v1/webhook-endpoints/{endpoint_id}/deliveries/{position}"
    "/retry",
    "rotateWebhookSecret": "POST /api/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
    "testWebhookEndpoint": "POST /api/v1/webhook-endpoints/{endpoint_id}/test",
    "changeContact": "POST /market/v1/me/contacts/{challenge_id}/verify",
    "changeMe": "PATCH /market/v1/me",
    "confirmSecondFactor": "POST /market/v1/me/second-factor/confirm",
    "endOtherSessions": "DELETE /market/v1/me/sessions",
    "endSession": "DELETE /market/v1/me/sessions/{session_id}",
    "enrolSecondFactor": "POST /market/v1/me/second-factor",
    "getMe": "GET /market/v1/me",
    "listMySessions": "GET /market/v1/me/sessions",
    "proveSecondFactor": "POST /market/v1/auth/second-factor",
    "sendContactCode": "POST /market/v1/me/contacts",
    "sendSignInCode": "POST /market/v1/auth/codes",
    "signIn": "POST /market/v1/auth/codes/{challenge_id}/verify",
    "signOut": "POST /market/v1/auth/logout",
    "addCommissionRule": "POST /operator/ledger/commission-rules",
    "bookTrip": "POST /booking/book",
    "cancelBooking": "POST /booking/cancel",
    "checkLedger": "GET /operator/ledger/check",
    "getBooking": "GET /booking/{bookingId}",
    "getBookingByReference": "GET /booking/reference/{bookingReference}",
    "getCase": "GET /operator/cases/{caseId}",
    "getEventSchema": "GET /schemas/{type}/{version}",
    "getLedgerStatement": "GET /operator/ledger/bookings/{bookingId}",
    "getLiveness": "GET /healthz",
    "getReadiness": "GET /readyz",
    "getReconciliation": "GET /operator/reconciliations/{day}",
    "getWebhookEvent": "GET /operator/webhooks/{webhookId}",
    "listAttempts": "GET /operator/attempts",
    "listBookingSteps": "GET /booking/{bookingId}/steps",
    "listBookings": "GET /booking",
    "listCases": "GET /operator/cases",
    "listCommissionRules": "GET /operator/ledger/commission-rules",
    "listDeadLetters": "GET /operator/dead-letters",
    "listEvents": "GET /api/v1/events",
    "listLedgerBalances": "GET /operator/ledger/balances",
    "listOrders": "GET /operator/orders",
    "listRecentBookings": "GET /api/bookings",
    "listReconciliations": "GET /operator/reconciliations",
    "listSinks": "GET /operator/sinks",
    "listSuppliers": "GET /operator/suppliers",
    "listWebhookEvents": "GET /operator/webhooks",
    "modifyBooking": "POST /booking/{bookingId}/modify",
    "payReservation": "POST /api/v1/bookings/{booking_id}/payment-method",
    "refundBooking": "POST /booking/{bookingId}/refund",
    "replayDeadLetter": "POST /operator/dead-letters/{letterId}/replay",
    "resolveBookingCase": "POST /booking/{bookingId}/resolve",
    "resolveCase": "POST /operator/cases/{caseId}/resolve",
    "retryWebhookEvent": "POST /operator/webhooks/{webhookId}/retry",
    "streamEvents": "GET /api/v1/events/stream",
    "takePaymentServiceEvent": "POST /webhooks/payment-service",
    "takeStripeEvent": "POST /webhooks/stripe",
    "takeSupplierEvent": "POST /webhooks/{supplier}",
    "usePaymentMethod": "POST /booking/{bookingId}/payment-method",
    "watchBooking": "GET /booking/{bookingId}/events",
    "archiveListing": "POST /market/v1/listings/{listing_id}/archive",
    "archivePackage": "POST /market/v1/packages/{package_id}/archive",
    "archiveTour": "POST /market/v1/tours/{tour_id}/archive",
    "cancelDeparture": "POST /market/v1/tours/{tour_id}/departures/{departure_id}/cancel",
    "changeDeparture": "PATCH /market/v1/tours/{tour_id}/departures/{departure_id}",
    "changeListing": "PATCH /market/v1/listings/{listing_id}",
    "changePackage": "PATCH /market/v1/packages/{package_id}",
    "changeRatePlan": "PATCH /market/v1/rate-plans/{rate_plan_id}",
    "changeRoom": "PATCH /market/v1/rooms/{room_id}",
    "changeTour": "PATCH /market/v1/tours/{tour_id}",
    "createDepartures": "POST /market/v1/tours/{tour_id}/departures",
    "createListing": "POST /market/v1/listings",
    "createPackage": "POST /market/v1/packages",
    "createProvider": "POST /market/v1/providers",
    "createRatePlan": "POST /market/v1/rooms/{room_id}/rate-plans",
    "createRoom": "POST /market/v1/listings/{listing_id}/rooms",
    "createTour": "POST /market/v1/tours",
    "fillInStep": "PATCH /market/v1/providers/{provider_id}/onboarding/{step}",
    "getInventory": "GET /market/v1/rooms/{room_id}/inventory",
    "getListing": "GET /market/v1/listings/{listing_id}",
    "getPackage": "GET /market/v1/packages/{package_id}",
    "getProvider": "GET /market/v1/providers/{provider_id}",
    "getProviderForReview": "GET /market/v1/admin/providers/{provider_id}",
    "getProviderHistoryForReview": "GET /market/v1/admin/providers/{provider_id}/history",
    "getProviderHistory": "GET /market/v1/providers/{provider_id}/history",
    "getSchedule": "GET /market/v1/tours/{tour_id}/schedule",
    "getTour": "GET /market/v1/tours/{tour_id}",
    "listListingsOfProvider": "GET /market/v1/providers/{provider_id}/listings",
    "listPackagesOfProvider": "GET /market/v1/providers/{provider_id}/packages",
    "listProviders": "GET /market/v1/providers",
    "listProvidersForReview": "GET /market/v1/admin/providers",
    "listToursOfProvider": "GET /market/v1/providers/{provider_id}/tours",
    "pauseListing": "POST /market/v1/listings/{listing_id}/pause",
    "pausePackage": "POST /market/v1/packages/{package_id}/pause",
    "pauseTour": "POST /market/v1/tours/{tour_id}/pause",
    "publishListing": "POST /market/v1/listings/{listing_id}/publish",
    "publishPackage": "POST /market/v1/packages/{package_id}/publish",
    "publishTour": "POST /market/v1/tours/{tour_id}/publish",
    "putInventory": "PUT /market/v1/rooms/{room_id}/inventory",
    "reviewProvider": "POST /market/v1/providers/{provider_id}/review",
    "submitProvider": "POST /market/v1/providers/{provider_id}/submit",
}
"""What generated clients call their functions: a name that is here stays."""


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def test_what_any_request_may_be_refused_for_is_described(document: dict[str, Any]) -> None:
    for at, operation in _operations(document):
        assert "400" in operation["responses"], at
        if operation.get("security"):  # unknown parameters
            assert "422" in operation["responses"], at


def test_operations_keep_their_names(document: dict[str, Any]) -> None:
    assert {one["operationId"]: at for at, one in _operations(document)} == OPERATIONS


V1 = ("/api/", "/market/")
"""Below them everything is snake_case (contracts.md §2, §3, §5), elsewhere camelCase (§1)."""


def _names(document: dict[str, Any], *, v1: bool) -> set[str]:
    """Every name of a parameter or a field, of the one part of the API or the other."""
    schemas = document["components"]["schemas"]
    names, asked, seen = set(), [], {"Problem", "FieldError"}  # both parts have them
    for path, operations in document["paths"].items():
        if path.startswith(V1) is v1:
            asked.append(operations)
            for operation in operations.values():
                parameters = operation.get("parameters", ())
                names |= {one["name"] for one in parameters if one["in"] != "header"}
    while asked:
        for name in re.findall(r'schemas/(\w+)"', json.dumps(asked.pop())):
            if name not in seen:
                seen.add(name)
                asked.append(schemas[name])
                names |= set(schemas[name].get("properties", ()))
    return names


def test_every_name_is_camel_case_or_snake_case(document: dict[str, Any]) -> None:
    camel, snake = _names(document, v1=False), _names(document, v1=True)
    assert len(camel) > 100
    assert [name for name in camel if not re.fullmatch("[a-z][a-zA-Z0-9]*", name)] == []
    assert len(snake) > 20
    assert [name for name in snake if not re.fullmatch("[a-z][a-z0-9_]*", name)] == []


def _text_fields(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every string in a schema, wherever it stands, but those behind references."""
    if schema.get("type") == "string":
        yield schema
    fields = schema.get("properties", {}).values()
    # beside fields they only say which are needed together
    for inner in fields or schema.get("anyOf", ()):
        yield from _text_fields(inner)
    if isinstance(schema.get("items"), dict):
        yield from _text_fields(schema["items"])


def test_the_form_of_every_text_that_callers_send_is_stated(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = [
        content["schema"]
        for _, operation in _operations(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    asked, seen = list(bodies), set()
    while asked:  # everything that bodies refer to
        inner = asked.pop()
        for name in re.findall(r'schemas/(\w+)"', json.dumps(inner)):
            if name not in seen:
                seen.add(name)
                asked.append(schemas[name])
    fields = [field for name in seen for field in _text_fields(schemas[name])]
    assert len(fields) > 30
    for _, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query" or parameter["name"] == "idempotency-key":
                fields += _text_fields(parameter["schema"])
    for field in fields:
        assert {"pattern", "enum", "format", "const"} & set(field), field


def test_every_code_is_named_and_explained(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == CODES
    text = (Path(problems.__file__).parent / "problems.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert sorted(sections) == CODES
    for code, section in sections.items():
        assert re.search(r"^- Money: .+\n(  .+\n)*- Next: .+", section, re.MULTILINE), code


def test_lists_show_how_they_refuse_other_filters(document: dict[str, Any]) -> None:
    lists = 0
    for at, operation in _operations(document):
        given = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        if not at.startswith("GET ") or not given:
            continue
        (content,) = operation["responses"]["422"]["content"].values()
        told = content["example"]
        words = told["error"] if "error" in told else told["detail"]
        assert {name for name in given if name in words} == given
        assert told.get("details", {}).get("supported") in (None, sorted(given))
        lists += 1
    assert lists > 12


async def test_a_problem_links_to_its_explanation(alone: httpx.AsyncClient) -> None:
    problem = (await alone.get("/booking/nowhere")).json()
    path, _, section = problem["type"].partition("#")
    page = await alone.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert section == problem["code"]
    for code in CODES:
        assert f'<h2 id="{code}">{code}</h2>' in page.text
