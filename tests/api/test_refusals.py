"""What is wrong with a field, in plain words that name the form it should have."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from api.app import create_app
from api.core.audience import GuardedRoute
from api.core.filters import GATEWAYS
from api.core.problems import WORDS, plain
from models.core.people import Traveler
from models.core.supply import TripComponent
from payments.registry import webhook_verifier
from settings import Settings

LIBRARY = re.compile(
    r"(?i:input|value should|validation|instance|field required|valid (string|integer|list|dict)"
    r"|python|pydantic|regex|pattern|value error|items after|[{}]|unable to|parse)|None",
)
"""Words of pydantic, and of Python."""
NO_FORM = "does not have the expected form"

ODD: list[Any] = [
    *(None, True, "yes", 0, -1, 2, 1.5, 2.0, 10**12, 2**70, "", " ", "x", "é", "x" * 11_000),
    *("\x00", "\ud800", "0.5", "2031-03-01", "2031-02-30", "2031-03-01T09:00:00"),
    *("2031-13-01T09:00:00Z", "2031-03-01T09:00:00Z", [], ["x"], [[]], [{}] * 30, {}, {"a": 1}),
]


def _models() -> Iterator[type[BaseModel]]:
    """Every model of a body that callers send, with the models in it."""
    asked = [
        route.body_field.field_info.annotation
        for context in iter_route_contexts(create_app(Settings()).routes)
        if isinstance(route := context.original_route, GuardedRoute) and route.body_field
    ]
    seen: set[type[BaseModel]] = set()
    while asked:
        kind = asked.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in seen:
                seen.add(kind)
                asked += [field.annotation for field in kind.model_fields.values()]
        else:
            asked += getattr(kind, "__args__", ())
    yield from sorted(seen, key=lambda kind: kind.__name__)


def _errors(adapter: TypeAdapter[Any], given: Any) -> list[Any]:
    try:
        adapter.validate_python(given)
    except ValidationError as error:
        return list(error.errors())
    return []


def _found() -> Iterator[Any]:
    """Every error that an odd value in any one field or parameter makes."""
    for kind in _models():
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        for name, field in kind.model_fields.items():
            for odd in ODD:
                yield from _errors(adapter, {field.alias or name: odd})
        for odd in ODD:
            yield from _errors(adapter, odd)
    for context in iter_route_contexts(create_app(Settings()).routes):
        route = context.original_route
        assert isinstance(route, GuardedRoute)
        for parameter in get_flat_params(route.dependant):
            if isinstance(parameter.field_info, params.Param):
                for odd in ODD:
                    _, errors = parameter.validate(odd, loc=("query", parameter.alias))
                    yield from errors or ()


def test_no_words_of_a_library_reach_a_caller() -> None:
    seen = set()
    for error in _found():
        words = plain(error)
        assert not LIBRARY.search(words), (error, words)
        assert words != NO_FORM, error
        seen.add(error["type"])
    assert len(seen) > 20


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda error: error["type"])
def test_not_even_of_an_error_that_none_of_our_models_makes(error: Any) -> None:
    context = error.get("example_context") or {}
    words = plain({"type": error["type"], "msg": error["example_message_python"], "ctx": context})
    assert words == NO_FORM or error["type"] in {*WORDS, "value_error", "assertion_error"}
    assert not LIBRARY.search(words) or error["type"] == "value_error", words


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/booking", {"state": "BOOKED"}, "state[0] must be QUOTED, PENDING, "),
        ("/booking", {"attention": "1"}, "attention must be true or false."),
        ("/booking", {"since": "0.5"}, "since must be a date and time with its zone, such as "),
        ("/booking", {"until": "0.5"}, "until must be a date and time with its zone, such as "),
        ("/booking", {"email": "ada"}, "email must be an e-mail address such as ada@example.com."),
        ("/booking", {"code": "a\tb"}, "code must be one line of text, without control "),
        ("/booking", {"after": "x"}, "after must be `next` of the page before."),
        ("/booking", {"limit": "0"}, "limit must be at least 1."),
        ("/operator/attempts", {"supplier": "expedia"}, "supplier must be amadeus, booking_com, "),
        ("/operator/attempts", {"outcome": "ok"}, "outcome must be done, refused, not_done, "),
        ("/operator/orders", {"supplier": "stripe"}, "supplier must be amadeus, booking_com, "),
        ("/operator/orders", {"status": "OK"}, "status must be PENDING, "),
        ("/operator/orders", {"hash": "a\x00"}, "hash must be one line of text, "),
        ("/operator/webhooks", {"status": "new"}, "status must be "),
        ("/operator/cases", {"open": "yes"}, "open must be true or false."),
    ],
)
async def test_what_no_list_can_be_asked_for(
    operator: httpx.AsyncClient, path: str, query: dict[str, str], words: str
) -> None:
    answer = await operator.get(path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert answer.json()["detail"].startswith(words)


def test_every_gateway_can_be_asked_for() -> None:
    for name in GATEWAYS:
        webhook_verifier(Settings(), name)  # raises for what is none


async def test_a_misspelled_switch_cancels_nothing(alone: httpx.AsyncClient) -> None:
    answer = await alone.post("/booking/cancel?dryrun=true", json={"bookingId": "x"})
    assert answer.json()["detail"].endswith("only dryRun, wait can be given.")


async def test_a_switch_is_given_once(alone: httpx.AsyncClient) -> None:
    """Whoever reads the first of two believes in a dry run, and the last one would count."""
    for path, sent in (
        ("/booking/cancel", {"bookingId": "x"}),
        ("/booking/x/modify", {"changes": {"drop": ["y"]}}),
    ):
        answer = await alone.post(f"{path}?dryRun=true&dryRun=false", json=sent)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
        assert answer.json()["detail"] == "The query has dryRun more than once."
    assert (await alone.get("/booking?limit=1&limit=2")).status_code == 422
    assert (await alone.get("/booking?state=FAILED&state=CONFIRMED")).status_code == 200


def test_times_and_days_are_no_numbers() -> None:
    for field, kind in (("startsAt", TripComponent), ("dateOfBirth", Traveler)):
        for odd in (0.5, 0, 1_767_225_600, "0", str(dt.date(2031, 3, 1).toordinal())):
            places = {error["loc"] for error in _errors(TypeAdapter(kind), {field: odd})}
            assert (field,) in places, (field, odd)
