"""Structured logs: one JSON object a line, fields by allow-list, no personal data (S19)."""

import datetime as dt
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable

from anyascii import anyascii

from models.core.keys import booking_reference

FIELDS = (
    *("request_id", "method", "route", "status", "ms", "caller", "stack"),
    *("booking_id", "reference", "trace_id", "item", "provider", "operation", "outcome"),
    *("provider_code", "provider_id", "attempt", "from_state", "to_state", "version", "who"),
    *("field", "said"),
)
"""What a log line may carry besides its message; nothing else is written."""

CHATTY = ("httpx", "stripe", "temporalio.worker._worker")
"""Libraries that write a line for every request: ours name its booking."""


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Of an exception its type and place, never its text."""
        line: dict[str, object] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in FIELDS:
            if (value := getattr(record, name, None)) is not None:
                line[name] = value
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


def describe(error: BaseException) -> dict[str, object]:
    """Return type and stack of an error. Its text may quote a request, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def about(booking_id: str) -> dict[str, str]:
    """Return the fields by which all lines about one booking are found.

    ``trace_id`` is the booking's id as a W3C trace id (32 hex digits): one booking, one trace.
    """
    return {
        "booking_id": booking_id,
        "reference": booking_reference(booking_id),
        "trace_id": booking_id.replace("-", ""),
    }


_OF_A_PERSON = re.compile(r"\S+@\S+|(?=[\w/-]*\d)\w[\w/-]{4,}")
"""E-mail addresses, and what is long enough to be a date, a phone or a document number."""
_LONGEST_SAID = 300


def without_people(text: str, names: Iterable[str]) -> str:
    """Return a supplier's words for a log: what they may repeat of people is left out.

    ``names`` are those of the people it may be about, in whatever letters they are repeated.
    """
    private = {_folded(part) for name in names for part in (name, *re.split(r"\W+", name))} - {""}
    told = _OF_A_PERSON.sub("…", text)
    kept = re.sub(r"\w+", lambda word: "…" if _folded(word[0]) in private else word[0], told)
    return kept[:_LONGEST_SAID]


def _folded(name: str) -> str:
    letters = re.sub("[^a-z]", "", anyascii(name).lower())
    return re.sub("(?<=[aou])e", "", letters)  # MUELLER is how a ticket writes Müller


def set_up(level: str) -> None:
    """Send the logs of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Access lines are written by api.edge; uvicorn's would hold paths with ids and query strings.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("sse_starlette").setLevel(logging.WARNING)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
