"""The snapshot's hash: of one spelling, the same in every process and version of this system."""

import datetime as dt
import json
import subprocess
import sys

import pytest

from models.core.terms import CancellationTerms
from models.marketplace.quotes.pricing import LineKind, Price, PriceLine
from models.marketplace.quotes.snapshot import (
    ListingPart,
    ProviderPart,
    RatePlanPart,
    RoomPart,
    Snapshot,
    StayPart,
    TermsPart,
    canonical,
    sha256_of,
)
from tests.support.processes import ROOT

SNAPSHOT = Snapshot(
    product_type="STAY",
    provider=ProviderPart(id="870023ba-1142-47b0-ae52-912b776baddf", display_name="Zoë & Söhne"),
    stay=StayPart(
        listing=ListingPart(
            id="6c1ab1c6-2f0e-5a55-9c3f-8d8a5d0b7e11",
            title="Gästehaus „Am Hügel“ 🏔",
            address="12 Khayaban-e-Iqbal",
            city="اسلام آباد",
            country="PK",
            time_zone="Asia/Karachi",
            check_in_from=dt.time(14),
            check_out_until=dt.time(11),
        ),
        check_in=dt.date(2027, 3, 12),
        check_out=dt.date(2027, 3, 13),
        nights=1,
        starts_at=dt.datetime(2027, 3, 12, 9, tzinfo=dt.UTC),
        ends_at=dt.datetime(2027, 3, 13, 6, tzinfo=dt.UTC),
        rooms=(
            RoomPart(
                room_id="b7d1f6c2-9a54-5e0d-8b1f-2f7c7a3f4d10",
                name="Family room",
                adults=2,
                children=(5,),
                rate_plan=RatePlanPart(
                    id="0f1d7d0a-3d1c-5a0e-8a4e-0a7f6f2f9b42", name="Flex", board="BREAKFAST"
                ),
            ),
        ),
    ),
    price=Price.of(
        [
            PriceLine(
                kind=LineKind.NIGHT,
                amount=13_000,
                date=dt.date(2027, 3, 12),
                room=1,
                room_id="b7d1f6c2-9a54-5e0d-8b1f-2f7c7a3f4d10",
            ),
            PriceLine(kind=LineKind.TAX, amount=900, name="city tax"),
        ],
        "USD",
    ),
    terms=TermsPart(
        cancellation=CancellationTerms.free_until(
            dt.datetime(2027, 3, 10, 13, tzinfo=dt.UTC), 13_900
        ),
        no_show_fee=13_900,
    ),
)
GOLDEN = "13b9b4a62542c6ddf1e055502da1b8255c72d783114edd450764c19006f01be8"
"""If this changes, hashes of quotes on record are no longer those of their snapshots."""


def test_the_hash_is_the_one_it_was() -> None:
    assert sha256_of(SNAPSHOT.content()).hex() == GOLDEN


def test_it_is_the_same_in_another_process() -> None:
    program = (
        "from tests.marketplace.quotes.test_snapshot import SNAPSHOT\n"
        "from models.marketplace.quotes.snapshot import sha256_of\n"
        "print(sha256_of(SNAPSHOT.content()).hex())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == GOLDEN


def test_neither_order_nor_escapes_nor_spaces_matter() -> None:
    content = SNAPSHOT.content()
    turned = json.loads(json.dumps(dict(reversed(content.items())), ensure_ascii=False, indent=2))
    assert [*turned] != [*content]
    assert canonical(turned) == canonical(content)


def test_it_is_read_as_it_was_written() -> None:
    assert Snapshot.model_validate(json.loads(canonical(SNAPSHOT.content()))) == SNAPSHOT


def test_two_unicode_forms_are_two_texts() -> None:
    assert canonical({"name": "é"}) != canonical({"name": "e\u0301"})


@pytest.mark.parametrize("value", [0.5, {"inner": [1, 2.0]}, (1.0,)])
def test_there_are_no_fractions(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": value})
