"""Events at the door: kept once, whatever comes how often; nothing forged, nothing lost."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import NOBODY, client
from tests.api.line import Line
from tests.api.server import Served, serve
from tests.support.environment import changed
from tests.support.selection import table
from tests.webhooks.conftest import STRIPE, Door, door_settings, registered
from tests.webhooks.rows import Rows
from tests.webhooks.signing import NEW, OLD, encoded, event, mac, signature


def _refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_an_event_is_kept_and_waits(door: Door) -> None:
    booking = str(uuid.uuid4())
    sent = event(payment="pi_first", booking=booking)

    answer = await door.knock(sent)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    row = door.rows.event(sent["id"])
    assert (row["gateway"], row["type"], row["livemode"]) == ("stripe", "charge.refunded", False)
    assert (row["payment_id"], str(row["booking_id"])) == ("pi_first", booking)
    assert (row["status"], row["deliveries"], row["attempts"]) == ("received", 1, 0)
    assert row["due_at"] == row["received_at"]
    assert row["payload"]["id"] == sent["id"]


async def test_what_an_event_says_of_people_is_not_kept(door: Door) -> None:
    sent = event()
    await door.knock(sent)
    assert "Ada" not in json.dumps(door.rows.event(sent["id"])["payload"])


async def test_the_same_event_again_is_only_counted(door: Door) -> None:
    sent = event()
    for _ in range(3):
        assert (await door.knock(sent)).status_code == 200
    row = door.rows.event(sent["id"])
    assert (row["deliveries"], row["status"]) == (3, "received")


async def test_an_event_that_was_handled_is_not_handled_again(door: Door) -> None:
    sent = event()
    await door.knock(sent)
    door.rows("UPDATE webhook_events SET status = 'done' WHERE event_id = %s", sent["id"])
    assert (await door.knock(sent)).status_code == 200
    row = door.rows.event(sent["id"])
    assert (row["deliveries"], row["status"]) == (2, "done")


async def test_twenty_at_once_make_one_row(door: Door) -> None:
    sent = event()
    body = encoded(sent)
    header = signature(body)
    answers = await asyncio.gather(*(door.send(body, header) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert door.rows.event(sent["id"])["deliveries"] == 20


@pytest.mark.parametrize("secret", [OLD, NEW])
@pytest.mark.parametrize("age", [0, 290, -290])
async def test_both_secrets_open_while_they_are_rotated(
    door: Door, secret: str, age: float
) -> None:
    body = encoded(event())
    assert (await door.send(body, signature(body, secret=secret, age=age))).status_code == 200


@pytest.mark.parametrize("age", [310, -310, 86_400, -86_400])
async def test_an_event_of_another_time_is_refused(door: Door, age: float) -> None:
    sent = event()
    body = encoded(sent)
    _refused(await door.send(body, signature(body, age=age)), 400, "SIGNATURE_EXPIRED")
    assert door.rows("SELECT FROM webhook_events WHERE event_id = %s", sent["id"]) == []


async def test_forged_ones_are_refused(door: Door) -> None:
    body = encoded(event())
    stamp = str(int(time.time()))
    for header in (
        "",
        "t=1",
        signature(body, secret="whsec_forged"),
        signature(body + b" "),
        f"t={stamp},v0={mac(body, stamp)}",
        f"t={stamp},v1={mac(body, str(int(stamp) - 1))}",
        signature(body) + "é",
    ):
        _refused(await door.send(body, header), 400, "SIGNATURE_REFUSED")
    without = await door.http.post(STRIPE, content=body)
    _refused(without, 400, "SIGNATURE_REFUSED")


NOT_EVENTS: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"[]",
    "half": b'{"object":"event"',
    "another object": encoded({"object": "charge", "id": "ch_1"}),
    "NaN": encoded(event(created=1)).replace(b'"created": 1', b'"created": NaN'),
    "no id": encoded(event(id="")),
    "an id with NUL": encoded(event(id="evt_\x00")),
    "an id with a lone surrogate": encoded(event(id="evt_\ud800")),
    "an id that is markup": encoded(event(id="<script>")),
    "the longest id": encoded(event(id="e" * 300)),
    "a type with a space": encoded(event(kind="a b")),
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "before time": encoded(event(created=-1)),
    "after time": encoded(event(created=10**18)),
    "true": encoded(event(livemode="yes")),
    "a number of thousands of digits": b'{"id": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("case", NOT_EVENTS)
async def test_what_is_signed_but_no_event_is_refused(door: Door, case: str) -> None:
    _refused(await door.knock(NOT_EVENTS[case]), 400, "NOT_AN_EVENT")


MONSTERS: dict[str, dict[str, Any]] = {
    "NUL": {"data": {"object": {"id": "ch_\x00", "status": "a\x00b"}}},
    "surrogates": {"data": {"object": {"id": "\ud800", "reason": "\udfff"}}},
    "numbers": {"data": {"object": {"amount": 10**400, "paid": 10**30}}},
    "depth": {"data": {"object": json.loads("[" * 400 + "]" * 400)}},
    "wrong types": {"data": {"object": [1]}, "account": None, "request": "x"},
    "payment of no kind": {"data": {"object": {"payment_intent": {"id": ["pi"]}}}},
    "another payment id": {"data": {"object": {"payment_intent": "pi_'; DROP TABLE"}}},
    "booking of no kind": {"data": {"object": {"metadata": {"booking_id": {"a": 1}}}}},
}


@pytest.mark.parametrize("case", MONSTERS)
async def test_strange_content_is_kept_without_harm(door: Door, case: str) -> None:
    sent = event(**MONSTERS[case])
    assert (await door.knock(sent)).status_code == 200
    row = door.rows.event(sent["id"])
    assert (row["status"], row["outcome"]) == ("kept", "it names no payment")


async def test_a_reference_that_is_no_booking_id_is_ignored(door: Door) -> None:
    sent = event(booking="order 4711")
    await door.knock(sent)
    row = door.rows.event(sent["id"])
    assert (row["status"], row["booking_id"]) == ("received", None)


async def test_an_event_of_an_unknown_type_is_only_kept(door: Door) -> None:
    sent = event(kind="customer.created")
    assert (await door.knock(sent)).status_code == 200
    row = door.rows.event(sent["id"])
    assert (row["status"], row["outcome"]) == ("kept", "of a type that changes no money")
    assert row["handled_at"] is not None


async def test_an_event_of_the_other_mode_is_only_kept(door: Door) -> None:
    sent = event(livemode=True)
    assert (await door.knock(sent)).status_code == 200
    row = door.rows.event(sent["id"])
    assert (row["status"], row["outcome"]) == ("kept", "of live mode, which is not served here")


async def test_a_body_that_is_too_large_is_refused(door: Door) -> None:
    body = b" " * (1024 * 1024 + 1)
    _refused(await door.knock(body), 413, "BODY_TOO_LARGE")

    async def endless() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    _refused(await door.http.post(STRIPE, content=endless()), 413, "BODY_TOO_LARGE")
    large = event(data={"object": {"reason": "x" * 900_000}})
    assert (await door.knock(large)).status_code == 200


async def test_a_body_that_does_not_come_is_not_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.core.audience.BODY_SECONDS", 0.3)

    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    _refused(await door.http.post(STRIPE, content=slow()), 408, "BODY_TOO_SLOW")


@contextlib.contextmanager
def _served(rows: Rows, **changes: Any) -> Iterator[Served]:
    settings = changed(door_settings(rows.url), **changes)
    with serve(settings) as served:
        yield served


@pytest.mark.parametrize("secrets", table(["", " , "], quick=[" , "]))
async def test_without_a_secret_the_door_is_shut(own_database: Rows, secrets: str) -> None:
    with serve(door_settings(own_database.url, secrets)) as served:
        async with client(served.url) as http:
            door = Door(http, own_database)
            for path in (STRIPE, "/webhooks/payment-service"):
                body = encoded(event())
                _refused(await door.send(body, signature(body, secret=""), path), 404, "NOT_FOUND")


async def test_without_a_database_it_is_to_be_sent_again(own_database: Rows) -> None:
    gone = f"postgresql://postgres@{NOBODY}/nothing"
    with _served(own_database, database={"url": gone}) as served:
        async with client(served.url) as http:
            door = Door(http, own_database)
            answer = await door.knock(event())
            _refused(answer, 503, "DATABASE_UNAVAILABLE")
            assert answer.headers["retry-after"]
            # who forges gets his answer without the database
            _refused(await door.knock(event(), "t=1,v1=00"), 400, "SIGNATURE_REFUSED")


async def test_a_restart_of_the_database_is_not_noticed(
    own_database: Rows, database_line: tuple[Line, str]
) -> None:
    line, url = database_line
    with _served(own_database, database={"url": url}) as served:
        async with client(served.url) as http:
            door = Door(http, own_database)
            assert (await door.knock(event())).status_code == 200
            await line.cut()
            _refused(await door.knock(event()), 503, "DATABASE_UNAVAILABLE")
            assert (await door.knock(event())).status_code == 503
            await line.mend()
            assert (await door.knock(event())).status_code == 200
            # every pooled connection is dead now, and nobody notices
            await line.cut()
            await line.mend()
            assert (await door.knock(event())).status_code == 200


async def test_the_gateway_itself_delivers(own_database: Rows, sandbox_url: str) -> None:
    """Signed by the sandbox, received by the API: every event of a payment, once."""
    with registered(door_settings(own_database.url), sandbox_url):
        stripe = httpx.AsyncClient(
            base_url=f"{sandbox_url}/stripe/v1", headers={"Authorization": "Bearer sk_test_hooks"}
        )
        async with stripe as http:
            made = await http.post(
                "/payment_intents",
                data={
                    "amount": "1000",
                    "currency": "usd",
                    "capture_method": "manual",
                    "payment_method": "pm_card_visa",
                    "allowed_payment_method_types[]": "card",
                    "confirm": "true",
                },
            )
            payment = made.json()["id"]
            await http.post(f"/payment_intents/{payment}/capture")
            await http.post("/refunds", data={"payment_intent": payment, "amount": "400"})
        found: list[Any] = []
        async with asyncio.timeout(15):
            while len(found) < 7:
                await asyncio.sleep(0.05)
                found = own_database(
                    "SELECT type, deliveries, status FROM webhook_events WHERE payment_id = %s",
                    payment,
                )
    assert {row["type"] for row in found} >= {
        "payment_intent.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "charge.captured",
        "charge.refunded",
        "refund.created",
    }
    assert {row["deliveries"] for row in found} == {1}
