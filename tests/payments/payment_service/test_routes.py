"""What the gateway says, and which services it refuses before any money moves."""

import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, UnknownOutcome
from payments.core.protocol import PaymentState
from tests.payments.conftest import Till, usd
from tests.payments.payment_service.conftest import INTENT, error, intent
from tests.payments.payment_service.fronted import Front, Instead

PROOF = [
    "POST /intents/none/capture",
    "POST /intents/none/cancel",
    "GET /intents",
    "GET /refunds",
]


async def test_it_says_what_is_published(front: Front, till: Till) -> None:
    payment = await till.captured(7_000)
    await till.refund(payment.id, 500)
    assert front.steps() == [
        *PROOF,
        "POST /intents",
        "POST /intents/{id}/confirm",
        "POST /intents/{id}/capture",
        "POST /refunds",
    ]
    create, confirm, capture, refund = (seen.body for seen in front.seen[len(PROOF) :])
    assert create == {
        "amount": 10_000,
        "currency": "USD",
        "capture_method": "manual",
        "reference": till.booking,
        "hold": 1,
        "metadata": {},
    }
    assert confirm == {"payment_method": "pm_card_visa", "return_url": None}
    assert capture == {"amount": 7_000}
    assert refund == {
        "intent_id": payment.id,
        "amount": 500,
        "reference": till.key("refund:1"),
    }
    posts = [seen for seen in front.seen if seen.method == "POST"]
    assert all(seen.headers["idempotency-key"] for seen in posts)
    assert all(seen.headers["content-type"] == "application/json" for seen in posts)
    assert all("authorization" not in seen.headers for seen in front.seen)


async def test_a_key_is_sent_as_a_bearer_token(front: Front) -> None:
    gateway = front.gateway(api_key="test_secret", url=f"{front.url}/")
    with pytest.raises(InvalidRequest):
        await gateway.retrieve("pay_1")
    assert front.seen[0].headers["authorization"] == "Bearer test_secret"
    assert front.seen[0].path == "/intents/pay_1"
    await gateway.close()


ROUTES = {
    "capture": ("POST", r"/intents/\w+/capture"),
    "cancel": ("POST", r"/intents/\w+/cancel"),
    "find": ("GET", "/intents"),
    "refunds": ("GET", "/refunds"),
}
ABSENT = {
    "somebody's 404": Instead(404, b"<h1>Not Found</h1>"),
    "a framework's 404": Instead(404, {"detail": "Not Found"}),
    "a 404 in the right shape": Instead(404, error("no_such_route")),
    "405": Instead(405, {"detail": "Method Not Allowed"}),
    "501": Instead(501, error("not_implemented")),
}


@pytest.mark.parametrize("absence", ABSENT)
@pytest.mark.parametrize("route", ROUTES)
async def test_a_service_without_a_route_is_refused_before_anything_is_made(
    front: Front, till: Till, route: str, absence: str
) -> None:
    front.say(*ROUTES[route], ABSENT[absence])
    for _ in range(2):
        with pytest.raises(AuthConfig, match="cannot hold money first") as refused:
            await till.create()
        assert refused.value.code == "unsupported_service"
    assert "POST /intents" not in front.steps()
    assert await till.effects() == []


async def test_a_service_that_takes_what_nobody_made_is_refused(front: Front, till: Till) -> None:
    front.say(*ROUTES["capture"], Instead(200, {"status": "succeeded"}))
    with pytest.raises(AuthConfig, match="nobody made"):
        await till.create()
    assert await till.effects() == []


async def test_a_service_that_would_take_at_once_is_refused(front: Front, till: Till) -> None:
    for method in ("automatic", "", None):
        front.say("POST", "/intents", Instead(change={"capture_method": method}))
        with pytest.raises((AuthConfig, UnknownOutcome)) as refused:
            await till.create()
        if method is not None:
            assert isinstance(refused.value, AuthConfig)
            assert "would take the money at once" in str(refused.value)
    assert set(await till.effects()) == {"created"}


async def test_an_intent_found_after_silence_must_be_one_that_holds(
    front: Front, till: Till
) -> None:
    payment = await till.create()
    found = {**intent(till), "id": payment.id, "capture_method": "automatic"}
    front.say("GET", "/intents", Instead(200, {"data": [found]}))
    with pytest.raises(AuthConfig, match="would take the money at once"):
        await till.gateway.find(till.booking)


async def test_money_taken_where_it_should_be_held_is_not_a_success(
    front: Front, till: Till
) -> None:
    payment = await till.create()
    front.say("POST", rf"{INTENT}/confirm", Instead(change={"status": "succeeded"}))
    with pytest.raises(AuthConfig, match="took money that it was asked to hold"):
        await till.confirm(payment.id)


@pytest.mark.parametrize("absence", ABSENT)
async def test_a_capture_route_that_went_away_is_an_operators_matter(
    front: Front, till: Till, absence: str
) -> None:
    held = await till.authorised()
    front.say(*ROUTES["capture"], ABSENT[absence])
    with pytest.raises(AuthConfig):
        await till.gateway.capture(held.id, amount=usd(100), key=till.key("capture"))
    released = await till.gateway.cancel(held.id, key=till.key("cancel"))
    assert released.state is PaymentState.RELEASED


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (Instead(503, error("down")), Retryable),
        (Instead(502, b"<h1>Bad Gateway</h1>"), Retryable),
        (Instead(429, error("slow_down")), Retryable),
        (Instead(401, error("unauthorized")), AuthConfig),
        (Instead(403, b""), AuthConfig),
    ],
)
async def test_a_service_that_cannot_be_judged_yet_is_judged_again(
    front: Front, till: Till, response: Instead, kind: type[ProviderError]
) -> None:
    front.say(*ROUTES["cancel"], response)
    with pytest.raises(kind) as unclear:
        await till.create()
    assert unclear.value.code != "unsupported_service"
    assert await till.effects() == []
    front.forget()
    assert (await till.create()).state is PaymentState.UNCONFIRMED


async def test_a_service_that_checks_the_form_of_ids_first_is_no_worse(
    front: Front, till: Till
) -> None:
    front.say("POST", "/intents/none/capture", Instead(422, {"detail": "id is no UUID"}))
    assert (await till.create()).state is PaymentState.UNCONFIRMED


async def test_the_proof_is_given_once(front: Front, till: Till) -> None:
    await till.create()
    await till.create(hold=2)
    assert front.steps() == [*PROOF, "POST /intents", "POST /intents"]
