"""Every state of a payment intent against every action, and every test card."""

import datetime as dt
from typing import Any

import pytest

from tests.sandbox.stripe.conftest import Caller

STATES = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "succeeded",
    "canceled",
)
ALLOWED = {
    ("confirm", "requires_confirmation"): "requires_capture",
    ("confirm", "requires_action"): "requires_action",
    ("capture", "requires_capture"): "succeeded",
    ("cancel", "requires_payment_method"): "canceled",
    ("cancel", "requires_confirmation"): "canceled",
    ("cancel", "requires_action"): "canceled",
    ("cancel", "requires_capture"): "canceled",
}


@pytest.mark.parametrize("action", ["confirm", "capture", "cancel"])
@pytest.mark.parametrize("state", STATES)
async def test_each_action_in_each_state(caller: Caller, state: str, action: str) -> None:
    intent = await caller.in_state(state)
    answer = await caller.step(intent, action)
    after = ALLOWED.get((action, state))
    if after is not None:
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == after
        return
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "payment_intent_unexpected_state"
    assert error["payment_intent"]["status"] == state
    assert (await caller.read(intent))["status"] == state


async def test_confirm_with_a_method_given_only_now(caller: Caller) -> None:
    intent = await caller.in_state("requires_payment_method")
    answer = await caller.step(intent, "confirm", {"payment_method": "pm_card_visa"})
    assert answer.json()["status"] == "requires_capture"


async def test_an_authorisation_names_its_money_and_its_end(caller: Caller) -> None:
    intent = await caller.in_state("requires_capture")
    assert (intent["amount_capturable"], intent["amount_received"]) == (1000, 0)
    charge = intent["latest_charge"]
    assert (charge["captured"], charge["amount_captured"]) == (False, 0)
    lapses = charge["payment_method_details"]["card"]["capture_before"]
    days = (dt.datetime.fromtimestamp(lapses, dt.UTC) - dt.datetime.now(dt.UTC)).total_seconds()
    assert 6.9 < days / 86_400 < 7.1
    assert await caller.effects() == ["created", "authorised"]


async def test_a_partial_capture_releases_the_rest(caller: Caller) -> None:
    intent = await caller.in_state("requires_capture")
    answer = await caller.step(intent, "capture", {"amount_to_capture": "600"})
    assert answer.json()["amount_received"] == 600
    after = await caller.read(intent)
    assert (after["amount_capturable"], after["latest_charge"]["amount_captured"]) == (0, 600)
    assert (await caller.step(intent, "capture")).status_code == 400
    assert await caller.effects() == ["created", "authorised", "captured"]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("1001", "amount_too_large"),
        ("0", "parameter_invalid_integer"),
        ("x", "parameter_invalid_integer"),
    ],
)
async def test_no_more_is_captured_than_is_held(caller: Caller, amount: str, code: str) -> None:
    intent = await caller.in_state("requires_capture")
    answer = await caller.step(intent, "capture", {"amount_to_capture": amount})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert (await caller.read(intent))["status"] == "requires_capture"


async def test_cancel_releases_what_is_held(caller: Caller) -> None:
    intent = await caller.in_state("requires_capture")
    answer = await caller.step(intent, "cancel", {"cancellation_reason": "abandoned"})
    assert answer.json()["cancellation_reason"] == "abandoned"
    assert answer.json()["amount_capturable"] == 0
    assert await caller.effects() == ["created", "authorised", "released"]


async def test_cancel_of_what_was_never_authorised_releases_nothing(caller: Caller) -> None:
    await caller.in_state("canceled")
    assert await caller.effects() == ["created", "cancelled"]


async def test_automatic_capture_takes_the_money_at_once(caller: Caller) -> None:
    intent = await caller.intent(capture_method="automatic", confirm="true")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 1000)
    assert await caller.effects() == ["captured"]


DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
]


@pytest.mark.parametrize(("token", "code", "decline_code"), DECLINES)
async def test_cards_that_decline(caller: Caller, token: str, code: str, decline_code: str) -> None:
    intent = await caller.intent(payment_method=token)
    answer = await caller.step(intent, "confirm")
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["decline_code"]) == (
        "card_error",
        code,
        decline_code,
    )
    assert error["payment_intent"]["status"] == "requires_payment_method"
    after = await caller.read(intent)
    assert after["last_payment_error"]["decline_code"] == decline_code
    assert after["latest_charge"]["status"] == "failed"
    again = await caller.step(intent, "confirm", {"payment_method": "pm_card_visa"})
    assert again.json()["status"] == "requires_capture"
    assert again.json()["last_payment_error"] is None


