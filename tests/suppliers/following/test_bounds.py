"""Rounds stay cheap, and what suppliers write is only ever kept as an identity."""

import datetime as dt

import psycopg
import pytest

from models.core.supply import SupplierChange, SupplierEvent
from models.suppliers.events import change_event, supplier_event
from models.suppliers.looks import _AWAITED, _LATE

NOW = dt.datetime.now(dt.UTC)
VALUES = {
    ":suppliers": "'{viator}'",
    ":pause": "'1 s'",
    ":window": "'1 day'",
    ":limit": "50",
}


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (_AWAITED.text, {"ix_booking_items_awaited"}),
        (_LATE.text, {"ix_attempts_doubtful"}),
        (
            "SELECT number FROM supplier_looks WHERE supplier = 'v' AND due_at <= now() LIMIT 50",
            {"ix_supplier_looks_due"},
        ),
        (
            "SELECT number FROM booking_items WHERE supplier = 'duffel' AND supplier_id = 'ord_1'",
            {"ix_booking_items_supplier"},  # with few rows either of two serves
        ),
    ],
    ids=["awaited", "late", "due", "supplier id"],
)
def test_every_query_has_its_index(database_url: str, query: str, indexes: set[str]) -> None:
    for name, value in VALUES.items():
        query = query.replace(name, value)
    with psycopg.connect(database_url) as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        rows = connection.execute(f"EXPLAIN {query}").fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert {index for index in indexes if index not in plan} == set(), plan


@pytest.mark.parametrize("words", ["wev_1", "BR-1", "a:b.c-d_e"])
def test_an_ordinary_identity_is_kept_as_it_is(words: str) -> None:
    event = supplier_event("duffel", SupplierEvent(id=words, type="x", at=NOW, supplier_id=words))
    assert (event.event_id, event.supplier_id, event.kept_because) == (words, words, None)


@pytest.mark.parametrize("words", ["", "a b", "ü" * 300, "\x00", "'; DROP TABLE bookings; --"])
def test_a_strange_identity_is_kept_as_a_hash_and_names_nothing(words: str) -> None:
    told = SupplierEvent(id=words, type=words, at=NOW, reference=words, supplier_id=words)
    event = supplier_event("duffel", told)
    assert event.event_id.startswith("sha256:")
    assert event.event_id == supplier_event("duffel", told).event_id
    assert (event.reference, event.supplier_id) == (None, None)
    assert event.kept_because == "it names no reservation"
    assert words == "" or words not in str(event.payload)


def test_a_change_without_an_identity_gets_one_of_its_own() -> None:
    change = SupplierChange(reference="r-1-1", supplier_id="BR-1", kind="CANCELLATION", at=NOW)
    event = change_event("viator", change)
    assert event == change_event("viator", change)
    later = change.model_copy(update={"at": NOW + dt.timedelta(seconds=1)})
    assert change_event("viator", later).event_id != event.event_id
    named = change.model_copy(update={"acknowledgement": "PBE-1"})
    assert change_event("viator", named).event_id == "PBE-1"
