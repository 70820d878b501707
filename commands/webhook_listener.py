"""``tripsaga webhooks listen``: a receiver on this machine that shows what it is sent."""

import json as text
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from models.webhook_endpoints.signing import BadSignature, verify

LONGEST = 64 * 1024

Show = Callable[[dict[str, Any], bool], None]
"""Is given what came, and whether it came before."""


class Listener:
    """Verifies what arrives and has it shown; refuses what is not signed with its secret."""

    def __init__(self, show: Show) -> None:
        self.secret = ""
        self.refused = 0
        self._show = show
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._more = threading.Condition()
        self.count = 0

    @contextmanager
    def listening(self, port: int) -> Iterator[int]:
        """Listen on a port of this machine, 0 for a free one; gives which. Raises OSError."""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = listener.take(self)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Write nothing: what comes is shown."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()

    def take(self, request: BaseHTTPRequestHandler) -> int:
        """Take a request; returns the status of the answer."""
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            return 413
        body = request.rfile.read(int(length))
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            message_id = verify(self.secret, headers, body)
            event = dict(text.loads(body))
        except (BadSignature, ValueError, TypeError):
            self.refused += 1
            return 401
        with self._lock:
            again = message_id in self._seen
            self._seen.add(message_id)
            self._show(event, again)
        with self._more:
            self.count += 1
            self._more.notify_all()
        return 204

    def wait_for(self, count: int | None) -> None:
        """Wait until so many messages have come; None: until Ctrl-C."""
        with self._more:
            while count is None or self.count < count:
                self._more.wait(0.5)  # not for ever: Ctrl-C must get in
