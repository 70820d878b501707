"""Mails: one connection for each, by SMTP (RFC 5321).

A server that has taken a mail says so with 250; when that answer is lost nobody knows, and the mail
is sent again with the same ``Message-ID``, by which it can be recognised (RFC 5322, 3.6.4). A 5xx
about recipient or mail is final; everything else, a login that is refused included, may pass.
"""

import asyncio
import contextlib
import datetime as dt
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as FORM
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import idna

from activities.messages.outcomes import NotTaken
from models.messages.templates import Words
from settings.parts import SmtpSettings

TIMEOUT_SECONDS = 15.0
"""For connecting, and for each answer."""
WHOLE_SECONDS = 60.0
"""For one mail; less than it is leased for."""
_STARTTLS = {"auto": None, "required": True, "off": False}


class MailSender:
    """Gives mails to the server of ``SMTP_URL``."""

    def __init__(
        self, settings: SmtpSettings, sender: str, *, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """``sender`` is the address they come from."""
        self._sender = sender
        self._options: dict[str, Any] | None = None
        if url := settings.url.get_secret_value():
            address = urlsplit(url)
            secure = address.scheme == "smtps"
            self._options = {
                "hostname": address.hostname,
                "port": address.port or (465 if secure else 587),
                "username": unquote(address.username) if address.username else None,
                "password": unquote(address.password) if address.password else None,
                "use_tls": secure,
                "start_tls": False if secure else _STARTTLS[settings.starttls],
                "timeout": timeout,
            }

    async def send(
        self, message_id: str, recipient: str, words: Words, created_at: dt.datetime
    ) -> None:
        """Send a mail; it is the same whenever it is sent.

        Raises:
            NotTaken: the server refuses it, does not answer, or is not named.
        """
        if self._options is None:
            raise NotTaken("SMTP_URL is not set: no mails are sent")
        recipient = _with_ascii_domain(recipient)
        mail = compose(message_id, self._sender, recipient, words, created_at)
        client = aiosmtplib.SMTP(**self._options)
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                await client.connect()
                await client.send_message(mail, sender=self._sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0]) from error
        except (
            aiosmtplib.SMTPSenderRefused,
            aiosmtplib.SMTPRecipientRefused,
            aiosmtplib.SMTPDataError,
        ) as error:
            raise _refused(error) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise NotTaken(str(error), for_good=True) from error
        except aiosmtplib.SMTPResponseException as error:
            raise NotTaken(f"the mail server answers {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise NotTaken(f"the mail server does not answer: {error}") from error
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=1)
            client.close()


def compose(
    message_id: str, sender: str, recipient: str, words: Words, created_at: dt.datetime
) -> EmailMessage:
    """Return a mail.

    Raises:
        NotTaken: sender, recipient or subject cannot stand in a header: one with a line break would
            be another header.
    """
    mail = EmailMessage(FORM.clone(utf8=not recipient.isascii()))
    try:
        mail["From"] = Address(addr_spec=sender)
        mail["To"] = Address(addr_spec=recipient)
        mail["Subject"] = words.subject
    except (ValueError, IndexError) as error:
        raise NotTaken(f"this cannot stand in a header: {error}", for_good=True) from error
    mail["Date"] = format_datetime(created_at)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    mail.set_content(words.body + "\n")
    return mail


def _with_ascii_domain(address: str) -> str:
    """Return an address as every server understands its domain, before SMTPUTF8 too."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError as error:
        raise NotTaken(f"this is no domain: {error}", for_good=True) from error


def _refused(error: aiosmtplib.SMTPResponseException) -> NotTaken:
    """Return what a refusal of a mail means; 4xx may pass (RFC 5321, 4.2.1)."""
    return NotTaken(
        f"the mail server answers {error.code} {error.message}", for_good=error.code >= 500
    )
