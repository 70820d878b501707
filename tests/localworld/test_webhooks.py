"""The sandbox tells the API: the same secret at both ends, kept, and no secret for strangers."""

import stat
from pathlib import Path

import pytest

from localworld import webhooks
from localworld.places import Places
from settings import Settings

API = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SANDBOX_STRIPE_WEBHOOK", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_both_ends_have_one_secret_and_keep_it(places: Places) -> None:
    api = webhooks.for_api(Settings(), places)
    sandbox = webhooks.for_sandbox(Settings(), places, API)
    secret = api["STRIPE_WEBHOOK_SECRET"]
    assert sandbox == {"SANDBOX_STRIPE_WEBHOOK": f"{API}/webhooks/stripe {secret}"}
    assert secret.startswith("whsec_")
    assert len(secret) > 30
    assert stat.S_IMODE(places.webhook_secret.stat().st_mode) == 0o600
    assert webhooks.for_api(Settings(), places) == api


def test_a_named_secret_wins_and_is_not_kept(places: Places) -> None:
    settings = Settings(stripe_webhook_secret="whsec_new, whsec_old")
    assert webhooks.for_api(settings, places) == {"STRIPE_WEBHOOK_SECRET": "whsec_new, whsec_old"}
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_STRIPE_WEBHOOK"]
    assert told == f"{API}/webhooks/stripe whsec_new"
    assert not places.webhook_secret.exists()


def test_the_payment_service_has_its_own_door(places: Places) -> None:
    settings = Settings(payment_service_url="http://127.0.0.1:8090/payment_service/api/v1/payments")
    assert set(webhooks.for_api(settings, places)) == {"PAYMENT_SERVICE_WEBHOOK_SECRET"}
    told = webhooks.for_sandbox(settings, places, API)["SANDBOX_PAYMENT_SERVICE_WEBHOOK"]
    assert told.startswith(f"{API}/webhooks/payment-service whsec_")


def test_a_real_gateway_is_not_pretended_to(places: Places) -> None:
    settings = Settings(stripe_secret_key="sk_test_x")
    assert webhooks.for_api(settings, places) == {}
    assert webhooks.for_sandbox(settings, places, API) == {}


def test_another_receiver_is_left_alone(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_STRIPE_WEBHOOK", "http://127.0.0.1:1/ whsec_mine")
    assert webhooks.for_sandbox(Settings(), places, API) == {}
