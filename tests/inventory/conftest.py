"""Claims are made of reservations."""

from tests.ledger.conftest import books as books
from tests.reservations.conftest import diary as diary
