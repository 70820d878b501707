"""What the reconciliation of a day found, as it is stored, printed and answered."""

import datetime as dt
from typing import Any

from pydantic import AwareDatetime, BaseModel


class Sums(BaseModel):
    """Money of a group of payments, minor units."""

    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    """Withdrawn by the gateway for disputes that are open or lost."""

    @property
    def net(self) -> int:
        """What is left."""
        return self.captured - self.refunded - self.disputed


class CurrencyFigures(BaseModel):
    """One currency of a day's report."""

    payments: int = 0
    """Payments of bookings made at the gateway on that day."""
    recorded: Sums = Sums()
    gateway: Sums = Sums()
    ledger: int = 0
    """Balance of the ledger's GATEWAY account over the same bookings."""
    foreign: Sums = Sums()
    """Payments without a booking's id, of the gateway alone: other business on the account."""


class Difference(BaseModel):
    """Something that two of record, gateway and ledger do not agree on."""

    booking_id: str | None
    payment_id: str | None
    what: str


class DayReport(BaseModel):
    """The reconciliation of one UTC day: payments made on it, as they stood when it was run."""

    day: dt.date
    gateway: str
    currencies: dict[str, CurrencyFigures] = {}
    differences: list[Difference] = []
    run_at: AwareDatetime

    def row(self) -> dict[str, Any]:
        """Return the columns of its row in ``reconciliations``."""
        dumped = self.model_dump(mode="json", include={"currencies", "differences"})
        return {"day": self.day, "gateway": self.gateway, "run_at": self.run_at, **dumped}
