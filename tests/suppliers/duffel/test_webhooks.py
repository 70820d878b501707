"""Duffel's webhooks: genuine ones are understood, everything else is refused the same way."""

import datetime as dt
import hashlib
import hmac
import json
import random
import time
from typing import Any

import httpx
import pytest

from models.core.supply import ReservationStatus
from sandbox.announcements import register
from settings import Settings
from suppliers.duffel import DuffelSupplier
from suppliers.duffel.webhooks import verify
from suppliers.registry import webhook_verifiers
from tests.sandbox.stripe.test_webhooks import Inbox, inbox
from tests.suppliers.conftest import party_of, reference, served
from tests.suppliers.duffel.world import flight

SECRETS = ("first", "second")
OBJECT = {"id": "ord_1", "offer_id": "off_1", "metadata": {"trip_reference": "ref-1"}}


def event(**change: Any) -> dict[str, Any]:
    return {
        "id": "wev_1",
        "api_version": "v2",
        "type": "order.created",
        "data": {"object": OBJECT},
        "live_mode": False,
        "idempotency_key": "ord_1",
        "created_at": "2031-04-11T15:48:11.642000Z",
        "identity_organisation_id": "org_1",
        **change,
    }


def signed(body: bytes, secret: str = "first", *, at: float | None = None, v: str = "v2") -> str:
    moment = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},{v}={digest}"


def body_of(**change: Any) -> bytes:
    return json.dumps(event(**change)).encode()


def refused(body: bytes, headers: dict[str, str], reason: str = ".") -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        verify(body, headers, secrets=SECRETS)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("name", ["X-Duffel-Signature", "x-duffel-signature", "X-DUFFEL-SIGNATURE"])
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("v", ["v1", "v2"])
def test_a_genuine_event(name: str, secret: str, v: str) -> None:
    body = body_of()
    found = verify(body, {"X-Other": "", name: signed(body, secret, v=v)}, secrets=SECRETS)
    assert (found.id, found.type) == ("order.created:ord_1", "order.created")
    assert found.at == dt.datetime(2031, 4, 11, 15, 48, 11, 642000, dt.UTC)
    assert (found.reference, found.supplier_id, found.livemode) == ("ref-1", "ord_1", False)


@pytest.mark.parametrize(
    ("change", "reference", "supplier_id"),
    [
        ({"data": {"object": {"id": "ord_2"}}}, None, "ord_2"),
        # Of an order that was never made, the offer is what we know it by.
        (
            {
                "type": "order.creation_failed",
                "data": {"object": {"offer_id": "off_1", "metadata": OBJECT["metadata"]}},
            },
            "ref-1",
            "off_1",
        ),
        (
            {
                "type": "order.airline_initiated_change_detected",
                "data": {"object": {"id": "aic_1", "order_id": "ord_1"}},
            },
            None,
            "ord_1",
        ),
        (
            {
                "type": "order_cancellation.confirmed",
                "data": {"object": {"id": "ore_1", "order_id": "ord_1"}},
            },
            None,
            "ord_1",
        ),
        ({"type": "payment.created", "data": {"object": {"order_id": "ord_1"}}}, None, "ord_1"),
        ({"type": "ping.triggered", "data": {"object": {}}}, None, None),
        ({"type": "ping.triggered", "data": {}}, None, None),
        ({"type": "something.new", "data": {"object": [1]}}, None, None),
        ({"data": {"id": "ord_3"}}, None, "ord_3"),
        ({"data": {"object": {"id": 7, "order_id": 8, "metadata": [1]}}}, None, None),
        ({"data": {"object": {"order_id": "", "metadata": {"trip_reference": 7}}}}, None, None),
        ({"data": {"object": {"order_id": "o" * 201}}}, None, None),
        ({"data": {"object": {"order_id": "a\x00", "metadata": {"trip_reference": "\x00"}}}},
         None, None),
    ],
)  # fmt: skip
def test_what_it_is_about(
    change: dict[str, Any], reference: str | None, supplier_id: str | None
) -> None:
    body = body_of(**change)
    found = verify(body, {"X-Duffel-Signature": signed(body)}, secrets=SECRETS)
    assert (found.reference, found.supplier_id) == (reference, supplier_id)


