"""Examples for the description: accounts."""

from typing import Any

_AT = "2031-03-01T09:12:44Z"
PROFILE: dict[str, Any] = {
    "id": "0b6e4d0a-52f5-4a0e-9d0c-3f6a1f6b9a10",
    "email": "ada@example.com",
    "email_verified": True,
    "phone": None,
    "phone_verified": False,
    "display_name": "Ada",
    "locale": "en",
    "role": "TRAVELER",
    "created_at": _AT,
}
_SESSION_ID = "5d0c8f1e-2f0b-4c55-a1f2-b7f0b6f9d3aa"
CODE_SENT: dict[str, Any] = {
    "challenge_id": "9a3d1f52-7c1e-4a4b-8a56-0a4c6e9d2b77",
    "expires_in": 300,
    "resend_after": 60,
}
_SIGNED_IN: dict[str, Any] = {
    "user": PROFILE,
    "session_id": _SESSION_ID,
    "expires_at": "2031-03-31T09:12:44Z",
}
SIGNED_IN_PROGRAM: dict[str, Any] = {
    **_SIGNED_IN,
    "token": "q0Zb1Jm7gqvQ3uX1d2oJ9o8cP6r0m5t4y3w2v1u0s9A",
    "csrf_token": None,
}
_CSRF = "m3Jc9Xn0Qk1b2V4h6T8r0p5s7u9w1y3A5C7E9G1I3K4"
SIGNED_IN_BROWSER: dict[str, Any] = {**_SIGNED_IN, "token": None, "csrf_token": _CSRF}
ME: dict[str, Any] = {
    "user": PROFILE,
    "session_id": _SESSION_ID,
    "second_factor_enrolled": False,
    "second_factor_at": None,
    "csrf_token": _CSRF,
}
MY_SESSIONS: dict[str, Any] = {
    "sessions": [
        {
            "id": _SESSION_ID,
            "current": True,
            "method": "EMAIL",
            "user_agent": "Mozilla/5.0",
            "created_at": _AT,
            "last_seen_at": _AT,
            "expires_at": "2031-03-31T09:12:44Z",
        }
    ]
}
SECOND_FACTOR_SECRET: dict[str, Any] = {
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "uri": "otpauth://totp/tripsaga:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    "&issuer=tripsaga",
}
SECOND_FACTOR_PROVED: dict[str, Any] = {"second_factor_at": _AT}
