"""Cancellation terms: what a supplier keeps, depending on when one cancels.

A snapshot is taken at validation and stored with the item; cancellation later reads the
snapshot, never the supplier's page of that day (design.md, "Money").
"""

import datetime as dt

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.core.money import MinorUnits


class FeeStep(BaseModel):
    """``fee`` (minor units, in the item's currency) is kept on cancelling before ``until``."""

    model_config = ConfigDict(frozen=True)

    until: AwareDatetime | None
    """End of the step, UTC, exclusive; None for the last step, which has no end."""
    fee: MinorUnits


class CancellationTerms(BaseModel):
    """Fee steps in order of time; the last has ``until=None``."""

    model_config = ConfigDict(frozen=True)

    steps: tuple[FeeStep, ...]
    source: str = ""
    """Where the supplier stated it, in its own words; for people."""

    @classmethod
    def free(cls, source: str = "") -> "CancellationTerms":
        """Cancellable at no fee at any time."""
        return cls(steps=(FeeStep(until=None, fee=0),), source=source)

    @classmethod
    def non_refundable(cls, price: int, source: str = "") -> "CancellationTerms":
        """The whole price (minor units) is kept, whenever one cancels."""
        return cls(steps=(FeeStep(until=None, fee=price),), source=source)

    @classmethod
    def free_until(cls, deadline: dt.datetime, price: int, source: str = "") -> "CancellationTerms":
        """Free before ``deadline`` (UTC), then the whole price (minor units) is kept."""
        return cls(
            steps=(FeeStep(until=deadline, fee=0), FeeStep(until=None, fee=price)), source=source
        )

    def fee_at(self, moment: dt.datetime, price: int) -> int:
        """Return what is kept of ``price`` (minor units) on cancelling at ``moment`` (UTC).

        Never more than the price; terms nobody stated keep everything, the safe reading for
        the company until the supplier's own answer says otherwise.
        """
        for step in self.steps:
            if step.until is None or moment < step.until:
                return min(step.fee, price)
        return price

    def step_ends(self, moment: dt.datetime) -> dt.datetime | None:
        """Return until when the fee at ``moment`` holds (UTC); None when it has no end."""
        return next((s.until for s in self.steps if s.until is None or moment < s.until), None)
