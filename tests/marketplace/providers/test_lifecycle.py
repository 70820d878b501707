"""A provider's status moves along its table, in code and in the database, with a history."""

from functools import partial

import psycopg
import pytest

from models.kinds import HOOKS
from models.marketplace.providers import repository, reviews
from models.marketplace.providers.errors import (
    OwnersOnly,
    ProviderNotFound,
    ProviderStateConflict,
    StepNotAsked,
    StepsMissing,
)
from models.marketplace.providers.lifecycle import TRANSITIONS, ProviderType, VerificationStatus
from models.marketplace.providers.messages import MOVES, Decision
from models.marketplace.providers.steps import OPEN_TO_CHANGES, STEPS_OF, Step
from models.marketplace.versions import Expected, MarketVersionConflict
from tests.marketplace.house import House, new_id, step

V = VerificationStatus
PROFILE = """
INSERT INTO provider_profiles (id, user_id, provider_type, display_name, verification_status,
    version) VALUES (gen_random_uuid(), gen_random_uuid(), 'TOUR_OPERATOR', '', %s, 1) RETURNING id
"""


def test_every_status_is_in_the_tables() -> None:
    assert set(TRANSITIONS) == set(OPEN_TO_CHANGES) == set(V)


def test_the_database_has_the_same_table(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT from_status, to_status FROM provider_transitions")
        stored = set(rows.fetchall())
    assert stored == {(a.value, b.value) for a, moves in TRANSITIONS.items() for b in moves}


def test_decisions_are_transitions() -> None:
    assert all(to in TRANSITIONS[before] for before, to in MOVES.values())


@pytest.mark.parametrize("before", V)
def test_the_database_lets_nothing_else_happen(database_url: str, before: V) -> None:
    moved = set()
    with psycopg.connect(database_url) as connection:
        row = connection.execute(PROFILE, [before]).fetchone()
        assert row is not None
        for to in V:
            if to is before:
                continue
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(
                        "UPDATE provider_profiles SET verification_status = %s, version = 2"
                        " WHERE id = %s",
                        (to, row[0]),
                    )
                moved.add(to)
            except psycopg.errors.CheckViolation:
                pass
        connection.rollback()
    assert moved == TRANSITIONS[before]


@pytest.mark.parametrize(
    "change",
    ["verification_status = 'IN_PROGRESS'", "version = 2", "provider_type = 'HOTEL_MANAGER'"],
)
def test_the_version_moves_with_the_status_alone(database_url: str, change: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(PROFILE, ["NOT_STARTED"]).fetchone()
        with pytest.raises(psycopg.errors.CheckViolation, match=r"version|become"):
            connection.execute(f"UPDATE provider_profiles SET {change} WHERE id = %s", row)


async def test_a_user_has_one_profile_of_each_type(house: House) -> None:
    user, provider = await house.begin()
    for _ in range(2):
        again = await house.do(
            repository.create_provider, user, new_id(), ProviderType.HOTEL_MANAGER
        )
        assert again.row.id == provider
    other = await house.do(repository.create_provider, user, new_id(), ProviderType.TOUR_OPERATOR)
    assert other.row.id != provider
    assert len(await house.do(repository.list_providers, user)) == 2


@pytest.mark.parametrize("kind", ProviderType)
async def test_from_the_first_step_to_approval(house: House, kind: ProviderType) -> None:
    user, provider = await house.begin(kind)
    missing = list(STEPS_OF[kind])
    while missing:
        with pytest.raises(StepsMissing) as refused:
            await house.do(repository.submit, user, provider)
        assert refused.value.steps == tuple(missing)
        await house.do(repository.save_step, user, provider, step(missing.pop(0)))
    for _ in range(2):  # the second changes nothing
        told = await house.do(repository.submit, user, provider)
        assert (told.row.verification_status, told.row.version) == (V.SUBMITTED, 3)
    assert told.row.display_name == "Casa Azul"
    await house.decide(provider, Decision.START)
    await house.decide(provider, Decision.APPROVE)
    history = await house.do(repository.load_history, provider)
    assert [(one.version, one.from_status, one.to_status) for one in history] == [
        (1, None, "NOT_STARTED"),
        (2, "NOT_STARTED", "IN_PROGRESS"),
        (3, "IN_PROGRESS", "SUBMITTED"),
        (4, "SUBMITTED", "UNDER_REVIEW"),
        (5, "UNDER_REVIEW", "APPROVED"),
    ]
    assert {one.who for one in history} == {f"user {user}", "admin"}


async def test_a_change_takes_back_what_was_submitted(house: House) -> None:
    user, provider = await house.submitted()
    same = await house.do(repository.save_step, user, provider, step(Step.CONTACT))
    assert same.row.verification_status == V.SUBMITTED
    other = step(Step.CONTACT, name="Rui Reis")
    changed = await house.do(repository.save_step, user, provider, other)
    assert changed.row.verification_status == V.IN_PROGRESS


async def test_what_was_verified_stays(house: House) -> None:
    user, provider = await house.submitted()
    await house.decide(provider, Decision.START)
    for status in (V.UNDER_REVIEW, V.APPROVED):
        if status is V.APPROVED:
            await house.decide(provider, Decision.APPROVE)
        change = step(Step.BUSINESS, legal_name="Another one")
        with pytest.raises(ProviderStateConflict):
            await house.do(repository.save_step, user, provider, change)
    await house.do(repository.save_step, user, provider, step(Step.CONTACT, name="Rui Reis"))
    assert await house.status(provider) is V.APPROVED


async def test_what_was_rejected_is_corrected_first(house: House) -> None:
    user, provider = await house.submitted()
    await house.decide(provider, Decision.START)
    await house.decide(provider, Decision.REJECT)
    with pytest.raises(ProviderStateConflict, match="REJECTED"):
        await house.do(repository.submit, user, provider)
    await house.do(repository.save_step, user, provider, step(Step.CONTACT, name="Rui Reis"))
    told = await house.do(repository.submit, user, provider)
    assert told.row.verification_status == V.SUBMITTED


async def test_steps_are_those_of_the_type_and_some_the_owners(house: House) -> None:
    user, provider = await house.begin()
    with pytest.raises(StepNotAsked):
        await house.do(repository.save_step, user, provider, step(Step.LICENCE))
    staff = new_id()
    await house.execute(
        "INSERT INTO provider_members (provider_id, user_id, role) VALUES (:p, :u, 'STAFF')",
        p=provider,
        u=staff,
    )
    await house.do(repository.save_step, staff, provider, step(Step.CONTACT))
    for name in (Step.PAYOUT, Step.TERMS):
        with pytest.raises(OwnersOnly):
            await house.do(repository.save_step, staff, provider, step(name))
    with pytest.raises(ProviderNotFound):
        await house.do(repository.save_step, new_id(), provider, step(Step.CONTACT))


@pytest.mark.parametrize("decision", Decision)
async def test_each_decision_has_its_place(house: House, decision: Decision) -> None:
    _, provider = await house.submitted()
    course = [Decision.START, Decision.APPROVE, Decision.SUSPEND, Decision.REINSTATE]
    reached = [V.SUBMITTED]
    before = MOVES[decision][0]
    for following in course:
        if reached[-1] is not before:
            with pytest.raises(ProviderStateConflict):
                await house.decide(provider, decision)
        assert await house.status(provider) is reached[-1]
        await house.decide(provider, following)
        reached.append(MOVES[following][1])
    assert before in reached


async def test_a_decision_is_about_what_was_looked_at(house: House) -> None:
    _, provider = await house.submitted()
    old = Expected(3)
    decision = partial(reviews.review, hooks=HOOKS)
    await house.do(decision, "admin", provider, Decision.START, "r", old)
    with pytest.raises(MarketVersionConflict):
        await house.do(decision, "admin", provider, Decision.START, "r", old)
    # a repeat of what was done finds it
    again = await house.do(decision, "admin", provider, Decision.START, "r", old, repeated=True)
    assert again.provider.version == 4
    with pytest.raises(ProviderNotFound):
        await house.decide(new_id(), Decision.START)


async def test_admins_see_who_was_submitted_first(house: House) -> None:
    made = [(await house.submitted())[1] for _ in range(3)]
    found: list[str] = []
    after = None
    while True:
        page = await house.do(reviews.list_for_review, V.SUBMITTED, after=after, limit=2)
        found += [row.id for row in page]
        if len(page) < 2:
            break
        last = page[-1]
        assert last.submitted_at is not None
        after = last.submitted_at, last.id
    assert [one for one in found if one in made] == made
    assert len(set(found)) == len(found)
