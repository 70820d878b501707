"""A receiver of webhooks in the standard library alone: docs/webhooks.md explains each step.

WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py 8099
"""

import base64
import hmac
import json
import os
import sqlite3
import sys
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRETS = os.environ["WEBHOOK_SECRET"].split(",")  # two while one replaces the other
seen = sqlite3.connect(os.environ.get("WEBHOOK_DATABASE", "webhooks.db"))
seen.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY)")
seen.execute("CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, version INT, status TEXT)")


def is_genuine(headers: Message, body: bytes) -> bool:
    """Tell whether we know the secret that signed this, less than five minutes ago."""
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id')}.{sent_at}.".encode() + body
    given = headers.get("webhook-signature", "").split()
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in SECRETS]
    wanted = ["v1," + base64.b64encode(hmac.digest(k, signed, "sha256")).decode() for k in keys]
    return any(hmac.compare_digest(one.encode(), w.encode()) for one in given for w in wanted)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.headers, body):
            self.send_error(401)
            return
        event = json.loads(body)
        with seen:  # one transaction: what is answered 204 is stored
            new = seen.execute("INSERT OR IGNORE INTO events VALUES (?)", [event["id"]]).rowcount
            if new and event["type"].startswith("booking."):
                seen.execute(
                    "INSERT INTO bookings VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE"
                    " SET version = ?2, status = ?3 WHERE version <= ?2",  # an older one is late
                    [event["subject"], event["bookingversion"], event["data"]["status"]],
                )
        print(event["type"], event["subject"], "" if new else "(again)", flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
