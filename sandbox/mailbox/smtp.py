"""A mail server (SMTP) that takes mails for everybody.

Its operation for the fault switch is ``deliver``, by recipient: ``refuse`` (550), ``error`` (451),
``slow``, ``reset`` (cut off before the mail is kept), ``commit_then_error`` (kept, and cut off
before that is said), ``hang``.
"""

import asyncio
import contextlib
import email
import uuid
import weakref
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault
from sandbox.world import World

SHELF = "mails"


async def serve_smtp(world: World, host: str, port: int) -> None:
    """Serve until the world ends; ``port`` 0 takes a free one. ``world.smtp`` says where."""
    loop = asyncio.get_running_loop()
    connections: weakref.WeakSet[SMTP] = weakref.WeakSet()

    def connect() -> SMTP:
        server = SMTP(_Handler(world), enable_SMTPUTF8=True, hostname="sandbox", loop=loop)
        connections.add(server)
        return server

    server = await loop.create_server(connect, host, port)
    world.smtp = f"smtp://{host}:{server.sockets[0].getsockname()[1]}"

    async def close() -> None:
        server.close()
        for one in connections:
            _cut_off(one)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)

    world.closers.append(close)


class _Handler:
    """Takes one connection's mails."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse it."""
        fault = self._world.faults.draw("mail", "deliver", address)
        if fault is not None and fault.kind in {"refuse", "error"}:
            status, answer = _REFUSALS[fault.kind]
            self._log(address, "none", status, fault)
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        envelope.fault = fault  # type: ignore[attr-defined]
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        fault: Fault | None = getattr(envelope, "fault", None)
        kind = fault.kind if fault is not None else None
        to = ", ".join(envelope.rcpt_tos)
        if fault is not None and kind in {"slow", "hang"}:
            await self._world.pause(fault.seconds)
        if kind in {"reset", "hang"}:
            self._log(to, "none", 0, fault)
            _cut_off(server)
            return "421 4.3.0 cut off"
        kept = self._keep(envelope)
        self._log(to, "created", 0 if kind == "commit_then_error" else 250, fault, id=kept)
        self._world.keep()  # what is taken survives
        if kind == "commit_then_error":
            _cut_off(server)
        return "250 2.0.0 OK"

    def _keep(self, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        mail = email.message_from_bytes(raw, policy=default)
        body = mail.get_body(("plain",))
        kept = uuid.uuid4().hex
        self._world.shelf(SHELF).put(
            kept,
            {
                "id": kept,
                "at": self._world.now().isoformat(),
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": str(mail["Subject"] or ""),
                "message_id": str(mail["Message-ID"] or ""),
                "headers": [[name, str(value)] for name, value in mail.items()],
                "text": body.get_content() if body is not None else "",
            },
        )
        return kept

    def _log(self, to: str, effect: str, status: int, fault: Fault | None, **extra: Any) -> None:
        kind = fault.kind if fault is not None else None
        self._world.log.append("mail", "deliver", to, effect, status, **extra, fault=kind)


def _cut_off(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


_REFUSALS = {
    "refuse": (550, "550 5.1.1 No such mailbox"),
    "error": (451, "451 4.3.0 Try again later"),
}
