"""A record, its outbox and its feed on a database that each module has for itself."""

from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
