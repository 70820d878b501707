"""How the Stripe SDK reaches the network: httpx in bounded lanes, with a short connect.

httpx looks through its whole pool, and everybody who waits for it, at every call; a pool shared
by many concurrent calls costs more than the calls (design.md, "Measured facts"). Several small
pools cost less: 32 payments at once over the sandbox took 9.3 CPU ms each in one pool of 40
connections and 5.9 in eight lanes (two cores).
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx
import stripe

_LANES: Final = 8
_LIMITS: Final = httpx.Limits(max_connections=8, max_keepalive_connections=8, keepalive_expiry=20)
_CONNECT_SECONDS: Final = 5.0


class _Lane:
    """A small pool and how many calls are in it."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        self.client = httpx.AsyncClient(limits=_LIMITS, verify=verify)
        self.busy = 0


class LanedHttp(stripe.HTTPXClient):
    """The SDK's httpx client over several small pools; at most 64 connections together."""

    def __init__(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for an answer, and at most five for a connection."""
        self._patience = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        super().__init__(timeout=self._patience)
        verify = ssl.create_default_context(cafile=stripe.ca_bundle_path)
        self.lanes = [_Lane(verify) for _ in range(_LANES)]

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request over the least busy lane.

        Raises:
            stripe.APIConnectionError: no answer; its cause is httpx' own error.
        """
        lane = min(self.lanes, key=lambda lane: lane.busy)
        lane.busy += 1
        try:
            response = await lane.client.request(
                method, url, headers=headers, content=post_data or None, timeout=self._patience
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                f"Stripe was not reached: {type(error).__name__}", should_retry=False
            ) from error
        finally:
            lane.busy -= 1
        return response.content, response.status_code, response.headers

    async def close_async(self) -> None:
        """Close all connections."""
        for lane in self.lanes:
            await lane.client.aclose()
        await self._client_async.aclose()
