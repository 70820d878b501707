"""Structured logs: one JSON object a line, fields by allow-list, no personal data (S19)."""

import datetime as dt
import json
import logging
import sys
import traceback

FIELDS = ("request_id", "method", "route", "status", "ms", "caller", "booking_id", "stack")
"""What a log line may carry besides its message; nothing else is written."""


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


def set_up(level: str) -> None:
    """Send the logs of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Access lines are written by api.edge; uvicorn's would hold paths with ids and query strings.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("sse_starlette").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