def test_the_same_thing_told_twice_has_one_id() -> None:
    def identity(**change: Any) -> str:
        body = body_of(**change)
        return verify(body, {"X-Duffel-Signature": signed(body)}, secrets=SECRETS).id

    assert identity(id="wev_1") == identity(id="wev_2")
    assert identity() != identity(idempotency_key="ord_2")
    assert identity() != identity(type="order.updated")
    assert identity(idempotency_key=None, id="wev_3") == "wev_3"


@pytest.mark.parametrize("age", [-301, 301, 10**9, -(10**9)])
def test_its_time_is_signed_and_must_be_near(age: float) -> None:
    body = body_of()
    old = signed(body, at=time.time() - age)
    refused(body, {"X-Duffel-Signature": old}, "old")
    # Another time with the same signature is no way out.
    fresh = f"t={int(time.time())},{old.partition(',')[2]}"
    refused(body, {"X-Duffel-Signature": fresh}, "match")


@pytest.mark.parametrize("age", [-290, 0, 290])
def test_clocks_may_differ(age: float) -> None:
    body = body_of()
    header = signed(body, at=time.time() - age)
    assert verify(body, {"X-Duffel-Signature": header}, secrets=SECRETS).id


FORGED = [
    "",
    ",",
    "=",
    "t=,v2=",
    "v2=" + "0" * 64,
    "t=1",
    "t={now}",
    "t={now},v2=",
    "t={now},v2=" + "0" * 63,
    "t={now},v2=" + "0" * 64,
    "t={now},v2=" + "é" * 64,
    "t={now},v2=" + "٠" * 64,
    "t={now},v3={good}",
    "t={now},V2={good}",
    "t={now} ,v2 ={good}",
    "t=-1,v2={good}",
    "t=1e9,v2={good}",
    "t=٣,v2={good}",
    "t=9999999999999999999999,v2={good}",
    "t=nan,v2={good}",
    "t=0{now},v2={good}",
    "t=1,t={now},v2={good}",
    "{good}",
    "t={now};v2={good}",
    "t={now},v2={upper}",
    "\ud800",
]


@pytest.mark.parametrize("forged", FORGED)
def test_forged_signatures(forged: str) -> None:
    body = body_of()
    header = signed(body)
    good = header.partition("v2=")[2]
    moment = header.partition(",")[0].removeprefix("t=")
    signature = (
        forged.replace("{now}", moment).replace("{good}", good).replace("{upper}", good.upper())
    )
    refused(body, {"X-Duffel-Signature": signature})


def test_no_signature_no_secret_another_secret() -> None:
    body = body_of()
    refused(body, {}, "no signature")
    refused(body, {"X-Duffel-Signature": signed(body, "third")}, "match")
    for secrets in ((), ("",), ("Ä",)):
        with pytest.raises(ValueError, match="match"):
            verify(body, {"X-Duffel-Signature": signed(body)}, secrets=secrets)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b"NaN",
        body_of(id=None),
        body_of(id=7),
        body_of(id=""),
        body_of(id="x" * 201),
        body_of(id="a\x00"),
        body_of(type=None),
        body_of(created_at=None),
        body_of(created_at="yesterday"),
        body_of(created_at="2031-04-11T15:48:11"),
        body_of(created_at=1_700_000_000),
        body_of(live_mode="yes"),
        body_of(data=[1]),
        body_of(data=None),
    ],
)
def test_signed_nonsense(body: bytes) -> None:
    refused(body, {"X-Duffel-Signature": signed(body)}, "not an event")


