"""What is set about one subject: a small model each.

The field of ``Settings`` that holds it begins the environment's names: ``stripe`` has
``secret_key``, so it is read from ``STRIPE_SECRET_KEY``.
"""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator

Dispatch = Literal["measured", "activity", "local"]
"""An ordinary activity on the provider's own queue, or a local activity in the workflow's worker
(cheaper, for fast providers). Measured: local while the provider answers fast (decision 39)."""


class Part(BaseModel):
    """The settings of one subject."""

    # Others' names may begin alike: the Temporal SDK reads TEMPORAL_TLS by itself.
    model_config = ConfigDict(frozen=True, extra="ignore")


class DatabaseSettings(Part):
    """PostgreSQL."""

    url: str = "postgresql://postgres@127.0.0.1:5432/tripsaga"
    pool_size: int = 10

    @property
    def sqlalchemy_url(self) -> str:
        """The URL with the psycopg 3 driver named."""
        for prefix in ("postgresql://", "postgres://"):
            if self.url.startswith(prefix):
                return "postgresql+psycopg://" + self.url.removeprefix(prefix)
        return self.url


class TemporalSettings(Part):
    """The Temporal server; TLS, API key and profile come through its SDK's own configuration."""

    address: str = "127.0.0.1:7233"
    namespace: str = "default"


class WorkerSettings(Part):
    """Worker deployment versioning."""

    build_id: str = ""
    """Set: the worker takes part in worker deployment versioning under this build id."""
    deployment: str = "tripsaga"


class ApiSettings(Part):
    """Where the API listens."""

    host: str = "127.0.0.1"
    port: int = 8000


class OverloadSettings(Part):
    """When a new booking is not waited for, and when none is taken (docs/operating.md).

    By how long the oldest task has waited for a worker, or by bookings per worker process.
    """

    busy_seconds: float = Field(default=5, gt=0)
    busy_bookings: int = Field(default=50, ge=1)
    full_seconds: float = Field(default=300, gt=0)
    full_bookings: int = Field(default=500, ge=1)


class LimitSettings(Part):
    """How much one caller, user, traveller or address may ask; 0: without limit.

    Of each process of the API, but codes and texts: of all together.
    """

    caller_requests: int = Field(default=30_000, ge=0)
    """Requests a minute, of any kind; a planner asks on behalf of all its travellers."""
    user_requests: int = Field(default=600, ge=0)
    """Requests a minute of one signed-in user, of any kind."""
    caller_bookings: int = Field(default=600, ge=0)
    """New bookings a minute."""
    caller_searches: int = Field(default=60, ge=0)
    """Lists and reports, a minute."""
    traveler_bookings: int = Field(default=10, ge=0)
    """New bookings a minute that one caller makes for one traveller."""
    address_requests: int = Field(default=6_000, ge=0)
    """Webhooks a minute, and as many pages of the documentation."""
    network_codes: int = Field(default=20, ge=0)
    """Codes to sign in with that one network (/24, /64) may ask for, an hour."""
    country_texts: int = Field(default=500, ge=0)
    """Texts to one country, a day."""
    address_wrong_keys: int = Field(default=30, ge=0)
    """Requests a minute without a valid API key; further ones are answered 429."""
    address_connections: int = Field(default=1_000, ge=0)
    """Connections that are open at the same time; a further one is closed."""
    head_seconds: float = Field(default=10, gt=0)
    """How long the head of a request may take to arrive."""


class StripeSettings(Part):
    """Stripe, the gateway unless a payment service is named."""

    secret_key: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    """Verifies its webhooks; several, separated by commas, while one replaces another."""
    api_base: str = ""


class ServiceSettings(Part):
    """An HTTP service of the company's own."""

    url: str = ""
    api_key: SecretStr = SecretStr("")
    """Sent to it as ``Authorization: Bearer``; empty: nothing."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            address = urlsplit(url)
            usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
        except ValueError:
            usable = False
        if url and not usable:
            raise ValueError("this is no http(s) address")
        return url


class PaymentServiceSettings(ServiceSettings):
    """An HTTP service that moves the money instead of Stripe (docs/payment-service.md)."""

    url: str = ""
    """Empty: Stripe is the gateway."""
    webhook_secret: SecretStr = SecretStr("")
    """Verifies its webhooks; several, separated by commas, while one replaces another."""


class SupplierSettings(Part):
    """What may be set about each supplier."""

    api_key: SecretStr = SecretStr("")
    """Without it (and without ``base_url``) the sandbox stands in."""
    api_secret: SecretStr = SecretStr("")
    account: str = "sandbox"
    """Who we are there, where a key alone does not say: RateHawk's key id."""
    base_url: str = ""
    webhook_secret: SecretStr = SecretStr("")
    """Verifies its webhooks; several, separated by commas, while one replaces another."""


