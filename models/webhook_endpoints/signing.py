"""Signatures of what we send, by Standard Webhooks (standardwebhooks.com, symmetric, ``v1``).

A secret is HMAC-SHA256 of a master key over endpoint and generation: the database holds nothing
from which one could be made, and who has the master key can make all.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300
"""How old a timestamp may be, and how far ahead; the specification leaves it to receivers."""


class BadSignature(Exception):
    """What came is not what was signed, or not signed by whoever has the secret."""


def secret_of(master_key: bytes, endpoint_id: str, generation: int) -> bytes:
    """Return the secret of an endpoint, 32 bytes."""
    about = f"webhook_endpoint\n{endpoint_id}\n{generation}"
    return hmac.digest(master_key, about.encode(), "sha256")


def shown(secret: bytes) -> str:
    """Return a secret as receivers are given it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature, with its version."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(
    secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers; ``timestamp`` is the attempt's, in seconds since 1970."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            signature(secret, message_id, timestamp, body) for secret in secrets
        ),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the id of what came with these headers (names in lower case).

    Raises:
        BadSignature: it does not fit, or it is too old.
        ValueError: the secret is none.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    try:
        message_id, given = headers["webhook-id"], headers["webhook-signature"]
        timestamp = int(headers["webhook-timestamp"])
    except (KeyError, ValueError) as error:
        raise BadSignature("a header is missing or malformed") from error
    if abs(time.time() - timestamp) > TOLERANCE_SECONDS:
        raise BadSignature("it is too old, or from the future")
    wanted = signature(key, message_id, timestamp, body).encode()
    if not any(hmac.compare_digest(wanted, one.encode()) for one in given.split()):
        raise BadSignature("the signature is not of this secret")
    return message_id
