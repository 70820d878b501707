"""The activities that workflows call, as typed contracts: name, input, output.

Workflows must not import activity code (it does I/O) and should not call it by a bare string.
Both sides import the contract from here; a test holds every activity's signature against it.
"""

from pydantic import BaseModel

from models.bookings.booking import Booking
from models.bookings.messages import (
    BookingRef,
    BookingRequest,
    EndedRequests,
    OpenedBooking,
    Recorded,
    Transition,
)
from models.core.calls import Call
from models.marketplace.stock.messages import KeepHeld, KeptHeld
from models.operations.messages import (
    CheckCall,
    Checked,
    ReconcileCall,
    Reconciled,
    ReportCall,
    Reported,
    WatchPlan,
    WatchRequest,
)
from models.payments.messages import PaymentCall, PaymentOutcome, StrayPayment
from models.reservations.changes import MoveClaim, MovedClaim, OpenedMove
from models.reservations.messages import OpenReservation
from models.suppliers.following import Followed, FollowPart, LookAgain, Noted
from models.suppliers.messages import (
    BookedItem,
    CancelledItem,
    ChangeCall,
    ItemCall,
    LookedItem,
)
from models.trips.cancellation_quotes import CancellationQuoted, QuoteCancellationRequest
from models.trips.changes import (
    ChangeNote,
    ChangeOutcome,
    OpenedChange,
    QuoteChangeCall,
)
from models.trips.messages import ItemsQuoted, OpenBooking

OPEN_BOOKING = Call("open_booking", OpenBooking, OpenedBooking)

OPEN_RESERVATION = Call("open_reservation", OpenReservation, OpenedBooking)

OPEN_MOVE = Call("open_move", BookingRequest, OpenedMove)

MOVE_CLAIM = Call("move_claim", MoveClaim, MovedClaim)

KEEP_HELD = Call("keep_held", KeepHeld, KeptHeld)

LOAD_BOOKING = Call("load_booking", BookingRef, Booking)

QUOTE_ITEMS = Call("quote_items", BookingRef, ItemsQuoted)

RECORD = Call("record", Transition, Recorded)

END_REQUESTS = Call("end_requests", EndedRequests, Noted)

BOOK_ITEM = Call("book_item", ItemCall, BookedItem)

COMPLETE_ITEM = Call("complete_item", ItemCall, BookedItem)

LOOK_AT_ITEM = Call("look_at_item", ItemCall, LookedItem)

CHANGE_ITEM = Call("change_item", ChangeCall, BookedItem)

CANCEL_ITEM = Call("cancel_item", ItemCall, CancelledItem)

QUOTE_CANCELLATION = Call("quote_cancellation", QuoteCancellationRequest, CancellationQuoted)

AUTHORISE = Call("authorise_payment", PaymentCall, PaymentOutcome)

READ_PAYMENT = Call("read_payment", PaymentCall, PaymentOutcome)

CAPTURE = Call("capture_payment", PaymentCall, PaymentOutcome)

RETURN_PAYMENT = Call("return_payment", PaymentCall, PaymentOutcome)

REFUND = Call("refund_payment", PaymentCall, PaymentOutcome)

RETURN_STRAY = Call("return_stray_payment", StrayPayment, PaymentOutcome)

LOOK = Call("look_at_payment", BookingRef, PaymentOutcome)

OPEN_CHANGE = Call("open_change", BookingRequest, OpenedChange)

QUOTE_CHANGE = Call("quote_change", QuoteChangeCall, ItemsQuoted)

END_CHANGE = Call("end_change", ChangeNote, ChangeOutcome)

PLAN_WATCH = Call("plan_watch", WatchRequest, WatchPlan)

RECONCILE = Call("reconcile_payments", ReconcileCall, Reconciled)

CHECK = Call("check_invariants", CheckCall, Checked)

REPORT = Call("report_day", ReportCall, Reported)

LOOK_AGAIN = Call("look_again", LookAgain, Noted)

READ_CHANGES = Call("read_supplier_changes", FollowPart, Followed)

FOLLOW_ITEMS = Call("follow_items", FollowPart, Followed)

FIND_QUIET = Call("find_quiet_bookings", FollowPart, Followed)

ALL_CALLS: tuple[Call[BaseModel, BaseModel], ...] = (  # type: ignore[assignment]
    OPEN_BOOKING,
    OPEN_RESERVATION,
    OPEN_MOVE,
    MOVE_CLAIM,
    KEEP_HELD,
    LOAD_BOOKING,
    QUOTE_ITEMS,
    RECORD,
    END_REQUESTS,
    BOOK_ITEM,
    COMPLETE_ITEM,
    LOOK_AT_ITEM,
    CHANGE_ITEM,
    CANCEL_ITEM,
    QUOTE_CANCELLATION,
    AUTHORISE,
    READ_PAYMENT,
    CAPTURE,
    RETURN_PAYMENT,
    REFUND,
    LOOK,
    RETURN_STRAY,
    OPEN_CHANGE,
    QUOTE_CHANGE,
    END_CHANGE,
    PLAN_WATCH,
    RECONCILE,
    CHECK,
    REPORT,
    LOOK_AGAIN,
    READ_CHANGES,
    FOLLOW_ITEMS,
    FIND_QUIET,
)
