"""Settings: everything that differs between machines, read from the environment once.

Names that callers and operators already use stay (contracts.md §1). Without credentials every
supplier and the gateway point at the local sandbox; the adapters are the same ones.
"""

import datetime as dt
import os
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from codec.keys import KeyRing
from models.suppliers.listings import BY_NAME, LISTINGS, Listing

LIVE_HOSTS = frozenset(
    {"api.stripe.com"}
    # Duffel has one host: its token tells test from live.
    | {urlsplit(one.live).hostname or "" for one in LISTINGS if one.live != one.test}
)
ECB_RATES = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"

Dispatch = Literal["activity", "local"]


class SupplierSettings(BaseModel):
    """What differs between machines about one supplier; names are prefixed with the supplier's.

    ``DUFFEL_API_KEY``, ``DUFFEL_BASE_URL``; but ``DISPATCH_DUFFEL``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = SecretStr("")
    """Without it (and without ``base_url``) the sandbox stands in."""
    api_secret: SecretStr = SecretStr("")
    account: str = "sandbox"
    """Who we are there, where a key alone does not say: Booking.com's affiliate id, RateHawk's
    key id."""
    base_url: str = ""
    webhook_secret: SecretStr = SecretStr("")
    """Verifies its webhooks; several, separated by commas, while one replaces another."""
    dispatch: Dispatch = "activity"
    """An ordinary activity on the supplier's own queue, or a local activity in the workflow's
    worker (cheaper, for fast suppliers; design.md)."""


_ALIASES = {"booking_com_affiliate_id": "booking_com_account"}
"""Names that callers already use."""


def _supplier_names() -> dict[str, tuple[str, str]]:
    fields = [name for name in SupplierSettings.model_fields if name != "dispatch"]
    names = {f"{one.name}_{field}": (one.name, field) for one in LISTINGS for field in fields}
    names |= {f"dispatch_{one.name}": (one.name, "dispatch") for one in LISTINGS}
    return names | {alias: names[name] for alias, name in _ALIASES.items()}


SUPPLIER_SETTINGS = _supplier_names()
"""Every setting about a supplier by its flat name, with the supplier and the field it is."""


class _FromEnvironment(PydanticBaseSettingsSource):
    """Reads the settings about suppliers, whose names follow from the list of suppliers."""

    def get_field_value(self, _field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Settings about suppliers are no fields of their own."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: os.environ.get(name.upper()) for name in SUPPLIER_SETTINGS}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """All settings, with the defaults of the local world."""

    model_config = SettingsConfigDict(
        env_file=None,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # it holds keys, and errors are logged
    )

    # Where we run
    environment: Literal["local", "production"] = "local"
    database_url: str = "postgresql://postgres@127.0.0.1:5432/tripsaga"
    database_pool_size: int = 10
    log_level: str = "INFO"

    # Temporal; TLS, API keys and profiles come through the SDK's own env configuration
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    task_queue: str = "trips"
    worker_build_id: str = ""
    """Set: the worker takes part in worker deployment versioning under this build id."""
    worker_deployment: str = "tripsaga"
    workflow_sandbox: bool = False
    """Run workflows in Temporal's determinism sandbox; on in tests, off in production."""
    shutdown_grace_seconds: float = 30
    max_concurrent_activities: int = 100
    inbox_poll_seconds: float = Field(default=0.5, gt=0)
    """How often a worker looks for gateway events that are due."""

    # Encryption of what Temporal keeps (docs/operating.md, "Keys and encryption")
    payload_keys: SecretStr = SecretStr("")
    """``id:base64,id:base64``, 32 bytes each: the first encrypts, all decrypt. No process that
    speaks to Temporal starts without."""
    payload_plaintext: bool = False
    """Also read payloads that are not encrypted, while older histories still have them."""
    traveler_id_key: SecretStr = SecretStr("")
    """What ids of travellers are made with (HMAC), 32 characters or more. Another key makes other
    ids."""
    codec_token: SecretStr = SecretStr("")
    """Lets the Web UI use the codec endpoint under ``/{token}/``; empty: only operators' API keys
    do."""
    codec_origin: str = "http://127.0.0.1:8233"
    """Where the Web UI is: the one origin whose pages may use the codec endpoint."""

    # The front door
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    book_wait_seconds: float = Field(default=30, ge=0, le=120)
    """How long ``POST /booking/book`` waits for the end before it answers 202."""
    max_body_bytes: int = 256 * 1024

    # The outside world
    sandbox_url: str = "http://127.0.0.1:8090"
    trip_planner_url: str = ""

    stripe_secret_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")
    stripe_api_base: str = ""
    mock_stripe: bool = False
    """Use the sandbox for Stripe alone, whatever keys are set."""

    payment_service_url: str = ""
    """Set: this HTTP payment service moves the money, not Stripe (docs/payment-service.md)."""
    payment_service_api_key: SecretStr = SecretStr("")
    payment_service_webhook_secret: SecretStr = SecretStr("")

    payment_return_url: str = ""
    """Where the traveller's browser goes after 3-D Secure; the API's own address when empty."""

    suppliers: dict[str, SupplierSettings] = {}
    """By name; given and read from the environment by flat names: ``amadeus_api_key=…``,
    ``AMADEUS_API_KEY``, ``DISPATCH_AMADEUS``."""

    exchange_rates_url: str = ""
    """The daily file of reference rates; empty: the European Central Bank's in production, the
    sandbox's otherwise."""
    exchange_rates_max_age_days: int = Field(default=7, ge=1, le=31)
    """Older rates convert nothing; the longest gap between two days of rates is five (Easter)."""

    agency_phone: str = "+12025550199"
    """Given to suppliers that insist on a number, for travellers who gave none (E.164)."""

    booking_order: Literal["contract", "undoable_first"] = "contract"
    """In which order the items of a trip are booked (docs/booking-order.md)."""

    # Patience. None: the documented maximum at live hosts, 8 s at the sandbox.
    provider_timeout_seconds: float | None = None
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
    undo_attempts: int = 20
    """After so many failed attempts an undo becomes an operator's case."""
    authentication_deadline_seconds: float = 900
    """How long the traveller has for 3-D Secure."""

    # When a supplier counts as down
    supplier_down_after: int = Field(default=5, ge=1)
    """After so many faults in a row, over all workers, no new booking is begun with a supplier."""
    supplier_trial_seconds: float = Field(default=30, gt=0)
    """How long after that one new booking is let through, to see whether it answers again."""
    supplier_down_case_seconds: float = Field(default=900, gt=0)
    """A supplier that is down for longer is an operator's case."""
    attempts_keep_days: float = Field(default=90, gt=0)
    """How long whole answers of suppliers are kept after a booking has ended."""

    # Watching the money: reconciliation with the gateway and the live invariants
    watch_seconds: float = Field(default=300, ge=1)
    """How often the money is looked at, by a schedule of Temporal's."""
    watch_window_hours: float = Field(default=24, gt=0)
    """How far back an ordinary round looks; what may still change by itself is always looked at."""
    watch_full_days: float = Field(default=120, gt=0)
    """How far back the daily full round reads the gateway's list; disputes come for months."""
    # What suppliers say afterwards: awaited items, changes at their side, bookings done late
    follow_seconds: float = Field(default=60, ge=1)
    """How often suppliers are asked, by a schedule of Temporal's."""
    follow_look_seconds: float = Field(default=180, ge=1)
    """An awaited item is looked at no more often, where its supplier does not say when."""
    late_commit_hours: float = Field(default=24, gt=0)
    """How long a booking that was never answered may still be done by its supplier."""
    follow_at_once: int = Field(default=50, ge=1)
    """How many items of each supplier one round looks at."""
    metrics_address: str = Field(default="", pattern=r"^$|^[^\s:]+:\d{1,5}$|^\[[^\s]+\]:\d{1,5}$")
    """``host:port`` where the worker shows metrics for Prometheus; empty: nowhere."""

    # How each provider's calls are dispatched: an ordinary activity on the supplier's own queue,
    # or a local activity in the workflow's worker (cheaper, for fast providers; design.md).
    dispatch_stripe: Dispatch = "local"
    dispatch_payment_service: Dispatch = "activity"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the settings about suppliers to what is read from the environment."""
        suppliers = _FromEnvironment(settings_cls)
        return init_settings, env_settings, suppliers, dotenv_settings, file_secret_settings

    @model_validator(mode="before")
    @classmethod
    def _gather_suppliers(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        gathered = dict(data.get("suppliers") or {})
        for name in [*data]:
            if name in SUPPLIER_SETTINGS:
                supplier, field = SUPPLIER_SETTINGS[name]
                known = gathered.get(supplier, {})
                if isinstance(known, SupplierSettings):
                    known = known.model_dump()
                gathered[supplier] = {**known, field: data.pop(name)}
        return {**data, "suppliers": gathered}

    @model_validator(mode="after")
    def _keys_are_keys(self) -> "Settings":
        try:
            if self.payload_keys.get_secret_value():
                KeyRing.parse(self.payload_keys.get_secret_value())
        except ValueError as error:
            raise ValueError(f"PAYLOAD_KEYS: {error}") from None
        for name, least in (("traveler_id_key", 32), ("codec_token", 24)):
            if 0 < len(getattr(self, name).get_secret_value()) < least:
                raise ValueError(f"{name.upper()} must have {least} characters or more")
        if self.environment == "production":
            self.require_keys()
        return self

    @model_validator(mode="after")
    def _one_gateway(self) -> "Settings":
        if not self.payment_service_url:
            return self
        if self.mock_stripe or self.stripe_secret_key.get_secret_value():
            raise ValueError(
                "PAYMENT_SERVICE_URL and Stripe (STRIPE_SECRET_KEY or MOCK_STRIPE) are both set;"
                " one gateway moves the money: unset the other"
            )
        try:
            address = urlsplit(self.payment_service_url)
            usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("PAYMENT_SERVICE_URL is no http(s) address")
        return self

    @model_validator(mode="after")
    def _live_and_test_do_not_mix(self) -> "Settings":
        key = self.stripe_key
        host = urlsplit(self.stripe_url).hostname
        if host == "api.stripe.com":
            live = key.startswith(("sk_live_", "rk_live_"))
            if self.environment == "production" and not live:
                raise ValueError(
                    "STRIPE_SECRET_KEY is a test key but ENVIRONMENT=production talks to live"
                    " suppliers; set a live key, or MOCK_STRIPE=true, or ENVIRONMENT=local"
                )
            if self.environment == "local" and live:
                raise ValueError(
                    "STRIPE_SECRET_KEY is a live key; a local world must use a test key"
                )
        elif key.startswith(("sk_live_", "rk_live_")) and not self.mock_stripe:
            raise ValueError("STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is not Stripe")
        if self.environment == "production":
            urls = [self.supplier_url(one.name) for one in self.suppliers_in_use]
            pretended = [url for url in urls if self.is_sandbox(url)]
            if not urls:
                pretended.append("at least one supplier")
            if self.is_sandbox(self.gateway_url) and not self.mock_stripe:
                pretended.append(self.gateway_url)
            if pretended:
                raise ValueError(
                    "ENVIRONMENT=production must not sell what the sandbox pretends to have:"
                    f" set the credentials for {', '.join(pretended)}"
                )
            if self.is_sandbox(self.rates_url):
                raise ValueError(
                    "ENVIRONMENT=production must not convert by the sandbox's exchange rates:"
                    " leave EXCHANGE_RATES_URL empty, or set it to a real source"
                )
        wrong = "live" if self.environment == "local" else "test"
        for name, given in self.suppliers.items():
            if given.api_key.get_secret_value().startswith(f"{name}_{wrong}_"):
                raise ValueError(
                    f"{name.upper()}_API_KEY is a {wrong} token, but ENVIRONMENT={self.environment}"
                )
        if self.environment == "local":
            live_suppliers = [
                host
                for one in LISTINGS
                if (host := urlsplit(self.supplier_url(one.name)).hostname or "") in LIVE_HOSTS
            ]
            if live_suppliers:
                raise ValueError(
                    f"ENVIRONMENT=local must not talk to live hosts: {', '.join(live_suppliers)}"
                )
        return self

    # -- keys -----------------------------------------------------------------------------

    def require_keys(self) -> None:
        """See that both keys are set. The local world makes them; elsewhere they must be given.

        Raises:
            ValueError: one is missing.
        """
        missing = [
            name
            for name in ("payload_keys", "traveler_id_key")
            if not getattr(self, name).get_secret_value()
        ]
        if missing:
            raise ValueError(
                f"{' and '.join(missing).upper()} must be set: nothing is given to Temporal"
                " unencrypted (docs/operating.md, Keys and encryption)"
            )

    @property
    def key_ring(self) -> KeyRing:
        """The keys that payloads are encrypted with. Raises ValueError when there are none."""
        self.require_keys()
        return KeyRing.parse(self.payload_keys.get_secret_value())

    @property
    def traveler_key(self) -> bytes:
        """What ids of travellers are made with."""
        return self.traveler_id_key.get_secret_value().encode()

    # -- where each provider is -----------------------------------------------------------

    @property
    def stripe_key(self) -> str:
        """The Stripe key in use; a made-up test key when the sandbox stands in."""
        if self.mock_stripe or not self.stripe_secret_key.get_secret_value():
            return "sk_test_sandbox"
        return self.stripe_secret_key.get_secret_value()

    @property
    def stripe_url(self) -> str:
        """Stripe's API base, without the version prefix."""
        if self.mock_stripe:
            return f"{self.sandbox_url}/stripe"
        if self.stripe_api_base:
            return self.stripe_api_base.rstrip("/")
        if self.stripe_secret_key.get_secret_value():
            return "https://api.stripe.com"
        return f"{self.sandbox_url}/stripe"

    @property
    def gateway(self) -> str:
        """The name of the gateway that moves the money."""
        return "payment_service" if self.payment_service_url else "stripe"

    @property
    def gateway_url(self) -> str:
        """Where the gateway that moves the money is."""
        return self.payment_service_url.rstrip("/") or self.stripe_url

    @property
    def gateway_timeout(self) -> float:
        """Seconds to wait for an answer of the gateway: Stripe's SDK documents 80, not less."""
        return self.timeout_for(self.gateway_url, 80)

    def supplier(self, name: str) -> SupplierSettings:
        """Return what is set about a supplier."""
        return self.suppliers.get(name) or SupplierSettings()

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
    def rates_url(self) -> str:
        """The file with the daily exchange rates."""
        if self.exchange_rates_url:
            return self.exchange_rates_url
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

    @property
    def sqlalchemy_url(self) -> str:
        """``DATABASE_URL`` with the psycopg 3 driver named."""
        for prefix in ("postgresql://", "postgres://"):
            if self.database_url.startswith(prefix):
                return "postgresql+psycopg://" + self.database_url.removeprefix(prefix)
        return self.database_url


def names() -> frozenset[str]:
    """Return the environment's names of all settings, those about each supplier included."""
    fields = (set(Settings.model_fields) - {"suppliers"}) | set(SUPPLIER_SETTINGS)
    return frozenset(name.upper() for name in fields)


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
