"""Tables of stock, and of what was bought of it: the database refuses to sell more than there is.

``held`` and ``sold`` are what the claims say that cover the night or the departure, in the same
transaction (``models.marketplace.stock``); nothing else writes them.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    Integer,
    SmallInteger,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, money_column, one_of, time_column, uuid_column
from models.marketplace.catalogue.lifecycle import DepartureStatus
from models.marketplace.catalogue.tables import owned


def _counter(column: str) -> Any:
    return Column(column, Integer, nullable=False, server_default=text("0"))


def _flag(column: str) -> Any:
    return Column(column, Boolean, nullable=False, server_default=text("false"))


COUNTED = "state IN ('HELD','SOLD','USED')"
"""A claim in one of these states is counted, as held or as sold."""


class NightRow(SQLModel, table=True):
    """A night of a type of room, for sale."""

    __tablename__ = "inventory_nights"
    __table_args__ = (
        Index("ix_inventory_nights_night", "night"),
        CheckConstraint(
            "held >= 0 AND sold >= 0 AND units >= 0 AND held + sold <= units",
            name="inventory_nights_units",
        ),
        # Counters move often, and no index has them: there is room for the next version of a row.
        {"postgresql_with": {"fillfactor": 70}},
    )

    room_id: str = Field(sa_column=owned("rooms", primary_key=True))
    night: dt.date = Field(sa_column=Column(Date, primary_key=True))
    """The date on which it begins."""
    units: int
    held: int = Field(default=0, sa_column=_counter("held"))
    sold: int = Field(default=0, sa_column=_counter("sold"))
    available: int | None = Field(
        default=None,
        sa_column=Column(
            "available", Integer, Computed("units - held - sold", persisted=True), nullable=False
        ),
    )
    price: int | None = Field(default=None, sa_column=money_column(nullable=True))
    """NULL: the room's base price."""
    closed: bool = Field(default=False, sa_column=_flag("closed"))
    closed_to_arrival: bool = Field(default=False, sa_column=_flag("closed_to_arrival"))
    closed_to_departure: bool = Field(default=False, sa_column=_flag("closed_to_departure"))
    min_stay: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    """Of stays that begin on it."""


class DepartureRow(SQLModel, table=True):
    """A departure of a tour, with seats for sale."""

    __tablename__ = "tour_departures"
    __table_args__ = (
        Index("ux_tour_departures_date", "package_id", "departure_date", unique=True),
        CheckConstraint(one_of("status", DepartureStatus), name="tour_departures_status"),
        CheckConstraint(
            "held >= 0 AND sold >= 0 AND seats >= 0 AND held + sold <= seats",
            name="tour_departures_seats",
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    package_id: str = Field(sa_column=owned("tour_packages"))
    departure_date: dt.date = Field(sa_column=Column(Date, nullable=False))
    starts_at: dt.datetime = Field(sa_column=time_column())
    ends_at: dt.datetime = Field(sa_column=time_column())
    seats: int
    held: int = Field(default=0, sa_column=_counter("held"))
    sold: int = Field(default=0, sa_column=_counter("sold"))
    price: int | None = Field(default=None, sa_column=money_column(nullable=True))
    """NULL: the tour's."""
    status: str = DepartureStatus.OPEN
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class StockClaimRow(SQLModel, table=True):
    """A booking's claim on nights of a room, or on seats of a departure.

    Its state follows that of its booking (``models.marketplace.stock.hook``) and only moves from
    HELD to SOLD, RELEASED or EXPIRED and from SOLD to RELEASED or USED (a trigger, that of
    ``inventory_claims``). HELD ones count as held, SOLD and USED ones as sold.
    """

    __tablename__ = "stock_claims"
    __table_args__ = (
        Index("ux_stock_claims_booking", "booking_id", "item", "version", "line", unique=True),
        Index("ix_stock_claims_room", "room_id", postgresql_where=text("state IN ('HELD','SOLD')")),
        Index(
            "ix_stock_claims_departure",
            "departure_id",
            postgresql_where=text(f"departure_id IS NOT NULL AND {COUNTED}"),
        ),
        # What is to come, for I10: what is over only grows.
        Index("ix_stock_claims_until", text("upper(nights)"), postgresql_where=text(COUNTED)),
        Index("ix_stock_claims_overdue", "expires_at", postgresql_where=text("state = 'HELD'")),
        Index("ix_stock_claims_holder", "holder_id", postgresql_where=text("state = 'HELD'")),
        CheckConstraint(
            "state IN ('HELD','SOLD','USED','RELEASED','EXPIRED')", name="stock_claims_state"
        ),
        CheckConstraint("state <> 'HELD' OR expires_at IS NOT NULL", name="stock_claims_held"),
        CheckConstraint("units BETWEEN 1 AND 500", name="stock_claims_units"),
        CheckConstraint(
            "(room_id IS NOT NULL) = (nights IS NOT NULL)"
            " AND (room_id IS NULL) = (departure_id IS NOT NULL) AND NOT isempty(nights)",
            name="stock_claims_what",
        ),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True)
    )
    booking_id: str = Field(sa_column=booking_column())
    item: int
    version: int = 1
    """1, 2, …: a stay that is changed gets other claims."""
    line: int
    """1, 2, …: of one version, several rooms, or dates that do not follow each other."""
    holder_id: str = Field(sa_column=uuid_column())
    """Whose holds are counted together: the booking's user, or else its caller."""
    room_id: str | None = Field(default=None, sa_column=Column(Uuid(as_uuid=False), nullable=True))
    nights: Any = Field(default=None, sa_column=Column(DATERANGE, nullable=True))
    """Half-open. Of a stay that ended early, until it did."""
    departure_id: str | None = Field(
        default=None, sa_column=Column(Uuid(as_uuid=False), nullable=True)
    )
    units: int
    """Rooms, or seats."""
    state: str
    expires_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    changed_at: dt.datetime = Field(sa_column=time_column(now=True))


class PurchaseRow(SQLModel, table=True):
    """What was bought of a provider, beside its booking; it changes when the dates do."""

    __tablename__ = "purchases"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="purchases_times"),
        CheckConstraint("guests BETWEEN 1 AND 500", name="purchases_guests"),
        CheckConstraint(
            "(departure_id IS NULL) = (listing_id IS NOT NULL)"
            " AND (listing_id IS NOT NULL) = (check_in IS NOT NULL AND check_out IS NOT NULL"
            " AND check_out > check_in)",
            name="purchases_what",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    listing_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    package_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """Of the hotel package, or of the tour."""
    departure_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    check_in: dt.date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    check_out: dt.date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    time_zone: str
    """IANA: the listing's, or where the tour begins."""
    starts_at: dt.datetime = Field(sa_column=time_column())
    ends_at: dt.datetime = Field(sa_column=time_column())
    guests: int


NIGHTS = SQLModel.metadata.tables["inventory_nights"]

DEPARTURES = SQLModel.metadata.tables["tour_departures"]

STOCK_CLAIMS = SQLModel.metadata.tables["stock_claims"]

PURCHASES = SQLModel.metadata.tables["purchases"]
