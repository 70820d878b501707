"""What a supplier's answer means: a table."""

import datetime as dt

import pytest

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
from models.core.money import Money
from models.core.supply import ItemType, Reservation, ReservationStatus
from models.suppliers.following import News, news_about

NOON = dt.datetime(2030, 5, 1, 12, tzinfo=dt.UTC)
S, R = BookingState, ReservationStatus
BOOKED = (ItemStatus.CONFIRMED, SagaState.BOOKED)
AWAITED = (ItemStatus.PENDING, SagaState.AWAITED)
DROPPED = (ItemStatus.FAILED, SagaState.UNDONE)
UNDONE = (ItemStatus.CANCELLED, SagaState.UNDONE)


def reserved(status: ReservationStatus, starts: dt.datetime | None = NOON) -> Reservation:
    return Reservation(
        reference="r",
        supplier_id="s",
        confirmation_code="c",
        provider="p",
        price=Money(amount=100, currency="EUR"),
        status=status,
        starts_at=starts,
    )


def booking(state: BookingState, item: tuple[ItemStatus, SagaState]) -> Booking:
    return Booking(
        id="b",
        reference="TS",
        trip_option_id="t",
        state=state,
        currency="EUR",
        accepted_total=100,
        items=[
            Item(
                number=1,
                type=ItemType.ACTIVITY,
                supplier="viator",
                component_id="c",
                title="A walk",
                currency="EUR",
                price=100,
                reference="r",
                status=item[0],
                saga_state=item[1],
                reservation=reserved(R.CONFIRMED),
            )
        ],
        payments=[PaymentView(payment_method_id="pm", currency="EUR", amount=100)],
        created_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.parametrize(
    ("state", "item", "status", "news"),
    [
        (S.CONFIRMED, BOOKED, R.CONFIRMED, None),
        (S.CONFIRMED, BOOKED, R.PENDING, None),
        (S.CONFIRMED, BOOKED, R.CANCELLED, News.CANCELLED),
        (S.CONFIRMED, BOOKED, R.REJECTED, News.CANCELLED),
        (S.CONFIRMED, AWAITED, R.PENDING, None),
        (S.CONFIRMED, AWAITED, R.CONFIRMED, News.CONFIRMED),
        (S.CONFIRMED, AWAITED, R.REJECTED, News.REFUSED),
        (S.CONFIRMED, AWAITED, R.CANCELLED, News.REFUSED),
        (S.CONFIRMED, DROPPED, R.CANCELLED, None),
        (S.CONFIRMED, DROPPED, R.CONFIRMED, News.LEFT_OVER),
        (S.CONFIRMED, DROPPED, R.PENDING, News.LEFT_OVER),
        (S.CONFIRMED, UNDONE, R.CONFIRMED, News.LEFT_OVER),
        (S.FAILED, DROPPED, R.HELD, News.LEFT_OVER),
        (S.FAILED, BOOKED, R.CONFIRMED, News.LEFT_OVER),
        (S.FAILED, BOOKED, R.CANCELLED, None),
        (S.CANCELLED, UNDONE, R.CONFIRMED, News.LEFT_OVER),
        (S.CANCELLED, UNDONE, R.REJECTED, None),
        (S.COMPLETED, BOOKED, R.CANCELLED, News.CANCELLED),
    ],
)
def test_news(
    state: BookingState,
    item: tuple[ItemStatus, SagaState],
    status: ReservationStatus,
    news: News | None,
) -> None:
    found = booking(state, item)
    assert news_about(found, found.items[0], reserved(status)) is news
    assert news_about(found, found.items[0], None) is None


@pytest.mark.parametrize(
    ("starts", "news"),
    [
        (NOON, None),
        (None, None),
        (NOON + dt.timedelta(minutes=1), News.MOVED),
        (NOON.astimezone(dt.timezone(dt.timedelta(hours=3))), None),
    ],
)
def test_other_times(starts: dt.datetime | None, news: News | None) -> None:
    found = booking(S.CONFIRMED, BOOKED)
    assert news_about(found, found.items[0], reserved(R.CONFIRMED, starts)) is news
