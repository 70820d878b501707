"""RateHawk's envelope and error codes (providers.md §3), judged in one place.

Business errors come with HTTP 200, so ``status`` and ``error`` of the envelope decide, not the
HTTP status alone. What an error means depends on the step it was answered at: the tables below
are those of providers.md §3, the ones for all steps are its "fundamentals/errors".
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Refusal,
    Retryable,
    Unavailable,
)
from suppliers.core.answers import JsonAnswer, Message
from suppliers.core.pointers import about

Table = Mapping[str, type[Refusal]]

_UNSETTLED: Final = frozenset({"timeout", "unknown"})
_LATER: Final = frozenset({"endpoint_exceeded_limit", "lock"})
_MAX_PAUSE: Final = dt.timedelta(minutes=10)

EVERYWHERE: Final[Table] = {
    **dict.fromkeys(
        (
            "incorrect_credentials",
            "invalid_auth_header",
            "no_auth_header",
            "not_allowed",
            "not_allowed_host",
            "endpoint_not_active",
            "endpoint_not_found",
            "sandbox_restriction",
            "reservation_is_not_allowed",
            "contract_mismatch",
            "insufficient_b2b_balance",
            "overdue_debt",
            "prebook_disabled",
        ),
        AuthConfig,
    ),
    **dict.fromkeys(("invalid_params", "decoding_json", "unexpected_method"), InvalidRequest),
}
"""What means the same at every step."""

AT_QUOTE: Final[Table] = dict.fromkeys(
    ("no_available_rates", "rate_not_found", "hotel_not_found"), Unavailable
)

AT_FORM: Final[Table] = dict.fromkeys(("rate_not_found", "hotel_not_found"), Unavailable)

FORM_TAKEN: Final = frozenset({"double_booking_form", "duplicate_reservation"})
"""At ``form``: the partner_order_id has been used; what became of it, ``finish/status`` tells."""

AT_FINISH: Final[Table] = {
    **dict.fromkeys(
        ("book_hash_not_found", "rate_not_found", "hotel_not_found", "soldout"), Unavailable
    ),
    **dict.fromkeys(
        (
            "incorrect_guests_number",
            "incorrect_children_data",
            "incorrect_rooms_number",
            "email",
            "incorrect_chosen_payment_type",
            "chosen_payment_type_was_not_available_on_booking_form",
            "unauthorized_group_booking",
            "supplier_data_required",
        ),
        InvalidRequest,
    ),
}

_FIELDS: Final[Mapping[str, str]] = {
    "incorrect_guests_number": "travelers",
    "incorrect_children_data": "travelers",
    "email": "userContact.email",
}
"""The caller's field that an error is about."""

FORM_GONE: Final = frozenset({"booking_form_expired", "order_not_found"})
"""At ``finish``: nothing was booked, and this id can book nothing any more."""

FINISHED_BEFORE: Final = "double_booking_finish"
"""At ``finish``: the first one is running, or has succeeded."""

FAILED: Final[Table] = {
    **dict.fromkeys(("soldout", "provider", "book_limit"), Unavailable),
    **dict.fromkeys(("block", "charge", "3ds"), Declined),
}
"""At ``finish/status``: the order has failed for good; nothing stands."""

NOT_BEGUN: Final = "booking_finish_did_not_succeed"
"""At ``finish/status``: there is a form, and no ``finish`` of it has been accepted (yet)."""

NOT_FOUND: Final = "order_not_found"

AT_CANCEL: Final[Table] = {"order_not_cancellable": NotCancellable}


class _Endpoint(Message):
    reset: dt.datetime | None = None


class _Debug(Message):
    api_endpoint: _Endpoint | None = None
    utcnow: dt.datetime | None = None


class _WithDebug(Message):
    debug: _Debug | None = None


class _Envelope(Message):
    status: str
    error: str | None = None


@dataclass(frozen=True)
class ApiAnswer:
    """An answer in the published envelope, of an HTTP status below 500."""

    answer: JsonAnswer
    status: str
    error: str
    """Empty when there is none."""

    def expect_ok(self, table: Table) -> JsonAnswer:
        """Return the answer if it is a success.

        Raises:
            ProviderError: by ``table``, else by :data:`EVERYWHERE`; an error that neither knows
                tells nothing.
        """
        if self.status == "ok" and not self.error:
            return self.answer
        raise self.failure(table)

    def failure(self, table: Table) -> ProviderError:
        """Return the error that this answer is."""
        answer, code = self.answer, self.error or self.status
        words = f"RateHawk: {code.replace('_', ' ')}"
        kind = table.get(code) or EVERYWHERE.get(code)
        if kind is not None:
            return about(answer.failure(kind, words, code=code), _FIELDS.get(code))
        if code in _LATER:
            # The request was turned away at the door: nothing was done.
            return answer.failure(Retryable, words, code=code, retry_after=_pause(answer))
        if code in _UNSETTLED or answer.ok:
            return answer.unsettled(words, code=code)
        return answer.by_status(words, code=code)

    @property
    def unsettled(self) -> bool:
        """The supplier says that it does not know itself."""
        return self.error in _UNSETTLED


def read(answer: JsonAnswer) -> ApiAnswer:
    """Read the envelope of an answer.

    Raises:
        UnknownOutcome, Retryable: 5xx, or no envelope; see :meth:`JsonAnswer.unsettled`.
        ProviderError: another HTTP status without an envelope, by its status.
    """
    envelope = answer.peek(_Envelope)
    if answer.status >= 500:
        code = envelope.error if envelope else None
        raise answer.by_status(f"RateHawk answered {answer.status}", code=code)
    if envelope is None and not answer.ok:
        raise answer.by_status(f"RateHawk answered {answer.status}")
    if envelope is None:
        answer.parse(_Envelope)
        raise AssertionError  # parse raises
    return ApiAnswer(answer, envelope.status, envelope.error or "")


def _pause(answer: JsonAnswer) -> dt.timedelta | None:
    """How long to wait for the endpoint's limit, where the answer says so."""
    if answer.retry_after is not None:
        return answer.retry_after
    try:
        debug = _WithDebug.model_validate_json(answer.content).debug
    except ValidationError:
        return None
    if debug is None or debug.api_endpoint is None or debug.api_endpoint.reset is None:
        return None
    now = debug.utcnow or dt.datetime.now(dt.UTC)
    left = as_utc(debug.api_endpoint.reset) - as_utc(now)
    return min(max(left, dt.timedelta(0)), _MAX_PAUSE)


def as_utc(moment: dt.datetime) -> dt.datetime:
    """Return a time of the supplier's, which are UTC and mostly do not say so."""
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
