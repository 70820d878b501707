"""The activities that workflows call, as typed contracts: name, input, output.

Workflows must not import activity code (it does I/O) and should not call it by a bare string.
Both sides import the contract from here; a test holds every activity's signature against it.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from models.booking import Booking
from models.messages import (
    BookedItem,
    BookingRef,
    CancelledItem,
    ItemCall,
    ItemsQuoted,
    LookedItem,
    OpenBooking,
    OpenedBooking,
    PaymentCall,
    PaymentOutcome,
    Recorded,
    StrayPayment,
    Transition,
)
from models.watching import (
    CheckCall,
    Checked,
    ReconcileCall,
    Reconciled,
    ReportCall,
    Reported,
    WatchPlan,
    WatchRequest,
)

Input = TypeVar("Input", bound=BaseModel)
Output = TypeVar("Output", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[Input, Output]):
    """One activity as workflows know it."""

    name: str
    input: type[Input]
    output: type[Output]


OPEN_BOOKING = Call("open_booking", OpenBooking, OpenedBooking)
LOAD_BOOKING = Call("load_booking", BookingRef, Booking)
QUOTE_ITEMS = Call("quote_items", BookingRef, ItemsQuoted)
RECORD = Call("record", Transition, Recorded)
BOOK_ITEM = Call("book_item", ItemCall, BookedItem)
COMPLETE_ITEM = Call("complete_item", ItemCall, BookedItem)
LOOK_AT_ITEM = Call("look_at_item", ItemCall, LookedItem)
CANCEL_ITEM = Call("cancel_item", ItemCall, CancelledItem)
AUTHORISE = Call("authorise_payment", PaymentCall, PaymentOutcome)
READ_PAYMENT = Call("read_payment", PaymentCall, PaymentOutcome)
CAPTURE = Call("capture_payment", PaymentCall, PaymentOutcome)
RETURN_PAYMENT = Call("return_payment", PaymentCall, PaymentOutcome)
REFUND = Call("refund_payment", PaymentCall, PaymentOutcome)
RETURN_STRAY = Call("return_stray_payment", StrayPayment, PaymentOutcome)
LOOK = Call("look_at_payment", BookingRef, PaymentOutcome)
PLAN_WATCH = Call("plan_watch", WatchRequest, WatchPlan)
RECONCILE = Call("reconcile_payments", ReconcileCall, Reconciled)
CHECK = Call("check_invariants", CheckCall, Checked)
REPORT = Call("report_day", ReportCall, Reported)

ALL_CALLS: tuple[Call[BaseModel, BaseModel], ...] = (  # type: ignore[assignment]
    OPEN_BOOKING,
    LOAD_BOOKING,
    QUOTE_ITEMS,
    RECORD,
    BOOK_ITEM,
    COMPLETE_ITEM,
    LOOK_AT_ITEM,
    CANCEL_ITEM,
    AUTHORISE,
    READ_PAYMENT,
    CAPTURE,
    RETURN_PAYMENT,
    REFUND,
    LOOK,
    RETURN_STRAY,
    PLAN_WATCH,
    RECONCILE,
    CHECK,
    REPORT,
)
