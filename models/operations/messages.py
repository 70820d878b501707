"""Messages of ``WatchMoney``: what it is asked, and what its activities answer.

Fields are only ever added, with defaults: the schedule may start it with older input.
"""

import datetime as dt

from pydantic import BaseModel

MOST_NAMED = 500
"""Bookings named in one message at most: payloads stay small."""


class WatchRequest(BaseModel):
    """What ``WatchMoney`` is to do."""

    full: bool = False
    """Look at everything, not only at what is recent or not final."""
    day: dt.date | None = None
    """Make the report of this UTC day, also when there is one; None: yesterday's, once."""


class WatchPlan(BaseModel):
    """The answer of ``plan_watch``."""

    report: dt.date | None = None
    """The UTC day whose report is to be made; None when there is nothing to report."""
    full: bool = False


class ReconcileCall(BaseModel):
    """Asks for the record to be compared with the gateway."""

    full: bool = False


class Reconciled(BaseModel):
    """The answer of ``reconcile_payments``: what was compared and what came of it."""

    listed: int = 0
    """Payments in the gateway's list."""
    looked: int = 0
    """Bookings whose payment was read whole."""
    differing: int = 0
    """Bookings at rest, and stray payments, that were not as recorded."""
    repaired: int = 0
    """Of these: put right by ``SettlePayment`` before this run ended."""
    unsettled: list[str] = []
    """Bookings that a workflow is still working on, or waits for an operator about."""
    cases: int = 0
    """Cases opened for what no workflow can put right."""
    unread: int = 0
    """Bookings whose payment the gateway gave no answer about; the next run asks again."""


class CheckCall(BaseModel):
    """Asks for the invariants to be checked."""

    full: bool = False
    unsettled: list[str] = []
    """Bookings whose money is being put right this moment: not judged now."""


class Checked(BaseModel):
    """The answer of ``check_invariants``: violations by invariant, and what became of cases."""

    violations: dict[str, int] = {}
    opened: int = 0
    closed: int = 0
    gateway: bool = True
    """Whether the gateway could be asked; without it only the record and the ledger are judged."""


class ReportCall(BaseModel):
    """Asks for the report of one UTC day."""

    day: dt.date


class Reported(BaseModel):
    """The answer of ``report_day``."""

    day: dt.date
    differences: int


class WatchSummary(BaseModel):
    """What ``WatchMoney`` found."""

    reconciled: Reconciled | None = None
    """None when the gateway or the database could not be asked."""
    checked: Checked | None = None
    reported: Reported | None = None
