"""OAuth 2 client credentials. Tokens contain their expiry, so none is stored."""

import datetime as dt
import hashlib
import hmac
from typing import Any, Final

from sandbox.amadeus.messages import failed
from sandbox.world import Answer

LIFE_SECONDS: Final = 1799
_SIGNING_KEY: Final = b"sandbox"


def issue(form: dict[str, str], now: dt.datetime) -> Answer:
    """Answer a token request; any credentials are good that do not begin with ``invalid``."""
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if form.get("grant_type") != "client_credentials":
        return _refused(400, "unsupported_grant_type", "Only client_credentials is supported")
    if not client or not secret or client.startswith("invalid") or secret.startswith("invalid"):
        return _refused(401, "invalid_client", "Client credentials are invalid")
    body: dict[str, Any] = {
        "type": "amadeusOAuth2Token",
        "username": "sandbox@example.com",
        "application_name": "Sandbox",
        "client_id": client,
        "token_type": "Bearer",
        "access_token": token_at(now),
        "expires_in": LIFE_SECONDS,
        "state": "approved",
        "scope": "",
    }
    return Answer(200, body)


def token_at(moment: dt.datetime) -> str:
    """Return a token issued at ``moment``."""
    seconds = f"{int(moment.timestamp()):x}"
    return f"{seconds}{_signature(seconds)}"


def check(authorization: str | None, now: dt.datetime) -> Answer | None:
    """Return the 401 that an ``Authorization`` header deserves, or None when it is good."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme != "Bearer" or not token:
        return failed(
            38191, "Missing or invalid format for mandatory Authorization header", status=401
        )
    seconds, signature = token[:-20], token[-20:]
    if not hmac.compare_digest(_signature(seconds).encode(), signature.encode()):
        return failed(
            38190, "The access token provided in the Authorization header is invalid", status=401
        )
    if now.timestamp() - int(seconds, 16) > LIFE_SECONDS:
        return failed(38192, "The access token is expired", status=401)
    return None


def _signature(seconds: str) -> str:
    return hmac.new(_SIGNING_KEY, seconds.encode(), hashlib.sha256).hexdigest()[:20]


def _refused(status: int, error: str, description: str) -> Answer:
    return Answer(
        status,
        {
            "error": error,
            "error_description": description,
            "code": 38187,
            "title": "Invalid parameters",
        },
    )
