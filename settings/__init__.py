"""Settings: everything that differs between machines, read from the environment once.

``settings.stripe.secret_key`` is ``STRIPE_SECRET_KEY``. Names that callers and operators already
use stay (contracts.md §1). Without credentials every supplier and the gateway
point at the local sandbox; the adapters are the same ones.
"""

import datetime as dt
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from codec.keys import KeyRing
from models.core.addresses import Reach
from models.suppliers.listings import BY_NAME, LISTINGS, Listing
from settings import parts
from settings.checks import CHECKS

ECB_RATES = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"


class Settings(BaseSettings):
    """All settings, with the defaults of the local world."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # it holds keys, and errors are logged
    )

    # Where we run
    environment: Literal["local", "production"] = "local"
    log_level: str = "INFO"
    database: parts.DatabaseSettings = parts.DatabaseSettings()
    temporal: parts.TemporalSettings = parts.TemporalSettings()
    task_queue: str = "trips"
    worker: parts.WorkerSettings = parts.WorkerSettings()
    workflow_sandbox: bool = False
    """Run workflows in Temporal's determinism sandbox; on in tests, off in production."""
    shutdown_grace_seconds: float = 30
    max_concurrent_activities: int = 100
    inbox_poll_seconds: float = Field(default=0.5, gt=0)
    """How often a worker looks for gateway events that are due."""
    metrics_address: str = Field(default="", pattern=r"^$|^[^\s:]+:\d{1,5}$|^\[[^\s]+\]:\d{1,5}$")
    """``host:port`` where the worker shows metrics for Prometheus; empty: nowhere."""

    # Encryption of what Temporal keeps (docs/operating.md, "Keys and encryption")
    payload_keys: SecretStr = SecretStr("")
    """``id:base64,id:base64``, 32 bytes each: the first encrypts, all decrypt. No process that
    speaks to Temporal starts without."""
    payload_plaintext: bool = False
    """Also read payloads that are not encrypted, while older histories still have them."""
    traveler_id_key: SecretStr = SecretStr("")
    """What ids of travellers are made with (HMAC), 32 characters or more. Another key makes other
    ids."""
    webhook_master_key: SecretStr = SecretStr("")
    """What the secrets of webhook endpoints are made with (HMAC), 32 characters or more. Another
    key makes other secrets: every receiver would refuse what it is sent."""
    auth_pepper: SecretStr = SecretStr("")
    """What codes and addresses of people who sign in are hashed with (HMAC), 32 characters or more.
    Another key ends the codes and CSRF tokens that are out, and the counts of wrong codes."""
    codec_token: SecretStr = SecretStr("")
    """Lets the Web UI use the codec endpoint under ``/{token}/``; empty: only operators' API keys
    do."""
    codec_origin: str = "http://127.0.0.1:8233"
    """Where the Web UI is: the one origin whose pages may use the codec endpoint."""

    # Webhooks that we send (docs/webhooks.md)
    webhook_ports: str = Field(default="443", pattern=r"^[0-9]{1,5}(,[0-9]{1,5})*$")
    """The ports that callers' endpoints may have, separated by commas."""

    # Mails and texts to people (docs/accounts.md)
    smtp: parts.SmtpSettings = parts.SmtpSettings()
    mail_from: str = Field(default="bookings@example.com", pattern=r"^[^@\s<>,]+@[^@\s<>,]+$")
    """The address that mails come from."""
    text: parts.TextSettings = parts.TextSettings()

    # The API
    api: parts.ApiSettings = parts.ApiSettings()
    book_wait_seconds: float = Field(default=30, ge=0, le=120)
    """How long ``POST /booking/book`` waits for the end before it answers 202."""
    max_body_bytes: int = 256 * 1024
    overload: parts.OverloadSettings = parts.OverloadSettings()
    limit: parts.LimitSettings = parts.LimitSettings()
    idempotency: parts.IdempotencySettings = parts.IdempotencySettings()

    # The outside world
    sandbox_url: str = "http://127.0.0.1:8090"
    trip_planner_url: str = ""
    trip_planner_api_key: SecretStr = SecretStr("")
    """Sent to the planner as ``Authorization: Bearer`` (docs/trip-planner.md); empty: nothing."""
    stripe: parts.StripeSettings = parts.StripeSettings()
    mock_stripe: bool = False
    """Use the sandbox for Stripe alone, whatever keys are set."""
    payment_service: parts.PaymentServiceSettings = parts.PaymentServiceSettings()
    payment_return_url: str = ""
    """Where the traveller's browser goes after 3-D Secure; the API's own address when empty."""
    inventory_service: parts.ServiceSettings = parts.ServiceSettings()
    """What venues have free, and who has reserved it (docs/inventory-and-pricing.md)."""
    pricing_service: parts.ServiceSettings = parts.ServiceSettings()
    """What slots at venues cost."""
    amadeus: parts.SupplierSettings = parts.SupplierSettings()
    duffel: parts.SupplierSettings = parts.SupplierSettings()
    booking_com: parts.BookingComSettings = parts.BookingComSettings()
    ratehawk: parts.SupplierSettings = parts.SupplierSettings()
    viator: parts.SupplierSettings = parts.SupplierSettings()
    getyourguide: parts.SupplierSettings = parts.SupplierSettings()
    exchange_rates: parts.ExchangeRateSettings = parts.ExchangeRateSettings()
    agency_phone: str = "+12025550199"
    """Given to suppliers that insist on a number, for travellers without one of use (E.164)."""

    # How trips are booked
    booking_order: Literal["contract", "undoable_first"] = "contract"
    """In which order the items of a trip are booked (docs/booking-order.md)."""
    dispatch: parts.DispatchSettings = parts.DispatchSettings()
    provider_timeout_seconds: float | None = None
    """None: the documented maximum at live hosts, 8 s at the sandbox."""
    settle_seconds: float | None = None
    """How long an unknown outcome is looked up before "not there" is believed."""
    heartbeat_seconds: float = Field(default=6, ge=1)
    """A worker that dies during a call to a supplier is noticed within this time."""
    sticky_seconds: float = Field(default=5, gt=0)
    """After a worker died, its workflows wait this long before another worker takes them over."""
    retry_initial_seconds: float = 0.5
    """First pause between attempts; doubles from there."""
    step_deadline_seconds: float = 180
    """How long one forward step may take with all its attempts."""
    undo_attempts: int = 12
    """After so many failed attempts an undo becomes an operator's case."""
    authentication_deadline_seconds: float = 900
    """How long the traveller has for 3-D Secure."""

    # What is looked after
    watch: parts.WatchSettings = parts.WatchSettings()
    follow: parts.FollowSettings = parts.FollowSettings()
    events: parts.EventSettings = parts.EventSettings()
    rabbitmq: parts.RabbitMQSettings = parts.RabbitMQSettings()
    kafka: parts.KafkaSettings = parts.KafkaSettings()
    supplier_down_after: int = Field(default=5, ge=1)
    """After so many faults in a row, over all workers, no new booking is begun with a supplier."""
    supplier_trial_seconds: float = Field(default=30, gt=0)
    """How long after that one new booking is let through, to see whether it answers again."""
    supplier_down_case_seconds: float = Field(default=900, gt=0)
    """A supplier that is down for longer is an operator's case."""
    late_commit_hours: float = Field(default=24, gt=0)
    """How long a booking that was never answered may still be done by its supplier."""
    attempts_keep_days: float = Field(default=90, gt=0)
    """How long whole answers of suppliers are kept after a booking has ended."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        problems = [problem for check in CHECKS for problem in check(self)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    # -- keys -----------------------------------------------------------------------------

    def missing_keys(self) -> Iterator[str]:
        """Yield what is to be said of each key that is not set; the local world makes all."""
        unencrypted = "nothing is given to Temporal unencrypted"
        reasons = {
            "payload_keys": unencrypted,
            "traveler_id_key": unencrypted,
            "webhook_master_key": "webhooks are signed with what is made of it",
            "auth_pepper": "codes to sign in with are hashed with it",
        }
        for name, reason in reasons.items():
            if not getattr(self, name).get_secret_value():
                yield (
                    f"{name.upper()} must be set: {reason} (docs/operating.md, Keys and encryption)"
                )

    def require_keys(self) -> None:
        """See that all keys are set.

        Raises:
            ValueError: some are missing; one line each.
        """
        missing = [*self.missing_keys()]
        if missing:
            raise ValueError("\n".join(missing))

    @property
    def key_ring(self) -> KeyRing:
        """The keys that payloads are encrypted with. Raises ValueError when there are none."""
        self.require_keys()
        return KeyRing.parse(self.payload_keys.get_secret_value())

    @property
    def traveler_key(self) -> bytes:
        """What ids of travellers are made with."""
        return self.traveler_id_key.get_secret_value().encode()

    @property
    def webhook_key(self) -> bytes:
        """What the secrets of webhook endpoints are made with."""
        return self.webhook_master_key.get_secret_value().encode()

    @property
    def pepper(self) -> bytes:
        """What codes and addresses of people are hashed with."""
        return self.auth_pepper.get_secret_value().encode()

    @property
    def webhook_reach(self) -> Reach:
        """What callers' webhook endpoints may be."""
        ports = frozenset(map(int, self.webhook_ports.split(",")))
        return Reach(ports, local=self.environment == "local")

    # -- where each provider is -----------------------------------------------------------

    @property
    def stripe_key(self) -> str:
        """The Stripe key in use; a made-up test key when the sandbox stands in."""
        given = "" if self.mock_stripe else self.stripe.secret_key.get_secret_value()
        return given or "sk_test_sandbox"

    @property
    def stripe_url(self) -> str:
        """Stripe's API base, without the version prefix."""
        if self.mock_stripe:
            return f"{self.sandbox_url}/stripe"
        if self.stripe.api_base:
            return self.stripe.api_base.rstrip("/")
        if self.stripe.secret_key.get_secret_value():
            return "https://api.stripe.com"
        return f"{self.sandbox_url}/stripe"

    @property
    def gateway(self) -> str:
        """The name of the gateway that moves the money."""
        return "payment_service" if self.payment_service.url else "stripe"

    @property
    def gateway_url(self) -> str:
        """Where the gateway that moves the money is."""
        return self.payment_service.url.rstrip("/") or self.stripe_url

    @property
    def gateway_timeout(self) -> float:
        """Seconds to wait for an answer of the gateway: Stripe's SDK documents 80, not less."""
        return self.timeout_for(self.gateway_url, 80)

    def supplier(self, name: str) -> parts.SupplierSettings:
        """Return what is set about a supplier."""
        found: parts.SupplierSettings = getattr(self, BY_NAME[name].name)
        return found

    @property
    def suppliers_in_use(self) -> tuple[Listing, ...]:
        """Who can be booked at: in production those with credentials, elsewhere all."""
        if self.environment == "local":
            return LISTINGS
        return tuple(
            one
            for one in LISTINGS
            if self.supplier(one.name).api_key.get_secret_value()
            or self.supplier(one.name).base_url
        )

    def supplier_url(self, name: str) -> str:
        """Return the base URL of a supplier, without a slash at the end.

        The address that is set, else the sandbox's without credentials, else the supplier's own:
        its test system, and the live one in production.
        """
        listing, given = BY_NAME[name], self.supplier(name)
        if given.base_url:
            return given.base_url.rstrip("/")
        if not given.api_key.get_secret_value():
            return f"{self.sandbox_url}{listing.sandbox}"
        return listing.live if self.environment == "production" else listing.test

    def supplier_timeout(self, name: str) -> float:
        """Return how long an answer of a supplier may take, in seconds."""
        return self.timeout_for(self.supplier_url(name), BY_NAME[name].timeout)

    @property
    def reserves_at_venues(self) -> bool:
        """Whether reservations are taken: in production where both services are named."""
        named = self.inventory_service.url and self.pricing_service.url
        return self.environment == "local" or bool(named)

    @property
    def inventory_url(self) -> str:
        """The inventory service's base, without a slash at the end; the sandbox's by default."""
        return (self.inventory_service.url or f"{self.sandbox_url}/inventory_service").rstrip("/")

    @property
    def pricing_url(self) -> str:
        """The pricing service's base, without a slash at the end; the sandbox's by default."""
        return (self.pricing_service.url or f"{self.sandbox_url}/pricing_service").rstrip("/")

    @property
    def venue_timeout(self) -> float:
        """How long an answer of either service may take, in seconds (their documents say 20)."""
        return max(self.timeout_for(url, 20) for url in (self.inventory_url, self.pricing_url))

    @property
    def sends_mail(self) -> bool:
        """Whether mails are sent; in a local world they wait until there is a server."""
        return self.environment == "local" or bool(self.smtp.url.get_secret_value())

    def sends_texts_to(self, country: str) -> bool:
        """Whether texts are sent to a country, two letters."""
        if self.environment == "local" and not self.text.countries:
            return True
        return bool(self.text_url) and country in self.text.countries.split(",")

    @property
    def text_url(self) -> str:
        """The base of the API that sends texts, without a slash at the end; empty: none does."""
        if self.text.url:
            return self.text.url.rstrip("/")
        if self.text.account:
            return "https://api.twilio.com"
        return f"{self.sandbox_url}/texts" if self.environment == "local" else ""

    @property
    def rates_url(self) -> str:
        """The file with the daily exchange rates."""
        if self.exchange_rates.url:
            return self.exchange_rates.url
        if self.environment == "production":
            return ECB_RATES
        return f"{self.sandbox_url}/rates/eurofxref-daily.xml"

    @property
    def planner_url(self) -> str:
        """The trip planner that made the trip options."""
        return (self.trip_planner_url or self.sandbox_url).rstrip("/")

    def live_money(self, gateway: str) -> bool:
        """Tell whether payments at ``gateway`` move real money; events of other payments do not."""
        if gateway == "stripe":
            return self.stripe_key.startswith(("sk_live_", "rk_live_"))
        return self.environment == "production"

    def is_sandbox(self, url: str) -> bool:
        """Tell whether ``url`` is our own local sandbox."""
        return url.startswith(self.sandbox_url)

    def timeout_for(self, url: str, documented: float) -> float:
        """Seconds to wait for an answer from ``url``, whose documented maximum is given."""
        if self.provider_timeout_seconds is not None:
            return self.provider_timeout_seconds
        return 8.0 if self.is_sandbox(url) else documented

    @property
    def settle_period(self) -> dt.timedelta:
        """How long "not found" is doubted after an unanswered call."""
        if self.settle_seconds is not None:
            return dt.timedelta(seconds=self.settle_seconds)
        urls = [self.supplier_url(one.name) for one in self.suppliers_in_use]
        everything_local = all(map(self.is_sandbox, (*urls, self.gateway_url)))
        return dt.timedelta(seconds=12 if everything_local else 300)


def names() -> frozenset[str]:
    """Return the environment's names of all settings."""
    return frozenset(name.upper() for name in parts.names(Settings))


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process."""
    return Settings()


def settings_or_exit() -> Settings:
    """Return the settings of a process that begins; what is wrong with them ends it, with code 2.

    Each thing that is wrong is a line of standard error that names the setting.
    """
    try:
        return get_settings()
    except (ValidationError, SettingsError) as error:
        print(*problems_in(error), sep="\n", file=sys.stderr)
        sys.exit(2)


def problems_in(error: ValidationError | SettingsError) -> list[str]:
    """Return what is wrong with the settings, one line each."""
    if isinstance(error, SettingsError):
        return [str(error)]
    found = []
    for problem in error.errors():
        name = "_".join(str(part) for part in problem["loc"]).upper()
        lines = problem["msg"].removeprefix("Value error, ").splitlines()
        found += [f"{name}: {line}" if name else line for line in lines]
    return found
