"""Whatever is sent, the answer is a problem in plain words, never a 5xx."""

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.api.conftest import body

TRIP: dict[str, Any] = {"tripOptionId": "t-1", "totalPrice": 1000, "currency": "USD"}
COMPONENT = {
    "componentId": "c-1",
    "type": "FLIGHT",
    "supplier": "amadeus",
    "price": 1000,
    "currency": "USD",
    "startsAt": "2031-03-01T10:00:00Z",
    "endsAt": "2031-03-02T10:00:00Z",
    "offer": {},
}
BOTH = "tripOptionId"
"""Named for a trip that is handed in and named, too."""
JSON = {"Content-Type": "application/json"}


def _is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    if status != 404:
        assert problem["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    return problem


def _spelled(text: str) -> bytes:
    """A body whose city is the JSON ``text``."""
    whole = json.dumps(body(TRIP))
    return whole.replace('"t-1"', text, 1).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"{",
        b"nonsense",
        b'{"a": 1,}',
        b"{'a': 1}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b'{"a": 1, "a": 2}',
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": 99999999999999999999}',
        b"[" + b"1," * 20_000 + b"1]",
        b'{"a": 1e300}',
        _spelled("NaN"),
        _spelled("Infinity"),
        _spelled("-Infinity"),
        _spelled("1e400"),
        _spelled("-1e400"),
        _spelled(r'"\ud800"'),
        _spelled(r'"\udfff x"'),
        _spelled('"\udc80"'),
        _spelled(r'"\u0000"'),
        _spelled('"\\u0000abc"'),
        _spelled('"a\x00b"'),
        b'{"\\u0000": 1}',
        b'{"\\ud800": 1}',
    ],
)
@pytest.mark.parametrize("path", ["/booking/book", "/booking/cancel"])
async def test_malformed_json_is_reported_as_such(
    alone: httpx.AsyncClient, raw: bytes, path: str
) -> None:
    _is_problem(await alone.post(path, content=raw, headers=JSON), 400, "MALFORMED_JSON")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tripOptionId": None}, "tripOptionId"),
        ({"tripOptionId": 7}, "tripOptionId"),
        ({"tripOptionId": ""}, "tripOptionId"),
        ({"tripOptionId": "x" * 201}, "tripOptionId"),
        ({"trip": {"totalPrice": 1000, "currency": "USD", "components": [COMPONENT]}}, BOTH),
        ({"trip": None}, "trip"),
        ({"trip": {"totalPrice": 1000, "currency": "USD", "components": []}}, "trip.components"),
        ({"price": 1}, "price"),
        ({"state": "CONFIRMED"}, "state"),
        ({"userContact": {"email": "nobody"}}, "userContact.email"),
        ({"userContact": {}}, "userContact.email"),
        ({"travelers": []}, "travelers"),
        ({"travelers": [{"firstName": "A"}]}, "travelers[0].lastName"),
        ({"payment": {"amount": 0}}, "paymentInfo.amount"),
        ({"payment": {"amount": -5}}, "paymentInfo.amount"),
        ({"payment": {"amount": 1000.5}}, "paymentInfo.amount"),
        ({"payment": {"amount": "1000"}}, "paymentInfo.amount"),
        ({"payment": {"amount": True}}, "paymentInfo.amount"),
        ({"payment": {"amount": 10**12}}, "paymentInfo.amount"),
        ({"payment": {"currency": "XXX1"}}, "paymentInfo.currency"),
        ({"payment": {"currency": "usd"}}, "paymentInfo.currency"),
        ({"payment": {"currency": "ZZZ"}}, "paymentInfo.currency"),
        ({"payment": {"paymentMethodId": ""}}, "paymentInfo.paymentMethodId"),
        ({"payment": {"card": "x"}}, "paymentInfo.card"),
        ({"payment": {"billingDetails": []}}, "paymentInfo.billingDetails"),
    ],
)
async def test_a_field_that_is_wrong_is_named(
    alone: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await alone.post("/booking/book", json=body(TRIP, **change))

    problem = _is_problem(answer, 422, "INVALID_REQUEST")
    assert field in {problem["field"], *(e["field"] for e in problem["errors"])}


async def test_a_whole_number_may_have_a_point(alone: httpx.AsyncClient) -> None:
    answer = await alone.post("/booking/book", json=body(TRIP, payment={"amount": 1000.0}))
    _is_problem(answer, 404, "TRIP_OPTION_UNKNOWN")  # to JSON Schema it is 1000


@pytest.mark.parametrize("value", [[], 1, "text", None, True])
async def test_a_body_that_is_no_object(alone: httpx.AsyncClient, value: object) -> None:
    answer = await alone.post("/booking/book", content=json.dumps(value), headers=JSON)
    _is_problem(answer, 422, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "number",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "my card: 5555-5555-5555-4444!",
        "378282246310005",
        "+6011111111111117",
        "4242_4242_4242_4242",
        "4242/4242/4242/4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20114242\u20114242\u20114242",
        "\uff14\uff12" * 8,
    ],
)
async def test_card_numbers_are_refused_in_every_field(
    alone: httpx.AsyncClient, number: str
) -> None:
    payloads = [
        ("/booking/book", body(TRIP, tripOptionId=number)),
        ("/booking/book", body(TRIP, userContact={"email": "a@example.com", "phone": number})),
        ("/booking/cancel", {"bookingId": str(uuid.uuid4()), "reason": number}),
        ("/booking/cancel", {"bookingId": "x", "unknown": {"deep": [number]}}),
        ("/booking/cancel", {"bookingId": "x", number: 1}),
    ]
    for path, payload in payloads:
        answer = await alone.post(path, json=payload)
        _is_problem(answer, 422, "CARD_NUMBER_REFUSED")
        assert number not in answer.text


