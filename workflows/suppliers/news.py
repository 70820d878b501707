"""What a supplier says afterwards, taken into a booking: its items, warnings, and cases."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Item
    from models.bookings.lifecycle import ItemStatus, SagaState
    from models.bookings.messages import SUPPLIER_CASE, CaseNote
    from models.bookings.problems import Code, Problem
    from models.core.supply import Reservation
    from models.suppliers.following import ON_ITS_WAY, News
    from workflows.core.narration import supplier_name
    from workflows.core.record import BookingRecord
    from workflows.suppliers.item_steps import item_gone


class SupplierNews:
    """Notes what was found; calls nobody."""

    def __init__(self, record: BookingRecord) -> None:
        self._record = record
        self.told: list[str] = []
        """What was found, for the history."""
        self.left_over: list[Item] = []
        """Items that stand at their suppliers for nobody."""
        self.lost = False
        """Whether the price of an item goes back."""

    def note(self, item: Item, news: News, seen: Reservation) -> None:
        """Take what a supplier says into the booking."""
        if news is News.LEFT_OVER:
            self.left_over.append(item)
        elif self._record.booking.state not in ON_ITS_WAY:
            # The trip is over: it is not changed without the traveller's consent.
            self.ask_for_help(
                item, news, f"the booking is {self._record.booking.state}, and {_description(news)}"
            )
        elif news is News.CONFIRMED:
            self._confirmed(item, seen)
        elif news is News.REFUSED:
            self._refused(item, seen)
        elif news is News.CANCELLED:
            self._cancelled(item)
        else:
            self._moved(item, seen)

    def _confirmed(self, item: Item, seen: Reservation) -> None:
        agreed = item.quote.price if item.quote else None
        if agreed and seen.price != agreed and seen.details.get("price_stated", True):
            what = f"it was confirmed at {seen.price}, {agreed} was agreed"
            self.ask_for_help(item, News.CONFIRMED, what)
        item.reservation = seen
        item.status = ItemStatus.CONFIRMED
        item.saga_state = SagaState.BOOKED
        item.booked_at = workflow.now()
        self._not_awaited(item)
        self.told.append(f"{item.title} is confirmed: {seen.confirmation_code}")

    def _refused(self, item: Item, seen: Reservation) -> None:
        name = supplier_name(item)
        told = f"{item.title} could not be confirmed by {name}"
        item.reservation = seen
        item.status = ItemStatus.FAILED
        item.saga_state = SagaState.REFUSED
        item.problem = Problem(
            code=Code.UNAVAILABLE, step=item.type.lower(), message=told, item=item.number
        )
        self._not_awaited(item)
        self._record.booking.warnings.append(
            f"{told}; its price of {self._record.money(item.price)} goes back to you."
        )
        self.lost = True
        self.told.append(told)

    def _cancelled(self, item: Item) -> None:
        told = f"{item.title} was cancelled by {supplier_name(item)}"
        item.fee = 0  # whatever the terms say: the traveller has not cancelled
        item_gone(self._record, item)
        self._record.booking.warnings.append(
            f"{told}; its price of {self._record.money(item.price)} goes back to you."
        )
        self.lost = True
        self.told.append(told)
        self.ask_for_help(item, News.CANCELLED, "the supplier has cancelled it: see to the rest")

    def _moved(self, item: Item, seen: Reservation) -> None:
        before = item.reservation
        was, now = _times(before), _times(seen)
        item.reservation = seen
        self._record.booking.warnings.append(
            f"{supplier_name(item)} has changed the times of {item.title}: it is {now}, not {was}."
        )
        self.told.append(f"{item.title} is {now}, no longer {was}")
        what = f"it was {was} and is {now} now: ask whether the trip still fits"
        self.ask_for_help(item, News.MOVED, what, version=now)

    def _not_awaited(self, item: Item) -> None:
        """Take back what the traveller was told while the item was awaited."""
        awaited = f"{item.title} is yet to be confirmed"
        warnings = self._record.booking.warnings
        self._record.booking.warnings = [told for told in warnings if not told.startswith(awaited)]

    # -- helpers --------------------------------------------------------------------------

    def ask_for_help(self, item: Item, news: News, what: str, *, version: str = "") -> None:
        """Have a case opened, so that a person looks after the traveller."""
        booking = self._record.booking
        self._record.note_case(
            CaseNote(
                kind=SUPPLIER_CASE,
                source=f"supplier:{item.reference}:{news}{':' if version else ''}{version}",
                summary=f"{booking.reference}: {item.title} at {supplier_name(item)}: {what}",
                details={
                    "item": item.number,
                    "supplier": item.supplier,
                    "news": news,
                    "supplierId": item.reservation.supplier_id if item.reservation else "",
                },
                once=True,
            )
        )


def _description(news: News) -> str:
    return {
        News.CONFIRMED: "the supplier has only now confirmed it",
        News.REFUSED: "the supplier has only now refused it: the traveller has paid for it",
        News.CANCELLED: "the supplier says that it was cancelled",
        News.MOVED: "the supplier has other times for it",
        News.LEFT_OVER: "it still stands at the supplier",
    }[news]


def _times(reservation: Reservation | None) -> str:
    starts = reservation.starts_at if reservation else None
    ends = reservation.ends_at if reservation else None
    told = [f"{at:%d %b %Y %H:%M} UTC" for at in (starts, ends) if at]
    return " to ".join(told) or "at no known time"
