"""Texts, by Twilio's Messages API: ``POST /2010-04-01/Accounts/{sid}/Messages.json``.

Form fields ``To``, ``From`` and ``Body``, the account and its token as basic authentication; 201
with the message's ``sid``, errors as JSON with ``code`` and ``message``
(https://www.twilio.com/docs/messaging/api/message-resource). It knows no idempotency key: when an
answer is lost the text is sent again.
"""

import base64
import json
from typing import Protocol
from urllib.parse import urlencode

from activities.messages.outcomes import NotTaken
from models.core.http import HttpClient, NoAnswerError, NotSentError
from models.messages.templates import Words
from settings import Settings

TIMEOUT_SECONDS = 15.0
_PASSES = frozenset({401, 403, 408, 429})
"""Refusals that say nothing about the text: an account that is mended, a limit that passes."""


class TextSender(Protocol):
    """Whoever sends texts."""

    async def send(self, message_id: str, recipient: str, words: Words) -> None:
        """Send a text. Raises NotTaken."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class TwilioTexts:
    """Twilio, or whoever speaks its API at ``TEXT_URL``."""

    def __init__(self, settings: Settings, *, timeout: float = TIMEOUT_SECONDS) -> None:
        account = settings.text.account or "ACsandbox"
        self._sender = settings.text.sender
        base = settings.text_url
        self._url = base and f"{base}/2010-04-01/Accounts/{account}/Messages.json"
        credentials = f"{account}:{settings.text.token.get_secret_value()}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._http = HttpClient(timeout=timeout)

    async def send(self, message_id: str, recipient: str, words: Words) -> None:  # noqa: ARG002
        """Send a text. Raises NotTaken."""
        if not self._url:
            raise NotTaken("TEXT_URL is not set: no texts are sent")
        form = urlencode({"To": recipient, "From": self._sender, "Body": words.body})
        try:
            answer = await self._http.send(
                "POST", self._url, headers=self._headers, content=form.encode()
            )
        except (NotSentError, NoAnswerError) as error:
            raise NotTaken(f"nobody takes texts: {error}") from error
        if answer.status != 201:
            passes = answer.status in _PASSES or answer.status >= 500
            raise NotTaken(_why(answer.status, answer.content), for_good=not passes)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _why(status: int, content: bytes) -> str:
    try:
        told = json.loads(content)
        return f"texts are answered {status}, code {told['code']}: {told['message']}"
    except (ValueError, KeyError, TypeError):
        return f"texts are answered {status}"
