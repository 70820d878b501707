"""Every domain error has its one HTTP answer: status, code, field and facts."""

import datetime as dt
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import models
from api import errors
from api.core.edge import Edge
from models.accounts import errors as accounts
from models.bookings.errors import (
    BookingNotFound,
    BookingNotRecordedYet,
    CaseNotOpen,
    ComponentUnknown,
    FeeChanged,
    NotCancellable,
)
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code, Problem
from models.core.domain_errors import (
    CallerUnknown,
    DomainError,
    Keyed,
    KeyInProgress,
    KeyReused,
    RateLimited,
    SessionUnknown,
    TemporalUnavailable,
    TooManyBookings,
    TooManyReads,
)
from models.core.money import Money
from models.core.party import Fault
from models.events.errors import (
    DeadLetterDelivered,
    DeadLetterNotFound,
    EventsGone,
    EventsNotThereYet,
)
from models.inbox.errors import EventNotEnded, EventNotFound, EventOfOtherMode
from models.ledger.errors import RuleRefused
from models.marketplace.quotes.errors import (
    CurrencyNotOffered,
    GuestsDoNotFit,
    NotOnSale,
    OfferNotFound,
    PriceNotPayable,
    QuoteNotFound,
    QuoteRefused,
    SoldOut,
)
from models.marketplace.stock import errors as stock
from models.marketplace.stock import refusals
from models.operations.errors import CaseAlreadyDecided, CaseDecidedAtBooking, CaseNotFound
from models.payments.errors import (
    AmountNotPayable,
    CardInUse,
    DayNotReconciled,
    NoCardExpected,
    NothingToRefund,
    RefundInOtherCurrency,
    RefundRefused,
    RefundTooLarge,
)
from models.reservations.errors import (
    ChangeUnderWay,
    Contradiction,
    DuplicateReservation,
    NoReservations,
    NotChanged,
    PaymentMethodMissing,
    PriceNotAccepted,
    ReasonMissing,
    SlotRefused,
    SlotUnavailable,
    StateConflict,
    VenueNotFound,
    VenuesUnavailable,
    VenueTimeZoneUnknown,
    VersionConflict,
    VersionRequired,
)
from models.reservations.policy import VenuePolicy
from models.reservations.slots import OffsetDoesNotFit, TimeDoesNotExist
from models.reservations.venues import Venue, VenueChanged
from models.trips.errors import (
    AmountNotAccepted,
    ChangeRefused,
    ComponentRepeated,
    CurrencyNotAccepted,
    InvalidTrip,
    NotChangeable,
    PlannerUnavailable,
    TravelersMissing,
    TripNotAllowed,
    TripOptionNotFound,
    TripOptionUnbookable,
)
from models.webhook_endpoints.errors import (
    DeliveryNotFound,
    EndpointExists,
    EndpointNotActive,
    EndpointNotFound,
    SecretRotated,
    TooManyEndpoints,
    UrlRefused,
)
from tests.api.marketplace.refusals import MARKET
from tests.api.test_words import booking

FAILED = booking(BookingState.FAILED)
STATE = {"bookingId": FAILED.id, "state": "FAILED"}
FEE = Problem(
    code=Code.FEE_CHANGED, step="cancel", message="it keeps 5.00 USD", details={"fee": 500}
)
PRICE = Problem(code=Code.PRICE_CHANGED, step="modify", message="", details={"newPrice": 7})
LEFT = Problem(code=Code.NOT_REFUNDABLE, step="refund", message="only 1.00 USD is left")
USD = Money(amount=100, currency="USD")
DECLINED = Problem(code=Code.PAYMENT_DECLINED, step="authorise", message="no")
SILENT = Problem(code=Code.SUPPLIER_DOWN, step="move", message="silence")

SKIPPED = dt.datetime(2031, 3, 30, 2, 30)  # noqa: DTZ001 - a local time
NOW = {"id": FAILED.id, "status": "CANCELLED"}
CURRENT = {"currentVersion": FAILED.version, "current": NOW}
SOON = dt.datetime(2031, 3, 1, tzinfo=dt.UTC)
FITS = {"adults_max": 2, "children_max": 1, "child_age_max": 12}
VENUE = Venue("v", "kantine", "RESTAURANT", "", "Europe/Berlin", VenuePolicy(), 3)

