"""Onboarding and reviews over HTTP."""

import uuid

import pytest

from tests.api.marketplace.conftest import Market
from tests.marketplace.house import STEPS

HOTEL = ["business", "contact", "address", "property", "payout", "terms"]


async def test_from_the_first_request_to_the_end_of_a_suspension(market: Market) -> None:
    user, admin = await market.user(second_factor=True), await market.admin()
    provider = await market.provider(user)
    where = f"providers/{provider}"
    refused = await user.post(f"{where}/submit", 409)
    assert refused["code"] == "STEPS_MISSING"
    assert refused["details"] == {"steps": HOTEL}
    await market.fill_in(user, provider, HOTEL)
    for _ in range(2):
        told = await user.post(f"{where}/submit")
        assert (told["verification_status"], told["steps_missing"]) == ("SUBMITTED", [])

    listing = await user.post(
        "listings", 201, provider_id=provider, title="Casa Azul", currency="EUR"
    )
    refused = await user.post(f"listings/{listing['id']}/publish", 409)
    assert refused["code"] == "PROVIDER_NOT_APPROVED"
    assert refused["details"] == {"verification_status": "SUBMITTED"}

    seen = await admin.get("admin/providers", status="SUBMITTED", limit=100)
    assert provider in [one["id"] for one in seen["providers"]]
    papers = await admin.get(f"admin/providers/{provider}")
    assert papers["role"] is None
    assert papers["steps"][0]["data"]["legal_name"] == STEPS["business"]["legal_name"]  # type: ignore[index]
    version = papers["version"]
    for decision, status in (
        ("START", "UNDER_REVIEW"),
        ("APPROVE", "APPROVED"),
        ("SUSPEND", "SUSPENDED"),
        ("REINSTATE", "APPROVED"),
    ):
        asked = {"decision": decision, "reason": f"so {decision}", "expected_version": version}
        told = await admin.post(f"{where}/review", **asked)
        assert told["verification_status"] == status
        refused = await admin.post(f"{where}/review", 409, **asked)
        assert refused["code"] == "VERSION_CONFLICT"
        assert refused["details"] == {"current_version": version + 1}
        version += 1
    history = (await user.get(f"{where}/history"))["history"]
    assert [(one["who"], one["why"]) for one in history[-2:]] == [
        ("house", "so SUSPEND"),
        ("house", "so REINSTATE"),
    ]
    assert admin.id not in str(history)
    named = (await admin.get(f"admin/{where}/history"))["history"]
    assert [one["who"] for one in named] == [f"user {user.id}"] * 3 + [f"admin {admin.id}"] * 4
    unknown = str(uuid.uuid4())
    for path in (f"admin/providers/{unknown}", f"admin/providers/{unknown}/history"):
        assert (await admin.get(path, 404))["code"] == "PROVIDER_UNKNOWN"
    wrong = {"decision": "START", "reason": "r", "expected_version": version}
    refused = await admin.post(f"{where}/review", 409, **wrong)
    assert refused["code"] == "STATE_CONFLICT"
    assert refused["details"] == {"status": "APPROVED", "allowed": ["SUSPENDED"]}


async def test_who_may_what(market: Market) -> None:
    user = await market.user()
    provider = await market.provider(user)
    payout = {"step": "payout", **STEPS["payout"]}  # type: ignore[index]
    where = f"providers/{provider}/onboarding/payout"
    assert (await user.patch(where, 403, **payout))["code"] == "SECOND_FACTOR_REQUIRED"
    staff = await market.user(second_factor=True)
    await market.house.execute(
        "INSERT INTO provider_members (provider_id, user_id, role) VALUES (:p, :u, 'STAFF')",
        p=provider,
        u=staff.id,
    )
    assert (await staff.patch(where, 403, **payout))["code"] == "OWNERS_ONLY"
    assert (await staff.get("providers"))["providers"][0]["role"] == "STAFF"
    decision = {"decision": "START", "reason": "r", "expected_version": 1}
    refused = await user.post(f"providers/{provider}/review", 403, **decision)
    assert refused["code"] == "OPERATORS_ONLY"
    admin = await market.user(admin=True)
    refused = await admin.post(f"providers/{provider}/review", 403, **decision)
    assert refused["code"] == "SECOND_FACTOR_REQUIRED"


@pytest.mark.parametrize(
    ("step", "changes", "field"),
    [
        ("contact", {"email": "no address"}, "contact.email"),
        ("contact", {"iban": "PT50 0002 0123"}, "contact.iban"),
        ("business", {"country": "ZZ"}, "business.country"),
        ("payout", {"account_id": "PT50 0002 0123"}, "payout.account_id"),
        ("payout", {"currency": "EURO"}, "payout.currency"),
        ("terms", {"accepted": False}, "terms.accepted"),
        ("business", {"legal_name": "  "}, "business.legal_name"),
    ],
)
async def test_steps_are_checked(
    market: Market, step: str, changes: dict[str, object], field: str
) -> None:
    user = await market.user(second_factor=True)
    provider = await market.provider(user)
    data = {"step": step, **STEPS[step], **changes}  # type: ignore[index]
    refused = await user.patch(f"providers/{provider}/onboarding/{step}", 422, **data)
    assert (refused["code"], refused["field"]) == ("INVALID_REQUEST", field)
    assert "PT50" not in refused["detail"]


async def test_a_step_is_the_paths_and_the_types(market: Market) -> None:
    user = await market.user()
    provider = await market.provider(user)
    contact = {"step": "contact", **STEPS["contact"]}  # type: ignore[index]
    refused = await user.patch(f"providers/{provider}/onboarding/address", 422, **contact)
    assert (refused["code"], refused["field"]) == ("OFFER_REFUSED", "step")
    licence = {"step": "licence", **STEPS["licence"]}  # type: ignore[index]
    refused = await user.patch(f"providers/{provider}/onboarding/licence", 422, **licence)
    assert refused["code"] == "OFFER_REFUSED"
    card = {**contact, "name": "4242 4242 4242 4242"}
    refused = await user.patch(f"providers/{provider}/onboarding/contact", 422, **card)
    assert refused["code"] == "CARD_NUMBER_REFUSED"
