"""Whether what is offered can be bought, and kinds of offers (contracts.md §3)."""

from enum import StrEnum


class OfferStatus(StrEnum):
    """Whether a listing, a package or a tour can be found and bought."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    """Only of an approved provider (a trigger)."""
    PAUSED = "PAUSED"
    ARCHIVED = "ARCHIVED"


class PausedBy(StrEnum):
    """Who paused an offer: when a suspension ends, only what it paused is published again."""

    PROVIDER = "PROVIDER"
    SUSPENSION = "SUSPENSION"


class RoomStatus(StrEnum):
    """Whether a room, or a rate plan, is offered."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Board(StrEnum):
    """Which meals a rate plan includes."""

    ROOM_ONLY = "ROOM_ONLY"
    BREAKFAST = "BREAKFAST"
    HALF_BOARD = "HALF_BOARD"
    FULL_BOARD = "FULL_BOARD"
    ALL_INCLUSIVE = "ALL_INCLUSIVE"


class AvailabilityRule(StrEnum):
    """On which dates a hotel package may begin."""

    WEEKEND_ONLY = "WEEKEND_ONLY"
    SEASONAL = "SEASONAL"
    FLEXIBLE = "FLEXIBLE"


class DepartureStatus(StrEnum):
    """Whether seats of a departure can be bought."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
