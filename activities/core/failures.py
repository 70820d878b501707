"""From the provider's errors to what workflows see: refusals are values, faults are exceptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from models.bookings.problems import Code, Problem
from models.bookings.repository import StaleVersionError
from models.core import errors
from models.core.errors import (
    OTHER_THAN_ASKED,
    Fault,
    PriceChanged,
    Refusal,
    Retryable,
    UnknownOutcome,
)

_CODES: dict[type[Refusal], Code] = {
    errors.Unavailable: Code.UNAVAILABLE,
    errors.PriceChanged: Code.PRICE_CHANGED,
    errors.InvalidRequest: Code.INVALID_TRIP,
    errors.PaymentMethodRefused: Code.PAYMENT_DECLINED,
    errors.Declined: Code.PAYMENT_DECLINED,
    errors.NotCancellable: Code.NOT_CANCELLABLE,
    errors.NoExchangeRate: Code.NO_EXCHANGE_RATE,
    errors.AuthConfig: Code.CONFIGURATION,
}


@contextmanager
def fenced() -> Iterator[None]:
    """Fail for good when a successor of this worker has written the booking meanwhile.

    Raises:
        ApplicationError: of the type ``StaleVersion`` (not retryable).
    """
    try:
        yield
    except StaleVersionError as error:
        raise ApplicationError(str(error), type="StaleVersion", non_retryable=True) from error


MONEY_STEPS = frozenset({"authorise", "capture"})
"""Where only the card's own errors are declines: the rest of a refusal is a mistake of ours."""
GIVING_BACK = frozenset({"refund", "undo"})
"""Where a refusal says nothing about the trip or the card: the money is still to be given back."""


def problem(refusal: Refusal, *, step: str, item: int | None = None) -> Problem:
    """Return a refusal as a value."""
    code, message = _CODES[type(refusal)], str(refusal)
    if step in MONEY_STEPS and code in (Code.INVALID_TRIP, Code.CONFIGURATION):
        # Our own request was refused, or our account: nothing that a traveller can mend, and the
        # gateway's words are for operators (in the attempt log).
        code = _of_our_request(refusal)
        message = f"{refusal.provider} refused the request ({refusal.code or refusal.status})"
    elif step in GIVING_BACK:  # read by operators only, in the case that is opened
        code = Code.CONFIGURATION if _of_our_account(refusal) else Code.PAYMENT_DOWN
        message = f"{refusal.provider} refused it: {message}"
    details: dict[str, Any] = {}
    about = {}
    if code is Code.INVALID_TRIP and isinstance(refusal, errors.InvalidRequest):
        about = {"field": refusal.field, "plain": refusal.plain}
    if isinstance(refusal, PriceChanged) and refusal.new_price is not None:
        details = {"newPrice": refusal.new_price.amount, "currency": refusal.new_price.currency}
    return Problem(
        code=code,
        step=step,
        message=message,
        item=item,
        provider_code=refusal.code,
        details=details,
        **about,
    )


def _of_our_request(refusal: Refusal) -> Code:
    code = refusal.code or ""
    if code == "amount_too_small":
        return Code.AMOUNT_TOO_SMALL
    return Code.CONFIGURATION if _of_our_account(refusal) else Code.INTERNAL


def _of_our_account(refusal: Refusal) -> bool:
    code = refusal.code or ""
    return isinstance(refusal, errors.AuthConfig) or code.startswith(("account_", "testmode_"))


def refused(refusal: Refusal) -> ApplicationError:
    """Return a refusal as an error that is not retried, for reads: their callers expect none."""
    return ApplicationError(str(refusal), type=refusal.kind, non_retryable=True)


def application_error(fault: Fault) -> ApplicationError:
    """Return a fault as what Temporal retries, or gives up when no retry can settle it.

    Suppliers that do not answer are part of the work: the call's own line in the log tells of it,
    so Temporal logs no failure with a stack beside it, nor counts one.
    """
    return ApplicationError(
        str(fault),
        *((fault.code,) if fault.code == OTHER_THAN_ASKED else ()),
        type=fault.kind,
        category=ApplicationErrorCategory.BENIGN,
        non_retryable=isinstance(fault, UnknownOutcome) and fault.code == "unsettled",
        next_retry_delay=fault.retry_after if isinstance(fault, Retryable) else None,
    )
