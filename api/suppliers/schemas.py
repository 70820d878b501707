"""What operators are answered about suppliers: how they do, attempts, orders."""

from typing import Any, Self

from pydantic import AwareDatetime, Field

from api.core.schemas import Answer
from models.bookings.lifecycle import ItemStatus, SagaState
from models.core.supply import ItemType
from models.suppliers.health import Circuit, Health
from models.suppliers.listings import title_of
from models.suppliers.reports import Calls, SupplierReport


class CallsAnswer(Answer):
    """Calls with an effect (book, complete, cancel, …) begun in a span of time, and their ends."""

    calls: int
    done: int
    refused: int
    not_done: int = Field(description="Certainly without effect: not sent, or not now.")
    unknown: int = Field(description="Nobody knows the end of these yet.")
    found: int = Field(description="Were unknown, and turned out to have been done.")
    repeated: int = Field(description="Were unknown, not visible, and asked once more.")
    absent: int = Field(description="Were unknown, and turned out not to have been done.")
    success_rate: float | None = Field(description="Done, of all that ended.")
    p50: float | None = Field(description="Seconds until an answer, median.")
    p95: float | None
    settled_p50: float | None = Field(
        description="Seconds from the beginning of a call that became unknown until settled."
    )
    settled_max: float | None

    @classmethod
    def of(cls, calls: Calls) -> Self:
        """Return calls as they are answered."""
        answer = cls.model_validate(calls, from_attributes=True)
        for name in ("p50", "p95", "settled_p50", "settled_max"):
            value = getattr(answer, name)
            setattr(answer, name, None if value is None else round(value, 3))
        return answer


class ErrorCountAnswer(Answer):
    """How often a supplier gave one answer that is not a success."""

    operation: str
    outcome: str
    code: str | None
    http_status: int | None
    calls: int


class SupplierAnswer(Answer):
    """How one supplier does."""

    supplier: str
    title: str
    type: ItemType
    sandbox: bool = Field(description="The local sandbox stands in for it.")
    circuit: Circuit = Field(
        description="down: new bookings with it are turned away; trying: one is let through."
    )
    since: AwareDatetime | None = Field(description="Null: it has not been asked yet.")
    faults_in_a_row: int
    last_fault_at: AwareDatetime | None
    last_fault_code: str | None
    last_fault: str | None
    last_success_at: AwareDatetime | None = Field(description="To within some seconds.")
    last_hour: CallsAnswer
    last_day: CallsAnswer
    errors: list[ErrorCountAnswer] = Field(description="Of the last day, most common first.")

    @classmethod
    def of(
        cls,
        name: str,
        type_: ItemType,
        health: Health | None,
        report: SupplierReport,
        *,
        sandbox: bool,
    ) -> Self:
        """Return how a supplier does as it is answered."""
        return cls(
            supplier=name,
            title=title_of(name),
            type=type_,
            sandbox=sandbox,
            circuit=health.state if health else Circuit.UP,
            since=health and health.since,
            faults_in_a_row=health.faults if health else 0,
            last_fault_at=health and health.last_fault_at,
            last_fault_code=health and health.last_fault_code,
            last_fault=health and health.last_fault,
            last_success_at=health and health.last_success_at,
            last_hour=CallsAnswer.of(report.hour),
            last_day=CallsAnswer.of(report.day),
            errors=[
                ErrorCountAnswer.model_validate(one, from_attributes=True) for one in report.errors
            ],
        )


class SuppliersAnswer(Answer):
    """All suppliers in use."""

    suppliers: list[SupplierAnswer]


class AttemptAnswer(Answer):
    """One call to a supplier or gateway, without its messages."""

    id: int
    booking_id: str
    item: int | None
    provider: str
    operation: str
    number: int = Field(description="Of the attempts at one intention: 1, 2, …")
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    outcome: str | None = Field(
        description="done, refused, not_done, unknown, repeated; null while it runs, or when its"
        " worker died."
    )
    settled: str | None = Field(
        description="How it was found out what became of it: found, repeated, not_done."
    )
    order_id: str | None = Field(validation_alias="provider_id")
    code: str | None = Field(validation_alias="provider_code")
    http_status: int | None
    request_id: str | None = Field(description="The provider's, for its support desk.")


