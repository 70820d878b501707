"""Live and test do not mix, and production sells nothing that the sandbox pretends to have."""

import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from models.suppliers.listings import LISTINGS
from settings import Settings, names, problems_in
from temporal import patience
from tests.support.environment import PRODUCTION, settings_from
from tests.support.processes import ROOT
from tests.support.selection import table


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"STRIPE_SECRET_KEY": "sk_live_x"}, "live key"),
        ({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_test_x"}, "test key"),
        ({"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": "http://127.0.0.1:1"}, "not Stripe"),
        ({"STRIPE_SECRET_KEY": "foo"}, "STRIPE_SECRET_KEY is no secret key"),
        ({"AMADEUS_BASE_URL": "https://api.amadeus.com"}, "AMADEUS_BASE_URL: .* must not talk to"),
        (
            {
                **PRODUCTION,
                "STRIPE_SECRET_KEY": "sk_live_x",
                "EXCHANGE_RATES_URL": "http://127.0.0.1:8090/rates/eurofxref-daily.xml",
            },
            "exchange rates",
        ),
        ({"DUFFEL_API_KEY": "duffel_live_x"}, "DUFFEL_API_KEY is a live token"),
        (
            {
                "ENVIRONMENT": "production",
                "MOCK_STRIPE": "true",
                "DUFFEL_API_KEY": "duffel_test_x",
            },
            "DUFFEL_API_KEY is a test token",
        ),
        ({"EXCHANGE_RATES_MAX_AGE_DAYS": "0"}, "greater than or equal to 1"),
    ],
)
def test_refused_at_start(environment: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings_from(environment)


TEXTS = {"TEXT_COUNTRIES": "DE", "TEXT_SENDER": "+4930123456"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY must be set"),
        ({"STRIPE_SECRET_KEY": "foo"}, "STRIPE_SECRET_KEY is no secret key"),
        ({"TRIP_PLANNER_URL": ""}, "TRIP_PLANNER_URL must be set"),
        ({"TRIP_PLANNER_URL": "http://127.0.0.1:8090"}, "TRIP_PLANNER_URL must not be the sandbox"),
        ({"AGENCY_PHONE": "+12025550199"}, "AGENCY_PHONE must be"),
        ({"AGENCY_PHONE": ""}, "AGENCY_PHONE must be"),
        ({"INVENTORY_SERVICE_URL": "https://i.example"}, "PRICING_SERVICE_URL must be set where"),
        ({"PRICING_SERVICE_URL": "https://p.example"}, "INVENTORY_SERVICE_URL must be set where"),
        (
            {
                "INVENTORY_SERVICE_URL": "http://127.0.0.1:8090/inventory_service",
                "PRICING_SERVICE_URL": "https://p.example",
            },
            "INVENTORY_SERVICE_URL must not be the sandbox's",
        ),
        ({"AMADEUS_API_SECRET": ""}, "AMADEUS_API_SECRET must be set"),
        ({"BOOKING_COM_AFFILIATE_ID": "sandbox"}, "BOOKING_COM_AFFILIATE_ID must be our own"),
        ({"BOOKING_COM_AFFILIATE_ID": ""}, "BOOKING_COM_AFFILIATE_ID must be our own"),
        ({"RATEHAWK_API_KEY": "k"}, "RATEHAWK_ACCOUNT must be our own"),
        ({"VIATOR_BASE_URL": "http://127.0.0.1:8090/viator"}, "VIATOR_BASE_URL must not be"),
        ({"DUFFEL_BASE_URL": "https://api.duffel.com"}, "DUFFEL_API_KEY must be set"),
        ({"TRAVELER_ID_KEY": ""}, "TRAVELER_ID_KEY must be set"),
        ({"WEBHOOK_MASTER_KEY": ""}, "WEBHOOK_MASTER_KEY must be set"),
        ({"AUTH_PEPPER": ""}, "AUTH_PEPPER must be set"),
        ({"SMTP_URL": "smtp://mail.example"}, "MAIL_FROM must be our own"),
        ({"SMTP_URL": "http://mail.example"}, "SMTP_URL: this is no smtp"),
        ({**TEXTS, "TEXT_ACCOUNT": "AC1", "TEXT_COUNTRIES": ""}, "TEXT_COUNTRIES must name"),
        ({"TEXT_ACCOUNT": "AC1", "TEXT_COUNTRIES": "DE"}, "TEXT_SENDER must be our own"),
        (
            {**TEXTS, "TEXT_URL": "http://127.0.0.1:8090/texts"},
            "TEXT_URL must not be the sandbox's",
        ),
    ],
)
def test_production_names_the_setting_that_is_not_real(given: dict[str, str], problem: str) -> None:
    """One thing wrong: one line, which begins with the setting."""
    with pytest.raises(ValidationError) as refused:
        settings_from({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_live_x", **given})
    (line,) = problems_in(refused.value)
    assert line.startswith(problem)


def test_all_that_is_missing_is_listed_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        settings_from({"ENVIRONMENT": "production", "PAYLOAD_KEYS": "", "STRIPE_SECRET_KEY": ""})
    lines = problems_in(refused.value)
    for name in (
        *("PAYLOAD_KEYS", "VIATOR_API_KEY", "STRIPE_SECRET_KEY"),
        *("TRIP_PLANNER_URL", "AGENCY_PHONE"),
    ):
        assert sum(name in line for line in lines) == 1, name


@pytest.mark.parametrize("program", table(["api", "worker", "codec"], quick=["codec"]))
def test_programs_say_it_in_lines_and_not_by_a_traceback(program: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", program],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION, "STRIPE_SECRET_KEY": "foo", "AGENCY_PHONE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert [line.split()[0] for line in answer.stderr.splitlines()] == [
        "STRIPE_SECRET_KEY",
        "AGENCY_PHONE",
    ]


def test_a_refusal_names_what_the_environment_calls_it() -> None:
    with pytest.raises(ValidationError) as refused:
        settings_from({"EXCHANGE_RATES_MAX_AGE_DAYS": "0"})
    # cli.py joins the parts.
    assert refused.value.errors()[0]["loc"] == ("exchange_rates", "max_age_days")


def test_accepted_at_start() -> None:
    local = Settings()
    assert local.stripe_url.endswith("/stripe")
    live = settings_from({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_live_x"})
    assert live.stripe_url == "https://api.stripe.com"
    assert live.supplier_url("amadeus") == "https://api.amadeus.com"
    assert live.rates_url == "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
    assert local.rates_url == f"{local.sandbox_url}/rates/eurofxref-daily.xml"
    mocked = settings_from({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_live_x", "MOCK_STRIPE": "true"})
    assert mocked.stripe_key == "sk_test_sandbox"
    assert mocked.stripe_url == f"{mocked.sandbox_url}/stripe"


def test_every_name_of_the_environment_is_read() -> None:
    defaults = flat(Settings.model_construct().model_dump())
    for name in names():
        field = name.replace("AFFILIATE_ID", "ACCOUNT").lower()
        default = defaults[field]
        value = "1" if default is None else "" if isinstance(default, SecretStr) else str(default)
        assert field in flat(settings_from({name: value}).model_dump(exclude_unset=True)), name


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return all settings by the name that the environment has for them, in lower case."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{name}_") if nested else {prefix + name: value}
    return found


def test_settings_about_suppliers_have_flat_names() -> None:
    given = settings_from(
        {
            "RATEHAWK_API_KEY": "k",
            "RATEHAWK_ACCOUNT": "7",
            "DISPATCH_RATEHAWK": "local",
            "BOOKING_COM_AFFILIATE_ID": "12",
            "VIATOR_BASE_URL": "http://127.0.0.1:1/",
        }
    )
    assert given.ratehawk.api_key.get_secret_value() == "k"
    assert given.supplier("ratehawk").account == "7"
    assert given.dispatch.ratehawk == "local"
    assert given.supplier_url("ratehawk") == "https://api-sandbox.worldota.net/api/b2b/v3"
    assert given.supplier_url("viator") == "http://127.0.0.1:1"
    assert given.supplier_url("duffel") == f"{given.sandbox_url}/duffel"
    assert given.booking_com.account == "12"
    assert settings_from({"BOOKING_COM_ACCOUNT": "13"}).booking_com.account == "13"


@pytest.mark.parametrize("supplier", [one.name for one in LISTINGS])
def test_every_supplier_has_settings(supplier: str) -> None:
    key = {f"{supplier.upper()}_API_KEY": "k"}
    assert settings_from(key).supplier(supplier).api_key.get_secret_value() == "k"
    local = settings_from({f"DISPATCH_{supplier.upper()}": "local"})
    assert getattr(local.dispatch, supplier) == "local"


def test_what_can_be_asked_once_only_is_never_asked_locally_however_fast() -> None:
    waits = patience(Settings(), quick=("amadeus", "booking_com"))
    assert waits.local == ["booking_com"]
    assert waits.quick == ["amadeus", "booking_com"]


def test_secrets_are_not_shown() -> None:
    given = settings_from(
        {
            "STRIPE_SECRET_KEY": "sk_test_hidden",
            "STRIPE_WEBHOOK_SECRET": "hidden",
            "AMADEUS_API_KEY": "hidden",
            "AMADEUS_API_SECRET": "hidden",
            "PAYMENT_SERVICE_API_KEY": "hidden",
            "PAYMENT_SERVICE_WEBHOOK_SECRET": "hidden",
        }
    )
    assert "hidden" not in repr(given) + given.model_dump_json()


def test_others_names_may_begin_alike() -> None:
    assert settings_from({"TEMPORAL_TLS": "true"}).temporal == Settings().temporal


def test_production_sells_only_what_it_has_credentials_for() -> None:
    live = settings_from({**PRODUCTION, "MOCK_STRIPE": "true"})
    assert [one.name for one in live.suppliers_in_use] == ["amadeus", "booking_com", "viator"]
    assert len(Settings().suppliers_in_use) == 6


def test_whether_money_is_real() -> None:
    assert not Settings().live_money("stripe")
    live = settings_from({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_live_x"})
    assert live.live_money("stripe")
    assert not settings_from({**PRODUCTION, "MOCK_STRIPE": "true"}).live_money("stripe")


def test_reservations_are_taken_where_both_services_are() -> None:
    local = Settings()
    assert local.reserves_at_venues
    assert local.inventory_url == f"{local.sandbox_url}/inventory_service"
    assert local.pricing_url == f"{local.sandbox_url}/pricing_service"
    assert local.venue_timeout == 8
    live = {**PRODUCTION, "MOCK_STRIPE": "true"}
    assert not settings_from(live).reserves_at_venues
    named = settings_from(
        {
            **live,
            "INVENTORY_SERVICE_URL": "https://i.example/",
            "PRICING_SERVICE_URL": "https://p.example",
            "INVENTORY_SERVICE_API_KEY": "hidden",
        }
    )
    assert named.reserves_at_venues
    assert (named.inventory_url, named.pricing_url) == ("https://i.example", "https://p.example")
    assert named.venue_timeout == 20
    assert "hidden" not in repr(named)


@pytest.mark.parametrize("name", ["INVENTORY_SERVICE_URL", "PRICING_SERVICE_URL"])
def test_an_address_of_a_service_is_one(name: str) -> None:
    with pytest.raises(ValidationError, match="no http"):
        settings_from({name: "inventory"})
