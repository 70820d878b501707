"""Sending one message to an endpoint, signed."""

import time
from collections.abc import Sequence

from models.core.addresses import Reach
from models.core.guarded_http import GuardedClient, Reply, Resolve, resolve
from models.events.cloudevent import MEDIA_TYPE
from models.webhook_endpoints.signing import headers, secret_of

TIMEOUT_SECONDS = 15.0
LARGEST = 20 * 1024
"""Bytes of a body at most."""


class WebhookSender:
    """Signs messages with the secrets of their endpoints, and sends them."""

    def __init__(
        self,
        master_key: bytes,
        reach: Reach,
        *,
        timeout: float = TIMEOUT_SECONDS,
        cafile: str | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """Prepare; the last three are for tests."""
        self._master_key = master_key
        self._http = GuardedClient(reach, timeout=timeout, cafile=cafile, resolve=resolve)

    async def send(
        self,
        url: str,
        *,
        endpoint_id: str,
        generations: Sequence[int],
        message_id: str,
        body: bytes,
    ) -> Reply:
        """Send a message once; whatever comes of it is told, nothing is raised.

        Args:
            url: of the endpoint.
            endpoint_id: whose secrets sign it.
            generations: which of its secrets, newest first.
            message_id: the same whenever the message is sent.
            body: exactly what is sent.
        """
        secrets = [secret_of(self._master_key, endpoint_id, number) for number in generations]
        sent = {
            "Content-Type": MEDIA_TYPE,
            "User-Agent": "tripsaga-webhooks/1",
            **headers(secrets, message_id, int(time.time()), body),
        }
        return await self._http.post(url, headers=sent, content=body)