@pytest.mark.parametrize(
    "token",
    [
        "pm_card_threeDSecure2Required",
        "pm_card_authenticationRequired",
        "pm_card_authenticationRequiredOnSetup",
    ],
)
async def test_3d_secure_succeeds(caller: Caller, token: str) -> None:
    intent = await caller.intent(payment_method=token)
    waiting = await caller.step(intent, "confirm", {"return_url": "http://127.0.0.1/back?a=b"})
    action = waiting.json()["next_action"]
    assert action["type"] == "redirect_to_url"
    page = await caller.http.get(action["redirect_to_url"]["url"])
    assert intent["id"] in page.text
    assert (await caller.authenticate(intent, "succeed")).json()["status"] == "requires_capture"
    assert (await caller.authenticate(intent, "succeed")).status_code == 400
    after = await caller.read(intent)
    secure = after["latest_charge"]["payment_method_details"]["card"]["three_d_secure"]
    assert secure["result"] == "authenticated"
    assert await caller.effects() == ["created", "authorised"]


async def test_the_browser_is_sent_back_after_3d_secure(caller: Caller) -> None:
    intent = await caller.intent(payment_method="pm_card_authenticationRequired")
    waiting = await caller.step(intent, "confirm", {"return_url": "http://127.0.0.1/back?a=b"})
    url = waiting.json()["next_action"]["redirect_to_url"]["url"]
    sent = await caller.http.post(
        url, params={"outcome": "succeed"}, headers={"Accept": "text/html"}
    )
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("http://127.0.0.1/back?a=b&payment_intent=pi_")
    assert sent.headers["location"].endswith("redirect_status=succeeded")


async def test_without_a_return_url_the_client_side_sdk_is_meant(caller: Caller) -> None:
    intent = await caller.in_state("requires_action")
    assert intent["next_action"]["type"] == "use_stripe_sdk"


async def test_3d_secure_fails(caller: Caller) -> None:
    intent = await caller.in_state("requires_action")
    after = (await caller.authenticate(intent, "fail")).json()
    assert after["status"] == "requires_payment_method"
    assert after["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert after["next_action"] is None
    assert await caller.effects() == ["created"]


async def test_declined_after_3d_secure(caller: Caller) -> None:
    intent = await caller.intent(
        payment_method="pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        confirm="true",
    )
    assert intent["status"] == "requires_action"
    after = (await caller.authenticate(intent, "succeed")).json()
    assert after["status"] == "requires_payment_method"
    assert after["last_payment_error"]["decline_code"] == "insufficient_funds"


async def test_off_session_nobody_can_authenticate(caller: Caller) -> None:
    intent = await caller.intent(payment_method="pm_card_authenticationRequired")
    answer = await caller.step(intent, "confirm", {"off_session": "true"})
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "authentication_required"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": ""}, "parameter_missing", "amount"),
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": "49"}, "amount_too_small", "amount"),
        ({"amount": "-5"}, "amount_too_small", "amount"),
        ({"amount": "100000000"}, "amount_too_large", "amount"),
        ({"currency": "zzz"}, None, "currency"),
        ({"currency": "jpy", "amount": "49"}, "amount_too_small", "amount"),
        ({"currency": "kwd", "amount": "5124"}, None, "amount"),
        ({"currency": "ugx", "amount": "5050"}, None, "amount"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"payment_method": "pm_nope"}, "resource_missing", "payment_method"),
        ({"surprise": "1"}, "parameter_unknown", "surprise"),
        ({"customer": "cus_nope"}, "resource_missing", "customer"),
    ],
)
async def test_what_cannot_be_created(
    caller: Caller, change: dict[str, str], code: str | None, param: str
) -> None:
    data = {"amount": "1000", "currency": "usd", **change}
    answer = await caller.post("/payment_intents", data)
    assert answer.status_code in (400, 404)
    error = answer.json()["error"]
    assert (error.get("code"), error["param"]) == (code, param)
    assert answer.headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer sk_live_nothing", 401),
        ("Bearer whatever", 401),
        ("Basic c2tfdGVzdF94Og==", 200),
        ("Bearer sk_test_any", 200),
    ],
)
async def test_only_test_keys_open_the_door(
    caller: Caller, authorization: str, status: int
) -> None:
    answer = await caller.http.get("/payment_intents", headers={"Authorization": authorization})
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_search_and_list_find_what_was_made(caller: Caller) -> None:
    first, second = await caller.intent(), await caller.intent()
    await caller.step(second, "cancel")

    async def found(query: str) -> list[str]:
        answer = await caller.http.get("/payment_intents/search", params={"query": query})
        assert answer.status_code == 200, answer.text
        return [intent["id"] for intent in answer.json()["data"]]

    mine = f"metadata['booking_id']:'{caller.booking}'"
    assert await found(mine) == [second["id"], first["id"]]
    assert await found(f"{mine} AND status:'canceled'") == [second["id"]]
    assert await found("metadata['booking_id']:'nobody'") == []
    wrong = await caller.http.get("/payment_intents/search", params={"query": "what?"})
    assert wrong.status_code == 400
    listed = (await caller.http.get("/payment_intents", params={"limit": "1"})).json()
    assert len(listed["data"]) == 1
    assert listed["has_more"] is True


