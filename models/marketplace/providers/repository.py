"""All SQL about providers' profiles, their members and steps; callers own the transaction.

Whose a profile is stands in the WHERE: a user who is no member finds nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.providers.errors import (
    OwnersOnly,
    ProviderNotFound,
    ProviderStateConflict,
    StepNotAsked,
    StepsMissing,
)
from models.marketplace.providers.lifecycle import (
    TRANSITIONS,
    MemberRole,
    ProviderType,
    VerificationStatus,
)
from models.marketplace.providers.messages import Provider
from models.marketplace.providers.steps import (
    OF_THE_OWNER,
    OPEN_TO_CHANGES,
    STEPS_OF,
    BusinessStep,
    Step,
    StepData,
    stored,
)
from models.marketplace.providers.tables import (
    ProviderHistoryRow,
    ProviderMemberRow,
    ProviderRow,
    ProviderStepRow,
)

_V = VerificationStatus

_MOMENTS = {
    _V.SUBMITTED: "submitted_at",
    _V.APPROVED: "approved_at",
    _V.REJECTED: "rejected_at",
    _V.SUSPENDED: "suspended_at",
}


async def create_provider(
    session: AsyncSession, user: str, provider_id: str, provider_type: ProviderType
) -> Provider:
    """Make a user's profile of a type; there is one of each, and the same again changes nothing."""
    made = await session.scalar(
        insert(ProviderRow)
        .values(
            id=provider_id,
            user_id=user,
            provider_type=provider_type,
            display_name="",
            verification_status=_V.NOT_STARTED,
            version=1,
        )
        .on_conflict_do_nothing(index_elements=["user_id", "provider_type"])
        .returning(col(ProviderRow.id))
    )
    if made is not None:
        owner = {"provider_id": made, "user_id": user, "role": MemberRole.OWNER}
        await session.execute(insert(ProviderMemberRow).values(owner))
        await _note(session, made, 1, None, _V.NOT_STARTED, _who(user), "the profile was made")
        return await load_provider(session, user, made)
    found = await session.scalar(
        select(col(ProviderRow.id)).where(
            col(ProviderRow.user_id) == user, col(ProviderRow.provider_type) == provider_type
        )
    )
    assert found is not None, "neither made nor there"
    return await load_provider(session, user, found)


async def load_provider(
    session: AsyncSession, user: str, provider_id: str, *, lock: bool = False
) -> Provider:
    """Return a provider of which the user is a member, with its steps.

    Raises:
        ProviderNotFound: there is none, or the user is no member.
    """
    statement = _own(user).where(col(ProviderRow.id) == provider_id)
    if lock:
        statement = statement.with_for_update(of=ProviderRow)
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise ProviderNotFound
    row, role = found
    return Provider(row, MemberRole(role), await load_steps(session, provider_id))


async def list_providers(session: AsyncSession, user: str) -> Sequence[tuple[ProviderRow, str]]:
    """Return the providers of which a user is a member, oldest first, and what it is to each."""
    statement = _own(user).order_by(col(ProviderRow.created_at), col(ProviderRow.id))
    return [(row, role) for row, role in await session.execute(statement.limit(100))]


async def load_steps(session: AsyncSession, provider_id: str) -> Sequence[ProviderStepRow]:
    """Return the steps of a provider's onboarding that were filled in."""
    steps = select(ProviderStepRow).where(col(ProviderStepRow.provider_id) == provider_id)
    return (await session.scalars(steps)).all()


async def load_own_history(
    session: AsyncSession, user: str, provider_id: str
) -> Sequence[ProviderHistoryRow]:
    """Return what became of a provider of a user's, oldest first. Raises ProviderNotFound."""
    await load_provider(session, user, provider_id)
    return await load_history(session, provider_id)


async def load_history(session: AsyncSession, provider_id: str) -> Sequence[ProviderHistoryRow]:
    """Return what became of a provider's profile, oldest first."""
    rows = select(ProviderHistoryRow).where(col(ProviderHistoryRow.provider_id) == provider_id)
    return (await session.scalars(rows.order_by(col(ProviderHistoryRow.version)))).all()