def test_200_mutations_are_all_refused() -> None:
    body, dice = body_of(), random.Random(5)
    header = {"X-Duffel-Signature": signed(body)}
    assert verify(body, header, secrets=SECRETS)
    seen = set()
    for _ in range(200):
        mutated = bytearray(body)
        where = dice.randrange(len(mutated))
        match dice.randrange(4):
            case 0:
                mutated[where] ^= 1 << dice.randrange(8)
            case 1:
                del mutated[where]
            case 2:
                mutated.insert(where, dice.randrange(256))
            case _:
                mutated[where:] = mutated[where + 1 :] + b" "
        if bytes(mutated) == body:
            continue
        seen.add(bytes(mutated))
        refused(bytes(mutated), header, "match")
    assert len(seen) > 180


def test_200_mutations_of_what_is_signed_never_raise_anything_else() -> None:
    dice = random.Random(6)
    taken, kinds = 0, set()
    for _ in range(200):
        mutated = bytearray(body_of())
        for _ in range(dice.randrange(1, 4)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        body = bytes(mutated)
        try:
            verify(body, {"X-Duffel-Signature": signed(body)}, secrets=SECRETS)
            taken += 1
        except ValueError as error:
            kinds.add(type(error))
    assert 0 < taken < 200
    assert kinds == {ValueError}


def test_it_is_registered() -> None:
    settings = Settings(duffel={"webhook_secret": "first, second"})
    body = body_of()
    verifier = webhook_verifiers(settings)["duffel"]
    assert verifier(body, {"X-Duffel-Signature": signed(body, "second")}).id
    assert "duffel" not in webhook_verifiers(Settings())


# -- what the emulation sends is genuine ---------------------------------------------------------


async def told(box: Inbox, count: int) -> list[Any]:
    return [
        verify(one["body"], one["headers"], secrets=("whsec",))
        for one in await box.wait(count, "trip_reference")
    ]


async def test_the_sandbox_tells_of_everything() -> None:
    ref, party = reference(), party_of()
    async with served() as local, inbox() as box:
        register(local.world, "duffel", box.url, "whsec")
        flights = DuffelSupplier(local.settings())
        item = flight(local.world)
        quote = await flights.quote(item, party)
        held = await flights.book(item, quote, party, ref)
        [made] = await told(box, 1)
        assert made.type == "order.created"
        assert (made.reference, made.supplier_id) == (ref, held.supplier_id)
        async with httpx.AsyncClient(base_url=local.url) as http:
            path = f"/_sandbox/duffel/orders/{ref}"
            await http.post(f"{path}/schedule_change", json={})
            await http.post(f"{path}/airline_cancel")
        moved, gone = (await told(box, 3))[1:]
        for event in (moved, gone):
            assert event.type == "order.airline_initiated_change_detected"
            assert (event.reference, event.supplier_id) == (ref, held.supplier_id)
        assert moved.id != gone.id
        assert (await flights.look(held)).status is ReservationStatus.CANCELLED
        await flights.close()


@pytest.mark.parametrize("outcome", ["created", "failed"])
async def test_the_sandbox_tells_how_a_202_ends(outcome: str) -> None:
    ref, party = reference(), party_of()
    async with served() as local, inbox() as box:
        register(local.world, "duffel", box.url, "whsec")
        flights = DuffelSupplier(local.settings())
        item = flight(local.world)
        async with httpx.AsyncClient(base_url=local.url) as http:
            later = {"outcome": outcome, "after": 0.1, "reference": ref}
            answer = await http.post("/_sandbox/duffel/later", json=later)
            assert (answer.status_code, answer.json()) == (201, {"armed": 1})
        waiting = await flights.book(item, await flights.quote(item, party), party, ref)
        assert waiting.status is ReservationStatus.PENDING
        [event] = await told(box, 1)
        seen = await flights.look(waiting)
        if outcome == "created":
            assert event.type == "order.created"
            assert seen.status is ReservationStatus.HELD
            assert (event.reference, event.supplier_id) == (ref, seen.supplier_id)
        else:
            assert event.type == "order.creation_failed"
            assert (event.reference, event.supplier_id) == (ref, waiting.supplier_id)
            assert seen.status is ReservationStatus.REJECTED
        await flights.close()
