"""What operators are answered about events and cases."""

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.core.schemas import Answer
from models.core.cases import CaseKind, CaseRow
from models.core.text import CamelModel, Prose
from models.inbox.repository import EventStatus, WebhookEventRow


class CaseAnswer(Answer):
    """Something an operator must settle, or has settled."""

    id: int
    kind: CaseKind
    source: str = Field(description="What it is about, for machines.")
    booking_id: str | None = None
    summary: str
    details: dict[str, Any]
    opened_at: AwareDatetime
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None

    @classmethod
    def of(cls, row: CaseRow) -> Self:
        """Return a case as it is answered."""
        return cls.model_validate(row, from_attributes=True)


class DecisionAnswer(Answer):
    """One round of deciding a case."""

    who: str
    at: AwareDatetime
    decision: str
    note: str
    problem: str | None = Field(default=None, description="Why the case was not settled by it.")
    ended_at: AwareDatetime | None = Field(
        default=None, description="Absent while it is carried out."
    )


class WholeCase(CaseAnswer):
    """A case with every decision about it."""

    decisions: list[DecisionAnswer] = Field(
        default=[], description="Of a case that a workflow left open, oldest first."
    )


class CasePage(Answer):
    """Cases, newest first."""

    cases: list[CaseAnswer]
    next: int | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )


class ResolveCaseBody(CamelModel):
    """How a case was settled."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "Refunded by bank transfer, receipt 2031-114."}]}
    )

    note: Annotated[
        Prose, Field(min_length=1, max_length=1000, description="What was done; kept for good.")
    ]


class EventAnswer(Answer):
    """An event of a gateway, and what became of it."""

    id: int
    gateway: str
    event_id: str
    type: str
    livemode: bool
    payment_id: str | None = None
    booking_id: str | None = None
    status: EventStatus
    outcome: str | None = Field(default=None, description="What handling it found.")
    deliveries: int = Field(description="How often it came.")
    attempts: int
    last_error: str | None = None
    created_at: AwareDatetime = Field(description="At the gateway.")
    received_at: AwareDatetime
    due_at: AwareDatetime | None = Field(
        default=None, description="When it is handled (again); absent when it is ended."
    )
    handled_at: AwareDatetime | None = None

    @classmethod
    def of(cls, row: WebhookEventRow) -> Self:
        """Return an event as it is answered."""
        answer = cls.model_validate(row, from_attributes=True)
        if answer.status is not EventStatus.RECEIVED:
            answer.due_at = None
        return answer


class WholeEvent(EventAnswer):
    """An event with what it says, for people: its content is not used for decisions."""

    payload: dict[str, Any] = Field(description="Without secrets and personal data.")


class EventPage(Answer):
    """Events, newest first."""

    events: list[EventAnswer]
    next: int | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )
