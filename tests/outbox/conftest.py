"""A record, its outbox and its feed on a database that each module has for itself."""

from collections.abc import Iterator

import pytest

from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.suppliers.conftest import scripted as scripted
from tests.support.rabbitmq import Broker, NotToBeHad
from tests.support.rabbitmq import broker as running_broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A RabbitMQ of the module's own."""
    try:
        with running_broker() as made:
            yield made
    except NotToBeHad as error:
        pytest.skip(str(error))
