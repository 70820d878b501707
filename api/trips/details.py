"""What an operator reads about a workflow in the Temporal Web UI. No personal data (S13)."""

import re

from models.core.money import Money
from models.trips.messages import BookTripRequest

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def _plain(text: str) -> str:
    """Return text of others so that it cannot become markup or end its table cell."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))[:120]


def summary(request: BookTripRequest) -> str:
    """Return one line: reference, number of items, total."""
    total = Money(amount=request.amount, currency=request.currency)
    return f"{request.booking_reference} · {len(request.trip.components)} items · {total}"


def details(request: BookTripRequest) -> str:
    """Return the trip as a Markdown table."""
    lines = [
        f"**Booking {request.booking_reference}** for {len(request.travelers)} travellers",
        "",
        "| # | type | supplier | what | price |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {number} | {component.type} | {component.supplier} | {_plain(component.title)}"
        f" | {component.money} |"
        for number, component in enumerate(request.trip.components, start=1)
    ]
    return "\n".join(lines)
