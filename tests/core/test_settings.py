"""Live and test do not mix, and production sells nothing that the sandbox pretends to have."""

from typing import Any

import pytest
from pydantic import ValidationError

from settings import Settings

SUPPLIERS = {"amadeus_api_key": "k", "booking_com_api_key": "k", "viator_api_key": "k"}


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"stripe_secret_key": "sk_live_x"}, "live key"),
        ({"environment": "production", "stripe_secret_key": "sk_test_x", **SUPPLIERS}, "test key"),
        ({"stripe_secret_key": "sk_live_x", "stripe_api_base": "http://127.0.0.1:1"}, "not Stripe"),
        ({"environment": "production", "stripe_secret_key": "sk_live_x"}, "pretends"),
        ({"environment": "production", **SUPPLIERS}, "pretends"),
        ({"amadeus_base_url": "https://api.amadeus.com"}, "live hosts"),
        (
            {
                "environment": "production",
                "stripe_secret_key": "sk_live_x",
                "exchange_rates_url": "http://127.0.0.1:8090/rates/eurofxref-daily.xml",
                **SUPPLIERS,
            },
            "exchange rates",
        ),
        ({"duffel_api_key": "duffel_live_x"}, "DUFFEL_API_KEY is a live token"),
        (
            {"environment": "production", "mock_stripe": True, "duffel_api_key": "duffel_test_x"},
            "DUFFEL_API_KEY is a test token",
        ),
        ({"exchange_rates_max_age_days": 0}, "greater than or equal to 1"),
    ],
)
def test_refused_at_start(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**values)


def test_accepted_at_start() -> None:
    assert settings().stripe_url.endswith("/stripe")
    live = settings(environment="production", stripe_secret_key="sk_live_x", **SUPPLIERS)
    assert live.stripe_url == "https://api.stripe.com"
    assert live.supplier_url("amadeus") == "https://api.amadeus.com"
    assert live.rates_url == "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
    assert settings().rates_url == f"{settings().sandbox_url}/rates/eurofxref-daily.xml"
    mocked = settings(environment="production", mock_stripe=True, **SUPPLIERS)
    assert mocked.stripe_key == "sk_test_sandbox"


def test_settings_about_suppliers_have_flat_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEHAWK_API_KEY", "k")
    monkeypatch.setenv("DISPATCH_RATEHAWK", "local")
    monkeypatch.setenv("BOOKING_COM_AFFILIATE_ID", "12")
    given = settings(ratehawk_account="7", viator_base_url="http://127.0.0.1:1/")
    ratehawk = given.supplier("ratehawk")
    assert (ratehawk.api_key.get_secret_value(), ratehawk.account) == ("k", "7")
    assert ratehawk.dispatch == "local"
    assert given.supplier_url("ratehawk") == "https://api-sandbox.worldota.net/api/b2b/v3"
    assert given.supplier_url("viator") == "http://127.0.0.1:1"
    assert given.supplier_url("duffel") == f"{given.sandbox_url}/duffel"
    assert given.supplier("booking_com").account == "12"


def test_production_sells_only_what_it_has_credentials_for() -> None:
    live = settings(environment="production", mock_stripe=True, **SUPPLIERS)
    assert [one.name for one in live.suppliers_in_use] == ["amadeus", "booking_com", "viator"]
    assert len(settings().suppliers_in_use) == 6


def test_whether_money_is_real() -> None:
    assert not settings().live_money("stripe")
    live = settings(environment="production", stripe_secret_key="sk_live_x", **SUPPLIERS)
    assert live.live_money("stripe")
    assert not settings(environment="production", mock_stripe=True, **SUPPLIERS).live_money(
        "stripe"
    )