async def test_phones_dates_and_ids_are_no_card_numbers(alone: httpx.AsyncClient) -> None:
    # each of these has digits with a valid check digit in a row
    for text in ("+4915123456787", "11111111-1111-1111-8111-111111111117", "2031-03-01 2031-03-09"):
        payload = body(TRIP, userContact={"email": "a@example.com", "phone": text})
        if text.startswith("+"):
            answer = await alone.post("/booking/book", json=payload)
        else:
            answer = await alone.post(
                "/booking/cancel", json={"bookingId": str(uuid.uuid4()), "reason": text}
            )
        assert answer.json()["code"] != "CARD_NUMBER_REFUSED", text


async def test_huge_bodies(alone: httpx.AsyncClient) -> None:
    huge = b'{"a": "' + b"x" * 300_000 + b'"}'

    async def chunks() -> Any:
        for at in range(0, len(huge), 10_000):
            yield huge[at : at + 10_000]

    declared = await alone.post("/booking/book", content=huge, headers=JSON)
    chunked = await alone.post("/booking/book", content=chunks(), headers=JSON)

    _is_problem(declared, 413, "BODY_TOO_LARGE")
    _is_problem(chunked, 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/xml",
        "application/json;x=1",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
async def test_only_json_is_read(alone: httpx.AsyncClient, media_type: str) -> None:
    answer = await alone.post(
        "/booking/book", content=json.dumps(body(TRIP)), headers={"Content-Type": media_type}
    )
    _is_problem(answer, 415, "NOT_JSON")


async def test_compressed_bodies_are_not_read(alone: httpx.AsyncClient) -> None:
    answer = await alone.post(
        "/booking/book", content=b"x", headers={**JSON, "Content-Encoding": "gzip"}
    )
    _is_problem(answer, 415, "ENCODED_BODY")


def _raw(http: httpx.AsyncClient, key: str) -> dict[bytes, bytes]:
    return {
        b"X-API-Key": http.headers["X-API-Key"].encode(),
        b"Idempotency-Key": key.encode("latin-1"),
    }


@pytest.mark.parametrize("chosen", ["", "x" * 256, "with space", "\xe9"], ids=len)
async def test_unusable_idempotency_keys(alone: httpx.AsyncClient, chosen: str) -> None:
    answer = await alone.post("/booking/book", json=body(TRIP), headers=_raw(alone, chosen))
    problem = _is_problem(answer, 400, "IDEMPOTENCY_KEY_INVALID")
    assert problem["field"] == "Idempotency-Key"


@pytest.mark.parametrize("chosen", ["4242424242424242", "order/4242_4242-4242.4242"])
async def test_card_numbers_are_refused_as_idempotency_keys(
    alone: httpx.AsyncClient, chosen: str
) -> None:
    headers = {"Idempotency-Key": chosen}
    for path, payload in (
        ("/booking/book", body(TRIP)),
        (f"/booking/{uuid.uuid4()}/modify", {"changes": {"drop": ["1"]}, "acceptedTotal": 1}),
    ):
        answer = await alone.post(path, json=payload, headers=headers)
        problem = _is_problem(answer, 422, "CARD_NUMBER_REFUSED")
        assert problem["field"] == "Idempotency-Key"
        assert chosen not in answer.text + str(answer.headers)


async def test_control_characters_are_refused_in_every_field(alone: httpx.AsyncClient) -> None:
    person = {"firstName": "A\x1b[2J", "lastName": "B", "dateOfBirth": "1990-01-31"}
    booking = str(uuid.uuid4())
    for path, payload, field in (
        ("/booking/book", body(TRIP, travelers=[person]), "travelers[0].firstName"),
        ("/booking/book", body(TRIP, tripOptionId="a\nb"), "tripOptionId"),
        ("/booking/cancel", {"bookingId": booking, "reason": "\x9b31m"}, "reason"),
        (f"/booking/{booking}/modify", {"changes": {"add": [{"\u202e": 1}]}}, "changes.add[0]"),
    ):
        answer = await alone.post(path, json=payload)
        problem = _is_problem(answer, 422, "INVALID_REQUEST")
        assert problem["field"] == field
    lines = await alone.post("/booking/cancel", json={"bookingId": booking, "reason": "a\n\tb"})
    assert lines.status_code != 422, lines.text


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", "", "99999999999999999999"])
async def test_unusable_waits(alone: httpx.AsyncClient, wait: str) -> None:
    answer = await alone.post("/booking/book", params={"wait": wait}, json=body(TRIP))
    problem = _is_problem(answer, 422, "INVALID_REQUEST")
    assert problem["field"] == "wait"


async def test_unknown_routes_and_methods(alone: httpx.AsyncClient) -> None:
    _is_problem(await alone.get("/nowhere"), 404, "NOT_FOUND")
    _is_problem(await alone.get("/booking/"), 404, "NOT_FOUND")
    wrong = await alone.put("/booking/book")
    _is_problem(wrong, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in wrong.headers["allow"]


@pytest.mark.parametrize(
    "identity",
    ["x", "%00", "%ff", "..%2f", "0" * 5_000, "7F8B1D6E-6E2C-5A55-8F6B-0B0C7A3D9A1", "'", "é"],
)
async def test_ids_that_are_none_are_unknown(alone: httpx.AsyncClient, identity: str) -> None:
    for path in (f"/booking/{identity}", f"/booking/{identity}/events"):
        answer = await alone.get(path)
        assert answer.status_code == 404, answer.text
    assert (await alone.get(f"/booking/reference/{identity}")).status_code == 404


async def test_unknown_trip_options(alone: httpx.AsyncClient) -> None:
    answer = await alone.post("/booking/book", json=body(TRIP))
    problem = _is_problem(answer, 404, "TRIP_OPTION_UNKNOWN")
    assert problem["field"] == "tripOptionId"


async def test_other_amounts_and_currencies(alone: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    total = trip["totalPrice"]
    amount = await alone.post("/booking/book", json=body(trip, payment={"amount": total - 1}))
    currency = await alone.post("/booking/book", json=body(trip, payment={"currency": "JPY"}))

    problem = _is_problem(amount, 422, "AMOUNT_MISMATCH")
    assert problem["field"] == "paymentInfo.amount"
    assert problem["details"] == {"expected": total, "given": total - 1}
    problem = _is_problem(currency, 422, "CURRENCY_MISMATCH")
    assert problem["details"] == {"expected": trip["currency"], "given": "JPY"}


async def test_request_ids_are_kept_when_sane(alone: httpx.AsyncClient) -> None:
    sane = await alone.get("/healthz", headers={"X-Request-Id": "abc-123"})
    assert sane.headers["x-request-id"] == "abc-123"
    for other in ("x" * 65, "a b", "<script>", "4242424242424242"):
        answer = await alone.get("/healthz", headers={"X-Request-Id": other})
        assert answer.headers["x-request-id"] != other


async def test_security_headers_are_on_every_answer(alone: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nowhere", f"/booking/{uuid.uuid4()}", "/docs"):
        headers = (await alone.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("name", ["José", "李", "O'Brien", "A", "d’Été-Núñez", "A" * 100])
@pytest.mark.parametrize(
    "email", ["o'brien+tag@sub.example.museum", "josé@bücher.example", "a@b.c"]
)
async def test_names_and_addresses_that_people_have(
    alone: httpx.AsyncClient, trip: dict[str, Any], name: str, email: str
) -> None:
    person = {"firstName": name, "lastName": name, "dateOfBirth": "1990-01-31", "email": email}
    payload = body(
        trip,
        payment={"billingDetails": {"name": name, "email": email}},
        travelers=[person, {**person, "firstName": f"{name}a"}],
        userContact={"email": email},
    )
    # as far as it gets where Temporal is away
    _is_problem(await alone.post("/booking/book", json=payload), 503, "TEMPORAL_UNAVAILABLE")
    found = await alone.get("/booking", params={"email": email})
    assert found.json() == {"bookings": []}
