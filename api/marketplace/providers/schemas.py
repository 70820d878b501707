"""What is sent and answered about providers: snake_case JSON, moments in UTC."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from api.core.bodies import Body, KeyField, Version
from models.core.text import Prose
from models.marketplace.providers.lifecycle import MemberRole, ProviderType, VerificationStatus
from models.marketplace.providers.messages import Decision, Provider
from models.marketplace.providers.steps import STEPS_OF, Step, StepData
from models.marketplace.providers.tables import ProviderHistoryRow, ProviderRow

Reviewable = Literal["SUBMITTED", "UNDER_REVIEW", "APPROVED", "REJECTED", "SUSPENDED"]


class NewProvider(Body):
    """A profile to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider_type": "HOTEL_MANAGER"}]})

    provider_type: ProviderType


class StepBody(RootModel[StepData]):
    """A step of the onboarding, whole; `step` is the one of the path."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "step": "business",
                    "legal_name": "Casa Azul Lda",
                    "display_name": "Casa Azul",
                    "country": "PT",
                    "registration_number": "509 123 456",
                },
                {
                    "step": "contact",
                    "name": "Ana Reis",
                    "email": "ana@example.com",
                    "phone": "+351 210 000 000",
                },
                {"step": "terms", "version": "2026-11", "accepted": True},
            ]
        }
    )


class ReviewBody(Body):
    """What an admin decides."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"decision": "APPROVE", "reason": "papers are complete", "expected_version": 4}
            ]
        }
    )

    decision: Decision
    reason: Annotated[
        Prose, Field(min_length=1, max_length=1_000, description="The provider reads it.")
    ]
    expected_version: Version
    idempotency_key: KeyField = None


class ProviderAnswer(BaseModel):
    """A provider's profile."""

    id: str
    provider_type: ProviderType
    display_name: str
    country: str | None
    verification_status: VerificationStatus
    version: int
    created_at: AwareDatetime
    submitted_at: AwareDatetime | None
    approved_at: AwareDatetime | None
    rejected_at: AwareDatetime | None
    suspended_at: AwareDatetime | None


class MyProvider(ProviderAnswer):
    """A provider, as its members see it."""

    role: MemberRole = Field(description="What the user is to it.")


class OnboardingStep(BaseModel):
    """A step of the onboarding."""

    step: Step
    completed_at: AwareDatetime | None
    data: dict[str, Any] | None = Field(description="As it was sent; null: not filled in yet.")


class WholeProvider(ProviderAnswer):
    """A provider with its onboarding."""

    role: MemberRole | None = Field(description="Null: who asks is an admin, and no member.")
    steps: list[OnboardingStep]
    steps_missing: list[Step]


class ProvidersAnswer(BaseModel):
    """Providers of which the user is a member."""

    providers: list[MyProvider]


class ProviderPage(BaseModel):
    """A page of submitted providers."""

    providers: list[ProviderAnswer]
    has_more: bool
    next_cursor: str | None


class HistoryEntry(BaseModel):
    """A change of a provider's status."""

    version: int
    from_status: VerificationStatus | None
    to_status: VerificationStatus
    who: str = Field(description="`provider` or `house`; admins are told who it was.")
    why: str
    at: AwareDatetime


class ProviderHistory(BaseModel):
    """What became of a provider's profile, oldest first."""

    history: list[HistoryEntry]


class ReviewedAnswer(ProviderAnswer):
    """A provider after a decision, and what it did."""

    offers: int = Field(description="Taken off sale, or put on sale again.")
    holds_ended: int
    confirmed_bookings: int = Field(description="That stand, and are a case.")


def told(row: ProviderRow) -> dict[str, Any]:
    """Return what every answer tells of a provider."""
    return {name: getattr(row, name) for name in ProviderAnswer.model_fields}


def whole(provider: Provider) -> WholeProvider:
    """Return a provider with its onboarding."""
    done = {one.step: one for one in provider.steps}
    asked = STEPS_OF[ProviderType(provider.row.provider_type)]
    steps = [
        OnboardingStep(step=step, completed_at=one.completed_at, data=one.data)
        if (one := done.get(step)) is not None
        else OnboardingStep(step=step, completed_at=None, data=None)
        for step in asked
    ]
    return WholeProvider(
        **told(provider.row),
        role=provider.role,
        steps=steps,
        steps_missing=[step for step in asked if step not in done],
    )


def history(rows: Sequence[ProviderHistoryRow], *, named: bool = False) -> ProviderHistory:
    """Return a provider's history; only ``named`` with the ids of who made it."""
    return ProviderHistory(
        history=[
            HistoryEntry(
                version=row.version,
                from_status=row.from_status and VerificationStatus(row.from_status),
                to_status=VerificationStatus(row.to_status),
                who=row.who if named else _side(row.who),
                why=row.why,
                at=row.at,
            )
            for row in rows
        ]
    )


def _side(who: str) -> str:
    return "provider" if who.startswith("user ") else "house"
