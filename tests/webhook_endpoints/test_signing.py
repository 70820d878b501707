"""E8: the library of Standard Webhooks verifies what we send, over HTTPS and over a rotation."""

import base64
import datetime as dt
import ssl
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError

from activities.webhook_endpoints.delivering import Webhooks
from models.core.addresses import Reach
from models.webhook_endpoints.repository import rotate_secret
from models.webhook_endpoints.sending import WebhookSender
from models.webhook_endpoints.signing import BadSignature, headers, secret_of, verify
from tests.webhook_endpoints.conftest import MASTER, World
from tests.webhook_endpoints.receiver import Received, Receiver

HOST = "hooks.example"


async def here(host: str, port: int) -> list[str]:
    """Every name is this machine."""
    assert host == HOST
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def cafile(authority: trustme.CA, tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


async def serving(authority: trustme.CA, name: str) -> AsyncIterator[Receiver]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(tls)
    async with Receiver(tls).running() as running:
        yield running


@pytest.fixture
async def secured(authority: trustme.CA) -> AsyncIterator[Receiver]:
    async for running in serving(authority, HOST):
        yield running


def worker(world: World, cafile: str | None) -> Webhooks:
    sender = WebhookSender(MASTER, Reach(local=True), cafile=cafile, resolve=here)
    return Webhooks(world.books.sessions, sender)


def verified(secret: str, request: Received) -> bool:
    try:
        told = Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    assert told == request.event
    return True


async def test_every_delivery_is_verified_also_over_a_rotation(
    world: World, secured: Receiver, cafile: str
) -> None:
    endpoint = await world.endpoint(secured.url(HOST))
    old, new = world.secret(endpoint), world.secret(endpoint, 2)
    ours = worker(world, cafile)
    bodies: list[bytes] = []

    async def three() -> list[Received]:
        asked = len(secured.received)
        await world.booking()
        await world.fan_out()
        await world.send(ours)
        assert len(secured.received) == asked + 3
        bodies.extend(one.body for one in secured.received[asked:])
        return secured.received[asked:]

    for request in await three():
        assert verified(old, request)
        assert not verified(new, request)
        assert request.headers["webhook-id"] == request.event["id"]
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["host"] == f"{HOST}:{secured.port}"
    async with world.books.sessions.begin() as session:
        await rotate_secret(session, world.caller, endpoint.id, str(uuid.uuid4()))
    for request in await three():
        assert verified(old, request)
        assert verified(new, request)
        assert verify(new, request.headers, request.body) == request.event["id"]
    await world.pass_time(dt.timedelta(hours=24))
    for request in await three():
        assert not verified(old, request)
        assert verified(new, request)
    assert len(set(bodies)) == 9


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
async def test_a_certificate_of_another_name_is_sent_nothing(
    world: World, authority: trustme.CA, cafile: str, name: str
) -> None:
    async for running in serving(authority, name):
        await world.endpoint(running.url(HOST), "booking.confirmed")
        await world.booking()
        await world.fan_out()
        await world.send(worker(world, cafile))
        assert running.received == []
        [(error,)] = await world.rows("SELECT error FROM webhook_attempts")
        assert "CERTIFICATE_VERIFY_FAILED" in error


async def test_an_authority_that_nobody_trusts_is_sent_nothing(
    world: World, secured: Receiver
) -> None:
    await world.endpoint(secured.url(HOST), "booking.confirmed")
    await world.booking()
    await world.fan_out()
    await world.send(worker(world, None))
    assert secured.received == []


async def test_what_is_changed_is_not_verified(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url(), "booking.confirmed")
    await world.booking()
    await world.deliver()
    [request] = receiver.received
    secret = world.secret(endpoint)
    assert verified(secret, request)
    for changed in (
        Received(request.path, request.headers, request.body + b" "),
        Received(request.path, {**request.headers, "webhook-id": "other"}, request.body),
        Received(request.path, {**request.headers, "webhook-timestamp": "1"}, request.body),
        Received(
            request.path,
            {
                **request.headers,
                "webhook-timestamp": str(int(request.headers["webhook-timestamp"]) - 1),
            },
            request.body,
        ),
    ):
        assert not verified(secret, changed)
        with pytest.raises(BadSignature):
            verify(secret, changed.headers, changed.body)


def test_no_two_secrets_are_alike_and_none_is_short() -> None:
    secrets = {
        secret_of(key, endpoint, generation)
        for key in (b"a" * 32, b"b" * 32)
        for endpoint in ("e", "f")
        for generation in (1, 2)
    }
    assert len(secrets) == 8
    assert {len(secret) for secret in secrets} == {32}


def test_the_example_of_the_specification() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme"."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
