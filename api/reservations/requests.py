"""What callers send about reservations: snake_case JSON, unknown fields refused (S6)."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from api.core.bodies import SAME, Body, KeyField, LocalTime, Version
from models.core.money import MinorUnits
from models.core.text import Email, Key, PaymentMethodId, Phone, Prose, Text
from models.core.times import Day
from models.core.venues import (
    Duration,
    PartySize,
    ResourceId,
    SlotWish,
    VenueId,
    VenueType,
)
from models.reservations.policy import VenuePolicy

_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)", re.ASCII)


def _offset(given: Any) -> Any:
    if isinstance(given, int):
        return given
    found = _OFFSET.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError("must be an offset to UTC such as +02:00")
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


UtcOffset = Annotated[
    int,
    BeforeValidator(_offset),
    WithJsonSchema({"type": "string", "pattern": "^[+-](0[0-9]|1[0-4]):[0-5][0-9]$"}),
]
"""Minutes ahead of UTC."""


class GuestBody(Body):
    """Who comes."""

    id: Annotated[Key, Field(description="The caller's own id of the guest.")]
    name: Annotated[Text, Field(min_length=1, max_length=240)]
    email: Email
    phone: Phone | None = None


class VenueBody(Body):
    """Where."""

    id: Annotated[VenueId, Field(description="As the caller and the inventory service know it.")]
    type: VenueType
    name: Annotated[
        Text,
        Field(
            max_length=300,
            description="Of a venue that nobody has registered; else its inventory's name for it.",
        ),
    ] = ""


class PaymentBody(Body):
    """How it is paid, where something is."""

    payment_method_id: PaymentMethodId


class SlotBody(Body):
    """What is asked for, on the clock at the venue's wall."""

    date: Day
    time: LocalTime
    utc_offset: Annotated[
        UtcOffset | None,
        Field(description="Which of two, where clocks show this time twice; else the first."),
    ] = None
    duration_minutes: Annotated[
        Duration | None,
        Field(
            description="In real time, longer than a day (1,440) only at a HOTEL; as the venue's"
            " policy or its inventory says otherwise."
        ),
    ] = None
    party_size: PartySize
    resource_id: Annotated[
        ResourceId | None, Field(description="A table, room or stylist; any one otherwise.")
    ] = None

    def wish(self, venue: VenueBody) -> SlotWish:
        """Return it as it is asked for at the venue."""
        return SlotWish(
            venue_id=venue.id,
            venue_type=venue.type,
            date=self.date,
            time=self.time,
            utc_offset_minutes=self.utc_offset,
            duration_minutes=self.duration_minutes,
            party_size=self.party_size,
            resource_id=self.resource_id,
        )


_VENUE: dict[str, Any] = {"id": "kantine", "type": "RESTAURANT", "name": "Kantine"}
_SLOT: dict[str, Any] = {"date": "2027-03-14", "time": "19:30", "party_size": 4}


class CreateBody(SlotBody):
    """A reservation to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "guest": {"id": "g-17", "name": "Ada Okafor", "email": "ada@example.com"},
                    "venue": _VENUE,
                    **_SLOT,
                    "notes": "high chair",
                    "payment": {"payment_method_id": "pm_card_visa"},
                }
            ]
        }
    )

    guest: GuestBody
    venue: VenueBody
    notes: Annotated[Prose, Field(max_length=1_000)] = ""
    allow_duplicate: Annotated[
        bool,
        Field(description="Whether the guest may have another reservation there at that time."),
    ] = False
    payment: Annotated[
        PaymentBody | None, Field(description="Needed where something is to be paid.")
    ] = None
    idempotency_key: KeyField = None


class GuestChange(Body):
    """What is different about who comes; the guest's id stays."""

    name: Annotated[Text, Field(min_length=1, max_length=240)] = SAME
    email: Email = SAME
    phone: Annotated[Phone | None, Field(description="Null: none.")] = SAME


class ChangeBody(Body):
    """What is to be different about a reservation; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"expected_version": 4, "time": "20:30", "party_size": 5},
                {"expected_version": 4, "guest": {"phone": "+4930123456"}, "notes": "high chair"},
            ]
        }
    )

    expected_version: Version | None = None
    date: Day = SAME
    time: LocalTime = SAME
    utc_offset: Annotated[
        UtcOffset | None,
        Field(description="Which of two, where clocks show this time twice; null: the first."),
    ] = SAME
    duration_minutes: Annotated[
        Duration | None, Field(description="Null: as the venue's policy or its inventory says.")
    ] = SAME
    party_size: PartySize = SAME
    resource_id: Annotated[ResourceId | None, Field(description="Null: any one.")] = SAME
    guest: GuestChange = SAME
    notes: Annotated[Prose, Field(max_length=1_000)] = SAME
    accepted_total: Annotated[
        MinorUnits,
        Field(description="The most that may be paid when reserving, what is paid included."),
    ] = SAME
    payment: Annotated[
        PaymentBody, Field(description="Pays what it costs more; else what it was paid with.")
    ] = SAME
    idempotency_key: KeyField = None


class CardBody(PaymentBody):
    """Another card, where one was refused."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment_method_id": "pm_card_mastercard"}]}
    )

    idempotency_key: KeyField = None


class AvailabilityBody(SlotBody):
    """What is asked of a venue; nothing is held by it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"venue": _VENUE, **_SLOT}]})

    venue: VenueBody
    guest_id: Annotated[Key | None, Field(description="Whose own conflicts are told.")] = None
    exclude_booking_id: Annotated[
        Key | None, Field(description="As if this reservation were not there.")
    ] = None


class CancelBody(Body):
    """Why a reservation is cancelled, and by whom."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "ill", "by": "GUEST"}]})

    reason: Annotated[Prose, Field(max_length=500)] = ""
    by: Literal["GUEST", "VENUE"] = "GUEST"
    expected_version: Version | None = None
    idempotency_key: KeyField = None


class StatusBody(Body):
    """Where a reservation moves."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "CHECKED_IN", "expected_version": 4}]}
    )

    status: Annotated[
        Literal["CONFIRMED", "CHECKED_IN", "COMPLETED", "NO_SHOW", "CANCELLED", "EXPIRED"],
        Field(description="EXPIRED comes by time alone: asked for, it is 409 STATE_CONFLICT."),
    ]
    expected_version: Version | None = None
    reason: Annotated[
        Prose, Field(max_length=500, description="Needed where a guest comes after a NO_SHOW.")
    ] = ""
    idempotency_key: KeyField = None


class PutVenueBody(Body):
    """A venue and its policy, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "RESTAURANT",
                    "name": "Kantine",
                    "time_zone": "Europe/Berlin",
                    "policy": {
                        "capacity_mode": "COVERS",
                        "covers": 40,
                        "pacing": {"parties": 4},
                        "buffer_after_minutes": 15,
                    },
                }
            ]
        }
    )

    type: VenueType
    name: Annotated[
        Text, Field(min_length=1, max_length=300, description="As guests know it, in all titles.")
    ]
    time_zone: Annotated[Text, Field(min_length=1, max_length=64, description="IANA.")]
    policy: VenuePolicy = VenuePolicy()
    expected_version: Version | None = None
