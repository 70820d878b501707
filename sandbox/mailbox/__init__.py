"""Everybody's mailbox and phone: what is sent arrives here, and can be read.

Mails come by real SMTP on a port of their own, texts by Twilio's Messages API under ``/texts``.
``/mailbox`` shows both, the newest first: a page for browsers, JSON for programs, ``?to=`` of one
recipient.
"""

from sandbox.mailbox.routes import router
from sandbox.mailbox.smtp import serve_smtp

__all__ = ["router", "serve_smtp"]