async def test_lists_by_the_time_of_making(caller: Caller) -> None:
    intent = await caller.in_state("succeeded")
    await caller.post("/refunds", {"payment_intent": intent["id"], "amount": "1"})
    await caller.control(f"payment_intents/{intent['id']}/dispute")
    for path in ("payment_intents", "refunds", "disputes", "events"):

        async def count(path: str, **bounds: int) -> int:
            asked = {f"created[{name}]": str(value) for name, value in bounds.items()}
            answer = await caller.http.get(f"/{path}", params={**asked, "limit": "100"})
            assert answer.status_code == 200, answer.text
            return len(answer.json()["data"])

        newest = (await caller.http.get(f"/{path}")).json()["data"][0]["created"]
        assert await count(path, gte=newest) > 0
        assert await count(path, gt=newest) == 0
        assert await count(path, lt=newest, gte=newest) == 0
        exactly = await caller.http.get(f"/{path}", params={"created": newest, "limit": "100"})
        assert {found["created"] for found in exactly.json()["data"]} == {newest}
        wrong = await caller.http.get(f"/{path}", params={"created[before]": "1"})
        assert wrong.json()["error"]["code"] == "parameter_unknown"


@pytest.mark.parametrize(
    ("currency", "created", "captured", "refunded"),
    [("kwd", "5120", "5005", "105"), ("isk", "50000", "40050", "150"), ("jpy", "500", None, None)],
)
async def test_amounts_are_whole_steps_of_their_currency(
    caller: Caller, currency: str, created: str, captured: str | None, refunded: str | None
) -> None:
    intent = await caller.intent(currency=currency, amount=created, confirm="true")
    if captured is not None:
        refused = await caller.step(intent, "capture", {"amount_to_capture": captured})
        assert refused.json()["error"]["param"] == "amount_to_capture"
    assert (await caller.step(intent, "capture")).status_code == 200
    if refunded is not None:
        data = {"payment_intent": intent["id"], "amount": refunded}
        assert (await caller.post("/refunds", data)).json()["error"]["param"] == "amount"
    assert (await caller.post("/refunds", {"payment_intent": intent["id"]})).status_code == 200


async def test_an_unknown_path_is_stripes_404(caller: Caller) -> None:
    answer = await caller.http.get("/nothing/here")
    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


async def test_a_lapsed_hold_cancels_itself(caller: Caller, monkeypatch: Any) -> None:
    """In this process, where the clock can be moved."""
    from sandbox.stripe import holds, intents
    from sandbox.stripe.account import Account
    from sandbox.stripe.errors import ApiError
    from sandbox.world import World

    world = World()
    account = Account(world)
    body = intents.create(
        account,
        {
            "amount": "1000",
            "currency": "usd",
            "capture_method": "manual",
            "payment_method": "pm_card_visa",
            "confirm": "true",
        },
        base_url="",
    ).body
    intent = account.get("pi", body["id"])
    later = world.now() + dt.timedelta(days=8)
    monkeypatch.setattr(world, "now", lambda: later)
    with pytest.raises(ApiError, match="status of canceled"):
        intents.capture(account, intent, {})
    assert intent["cancellation_reason"] == "expired"
    kinds = [event["type"] for event in account.events.events.documents.values()]
    assert {"charge.expired", "payment_intent.canceled"} <= set(kinds)
    holds.expire(account, intent)
    assert kinds == [event["type"] for event in account.events.events.documents.values()]