STOCK: list[tuple[DomainError, int, str, str | None, dict[str, Any] | None]] = [
    (refusals.SoldOut.departure("d"), 409, "SOLD_OUT", None, {"departure_id": "d"}),
    (refusals.StockRefused("no"), 409, "NOT_ON_SALE", None, None),
    (refusals.NotOnSale("no"), 409, "NOT_ON_SALE", None, None),
    (refusals.QuoteExpired("no"), 410, "QUOTE_EXPIRED", None, None),
    (refusals.QuoteTaken("no", booking_id="b"), 409, "QUOTE_TAKEN", None, {"booking_id": "b"}),
    (refusals.TooManyHolds("no", open_holds=3), 429, "TOO_MANY_HOLDS", None, {"open_holds": 3}),
    (stock.HoldExpired(FAILED), 410, "HOLD_EXPIRED", None, None),
    (
        *(stock.NotPayable(FAILED.model_copy(update={"kind": "STAY"})), 409, "STATE_CONFLICT"),
        *(None, {"status": "EXPIRED_HOLD", "payment_status": FAILED.payment.status}),
    ),
    (stock.CardMissing(), 422, "PAYMENT_METHOD_MISSING", "payment_method_id", None),
]

ANSWERS: list[tuple[DomainError, int, str, str | None, dict[str, Any] | None]] = [
    (accounts.AccountBlocked("u"), 403, "ACCOUNT_BLOCKED", None, None),
    (accounts.AddressUnfit("email", "No address."), 422, "ADDRESS_REFUSED", "email", None),
    (accounts.CodeRefused(), 401, "CODE_REFUSED", None, None),
    (accounts.CodeRefused(3), 401, "CODE_REFUSED", None, {"attempts_left": 3}),
    (accounts.ContactInUse(), 409, "CONTACT_IN_USE", None, None),
    (accounts.IdentityLocked(), 403, "IDENTITY_LOCKED", None, None),
    (accounts.SecondFactorEnrolled(), 409, "SECOND_FACTOR_ENROLLED", None, None),
    (accounts.SecondFactorRefused(), 403, "SECOND_FACTOR_REFUSED", None, None),
    (
        accounts.SecondFactorRefused(60),
        *(429, "RATE_LIMITED", None, {"violatedPolicies": ["second-factor"]}),
    ),
    (accounts.SessionNotFound(), 404, "SESSION_UNKNOWN", None, None),
    (accounts.TooManyCodes(60), 429, "RATE_LIMITED", None, {"violatedPolicies": ["codes"]}),
    (accounts.UserNotFound(), 401, "SESSION_REFUSED", None, None),
    *STOCK,
    (SessionUnknown(), 401, "SESSION_REFUSED", None, None),
    (CallerUnknown(), 401, "API_KEY_REFUSED", None, None),
    (TooManyReads(), 503, "TOO_MANY_READS", None, None),
    (TooManyBookings(7), 503, "OVERLOADED", None, None),
    (
        *(RateLimited("bookings", 10, 6), 429, "RATE_LIMITED", None),
        {"violatedPolicies": ["bookings"]},
    ),
    (TemporalUnavailable(), 503, "TEMPORAL_UNAVAILABLE", None, None),
    (PlannerUnavailable(7), 503, "PLANNER_UNAVAILABLE", None, None),
    (KeyReused(Keyed.BOOKING), 422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key", None),
    (KeyReused(Keyed.CHANGE), 422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key", None),
    (KeyReused(Keyed.REFUND), 422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key", None),
    (KeyReused(Keyed.REQUEST), 422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key", None),
    (KeyInProgress(2), 409, "IDEMPOTENCY_KEY_IN_PROGRESS", "Idempotency-Key", None),
    (TripOptionNotFound("t"), 404, "TRIP_OPTION_UNKNOWN", "tripOptionId", None),
    (TripOptionUnbookable("no"), 422, "TRIP_OPTION_UNBOOKABLE", "tripOptionId", None),
    (TripOptionUnbookable("no", handed_in=True), 422, "TRIP_OPTION_UNBOOKABLE", "trip", None),
    (TripNotAllowed(), 403, "TRIP_NOT_ALLOWED", "trip", None),
    (InvalidTrip([Fault("travelers", "Nobody.")]), 422, "INVALID_TRIP", "travelers", None),
    (TravelersMissing(), 422, "TRAVELERS_MISSING", "travelers", None),
    (
        *(AmountNotAccepted(expected=2, given=1), 422, "AMOUNT_MISMATCH", "paymentInfo.amount"),
        {"expected": 2, "given": 1},
    ),
    (
        *(CurrencyNotAccepted(expected="EUR", given="USD"), 422, "CURRENCY_MISMATCH"),
        *("paymentInfo.currency", {"expected": "EUR", "given": "USD"}),
    ),
    (BookingNotFound("b"), 404, "BOOKING_UNKNOWN", None, None),
    (BookingNotRecordedYet("b"), 503, "NOT_RECORDED_YET", None, None),
    (ComponentUnknown("b"), 422, "COMPONENT_UNKNOWN", "componentId", None),
    (ComponentUnknown("b", place=0), 422, "COMPONENT_UNKNOWN", "components[0]", None),
    (ComponentRepeated(), 422, "COMPONENT_REPEATED", "changes", None),
    (NotCancellable(FAILED), 409, "NOT_CANCELLABLE", "bookingId", STATE),
    (NotChangeable(FAILED), 409, "NOT_CHANGEABLE", "bookingId", STATE),
    (CardInUse(FAILED), 409, "CARD_IN_USE", "paymentMethodId", STATE),
    (NoCardExpected(FAILED), 409, "NO_CARD_WANTED", "paymentMethodId", STATE),
    (
        *(FeeChanged(FAILED, FEE), 409, "FEE_CHANGED", "acceptedFee"),
        {"bookingId": FAILED.id, "fee": 500},
    ),
    (
        *(ChangeRefused(FAILED, PRICE), 409, "PRICE_CHANGED", "changes"),
        {"bookingId": FAILED.id, "newPrice": 7},
    ),
    (NothingToRefund(FAILED), 409, "NOTHING_TO_REFUND", "bookingId", None),
    (RefundTooLarge(USD), 409, "NOTHING_TO_REFUND", "amount", None),
    (RefundRefused(LEFT), 409, "NOTHING_TO_REFUND", "amount", None),
    (RefundInOtherCurrency(paid="EUR", given="USD"), 422, "CURRENCY_MISMATCH", "currency", None),
    (AmountNotPayable(USD), 422, "AMOUNT_NOT_PAYABLE", "amount", None),
    (
        *(CaseNotOpen("b", 7, [8]), 409, "NOTHING_TO_RESOLVE", "caseId"),
        {"bookingId": "b", "openCases": [8]},
    ),
    (VenueNotFound(), 404, "VENUE_UNKNOWN", None, None),
    (NoReservations(), 503, "VENUES_UNAVAILABLE", None, None),
    (VenuesUnavailable(7), 503, "VENUES_UNAVAILABLE", None, None),
    (SlotRefused("time", "No."), 422, "SLOT_REFUSED", "time", None),
    (Contradiction("date", "No."), 422, "CONTRADICTORY_REQUEST", "date", None),
    (OffsetDoesNotFit([dt.timedelta(hours=-3)]), 422, "SLOT_REFUSED", "utc_offset", None),
    (
        *(TimeDoesNotExist(SKIPPED, SKIPPED), 422, "TIME_DOES_NOT_EXIST", "time"),
        {"next": {"date": "2031-03-30", "time": "02:30"}},
    ),
    (
        *(SlotUnavailable("full"), 409, "SLOT_UNAVAILABLE", None),
        {"reason": "full", "alternatives": []},
    ),
    (
        *(DuplicateReservation("TS-1"), 409, "DUPLICATE_RESERVATION", "allow_duplicate"),
        {"reference": "TS-1"},
    ),
    (
        *(PaymentMethodMissing(100, "EUR"), 422, "PAYMENT_METHOD_MISSING", "payment"),
        {"amount": 100, "currency": "EUR"},
    ),
    (
        *(VersionConflict(FAILED, current=NOW), 409, "VERSION_CONFLICT", "expected_version"),
        CURRENT,
    ),
    (
        *(VersionConflict(FAILED, current=NOW, precondition=True), 412, "VERSION_CONFLICT"),
        *("If-Match", CURRENT),
    ),
    (VenueTimeZoneUnknown(), 422, "VENUE_TIME_ZONE_UNKNOWN", "venue.id", None),
    (ReasonMissing(), 422, "INVALID_REQUEST", "reason", None),
    (
        *(DuplicateReservation("TS-1", moving=True), 409, "DUPLICATE_RESERVATION", None),
        {"reference": "TS-1"},
    ),
    (VersionRequired(), 428, "VERSION_REQUIRED", "expected_version", None),
    (
        *(PriceNotAccepted(100, 200, "EUR"), 409, "PRICE_CHANGED", "accepted_total"),
        {"oldPrice": 100, "newPrice": 200, "currency": "EUR"},
    ),
    (NotChanged(DECLINED), 409, "PAYMENT_DECLINED", None, None),
    (NotChanged(SILENT), 409, "SUPPLIER_DOWN", None, None),
    (VenueChanged(VENUE), 409, "VERSION_CONFLICT", "expected_version", {"currentVersion": 3}),
    (
        *(StateConflict(FAILED, [BookingState.NO_SHOW]), 409, "STATE_CONFLICT", "status"),
        {"status": "CANCELLED", "allowed": ["NO_SHOW"]},
    ),
    (ChangeUnderWay("b"), 409, "CHANGE_UNDER_WAY", None, None),
    (CaseNotFound(7), 404, "CASE_UNKNOWN", None, None),
    (CaseDecidedAtBooking(7, "b"), 409, "DECIDE_AT_BOOKING", None, {"bookingId": "b"}),
    (CaseAlreadyDecided(7), 409, "ALREADY_RESOLVED", None, None),
    (EventNotFound(7), 404, "EVENT_UNKNOWN", None, None),
    (EventsGone(1, 7), 410, "EVENTS_GONE", None, {"oldest": 7}),
    (EventsNotThereYet(9, 7), 422, "POSITION_UNKNOWN", "after", None),
    (DeadLetterNotFound(7), 404, "DEAD_LETTER_UNKNOWN", None, None),
    (DeadLetterDelivered(7), 409, "ALREADY_RESOLVED", None, None),
    (EventOfOtherMode(7), 409, "OTHER_MODE", None, None),
    (EventNotEnded(7), 409, "NOT_ENDED", None, None),
    (DayNotReconciled(dt.date(2031, 3, 1)), 404, "DAY_UNKNOWN", None, None),
    (EndpointNotFound(), 404, "WEBHOOK_ENDPOINT_UNKNOWN", None, None),
    (DeliveryNotFound(), 404, "WEBHOOK_DELIVERY_UNKNOWN", None, None),
    (EndpointExists("e"), 409, "WEBHOOK_ENDPOINT_EXISTS", "url", {"endpoint_id": "e"}),
    (EndpointNotActive("PAUSED"), 409, "WEBHOOK_ENDPOINT_NOT_ACTIVE", None, None),
    (
        *(SecretRotated(SOON), 409, "WEBHOOK_SECRET_ROTATED", "expire_old_now"),
        {"old_secret_until": SOON.isoformat()},
    ),
    (TooManyEndpoints(50), 409, "TOO_MANY_WEBHOOK_ENDPOINTS", None, None),
    (UrlRefused("is no URL"), 422, "WEBHOOK_URL_REFUSED", "url", None),
    (RuleRefused("a rule cannot begin in the past"), 422, "RULE_REFUSED", None, None),
    *MARKET,
    (OfferNotFound(), 404, "PRODUCT_UNKNOWN", None, None),
    (QuoteNotFound(), 404, "QUOTE_UNKNOWN", None, None),
    (
        *(NotOnSale("rate_plan", "ARCHIVED"), 409, "NOT_ON_SALE", None),
        {"what": "rate_plan", "why": "ARCHIVED"},
    ),
    (SoldOut([SOON.date()]), 409, "SOLD_OUT", None, {"nights": ["2031-03-01"]}),
    (SoldOut(seats_left=2), 409, "SOLD_OUT", None, {"seats_left": 2}),
    (
        *(QuoteRefused("check_out", "MIN_STAY", "Stay.", {"min_stay": 3}), 422, "QUOTE_REFUSED"),
        *("check_out", {"rule": "MIN_STAY", "min_stay": 3}),
    ),
    (
        *(GuestsDoNotFit("rooms[0]", "r", FITS), 422, "GUESTS_DO_NOT_FIT", "rooms[0]"),
        {"room_id": "r", **FITS},
    ),
    (
        *(CurrencyNotOffered("EUR", "USD"), 422, "CURRENCY_MISMATCH", "currency"),
        {"expected": "EUR", "given": "USD"},
    ),
    (PriceNotPayable(50, "EUR"), 422, "PRICE_NOT_PAYABLE", None, {"least": 50}),
    (PriceNotPayable(None, "EUR"), 422, "PRICE_NOT_PAYABLE", None, None),
]


def test_a_refund_that_waits_for_a_case_says_so() -> None:
    problem = Problem(code=Code.PAYMENT_DOWN, step="refund", message="the traveller is owed 1 USD")
    case = "A case about the money is open; it has to be settled first."
    assert case not in errors.problem_of(RefundRefused(problem)).detail
    told = errors.problem_of(RefundRefused(problem, has_case=True)).detail
    assert told == f"The traveller is owed 1 USD. {case}"


def every_domain_error() -> Iterator[type[DomainError]]:
    """All of them, from whatever module of the models."""
    for module in pkgutil.walk_packages(models.__path__, "models."):
        importlib.import_module(module.name)
    found = [DomainError]
    while found:
        kinds = found.pop().__subclasses__()
        found += kinds
        yield from (kind for kind in kinds if not kind.__module__.startswith("tests."))


def test_every_domain_error_has_its_answer() -> None:
    known = set(every_domain_error())
    assert known - set(errors.problem_of.registry) == set()
    assert known - {type(error) for error, *_ in ANSWERS} == set(), "tested below"


@pytest.mark.parametrize(
    ("error", "status", "code", "field", "details"),
    ANSWERS,
    ids=lambda value: type(value).__name__ if isinstance(value, DomainError) else "",
)
def test_the_answer_of_a_domain_error(
    error: DomainError, status: int, code: str, field: str | None, details: dict[str, Any] | None
) -> None:
    problem = errors.problem_of(error)
    assert (problem.status_code, problem.code, problem.field) == (status, code, field)
    assert problem.details == details
    assert problem.detail[0].isupper()
    assert problem.detail[-1] == "."
    assert str(error), "what a log says of it"


def test_when_to_come_again_and_with_which_key() -> None:
    def headers(error: DomainError) -> Any:
        return errors.problem_of(error).headers

    assert headers(TemporalUnavailable()) == {"Retry-After": "2"}
    assert headers(TemporalUnavailable(key="k")) == {"Retry-After": "2", "Idempotency-Key": "k"}
    assert headers(PlannerUnavailable(None)) == {"Retry-After": "2"}
    assert headers(PlannerUnavailable(7)) == {"Retry-After": "7"}
    assert headers(TooManyBookings(30)) == {"Retry-After": "30"}
    assert headers(NotChanged(SILENT)) is None, "it has ended: its key finds nothing else"
    assert headers(CallerUnknown()) == {"WWW-Authenticate": 'ApiKey realm="bookings"'}


def test_a_change_that_was_tried_tells_of_its_money() -> None:
    asked = errors.problem_of(ChangeRefused(FAILED, PRICE))
    tried = errors.problem_of(ChangeRefused(FAILED, PRICE, change_id="c"))
    assert "Nothing has been changed or charged." in asked.detail
    assert "Your booking stands as it was. Nothing was charged for the change." in tried.detail


async def test_one_without_an_answer_is_a_mistake_of_ours() -> None:
    class Forgotten(DomainError):
        pass

    app = FastAPI()
    errors.install(app)
    app.add_middleware(Edge, hsts=False)

    @app.get("/forgotten")
    async def forgotten() -> None:
        raise Forgotten("what a log says")

    @app.get("/unknown")
    async def unknown() -> None:
        raise BookingNotFound("b")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/forgotten")
        missing = await client.get("/unknown")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "what a log says" not in answer.text
    assert missing.json() == {
        "type": "/problems#BOOKING_UNKNOWN",
        "title": "Not Found",
        "status": 404,
        "code": "BOOKING_UNKNOWN",
        "detail": "There is no booking with this id.",
    }
