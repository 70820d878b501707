"""How long to wait and how often to ask again: one policy for each cause, with its reason."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

from models.core.patience import Patience

HOLD_RESERVE = timedelta(seconds=30)
"""Before a supplier's hold ends, so much is kept for what is still to be done with it."""

WATCH_HEARTBEAT = timedelta(seconds=30)
"""A round of watching is taken over from a dead worker within this time, where it had got to."""


@dataclass(frozen=True)
class Policy:
    """Patience for one kind of call."""

    retry: RetryPolicy
    start_to_close: timedelta
    """One attempt."""
    schedule_to_close: timedelta | None = None
    """All attempts together; None for no limit."""


def record() -> Policy:
    """Our own database: nothing is lost by waiting for it, so there is no last attempt."""
    return Policy(
        retry=RetryPolicy(
            initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
        ),
        start_to_close=timedelta(seconds=15),
    )


def reading(patience: Patience, providers: list[str]) -> Policy:
    """Reads touch nothing: asked again until the step's deadline."""
    return Policy(
        retry=_backing_off(patience),
        start_to_close=_one_attempt(patience, providers, calls=2),
        schedule_to_close=timedelta(seconds=patience.step_deadline),
    )


def forward(patience: Patience, provider: str, *, within: float | None = None) -> Policy:
    """A step towards the trip: a fault is settled or asked again until the step's deadline.

    ``within`` (seconds) is what a hold leaves of it, where that is less.

    An attempt may look up, act and look up again, so it gets the time of four answers.
    """
    one_attempt = _one_attempt(patience, [provider], calls=4)
    longest = max(one_attempt, timedelta(seconds=patience.step_deadline))
    if within is not None:
        longest = min(longest, timedelta(seconds=within))
    return Policy(
        retry=_backing_off(patience),
        start_to_close=min(one_attempt, longest),
        schedule_to_close=longest,
    )


def undoing(patience: Patience, provider: str, *, within: float | None = None) -> Policy:
    """An undo has no deadline: it waits longer and longer, and ends as an operator's case.

    Unless others wait for it: then it gets ``within`` seconds, and is tried again later.
    """
    return Policy(
        retry=RetryPolicy(
            initial_interval=timedelta(seconds=patience.retry_initial),
            maximum_interval=timedelta(minutes=5),
            maximum_attempts=patience.undo_attempts,
        ),
        start_to_close=_one_attempt(patience, [provider], calls=4),
        schedule_to_close=None if within is None else timedelta(seconds=within),
    )


def watching() -> Policy:
    """A part of a watching round: a few attempts, for the next round is minutes away anyway."""
    return Policy(
        retry=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=15),
            maximum_attempts=4,
        ),
        start_to_close=timedelta(hours=1),
    )


def _backing_off(patience: Patience) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=patience.retry_initial),
        maximum_interval=timedelta(seconds=10),
    )


def _one_attempt(patience: Patience, providers: list[str], *, calls: int) -> timedelta:
    longest = max((patience.provider_timeout.get(name, 10) for name in providers), default=10)
    return timedelta(seconds=calls * longest + 5)
