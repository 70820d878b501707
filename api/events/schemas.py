"""What is answered about events."""

from pydantic import BaseModel, Field

from models.events.cloudevent import CloudEvent


class EventFeed(BaseModel):
    """Events of the feed, in their order."""

    events: list[CloudEvent]
    next: int = Field(ge=0, description="Send it as `after` to get what is behind these.")
    caught_up: bool = Field(description="Whether these were all there were.")
