"""The key ring, and that nothing starts without its keys."""

import base64
import os
import subprocess
import sys

import pytest
from pydantic import SecretStr, ValidationError

from codec.keys import CannotDecrypt, KeyRing, UnknownKey
from models.core.keys import traveler_id
from settings import Settings
from temporal import connect
from tests.support.processes import ROOT

OLD = "2026:" + base64.b64encode(bytes(range(32))).decode()
NEW = "2027:" + base64.b64encode(bytes(range(32, 64))).decode()
SUPPLIERS = {"amadeus": {"api_key": "k"}, "stripe": {"secret_key": "sk_live_x"}}


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    before, during, after = KeyRing.parse(OLD), KeyRing.parse(f"{NEW}, {OLD}"), KeyRing.parse(NEW)
    old = before.seal(b"passport")
    assert old[0] == "2026"
    assert during.open(*old) == b"passport"
    new = during.seal(b"passport")
    assert new[0] == "2027"
    assert after.open(*new) == b"passport"
    with pytest.raises(UnknownKey, match=r"'2026'.* not in PAYLOAD_KEYS \(there: 2027\)"):
        after.open(*old)


def test_the_same_is_never_sealed_the_same() -> None:
    ring = KeyRing.parse(OLD)
    assert ring.seal(b"passport") != ring.seal(b"passport")


def test_what_was_changed_does_not_open() -> None:
    ring = KeyRing({"a": bytes(32), "b": bytes(32)})  # one key under two ids
    key_id, sealed = ring.seal(b"passport")
    for damaged in (sealed[:-1], sealed[1:], b"", sealed[:12] + bytes(len(sealed) - 12)):
        with pytest.raises(CannotDecrypt, match="damaged"):
            ring.open(key_id, damaged)
    with pytest.raises(CannotDecrypt, match="damaged"):
        ring.open("b", sealed)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026", "key 1 is not written ID:KEY"),
        (f"{OLD},", "key 2 is not written ID:KEY"),
        ("2026:" + base64.b64encode(bytes(16)).decode(), "32 bytes"),
        ("2026:" + base64.b64encode(bytes(33)).decode(), "32 bytes"),
        (OLD.replace(":", ": "), "not written"),
        (f"{OLD},{OLD}", "'2026' is there twice"),
    ],
)
def test_a_ring_that_is_no_ring_stops_the_start_and_is_not_quoted(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as error:
        Settings(payload_keys=SecretStr(text))
    assert "PAYLOAD_KEYS" in str(error.value)
    assert OLD.partition(":")[2][:12] not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        {"payload_keys": ""},
        {"traveler_id_key": ""},
        {"webhook_master_key": ""},
        {"auth_pepper": ""},
        {"payload_keys": "", "codec_token": ""},
    ],
)
def test_production_does_not_start_without_keys(given: dict[str, str]) -> None:
    missing = next(iter(given)).upper()
    with pytest.raises(ValidationError, match=f"{missing} must be set"):
        Settings(environment="production", **SUPPLIERS, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["traveler_id_key", "webhook_master_key", "auth_pepper", "codec_token"]
)
def test_short_secrets_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name.upper()} must have"):
        Settings(**{name: "short"})  # type: ignore[arg-type]


async def test_nobody_speaks_to_temporal_without_keys() -> None:
    with pytest.raises(RuntimeError, match="PAYLOAD_KEYS must be set"):
        await connect(Settings(payload_keys=SecretStr("")), lazy=True)


def test_a_travellers_id_cannot_be_found_by_trying_addresses() -> None:
    mine, other = b"m" * 32, b"o" * 32
    assert traveler_id(mine, "c", "Ada@example.org") == traveler_id(mine, "c", "ada@example.org")
    ids = {
        traveler_id(mine, "c", "ada@example.org"),
        traveler_id(other, "c", "ada@example.org"),
        traveler_id(mine, "d", "ada@example.org"),
        traveler_id(mine, "c", "eva@example.org"),
    }
    assert len(ids) == 4


@pytest.mark.parametrize("command", ["api", "worker", "codec"])
def test_commands_say_which_key_is_missing(command: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cli", command],
        cwd=ROOT,
        env={**os.environ, "PAYLOAD_KEYS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "PAYLOAD_KEYS must be set" in answer.stderr
    assert "Traceback" not in answer.stderr
