"""The record on the real database."""

from tests.ledger.conftest import books as books
