"""Histories for the files: decrypted, so that a reader sees what changed and no key is kept."""

from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec


async def decrypted(history: WorkflowHistory, codec: PayloadCodec) -> WorkflowHistory:
    """Return a history with every payload decoded; what is not encrypted stays as it is."""
    events = History(events=history.events)
    found = list(payloads(events))
    for payload, plain in zip(found, await codec.decode(found), strict=True):
        payload.CopyFrom(plain)
    return WorkflowHistory(history.workflow_id, list(events.events))


def payloads(message: Message) -> list[Payload]:
    """Return every payload in a message, however deep."""
    if isinstance(message, Payload):
        return [message]
    found: list[Payload] = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        several: Any = [value]
        if field.message_type.GetOptions().map_entry:
            several = value.values()
        elif field.is_repeated:
            several = value
        for one in several:
            if isinstance(one, Message):
                found += payloads(one)
    return found
