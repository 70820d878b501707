"""What is planted turns the proofs of webhooks red: order, addresses, signatures (E6-E8)."""

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from sqlalchemy import text

from models.webhook_endpoints import claiming, sending, signing
from tests.core import test_addresses as addresses
from tests.webhook_endpoints.conftest import World
from tests.webhook_endpoints.receiver import Receiver
from tests.webhook_endpoints.test_order import (
    test_a_failing_booking_holds_up_no_other_and_arrives_in_order as in_order,
)
from tests.webhook_endpoints.test_signing import authority as authority
from tests.webhook_endpoints.test_signing import cafile as cafile
from tests.webhook_endpoints.test_signing import secured as secured
from tests.webhook_endpoints.test_signing import (
    test_every_delivery_is_verified_also_over_a_rotation as verified,
)

Patch = pytest.MonkeyPatch
FIRST = claiming._FIRST
PLANTED_ORDERS = {
    "E6: any delivery is due": "true",
    "E6: one delivery of an endpoint is due": FIRST.replace("o.booking_id = d.booking_id", "true"),
}


@pytest.mark.parametrize("what", PLANTED_ORDERS)
async def test_another_order_is_found(
    world: World, receiver: Receiver, monkeypatch: Patch, what: str
) -> None:
    assert FIRST in claiming._CLAIM.text
    planted = claiming._CLAIM.text.replace(FIRST, PLANTED_ORDERS[what])
    monkeypatch.setattr(claiming, "_CLAIM", text(planted))
    with pytest.raises(AssertionError):
        await in_order(world, receiver)


async def test_an_address_that_nobody_judges_is_found(monkeypatch: Patch) -> None:
    """E7"""
    monkeypatch.setattr("models.core.guarded_http.is_allowed", lambda *_: True)
    for proof in (
        addresses.test_a_name_that_stands_for_it_is_not_connected_to("169.254.169.254"),
        addresses.test_a_name_that_is_bound_again_is_judged_again(),
    ):
        with pytest.raises(AssertionError):
            await proof


@pytest.mark.exhaustive  # it waits for a server that speaks no TLS
async def test_a_url_that_nobody_judges_is_found(monkeypatch: Patch) -> None:
    """E7"""
    monkeypatch.setattr("models.core.addresses.is_allowed", lambda *_: True)
    monkeypatch.setattr("models.core.guarded_http.is_allowed", lambda *_: True)
    async with Receiver().running() as listener:
        with pytest.raises(AssertionError):
            await addresses.test_no_spelling_of_a_host_gets_through(listener, "127.0.0.1")


PLANTED_SIGNATURES: dict[str, tuple[tuple[Any, str], Callable[[Any], Any]]] = {
    "E8: the time is not signed": (
        (signing, "signature"),
        lambda real: lambda secret, name, _at, body: real(secret, name, 0, body),
    ),
    "E8: another body is signed": (
        (signing, "signature"),
        lambda real: lambda secret, name, at, body: real(secret, name, at, body + b" "),
    ),
    "E8: a rotation changes nothing": (
        (sending, "secret_of"),
        lambda real: lambda key, endpoint, _generation: real(key, endpoint, 1),
    ),
}


@pytest.mark.parametrize("what", PLANTED_SIGNATURES)
async def test_another_signature_is_found(
    world: World,
    secured: Receiver,
    authority: trustme.CA,
    cafile: str,
    monkeypatch: Patch,
    what: str,
) -> None:
    (module, name), planted = PLANTED_SIGNATURES[what]
    monkeypatch.setattr(module, name, planted(getattr(module, name)))
    with pytest.raises(AssertionError):
        await verified(world, secured, cafile)
