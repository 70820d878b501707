"""What is asked and answered about webhook endpoints: snake_case JSON, as all of ``/api/v1``."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.core.filters import OneOf
from api.core.schemas import LARGEST
from models.core.addresses import LONGEST_URL, URL
from models.core.money import WHOLE
from models.core.text import Text
from models.core.times import Moment
from models.events.content import CONTENTS
from models.webhook_endpoints.tables import (
    AttemptRow,
    DeliveryRow,
    DeliveryState,
    EndpointRow,
    EndpointStatus,
)

EventType = Annotated[str, OneOf(tuple(sorted({name for name, _ in CONTENTS})))]
EndpointUrl = Annotated[
    str,
    Field(
        pattern=URL,
        max_length=LONGEST_URL,
        description="Where events are sent by POST: https, a public address, port 443.",
    ),
]
Types = Annotated[
    list[EventType], Field(max_length=50, description="Types of events; empty: all of them.")
]
Description = Annotated[Text, Field(max_length=200, description="Your own words.")]
Position = Annotated[int, Field(ge=0, le=LARGEST, strict=True), WHOLE]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewEndpoint(_Asked):
    """An endpoint to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"url": "https://example.com/hooks", "types": ["booking.confirmed"]},
            ]
        }
    )

    url: EndpointUrl
    types: Types = []
    description: Description = ""


class EndpointChange(_Asked):
    """What is to be changed of an endpoint; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "PAUSED"}]})

    url: EndpointUrl | None = None
    types: Types | None = None
    description: Description | None = None
    status: Literal["ACTIVE", "PAUSED"] | None = Field(
        default=None,
        description="PAUSED sends nothing more and drops what is pending; ACTIVE sends what"
        " happens from now on.",
    )


def _one_of_the_two(schema: dict[str, Any]) -> None:
    schema["examples"] = [{"after": 4711}]
    schema["oneOf"] = [
        {"required": [one], "properties": {one: {"not": {"type": "null"}}, other: {"type": "null"}}}
        for one, other in (("after", "since"), ("since", "after"))
    ]


class RecoverBody(_Asked):
    """From where deliveries are made again: ``after`` or ``since``."""

    model_config = ConfigDict(json_schema_extra=_one_of_the_two)

    after: Position | None = Field(
        default=None, description="A position of the feed; the events behind it."
    )
    since: Moment | None = Field(default=None, description="What happened then or later.")
    include_delivered: bool = Field(
        default=False,
        strict=True,
        description="Also what was delivered before; else it is left out.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.after is None) == (self.since is None):
            raise ValueError("must have either after or since")
        return self


class EndpointAnswer(BaseModel):
    """Where a caller is told of the events of its bookings."""

    id: str
    url: str
    types: list[str] = Field(description="Empty: all.")
    description: str
    status: EndpointStatus
    disabled_reason: str | None = Field(default=None, description="Why it is not ACTIVE.")
    missing_after: int | None = Field(
        default=None,
        description="Behind this position not everything was sent: `recover` with it as `after`.",
    )
    failing_since: AwareDatetime | None = Field(
        default=None, description="Since then every attempt has failed."
    )
    disabled_at: AwareDatetime | None = Field(
        default=None, description="Of a DISABLED one: of the failure that it was disabled for."
    )
    old_secret_until: AwareDatetime | None = Field(
        default=None,
        description="After a rotation: until then each message is signed with both secrets.",
    )
    created_at: AwareDatetime

    @classmethod
    def of(cls, row: EndpointRow, **more: Any) -> Self:
        """Return an endpoint as it is answered."""
        return cls(
            id=row.id,
            url=row.url,
            types=row.types,
            description=row.description,
            status=EndpointStatus(row.status),
            disabled_reason=row.disabled_reason,
            missing_after=row.missing_after,
            failing_since=row.first_failure_at,
            # It is disabled with a failure, and none is noted of one that is not active.
            disabled_at=row.last_failure_at if row.status == EndpointStatus.DISABLED else None,
            old_secret_until=row.old_generation_until,
            created_at=row.created_at,
            **more,
        )


class EndpointWithSecret(EndpointAnswer):
    """An endpoint, and what its messages are signed with."""

    secret: str = Field(description="`whsec_…`, shown when it is made; keep it.")


class EndpointsAnswer(BaseModel):
    """A caller's endpoints, oldest first."""

    endpoints: list[EndpointAnswer]


class TestAnswer(BaseModel):
    """What came of a test message."""

    delivered: bool = Field(description="Whether the receiver answered 2xx.")
    message_id: str = Field(description="Of the message: its header `webhook-id`.")
    status: int | None = Field(default=None, description="Absent: there was no answer.")
    error: str | None = None
    answer: str | None = Field(default=None, description="How the answer's body begins.")
    milliseconds: int


class DeliveryAnswer(BaseModel):
    """An event that is to be delivered, or was."""

    position: int = Field(description="Of the event in the feed.")
    event_id: str = Field(description="Of the event: its `id` and the header `webhook-id`.")
    type: str
    booking_id: str
    state: DeliveryState
    attempts: int
    next_attempt_at: AwareDatetime | None = Field(
        default=None, description="Of a pending one; behind earlier ones of the same booking."
    )
    last_status: int | None = None
    last_error: str | None = None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None

    @classmethod
    def of(cls, row: DeliveryRow, **more: Any) -> Self:
        """Return a delivery as it is answered."""
        values = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        pending = row.state == DeliveryState.PENDING
        return cls(**values, next_attempt_at=row.next_at if pending else None, **more)


class AttemptAnswer(BaseModel):
    """One request to an endpoint."""

    attempt: int
    at: AwareDatetime
    milliseconds: int
    status: int | None = None
    error: str | None = None
    location: str | None = Field(default=None, description="Where a redirect points: never called.")
    answer: str | None = Field(default=None, description="How the answer's body begins.")

    @classmethod
    def of(cls, row: AttemptRow) -> Self:
        """Return an attempt as it is answered."""
        return cls.model_validate(row, from_attributes=True)


class WholeDelivery(DeliveryAnswer):
    """A delivery with its attempts."""

    log: list[AttemptAnswer] = Field(description="Oldest first, of the last 30 days.")


class DeliveryPage(BaseModel):
    """Deliveries, newest events first."""

    deliveries: list[DeliveryAnswer]
    next_cursor: int | None = Field(
        default=None, description="Send it as `cursor` to get the next page; absent on the last."
    )


class RecoverAnswer(BaseModel):
    """What was made again."""

    deliveries: int = Field(description="So many deliveries are pending again.")
    through: int = Field(description="Up to this position of the feed.")
    more: bool = Field(description="There are events behind it: ask again with it as `after`.")
