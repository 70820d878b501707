"""What the sandbox answers and what our SDK sends is what Stripe publishes."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from models.core.errors import Declined, InvalidRequest
from models.core.http import HttpAnswer
from models.core.money import Money
from payments.stripe.adapter import StripeGateway
from tests.sandbox.stripe.conftest import Caller
from tests.sandbox.stripe.published import check_answer, check_request, present

pytestmark = present


@pytest.fixture
async def checked(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[StripeGateway, list[str]]]:
    """A gateway whose requests and answers are all held against the specification."""
    seen: list[str] = []

    gateway = StripeGateway(
        key="sk_test_contract",
        url=f"{sandbox_url}/stripe",
        timeout=10,
        return_url="http://127.0.0.1/back",
    )
    send = gateway._http.client.send

    async def checked_send(
        method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None
    ) -> HttpAnswer:
        request = httpx.Request(method, url, headers=headers, content=content)
        check_request(request)
        seen.append(f"{request.method} {request.url.path.rsplit('/', 1)[-1]}")
        answer = await send(method, url, headers=headers, content=content)
        check_answer(
            httpx.Response(
                answer.status, headers=answer.headers, content=answer.content, request=request
            )
        )
        return answer

    monkeypatch.setattr(gateway._http.client, "send", checked_send)
    yield gateway, seen
    await gateway.close()


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


async def test_the_sdk_and_the_sandbox_keep_to_the_specification(
    checked: tuple[StripeGateway, list[str]], caller: Caller
) -> None:
    gateway, seen = checked
    booking = caller.booking

    began = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def key(step: str, count: int) -> str:
        return f"{booking}:{step}:{count}"

    async def create(hold: int) -> str:
        payment = await gateway.create(
            amount=eur(9_900), reference=booking, hold=hold, key=key("create", hold)
        )
        return payment.id

    async def confirm(payment_id: str, method: str, count: int) -> None:
        await gateway.confirm(payment_id, payment_method_id=method, key=key("confirm", count))

    paid = await create(1)
    await confirm(paid, "pm_card_createDispute", 1)
    await gateway.capture(paid, amount=eur(9_000), key=key("capture", 1))
    await gateway.disputes(paid)
    made = [p.id for p in await gateway.payments(began, began + dt.timedelta(minutes=1))]
    assert paid in made
    await gateway.retrieve(paid)
    await gateway.find(booking)
    await gateway.payment_method("pm_card_visa")
    secured = await create(2)
    await confirm(secured, "pm_card_authenticationRequired", 2)
    await gateway.cancel(secured, key=key("cancel", 2))
    declined = await create(3)
    with pytest.raises(Declined):
        await confirm(declined, "pm_card_visa_chargeDeclined", 3)
    with pytest.raises(InvalidRequest):
        await gateway.capture(declined, amount=eur(1), key=key("capture", 3))
    await confirm(declined, "pm_card_mastercard", 4)
    await gateway.capture(declined, amount=eur(9_900), key=key("capture", 4))
    refund = key("refund", 4)
    await gateway.refund(declined, amount=eur(100), reference=refund, key=refund)
    await gateway.refunds(declined)
    with pytest.raises(InvalidRequest):
        await gateway.retrieve("pi_unknown")
    # The hooks have really looked at every operation.
    # (The list of payments may have more than one page: others make payments too.)
    assert len([request for request in seen if request != "GET payment_intents"]) == 18
    assert {name.split()[1] for name in seen} >= {
        "confirm", "capture", "cancel", "search", "refunds", "disputes", "payment_intents"
    }  # fmt: skip


async def test_every_answer_of_the_sandbox_is_as_published(caller: Caller) -> None:
    async def look(response: httpx.Response) -> None:
        await response.aread()
        check_answer(response)

    caller.http.event_hooks = {"response": [look]}
    customer = (await caller.post("/customers", {"email": "a@example.com"})).json()
    await caller.http.get(f"/customers/{customer['id']}")
    await caller.post("/payment_methods/pm_card_visa/attach", {"customer": customer["id"]})
    await caller.http.get("/payment_methods/pm_card_amex")
    for state in ("requires_payment_method", "requires_action", "requires_capture", "canceled"):
        await caller.in_state(state)
    paid = await caller.in_state("succeeded")
    await caller.http.get(f"/charges/{paid['latest_charge']['id']}")
    refund = (await caller.post("/refunds", {"payment_intent": paid["id"]})).json()
    await caller.http.get(f"/refunds/{refund['id']}")
    await caller.http.get("/refunds")
    await caller.http.get("/payment_intents", params={"expand[]": "data.latest_charge"})
    disputed = await caller.intent(payment_method="pm_card_createDispute", confirm="true")
    await caller.step(disputed, "capture")
    events = (await caller.http.get("/events", params={"type": "charge.dispute.created"})).json()
    dispute = events["data"][0]["data"]["object"]["id"]
    await caller.http.get(f"/disputes/{dispute}")
    await caller.http.get("/disputes", params={"payment_intent": disputed["id"]})
    await caller.control(f"disputes/{dispute}", outcome="won")
    await caller.http.get(f"/disputes/{dispute}")
    await caller.http.get("/events", params={"type": "charge.*", "created[gte]": "1"})
    await caller.http.get(f"/events/{events['data'][0]['id']}")
    made = await caller.post(
        "/webhook_endpoints", {"url": "http://127.0.0.1:9/", "enabled_events[]": "charge.failed"}
    )
    await caller.http.get("/webhook_endpoints")
    await caller.http.delete(f"/webhook_endpoints/{made.json()['id']}")
    await caller.post("/payment_intents", {"amount": "1", "currency": "usd"})
    await caller.http.get("/payment_intents", headers={"Authorization": ""})


async def test_the_check_itself_can_fail() -> None:
    request = httpx.Request("GET", "http://x/stripe/v1/payment_intents/pi_1")
    good = {
        "id": "pi_1", "object": "payment_intent", "created": 1, "livemode": False,
        "status": "succeeded",
    }  # fmt: skip
    check_answer(httpx.Response(200, json=good, request=request))
    for bad in ({**good, "status": "done"}, {**good, "amount": "1"}, {"id": "pi_1"}):
        with pytest.raises(AssertionError):
            check_answer(httpx.Response(200, json=bad, request=request))
    url = "http://x/stripe/v1/payment_intents/pi_1/capture"
    check_request(httpx.Request("POST", url, data={"amount_to_capture": "5"}))
    for data in ({"amount_to_capture": "five"}, {"surprise": "1"}):
        with pytest.raises(AssertionError):
            check_request(httpx.Request("POST", url, data=data))
