"""The emulated RateHawk as any client sees it: shapes, outcomes, expiry, webhooks, controls."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.app import create_app
from sandbox.ratehawk.catalogue import INCREASES, LAST_ROOM, TEST_HOTEL
from sandbox.ratehawk.ledger import ledger_of
from sandbox.ratehawk.outcomes import SUFFIXES
from sandbox.state_file import StateFile
from sandbox.world import World
from suppliers.ratehawk.webhooks import verify

BASE = "/ratehawk/api/b2b/v3"
QUICK = 0.05


class MovableWorld(World):
    ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        return super().now() + self.ahead


@dataclass
class Client:
    """Talks to the sandbox as a partner."""

    world: MovableWorld
    http: httpx.AsyncClient
    made: list[str] = field(default_factory=list)

    async def post(self, path: str, body: Any, status: int = 200) -> dict[str, Any]:
        answer = await self.http.post(f"{BASE}{path}/", json=body, auth=("1", "key"))
        assert answer.status_code == status, answer.text
        content = answer.json()
        assert set(content) == {"data", "debug", "error", "status"}
        return dict(content)

    async def page(self, hid: int, **change: Any) -> list[dict[str, Any]]:
        content = await self.post("/search/hp", search(hid, **change))
        hotels = content["data"]["hotels"]
        return list(hotels[0]["rates"]) if hotels else []

    async def prebook(self, hid: int = TEST_HOTEL, percent: int = 0) -> dict[str, Any]:
        (rate, *_) = await self.page(hid)
        body = {"hash": rate["book_hash"], "price_increase_percent": percent}
        return await self.post("/hotel/prebook", body)

    async def form(self, identity: str, hid: int = TEST_HOTEL) -> dict[str, Any]:
        rate = (await self.prebook(hid))["data"]["hotels"][0]["rates"][0]
        body = {"book_hash": rate["book_hash"], "language": "en", "user_ip": "1.2.3.4"}
        return await self.post("/hotel/order/booking/form", {"partner_order_id": identity, **body})

    async def finish(self, identity: str, amount: str, **change: Any) -> dict[str, Any]:
        body = {
            "user": {"email": "a@example.com", "phone": "12124567899"},
            "partner": {"partner_order_id": identity},
            "language": "en",
            "rooms": [{"guests": [guest("A"), guest("B")]}],
            "payment_type": {"type": "deposit", "amount": amount, "currency_code": "EUR"},
            **change,
        }
        return await self.post("/hotel/order/booking/finish", body)

    async def book(self, identity: str, hid: int = TEST_HOTEL) -> dict[str, Any]:
        form = await self.form(identity, hid)
        return await self.finish(identity, form["data"]["payment_types"][0]["amount"])

    async def status(self, identity: str) -> dict[str, Any]:
        path = "/hotel/order/booking/finish/status"
        return await self.post(path, {"partner_order_id": identity})

    async def final(self, identity: str) -> dict[str, Any]:
        for _ in range(100):
            content = await self.status(identity)
            if content["status"] != "processing" and content["error"] != "unknown":
                return content
            await asyncio.sleep(QUICK / 2)
        raise AssertionError("never decided")

    async def info(self, identity: str) -> list[dict[str, Any]]:
        body = {
            "ordering": {"ordering_type": "desc", "ordering_by": "created_at"},
            "pagination": {"page_size": "1", "page_number": "1"},
            "search": {"partner_order_ids": [identity]},
        }
        return list((await self.post("/hotel/order/info", body))["data"]["orders"])

    def slowly(self) -> None:
        """Have nothing be decided and no details be shown until :meth:`later`."""
        pace = ledger_of(self.world).pace
        pace.decides_after = pace.info_lag = 30
        pace.cut_off = 100

    def later(self) -> None:
        """Put the clock forward, beyond all that is waited for."""
        self.world.ahead += dt.timedelta(seconds=101)

    async def cancel(self, identity: str) -> dict[str, Any]:
        return await self.post("/hotel/order/cancel", {"partner_order_id": identity})


def day(days: int) -> str:
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()


def search(hid: int, **change: Any) -> dict[str, Any]:
    return {
        "hid": hid,
        "checkin": day(40),
        "checkout": day(42),
        "residency": "gb",
        "language": "en",
        "guests": [{"adults": 2, "children": []}],
        "currency": "EUR",
        **change,
    }


def guest(name: str, **more: Any) -> dict[str, Any]:
    return {"first_name": name, "last_name": "Roe", **more}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    world = MovableWorld()
    ledger = ledger_of(world)
    ledger.pace.decides_after = ledger.pace.info_lag = QUICK
    ledger.pace.cut_off = 0.3
    transport = httpx.ASGITransport(create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        yield Client(world, http)
    await world.close()


async def test_the_way_of_the_guides(client: Client) -> None:
    client.slowly()
    rates = await client.page(TEST_HOTEL)
    assert len(rates) == 3
    assert rates[0]["book_hash"].startswith("h-")
    assert rates[0]["match_hash"].startswith("m-")
    assert len(rates[0]["daily_prices"]) == 2
    content = await client.prebook()
    (hotel,) = content["data"]["hotels"]
    assert hotel["hid"] == TEST_HOTEL
    assert hotel["rates"][0]["book_hash"].startswith("p-")
    assert content["data"]["changes"] == {"price_changed": False}
    penalties = hotel["rates"][0]["payment_options"]["payment_types"][0]["cancellation_penalties"]
    assert penalties["free_cancellation_before"] is None

    form = await client.form("one")
    assert form["data"]["partner_order_id"] == "one"
    assert client.world.reservations.all("ratehawk") == []
    assert (await client.status("one"))["error"] == "booking_finish_did_not_succeed"
    assert (await client.status("never"))["error"] == "order_not_found"
    assert (await client.form("one"))["error"] == "double_booking_form"

    amount = form["data"]["payment_types"][0]["amount"]
    assert (await client.finish("one", amount))["status"] == "ok"
    content = await client.status("one")
    assert (content["status"], content["data"]["percent"]) == ("processing", 50)
    assert (await client.finish("one", amount))["error"] == "double_booking_finish"
    assert (await client.cancel("one"))["error"] == "order_not_found"
    client.later()
    content = await client.status("one")
    assert (content["status"], content["error"]) == ("ok", None)
    assert await client.info("one") == [], "details lag behind"
    assert (await client.form("one"))["error"] == "duplicate_reservation"
    assert (await client.finish("one", amount))["error"] == "double_booking_finish"
    client.later()
    (order,) = await client.info("one")
    assert order["status"] == "completed"
    assert order["amount_payable"] == {"amount": amount, "currency_code": "EUR"}
    assert order["hotel_data"]["hid"] == TEST_HOTEL

    content = await client.cancel("one")
    assert content["data"]["amount_payable"]["amount"] == amount, "non-refundable: charged in full"
    assert content["data"]["amount_refunded"]["amount"] == "0.00"
    assert (await client.info("one"))[0]["status"] == "completed", "details lag behind"
    assert (await client.cancel("one"))["error"] == "order_not_found"
    client.later()
    assert (await client.info("one"))[0]["status"] == "cancelled"
    assert (await client.status("one"))["status"] == "ok"
    effects = [row["effect"] for row in client.world.log.rows(supplier="ratehawk")]
    assert [e for e in effects if e != "none"] == ["created", "confirmed", "cancelled"]


@pytest.mark.parametrize(
    ("ending", "finish", "end"),
    [
        ("soldout", None, "soldout"),
        ("book_limit", None, "book_limit"),
        ("provider", None, "provider"),
        ("booking_form_expired", "booking_form_expired", "booking_finish_did_not_succeed"),
        ("email", "email", "booking_finish_did_not_succeed"),
        (
            "insufficient_b2b_balance",
            "insufficient_b2b_balance",
            "booking_finish_did_not_succeed",
        ),
        ("order_not_cancellable", None, None),
        ("unknown_success", "unknown", None),
        ("unknown_soldout", "unknown", "soldout"),
        ("unknown_provider", "unknown", "provider"),
        ("unknown_book_limit", "unknown", "book_limit"),
    ],
)
async def test_the_ending_of_an_id_chooses(
    client: Client, ending: str, finish: str | None, end: str | None
) -> None:
    client.slowly()
    identity = f"abc-{ending}"
    assert (await client.book(identity))["error"] == finish
    if finish == "unknown":
        assert (await client.status(identity))["error"] == "unknown"
    client.later()
    assert (await client.status(identity))["error"] == end
    live = [record.live for record in client.world.reservations.all("ratehawk")]
    assert live == ([end is None] if finish in (None, "unknown") else [])
    if ending == "order_not_cancellable":
        assert (await client.cancel(identity))["error"] == "order_not_cancellable"


def test_all_published_endings_are_there() -> None:
    tested = {
        "soldout",
        "book_limit",
        "provider",
        "booking_form_expired",
        "email",
        "insufficient_b2b_balance",
        "order_not_cancellable",
        "unknown_success",
        "unknown_soldout",
        "unknown_provider",
        "unknown_book_limit",
    }
    assert set(SUFFIXES) == tested


async def test_outcomes_are_chosen_from_outside(client: Client) -> None:
    async def choose(status: int = 201, **order: Any) -> None:
        answer = await client.http.post("/_sandbox/ratehawk/outcomes", json=order)
        assert answer.status_code == status, answer.text

    await choose(outcome="provider", reference="second")
    await choose(outcome="soldout")
    await client.book("the-first")
    await client.book("the-second")
    await client.book("the-third")
    errors = [(await client.final(f"the-{n}"))["error"] for n in ("first", "second", "third")]
    assert errors == ["soldout", "provider", None]
    await choose(422, outcome="never_heard_of")
    await choose(422, outcome="soldout", more=1)
    await choose(outcome="soldout")
    await client.http.delete("/_sandbox/faults")
    waiting = (await client.http.get("/_sandbox/ratehawk/outcomes")).json()
    assert waiting == {"waiting": []}, "cleared with all other disturbances"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rooms": [{"guests": [guest("A")]}]}, "incorrect_guests_number"),
        ({"rooms": [{"guests": [guest("A")] * 3}]}, "incorrect_guests_number"),
        (
            {"rooms": [{"guests": [guest("A"), guest("B"), guest("C", is_child=True, age=3)]}]},
            "incorrect_children_data",
        ),
        ({"rooms": [{"guests": [guest("A")]}] * 2}, "incorrect_rooms_number"),
        ({"rooms": [{"guests": [guest("A")]}] * 10}, "unauthorized_group_booking"),
        ({"user": {"email": "nobody", "phone": "12345"}}, "email"),
        (
            {"payment_type": {"type": "deposit", "amount": "1.00", "currency_code": "EUR"}},
            "incorrect_chosen_payment_type",
        ),
        (
            {"payment_type": {"type": "now", "amount": "1.00", "currency_code": "EUR"}},
            "chosen_payment_type_was_not_available_on_booking_form",
        ),
    ],
)
async def test_what_finish_refuses(client: Client, change: dict[str, Any], error: str) -> None:
    amount = (await client.form("one"))["data"]["payment_types"][0]["amount"]
    assert (await client.finish("one", amount, **change))["error"] == error
    assert (await client.status("one"))["error"] == "booking_finish_did_not_succeed"
    assert (await client.finish("one", amount))["status"] == "ok"


async def test_what_is_no_request(client: Client) -> None:
    content = await client.post("/search/hp", {}, 400)
    assert (content["status"], content["error"]) == ("error", "invalid_params")
    for change in ({"checkin": day(-1)}, {"checkout": day(40)}, {"checkout": day(90)}):
        assert (await client.post("/search/hp", search(1) | change, 400))["error"]
    assert (await client.post("/search/hp", search(1, currency="ZZZ"), 400))["error"]
    url = f"{BASE}/hotel/order/cancel/"
    answer = await client.http.post(url, content=b"{", auth=("1", "key"))
    assert (answer.status_code, answer.json()["error"]) == (400, "decoding_json")
    assert (await client.finish("never", "1.00"))["error"] == "order_not_found"
    for auth, error in (
        (None, "no_auth_header"),
        ("Bearer x", "no_auth_header"),
        ("Basic !", "invalid_auth_header"),
        ("Basic Og==", "incorrect_credentials"),
    ):
        headers = {"Authorization": auth} if auth else {}
        answer = await client.http.post(url, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, error)
    answer = await client.http.get(f"{BASE}/overview/", auth=("1", "key"))
    assert "api/b2b/v3/hotel/prebook" in {row["endpoint"] for row in answer.json()["data"]}
    assert client.world.log.rows(supplier="ratehawk")[-1]["operation"] == "book"


@pytest.mark.parametrize("hid", INCREASES)
async def test_prices_that_rise_on_prebooking(client: Client, hid: int) -> None:
    percent = INCREASES[hid]
    assert (await client.prebook(hid, percent - 1))["error"] == "no_available_rates"
    (shown, *_) = await client.page(hid)
    content = await client.prebook(hid, percent)
    assert content["data"]["changes"] == {"price_changed": True}
    (rate,) = content["data"]["hotels"][0]["rates"]

    def price(one: dict[str, Any]) -> int:
        return int(one["payment_options"]["payment_types"][0]["amount"].replace(".", ""))

    assert price(rate) == price(shown) + price(shown) * percent // 100


async def test_hashes_expire(client: Client) -> None:
    (rate, *_) = await client.page(TEST_HOTEL)
    client.world.ahead = dt.timedelta(hours=24, seconds=1)
    body = {"hash": rate["book_hash"]}
    assert (await client.post("/hotel/prebook", body))["error"] == "rate_not_found"
    assert (await client.post("/hotel/prebook", {"hash": "h-x"}))["error"] == "rate_not_found"
    amount = (await client.form("one"))["data"]["payment_types"][0]["amount"]
    client.world.ahead += dt.timedelta(minutes=61)
    assert (await client.finish("one", amount))["error"] == "booking_form_expired"
    client.world.ahead -= dt.timedelta(minutes=61)
    assert (await client.finish("one", amount))["error"] == "booking_form_expired"


async def test_the_last_room(client: Client) -> None:
    for identity in ("one", "two"):
        form = await client.form(identity, LAST_ROOM)
        client.made.append(form["data"]["payment_types"][0]["amount"])
    assert (await client.finish("one", client.made[0]))["status"] == "ok"
    assert (await client.finish("two", client.made[1]))["status"] == "ok"
    assert (await client.final("one"))["status"] == "ok"
    assert (await client.final("two"))["error"] == "soldout"
    assert len(await client.page(LAST_ROOM)) == 2
    await client.cancel("one")
    assert len(await client.page(LAST_ROOM)) == 3


async def test_the_cut_off(client: Client) -> None:
    answer = await client.http.post(
        "/_sandbox/ratehawk/pace", json={"decides_after": 60, "cut_off": 0.1}
    )
    assert answer.json() == {"decides_after": 60, "cut_off": 0.1, "info_lag": QUICK}
    await client.book("slow")
    assert (await client.final("slow"))["error"] == "book_limit"
    answer = await client.http.post("/_sandbox/ratehawk/pace", json={"cut_off": 0})
    assert answer.status_code == 422
    assert (await client.http.get("/_sandbox/ratehawk/pace")).json()["cut_off"] == 0.1


async def test_the_hotel_cancels(client: Client) -> None:
    await client.book("one-r2")
    await client.final("one-r2")
    (record,) = client.world.reservations.all("ratehawk")
    assert (record.id, record.reference) == ("one-r2", "one")
    answer = await client.http.post("/_sandbox/ratehawk/orders/one/cancel")
    assert answer.json()["live"] is False
    answer = await client.http.post("/_sandbox/ratehawk/orders/one-r2/cancel")
    assert answer.status_code == 404
    client.later()
    (order,) = await client.info("one-r2")
    assert (order["status"], order["amount_payable"]["amount"]) == ("cancelled", "0.00")


async def test_two_cancels_at_once_are_locked(client: Client) -> None:
    await client.book("one")
    await client.final("one")
    client.world.latency = 0.1
    ends = await asyncio.gather(client.cancel("one"), client.cancel("one"))
    assert [end["error"] for end in ends] == [None, "lock"]


async def test_the_planner_sells_it(client: Client) -> None:
    criteria = {"suppliers": {"hotel": "ratehawk"}}
    answer = await client.http.post("/trip/generate", json=criteria)
    assert answer.status_code in (200, 201), answer.text
    (hotel,) = [c for c in answer.json()["components"] if c["type"] == "HOTEL"]
    assert hotel["supplier"] == "ratehawk"
    assert hotel["offer"]["book_hash"].startswith("h-")


# -- webhooks -----------------------------------------------------------------------------------


async def test_webhooks_tell_the_end(client: Client) -> None:
    got: list[tuple[int, bytes]] = []
    answers = ["500 No", *["200 OK"] * 10]

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        body = await reader.readexactly(length)
        status = answers.pop(0)
        got.append((int(status[:3]), body))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    answer = await client.http.post(
        "/_sandbox/ratehawk/webhooks", json={"url": url, "secret": "s3cret"}
    )
    assert answer.status_code == 201
    await client.book("good-r2")
    for _ in range(100):
        if len(got) == 2:
            break
        await asyncio.sleep(0.05)
    first, second = (verify(body, {}, secrets=["s3cret"]) for _, body in got)
    assert [status for status, _ in got] == [500, 200], "told again until it is taken"
    assert first.id == second.id
    assert (first.type, first.reference, first.supplier_id) == (
        "booking.completed",
        "good",
        "good-r2",
    )
    assert set(json.loads(got[0][1])) == {"data", "signature"}
    await client.book("bad-soldout")
    for _ in range(100):
        if len(got) == 3:
            break
        await asyncio.sleep(0.05)
    assert verify(got[2][1], {}, secrets=["s3cret"]).type == "booking.failed"
    server.close()


# -- restarts -----------------------------------------------------------------------------------


async def test_orders_and_forms_survive_a_restart(tmp_path: Path) -> None:
    @asynccontextmanager
    async def process(ahead: int) -> AsyncIterator[Client]:
        world = MovableWorld()
        world.ahead = dt.timedelta(seconds=ahead)
        state = StateFile(tmp_path / "state", world)
        state.load()
        pace = ledger_of(world).pace
        pace.decides_after, pace.cut_off, pace.info_lag = 30, 60, 0
        app = create_app(world)
        for start in world.starters:
            start()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield Client(world, http)
        await world.close()
        await state.close()

    async with process(0) as client:
        await client.book("begun")
        amount = (await client.form("formed"))["data"]["payment_types"][0]["amount"]
    async with process(1) as client:
        assert (await client.status("begun"))["status"] == "processing"
        assert (await client.form("formed"))["error"] == "double_booking_form"
        assert (await client.finish("formed", amount))["status"] == "ok"
    async with process(60) as client:
        for _ in range(100):
            rows = client.world.log.rows(supplier="ratehawk", reference="begun")
            if rows[-1]["effect"] == "confirmed":
                break
            await asyncio.sleep(0.05)
        assert rows[-1]["effect"] == "confirmed", "decided though nobody asked"
        assert (await client.status("begun"))["status"] == "ok"
