"""The sandbox tells the API: the same secret at both ends, kept, and no secret for others."""

import stat
from pathlib import Path

import pytest

from localworld import keys, webhooks
from localworld.places import Places
from sandbox.announcements import parse
from settings import Settings

API = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("SANDBOX_STRIPE_WEBHOOK", "STRIPE_WEBHOOK_SECRET", "SANDBOX_SUPPLIER_WEBHOOKS")
    for name in (*names, "DUFFEL_WEBHOOK_SECRET", "RATEHAWK_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_both_ends_have_one_secret_and_keep_it(places: Places) -> None:
    api = webhooks.for_api(Settings(), places)
    sandbox = webhooks.for_sandbox(Settings(), places, API)
    secret = api["STRIPE_WEBHOOK_SECRET"]
    assert sandbox["SANDBOX_STRIPE_WEBHOOK"] == f"{API}/webhooks/stripe {secret}"
    assert secret.startswith("whsec_")
    assert len(secret) > 30
    assert stat.S_IMODE(places.webhook_secret.stat().st_mode) == 0o600
    assert webhooks.for_api(Settings(), places) == api


def test_a_named_secret_wins_and_is_not_kept(places: Places) -> None:
    settings = Settings(stripe={"webhook_secret": "whsec_new, whsec_old"})
    assert webhooks.for_api(settings, places)["STRIPE_WEBHOOK_SECRET"] == "whsec_new, whsec_old"
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_STRIPE_WEBHOOK"]
    assert told == f"{API}/webhooks/stripe whsec_new"
    assert "whsec_new" not in places.webhook_secret.read_text()


def test_the_payment_service_has_its_own_door(places: Places) -> None:
    settings = Settings(
        payment_service={"url": "http://127.0.0.1:8090/payment_service/api/v1/payments"}
    )
    variables = webhooks.for_api(settings, places)
    assert variables["PAYMENT_SERVICE_WEBHOOK_SECRET"]
    assert "STRIPE_WEBHOOK_SECRET" not in variables
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_PAYMENT_SERVICE_WEBHOOK"]
    assert told.startswith(f"{API}/webhooks/payment-service whsec_")


def test_the_planner_key_is_for_the_sandboxs_planner_alone(places: Places) -> None:
    key = keys.of_world(Settings(), places)["TRIP_PLANNER_API_KEY"]
    assert keys.planner_key(Settings(), places) == {"TRIP_PLANNER_API_KEY": key}
    assert stat.S_IMODE(places.planner_key.stat().st_mode) == 0o600
    named = Settings(trip_planner_api_key="named")
    assert keys.of_world(named, places)["TRIP_PLANNER_API_KEY"] == "named"
    real = Settings(trip_planner_url="https://planner.example")
    assert "TRIP_PLANNER_API_KEY" not in keys.of_world(real, places)


def test_a_real_gateway_is_not_pretended_to(places: Places) -> None:
    settings = Settings(stripe={"secret_key": "sk_test_x"})
    assert "STRIPE_WEBHOOK_SECRET" not in webhooks.for_api(settings, places)
    assert set(webhooks.for_sandbox(settings, places, API)) == {"SANDBOX_SUPPLIER_WEBHOOKS"}


def test_another_receiver_is_left_alone(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_STRIPE_WEBHOOK", "http://127.0.0.1:1/ whsec_mine")
    assert "SANDBOX_STRIPE_WEBHOOK" not in webhooks.for_sandbox(Settings(), places, API)


def test_suppliers_tell_the_api_too(places: Places) -> None:
    settings = Settings(duffel={"webhook_secret": "whsec_d1,whsec_d0"})
    api = webhooks.for_api(settings, places)
    assert api["DUFFEL_WEBHOOK_SECRET"] == "whsec_d1,whsec_d0"
    kept = api["RATEHAWK_WEBHOOK_SECRET"]
    assert kept == places.webhook_secret.read_text().strip()
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_SUPPLIER_WEBHOOKS"]
    assert list(parse(told.split())) == [
        ("duffel", f"{API}/webhooks/duffel", "whsec_d1"),
        ("ratehawk", f"{API}/webhooks/ratehawk", kept),
    ]


def test_a_real_supplier_is_not_pretended_to(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(duffel={"api_key": "duffel_test_x"})
    assert "DUFFEL_WEBHOOK_SECRET" not in webhooks.for_api(settings, places)
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_SUPPLIER_WEBHOOKS"]
    assert "duffel" not in told
    monkeypatch.setenv("SANDBOX_SUPPLIER_WEBHOOKS", "ratehawk=http://127.0.0.1:1/,mine")
    assert "SANDBOX_SUPPLIER_WEBHOOKS" not in webhooks.for_sandbox(settings, places, API)