class AttemptPage(Answer):
    """Attempts, newest first."""

    attempts: list[AttemptAnswer]
    next: int | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )


class OrderAnswer(Answer):
    """One order at a supplier, without people."""

    booking_id: str
    number: int
    traveler_id: str = Field(description="Made of caller and e-mail address; names nobody.")
    supplier: str
    title: str
    reference: str = Field(description="Our reference: RateHawk's partner order id, and so on.")
    order_id: str | None = Field(description="The supplier's.")
    confirmation: str | None
    search_hash: str | None
    book_hash: str | None
    starts_at: str | None
    ends_at: str | None
    status: ItemStatus
    saga_state: SagaState
    amount: int
    currency: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    booked_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None


class OrderPage(Answer):
    """Orders, newest first."""

    orders: list[OrderAnswer]
    next: str | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )


_BOOKING = "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10"
_CALLS: dict[str, Any] = {
    "calls": 42,
    "done": 38,
    "refused": 3,
    "notDone": 0,
    "unknown": 0,
    "found": 1,
    "repeated": 0,
    "absent": 1,
    "successRate": 0.9268,
    "p50": 1.214,
    "p95": 3.91,
    "settledP50": 12.4,
    "settledMax": 31.0,
}
SUPPLIERS: dict[str, Any] = {
    "suppliers": [
        {
            "supplier": "ratehawk",
            "title": "RateHawk",
            "type": "HOTEL",
            "sandbox": False,
            "circuit": "down",
            "since": "2031-02-11T08:14:02Z",
            "faultsInARow": 7,
            "lastFaultAt": "2031-02-11T08:15:40Z",
            "lastFaultCode": "503",
            "lastFault": "ratehawk answered 503",
            "lastSuccessAt": "2031-02-11T08:13:55Z",
            "lastHour": _CALLS,
            "lastDay": _CALLS,
            "errors": [
                {
                    "operation": "book",
                    "outcome": "refused",
                    "code": "rate_not_found",
                    "httpStatus": 200,
                    "calls": 3,
                }
            ],
        }
    ]
}
ATTEMPTS: dict[str, Any] = {
    "attempts": [
        {
            "id": 4711,
            "bookingId": _BOOKING,
            "item": 2,
            "provider": "ratehawk",
            "operation": "book",
            "number": 1,
            "startedAt": "2031-02-11T08:14:00Z",
            "finishedAt": "2031-02-11T08:14:12Z",
            "outcome": "done",
            "settled": "found",
            "orderId": "100200300",
            "code": "no_answer",
            "httpStatus": None,
            "requestId": None,
        }
    ],
    "next": 4711,
}
ORDERS: dict[str, Any] = {
    "orders": [
        {
            "bookingId": _BOOKING,
            "number": 2,
            "travelerId": "5f0c8f1e-2f0b-5c55-a1f2-b7f0b6f9d3aa",
            "supplier": "ratehawk",
            "title": "Hotel Aurora",
            "reference": f"{_BOOKING}-2",
            "orderId": "100200300",
            "confirmation": "100200300",
            "searchHash": "h-5f0c8f1e",
            "bookHash": "p-5f0c8f1e",
            "startsAt": "2031-03-01T15:00:00Z",
            "endsAt": "2031-03-05T11:00:00Z",
            "status": "CONFIRMED",
            "sagaState": "BOOKED",
            "amount": 100000,
            "currency": "USD",
            "createdAt": "2031-02-11T08:13:58Z",
            "updatedAt": "2031-02-11T08:14:20Z",
            "bookedAt": "2031-02-11T08:14:12Z",
            "cancelledAt": None,
        }
    ],
    "next": f"1928564038000000~{_BOOKING}~2",
}
