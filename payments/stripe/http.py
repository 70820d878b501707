"""How the Stripe SDK reaches the network: by our own client, one request at a time, no retries."""

from collections.abc import Mapping
from typing import Any, Final

import stripe

from models.core.http import HttpClient, NoAnswerError, NotSentError

_CONNECTIONS: Final = 64
_CONNECT_SECONDS: Final = 5.0


class StripeHttp(stripe.HTTPClient):
    """The SDK's way to send a request."""

    name = "aiohttp"

    def __init__(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for an answer, and at most five for a connection."""
        super().__init__()
        self.client = HttpClient(
            timeout=timeout,
            connect=_CONNECT_SECONDS,
            connections=_CONNECTIONS,
            cafile=stripe.ca_bundle_path,
        )

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request.

        Raises:
            stripe.APIConnectionError: no answer; its cause says whether it was sent.
        """
        content = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = await self.client.send(
                method.upper(), url, headers=headers, content=content or None
            )
        except (NotSentError, NoAnswerError) as error:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                f"Stripe was not reached: {error}", should_retry=False
            ) from error
        return answer.content, answer.status, answer.headers

    async def close_async(self) -> None:
        """Close all connections."""
        await self.client.close()
