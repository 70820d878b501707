"""What operators are answered about the daily reconciliations. Amounts in minor units."""

import datetime as dt
from typing import Self

from pydantic import AwareDatetime, Field

from api.core.schemas import Answer
from models.payments.day_report import DayReport


class SumsAnswer(Answer):
    """Money of a day's payments."""

    captured: int
    refunded: int
    disputed: int = Field(description="Withdrawn for disputes that are open or lost.")


class CurrencyAnswer(Answer):
    """A day's payments in one currency, as each of the three has them."""

    payments: int
    recorded: SumsAnswer
    gateway: SumsAnswer
    ledger: int = Field(description="Balance of the ledger's account GATEWAY.")
    foreign: SumsAnswer = Field(
        description="Payments on the gateway's account that name no booking: other business."
    )


class DifferenceAnswer(Answer):
    """Something the three do not agree on."""

    booking_id: str | None = None
    payment_id: str | None = None
    what: str


class ReconciliationSummary(Answer):
    """A day's reconciliation, without its differences."""

    day: dt.date = Field(description="UTC; a payment belongs to the day it was made on.")
    gateway: str
    run_at: AwareDatetime
    currencies: dict[str, CurrencyAnswer]
    differences: int

    @classmethod
    def of(cls, report: DayReport) -> Self:
        """Return a report as it is answered."""
        return cls.model_validate(
            {**report.model_dump(), "differences": len(report.differences)},
        )


class ReconciliationPage(Answer):
    """Reconciliations, newest day first."""

    reconciliations: list[ReconciliationSummary]


class WholeReconciliation(Answer):
    """A day's reconciliation with everything it found."""

    day: dt.date
    gateway: str
    run_at: AwareDatetime
    currencies: dict[str, CurrencyAnswer]
    differences: list[DifferenceAnswer]

    @classmethod
    def of(cls, report: DayReport) -> Self:
        """Return a report as it is answered."""
        return cls.model_validate(report.model_dump())


class DayAnswer(Answer):
    """The reconciliations of one day, one for each gateway that was used."""

    reconciliations: list[WholeReconciliation]
