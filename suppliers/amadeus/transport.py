"""How the Amadeus SDK sends its requests: urllib with a timeout, a limit of size, no redirects."""

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final
from urllib.parse import urlsplit

from models.core.http import is_loopback

_PRICING_PATH: Final = "/v1/shopping/flight-offers/pricing"
_MAX_BYTES: Final = 4 * 1024 * 1024


class Http:
    """What the SDK calls to send a request."""

    def __init__(self, timeout: float, *, host: str) -> None:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if is_loopback(host):
            # A proxy from the environment is for the outside, not for a sandbox next door.
            handlers.append(urllib.request.ProxyHandler({}))
        self._timeout = timeout
        self._opener = urllib.request.build_opener(*handlers)

    def __call__(self, request: urllib.request.Request) -> "Heard":
        """Send a request and hear its answer out.

        Raises:
            OSError: not reached, or not answered in time (``URLError`` before the answer began).
            http.client.HTTPException: what came back is no HTTP answer, or too long to be one.
        """
        if urlsplit(request.full_url).path == _PRICING_PATH:
            # Required by the specification; the SDK forgets it where there are parameters.
            request.add_header("X-HTTP-Method-Override", "GET")
        try:
            response = self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            response = error  # an answer of 4xx or 5xx
        with response:
            body = response.read(_MAX_BYTES + 1)
            if len(body) > _MAX_BYTES:
                raise http.client.HTTPException("the answer is too long to be one")
            return Heard(response.status, response.headers, body)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET: a redirect is an answer we do not understand."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


@dataclass(frozen=True)
class Heard:
    """An HTTP answer, as far as the SDK looks at one."""

    status: int
    headers: Message
    body: bytes

    def info(self) -> Message:
        """Return the headers."""
        return self.headers

    def read(self) -> bytes:
        """Return the body."""
        return self.body
