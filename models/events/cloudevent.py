"""An event as CloudEvents 1.0 in structured JSON mode.

Broker, feed, stream and webhooks send the same bytes: those of :func:`encode`.
"""

import datetime as dt
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, SerializeAsAny, ValidationError

from models.core.outbox import FedEvent
from models.events.content import CONTENTS, BookingContent

SOURCE: Final = "/bookings"
MEDIA_TYPE = "application/cloudevents+json"


class CloudEvent(BaseModel):
    """An event of a booking, in the envelope of CloudEvents 1.0."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[
        str,
        Field(
            description="The same whenever and however the event comes.",
            examples=["6b0e6a52-1f0c-5d5c-8a3e-6f2b5c1e8a43"],
        ),
    ]
    source: Literal["/bookings"] = SOURCE
    type: Annotated[str, Field(description="What has happened.", examples=["booking.confirmed"])]
    subject: Annotated[
        str,
        Field(description="The booking's id.", examples=["9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10"]),
    ]
    time: AwareDatetime = Field(
        description="When it happened (UTC).", examples=["2031-03-01T09:12:44.120934Z"]
    )
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Annotated[
        str,
        Field(
            description="Where the schema of `data` is.", examples=["/schemas/booking.confirmed/1"]
        ),
    ]
    partitionkey: Annotated[
        str,
        Field(
            description="The booking's id: events of one key come in their order.",
            examples=["9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10"],
        ),
    ]
    bookingversion: Annotated[
        int, Field(ge=1, description="The booking's version that the event tells of.", examples=[5])
    ]
    previousversion: int | None = Field(
        default=None,
        ge=1,
        description="The version before this one that events told of; absent in the first."
        " Who has not seen it has missed something.",
        examples=[4],
    )
    traceparent: str | None = Field(
        default=None, description="W3C Trace Context of what made it, where it is known."
    )
    data: SerializeAsAny[BookingContent]


def schema_path(type_: str, version: int) -> str:
    """Return where the schema of a type's content is."""
    return f"/schemas/{type_}/{version}"


def encode(event: FedEvent) -> bytes:
    """Return an event as it is sent, whichever way: always the same bytes.

    Raises:
        ValueError: its content is not as its schema says, or nobody here knows the schema.
    """
    content = CONTENTS.get((event.type, event.schema_version))
    if content is None:
        raise ValueError(f"no schema {event.schema_version} of {event.type} is known")
    told = CloudEvent(
        id=event.id,
        type=event.type,
        subject=event.booking_id,
        time=event.occurred_at.astimezone(dt.UTC),
        dataschema=schema_path(event.type, event.schema_version),
        partitionkey=event.booking_id,
        bookingversion=event.booking_version,
        previousversion=event.previous_version,
        traceparent=event.trace,
        data=_content(content, event),
    )
    return told.model_dump_json(exclude_none=True).encode()


def _content(model: type[BookingContent], event: FedEvent) -> BookingContent:
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        wrong = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        raise ValueError(
            f"{', '.join(wrong)}: not as schema {event.schema_version} of {event.type} says"
        ) from None
