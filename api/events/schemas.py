"""What is answered about events."""

from typing import Self

from pydantic import AwareDatetime, BaseModel, Field

from api.core.schemas import Answer
from models.events.cloudevent import CloudEvent
from models.events.sinks import DeadLetter, SinkReport


class EventFeed(BaseModel):
    """Events of the feed, in their order."""

    events: list[CloudEvent]
    next: int = Field(ge=0, description="Send it as `after` to get what is behind these.")
    caught_up: bool = Field(description="Whether these were all there were.")


class SinkAnswer(Answer):
    """Somebody who is told of events: the trip planner, a broker."""

    name: str
    position: int = Field(description="How far in the feed it has come.")
    behind: int = Field(description="Events in the feed that it has not had.")
    leased_by: str | None = Field(
        default=None, description="The worker that serves it now; absent while nobody needs to."
    )
    last_error: str | None = None
    stalled_since: AwareDatetime | None = Field(
        default=None, description="Since when nothing can be delivered; absent while it goes on."
    )
    dead_letters: int = Field(description="Events that it refused, and has not accepted since.")

    @classmethod
    def of(cls, report: SinkReport) -> Self:
        """Return a sink as it is answered."""
        return cls.model_validate(report, from_attributes=True)


class SinksAnswer(Answer):
    """Everybody who is told of events."""

    sinks: list[SinkAnswer]


class DeadLetterAnswer(Answer):
    """An event that a sink refused for good; those behind it went on."""

    id: int
    sink: str
    position: int = Field(description="Of the event in the feed.")
    event_id: str
    booking_id: str
    type: str
    error: str
    at: AwareDatetime
    replay_asked_at: AwareDatetime | None = Field(
        default=None, description="Since when it is to be sent again."
    )
    replayed_at: AwareDatetime | None = Field(
        default=None, description="When it was accepted after all."
    )

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Return a dead letter as it is answered."""
        return cls.model_validate(letter, from_attributes=True)


class DeadLetterPage(Answer):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetterAnswer]
    next: int | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )
