"""The page for whoever runs a payment service, against the code that speaks to one."""

import re

import pytest
from pydantic import BaseModel

from payments.payment_service import shapes
from payments.payment_service.webhooks import HEADER, KNOWN
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "payment-service.md").read_text()


@pytest.mark.parametrize(
    "model",
    [
        shapes.CreateIntent,
        shapes.ConfirmIntent,
        shapes.CaptureIntent,
        shapes.CreateRefund,
        shapes.Intent,
        shapes.RefundAnswer,
        shapes.DisputeAnswer,
        shapes.MethodAnswer,
        shapes.Event,
    ],
    ids=lambda model: model.__name__,
)
def test_every_field_of_every_message_is_on_the_page(model: type[BaseModel]) -> None:
    _, _, rest = PAGE.partition(f"| {model.__name__} | |\n|---|---|\n")
    rows = re.findall(r"^\| (.+?) \| .*\|$", rest.partition("\n\n")[0], flags=re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(named) == sorted(model.model_fields)


def test_every_status_is_on_the_page() -> None:
    assert set(re.findall(r"^\| `([a-z_]+)` \| ", PAGE, flags=re.MULTILINE)) >= set(shapes.STATES)


def test_the_webhooks_types_and_header_are_on_the_page() -> None:
    (row,) = re.findall(r"^\| `type` \| (.+); others .*$", PAGE, flags=re.MULTILINE)
    words = re.findall(r"`([a-z_]*\.[a-z_]+)`", row)
    named, subject = set(), ""
    for word in words:
        subject = word.partition(".")[0] or subject
        named.add(f"{subject}.{word.partition('.')[2]}")
    assert named == KNOWN
    assert f"{HEADER}: t=" in PAGE.lower()
