"""Who asks: a service with an API key, or a signed-in user. One type to every rule."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from api.core.problems import ApiProblem
from models.core.callers import Scope

RECENT = dt.timedelta(minutes=15)
"""How long a second factor counts as just proved."""

Kind = Literal["caller", "user"]


@dataclass(frozen=True)
class Principal:
    """Who asks. Exactly one of :attr:`caller_id` and :attr:`user_id` is there.

    What it made is its own: rows have a ``caller_id`` and a ``user_id``, and one of them is its.
    """

    id: str
    """Its caller's or user's id. Ids are UUIDs: no caller has a user's."""
    name: str
    """For logs and the record: a caller's name, a user's id."""
    scopes: frozenset[str] = frozenset()
    kind: Kind = "caller"
    may_hand_in_trips: bool = False
    """Whether it may send a whole trip with a booking (docs/trip-planner.md)."""
    is_admin: bool = False
    """A user who is one, whether or not a second factor has been proved in the session."""
    session_id: str | None = None
    signed_in_at: dt.datetime | None = None
    """When a code proved an address of the user in this session."""
    second_factor_at: dt.datetime | None = None
    """When a second factor was last proved in this session."""

    @classmethod
    def of_caller(
        cls, caller_id: str, name: str, scopes: Collection[str], *, may_hand_in_trips: bool
    ) -> "Principal":
        """Return a service."""
        return cls(caller_id, name, frozenset(scopes), may_hand_in_trips=may_hand_in_trips)

    @classmethod
    def of_user(
        cls,
        user_id: str,
        *,
        is_admin: bool,
        session_id: str,
        signed_in_at: dt.datetime,
        second_factor_at: dt.datetime | None,
    ) -> "Principal":
        """Return a user, in one session."""
        scopes = {Scope.MARKET}
        if is_admin and second_factor_at is not None:
            scopes.add(Scope.OPERATOR)
        return cls(
            user_id,
            user_id,
            frozenset(scopes),
            "user",
            is_admin=is_admin,
            session_id=session_id,
            signed_in_at=signed_in_at,
            second_factor_at=second_factor_at,
        )

    @property
    def caller_id(self) -> str | None:
        """The service's id; None for a user."""
        return self.id if self.kind == "caller" else None

    @property
    def user_id(self) -> str | None:
        """The user's id; None for a service."""
        return self.id if self.kind == "user" else None

    @property
    def subject(self) -> str:
        """Whose its idempotency keys are: ``caller:<uuid>`` or ``user:<uuid>``."""
        return f"{self.kind}:{self.id}"

    @property
    def is_operator(self) -> bool:
        """Whether it may read everything and settle cases; admins after a second factor."""
        return Scope.OPERATOR in self.scopes

    @property
    def role(self) -> str:
        """``operator``, ``planner``, ``admin`` or ``traveler``: who it is in the record."""
        if self.kind == "user":
            return "admin" if self.is_admin else "traveler"
        return "operator" if self.is_operator else "planner"

    def may(self, scope: Scope) -> bool:
        """Tell whether it may use routes that need ``scope``; operators may use all."""
        return self.is_operator or scope in self.scopes


def expect_second_factor(principal: Principal) -> None:
    """Make sure that an admin has proved a second factor in this session.

    A code by mail alone proves too little for what admins may do (NIST SP 800-63B-4, 3.1.3.1).

    Raises:
        ApiProblem: 403.
    """
    if principal.is_admin and principal.second_factor_at is None:
        raise _needed("Admins prove a second factor first, in every session.")


def expect_recent_second_factor(principal: Principal) -> None:
    """Make sure that a user has proved a second factor within :data:`RECENT`.

    Raises:
        ApiProblem: 403; services, which have none, are let through.
    """
    at = principal.second_factor_at
    if principal.kind == "user" and (at is None or dt.datetime.now(dt.UTC) - at > RECENT):
        minutes = int(RECENT.total_seconds() // 60)
        raise _needed(f"This needs a second factor that was proved within {minutes} minutes.")


def expect_recent_sign_in(principal: Principal) -> None:
    """Make sure that a user has proved an address, or a second factor, within :data:`RECENT`.

    Whoever finds an open browser must not be able to make the account its own.

    Raises:
        ApiProblem: 403.
    """
    proved = [at for at in (principal.signed_in_at, principal.second_factor_at) if at is not None]
    if not proved or dt.datetime.now(dt.UTC) - max(proved) > RECENT:
        minutes = int(RECENT.total_seconds() // 60)
        detail = f"This needs a sign-in within {minutes} minutes: please sign in again."
        raise ApiProblem(403, "SIGN_IN_AGAIN", detail)


def _needed(detail: str) -> ApiProblem:
    return ApiProblem(
        403, "SECOND_FACTOR_REQUIRED", f"{detail} POST /market/v1/auth/second-factor proves it."
    )
