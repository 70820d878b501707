"""Every answer that is no success, at every request of every supplier: which error it ends in."""

import datetime as dt
from importlib import import_module

import pytest

from models.core.errors import ProviderError, Retryable
from suppliers.registry import ADAPTERS
from tests.suppliers.conftest import Scripted
from tests.suppliers.scripts import Endpoint, Script, common

SCRIPTS: list[Script] = [
    import_module(f"tests.suppliers.{name}.script").SCRIPT for name in ADAPTERS
]
ENDPOINTS = [
    pytest.param(script, endpoint, id=f"{script.name}-{number}-{endpoint.operation}")
    for script in SCRIPTS
    for number, endpoint in enumerate(script.endpoints, 1)
]


@pytest.mark.parametrize(("script", "endpoint"), ENDPOINTS)
async def test_answers(
    scripted: Scripted, subtests: pytest.Subtests, script: Script, endpoint: Endpoint
) -> None:
    supplier = script.supplier(scripted)
    of_nobody = [row for row in common(endpoint) if row[0].status not in script.not_common]
    for reply, expected in (
        *(of_nobody if endpoint.common else ()),
        *(script.everywhere if endpoint.everywhere else ()),
        *endpoint.own,
    ):
        body = str(reply.body)[:200]
        with subtests.test(f"{reply.status} {body}"):
            scripted.requests.clear()
            scripted.say(endpoint.path, *endpoint.before, reply, *endpoint.after)
            with pytest.raises(ProviderError) as caught:
                await endpoint.call(supplier)
            error = caught.value
            assert type(error) is expected, repr(error)
            assert error.provider == script.name
            assert endpoint.operation in ("", error.operation)
            sent = [path for path, _ in scripted.requests if path.endswith(endpoint.path)]
            assert len(sent) <= endpoint.most, "adapters never retry"
            if (named := reply.headers.get("X-Request-Id")) and error.status == reply.status:
                assert error.request_id == named
            if (pause := reply.headers.get("Retry-After")) and isinstance(error, Retryable):
                assert error.retry_after == dt.timedelta(seconds=float(pause))
        if reply.status == 429 or "Retry-After" in reply.headers:  # it asked for a pause
            await supplier.close()
            supplier = script.supplier(scripted)
    await supplier.close()