class BookingComSettings(SupplierSettings):
    """Booking.com calls the account an affiliate id."""

    account: str = Field(
        default="sandbox", validation_alias=AliasChoices("affiliate_id", "account")
    )


class DispatchSettings(Part):
    """How each provider's calls are dispatched."""

    stripe: Dispatch = "measured"
    payment_service: Dispatch = "measured"
    amadeus: Dispatch = "measured"
    duffel: Dispatch = "measured"
    booking_com: Dispatch = "measured"
    ratehawk: Dispatch = "measured"
    viator: Dispatch = "measured"
    getyourguide: Dispatch = "measured"
    venue: Dispatch = "measured"


class ExchangeRateSettings(Part):
    """Where the day's exchange rates come from."""

    url: str = ""
    """The daily file of reference rates; empty: the European Central Bank's in production, the
    sandbox's otherwise."""
    max_age_days: int = Field(default=7, ge=1, le=31)
    """Older rates convert nothing; the longest gap between two days of rates is five (Easter)."""


class IdempotencySettings(Part):
    """Answers that are kept for requests that are sent again (docs/idempotency.md)."""

    keep_hours: float = Field(default=72, ge=24)
    """How long an answer is kept."""
    lease_seconds: float = Field(default=30, gt=0)
    """A request whose process has died is carried out anew after so long. It is renewed three
    times as often."""


class WatchSettings(Part):
    """Watching the money: reconciliation with the gateway and the live invariants."""

    seconds: float = Field(default=300, ge=1)
    """How often the money is looked at, by a schedule of Temporal's."""
    window_hours: float = Field(default=24, gt=0)
    """How far back an ordinary round looks; what may still change by itself is always looked at."""
    full_days: float = Field(default=120, gt=0)
    """How far back the daily full round reads the gateway's list; disputes come for months."""


class FollowSettings(Part):
    """What suppliers report later: awaited items, changes at their side, bookings done late."""

    seconds: float = Field(default=60, ge=1)
    """How often suppliers are asked, by a schedule of Temporal's."""
    look_seconds: float = Field(default=180, ge=1)
    """An awaited item is looked at no more often, where its supplier does not say when."""
    at_once: int = Field(default=50, ge=1)
    """How many items of each supplier one round looks at."""


class SmtpSettings(Part):
    """The server that takes our mails (docs/accounts.md)."""

    url: SecretStr = SecretStr("")
    """``smtp://`` or ``smtps://``, with user and password where it wants them; empty: no mails are
    sent, and nobody signs in by mail in production."""
    starttls: Literal["auto", "required", "off"] = "auto"
    """Whether ``smtp://`` is encrypted: where the server can, always (else not sent), never."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        try:
            address = urlsplit(url.get_secret_value())
            usable = address.scheme in ("smtp", "smtps") and address.hostname and address.port != 0
        except ValueError:
            usable = False
        if url.get_secret_value() and not usable:
            raise ValueError("this is no smtp(s) address")
        return url


class TextSettings(Part):
    """Who sends our texts: Twilio's Messages API, or what speaks it (docs/accounts.md)."""

    url: str = Field(default="", pattern=r"^$|^https?://[^\s/]+(/[^\s]*)?$")
    """The API's base; empty: Twilio's own where there is an account, else the sandbox's."""
    account: str = ""
    token: SecretStr = SecretStr("")
    sender: str = "+12025550199"
    """The number that texts come from."""
    countries: str = Field(default="", pattern=r"^$|^[A-Z]{2}(,[A-Z]{2})*$")
    """Where codes are sent to by text, separated by commas; empty: nowhere, and everywhere in a
    local world. Fraudsters have texts sent to countries where they share in the fee."""


class EventSettings(Part):
    """Events of bookings, for whoever listens (docs/events.md)."""

    keep_days: float = Field(default=30, gt=0)
    """How long events are kept; those that a sink has not had are kept longer."""
    streams_per_caller: int = Field(default=5, ge=1)
    """Streams of events that a caller may have open, in each process of the API."""


class RabbitMQSettings(Part):
    """The broker to which events are published."""

    url: SecretStr = SecretStr("")
    """``amqp://`` or ``amqps://``, with user and password; empty: events are not published."""


class KafkaSettings(Part):
    """Another broker to which events are published; needs the extra ``kafka``."""

    bootstrap_servers: str = Field(default="", pattern=r"^$|^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$")
    """``host:port``, several separated by commas; empty: events are not published there."""


def names(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names, in lower case, under which the settings of ``model`` are read."""
    for name, field in model.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, Part):
            yield from (f"{name}_{inner}" for inner in names(part))
        elif isinstance(field.validation_alias, AliasChoices):
            yield from map(str, field.validation_alias.choices)
        else:
            yield name