async def save_step(session: AsyncSession, user: str, provider_id: str, data: StepData) -> Provider:
    """Fill in a step of the onboarding, whole. What was there already changes nothing.

    A profile that was submitted is taken back by it, and one that was rejected begun again.

    Raises:
        ProviderNotFound: there is none, or the user is no member.
        StepNotAsked: this type of provider has no such step.
        OwnersOnly: the step is the owner's to fill in.
        ProviderStateConflict: the profile's status does not let it be changed.
    """
    provider = await load_provider(session, user, provider_id, lock=True)
    row, step = provider.row, Step(data.step)
    status = VerificationStatus(row.verification_status)
    asked = STEPS_OF[ProviderType(row.provider_type)]
    if step not in asked:
        raise StepNotAsked(asked)
    if step in OF_THE_OWNER and provider.role is not MemberRole.OWNER:
        raise OwnersOnly
    values = stored(data)
    if any(one.step == step and one.data == values for one in provider.steps):
        return provider
    if step not in OPEN_TO_CHANGES[status]:
        raise ProviderStateConflict(
            status, TRANSITIONS[status], f"While the provider is {status}, {step} stays as it is."
        )
    await session.execute(
        insert(ProviderStepRow)
        .values(provider_id=provider_id, step=step, data=values, completed_at=func.now())
        .on_conflict_do_update(
            index_elements=["provider_id", "step"],
            set_={"data": values, "completed_at": func.now()},
        )
    )
    changes: dict[str, Any] = {}
    if isinstance(data, BusinessStep):
        changes = {"display_name": data.display_name, "country": data.country}
    if _V.IN_PROGRESS in TRANSITIONS[status]:
        why = f"{step} was filled in"
        await move(session, row, _V.IN_PROGRESS, who=_who(user), why=why, **changes)
    elif changes:
        await _update(session, row, changes)
    return await load_provider(session, user, provider_id)


async def submit(session: AsyncSession, user: str, provider_id: str) -> Provider:
    """Hand a complete profile in to be reviewed. One that waits for its review stays as it is.

    Raises:
        ProviderNotFound: there is none, or the user is no member.
        StepsMissing: the onboarding is not complete.
        ProviderStateConflict: its status does not let it be submitted.
    """
    provider = await load_provider(session, user, provider_id, lock=True)
    row = provider.row
    status = VerificationStatus(row.verification_status)
    if status is _V.SUBMITTED:
        return provider
    done = {one.step for one in provider.steps}
    missing = [step for step in STEPS_OF[ProviderType(row.provider_type)] if step not in done]
    if missing and status in {_V.NOT_STARTED, _V.IN_PROGRESS}:
        raise StepsMissing(missing)
    if _V.SUBMITTED not in TRANSITIONS[status]:
        why = {
            _V.REJECTED: "It was rejected: correct what the review says first.",
            _V.UNDER_REVIEW: "It is being reviewed already.",
        }.get(status, "It has been approved already.")
        raise ProviderStateConflict(status, TRANSITIONS[status], why)
    await move(session, row, _V.SUBMITTED, who=_who(user), why="handed in to be reviewed")
    return await load_provider(session, user, provider_id)


async def move(
    session: AsyncSession,
    row: ProviderRow,
    to: VerificationStatus,
    *,
    who: str,
    why: str,
    **changes: Any,
) -> None:
    """Move a profile that is locked to another status, and note who did it and why."""
    if (moment := _MOMENTS.get(to)) is not None:
        changes[moment] = func.now()
    before, version = row.verification_status, row.version + 1
    await _update(session, row, {**changes, "verification_status": to, "version": version})
    await _note(session, row.id, version, before, to, who, why)


async def _update(session: AsyncSession, row: ProviderRow, changes: dict[str, Any]) -> None:
    await session.execute(
        update(ProviderRow)
        .where(col(ProviderRow.id) == row.id)
        .values(**changes, updated_at=func.now())
        .returning(ProviderRow),
        execution_options={"populate_existing": True},
    )


async def _note(
    session: AsyncSession,
    provider_id: str,
    version: int,
    before: str | None,
    to: VerificationStatus,
    who: str,
    why: str,
) -> None:
    await session.execute(
        insert(ProviderHistoryRow).values(
            provider_id=provider_id,
            version=version,
            from_status=before,
            to_status=to,
            who=who,
            why=why,
        )
    )


def _who(user: str) -> str:
    return f"user {user}"


def _own(user: str) -> Any:
    """Select a user's providers, each with what the user is to it."""
    member = ProviderMemberRow
    return (
        select(ProviderRow, col(member.role))
        .join(member, col(member.provider_id) == col(ProviderRow.id))
        .where(col(member.user_id) == user)
        .execution_options(populate_existing=True)
    )
