"""The document and the answers agree: schemathesis reads the one and tries the other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from tests.api.conftest import body
from tests.api.server import serve
from tests.support.processes import ROOT
from tests.support.stack import Stack

Known = dict[str, list[str]]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "valid_form_is_not_refused_for_its_form",
)
"""All but two: ``max_response_time`` measures, and ``object_level_authorization`` wants to be told
of two identities what tests/api/test_owners_and_operators.py asks of every route."""

CONFIG = """
request-timeout = 30
continue-on-failure = true
warnings = false
# 422 is held to valid requests by valid_form_is_not_refused_for_its_form, by the problem's code.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""


TAGS = {
    "planner": ("--include-tag", "bookings"),
    "operator": ("--exclude-tag", "bookings"),
}
"""What each is asked. That planners get nothing of an operator's is tested of every route."""


@pytest.fixture
async def known(trusted: httpx.AsyncClient, trip: dict[str, Any]) -> Known:
    """Ids that lead to something: of a booking that stands, and of a trip that can be booked."""
    booked = (await trusted.post("/booking/book", json=body(trip))).json()
    names = [booked["bookingId"], booked["bookingReference"]]
    return {
        "path.bookingId": names,
        "path.bookingReference": names[1:],
        "body.bookingId": names,
        "body.tripOptionId": [trip["tripOptionId"]],
    }


def run(url: str, key: str, known: Known, where: Path, *options: str) -> str:
    """Run schemathesis and return its report; half of the ids are of ``known``."""
    config = [CONFIG]
    for number, values in enumerate(known.values()):
        config += [f"[dictionaries.d{number}]", f"values = {json.dumps(values)}"]
    config.append("[parameters]")
    for number, name in enumerate(known):
        config.append(f'"{name}" = {{ dictionary = "d{number}", probability = 0.5 }}')
    (where / "schemathesis.toml").write_text("\n".join(config))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{url}/openapi.json", "--header", f"X-API-Key: {key}"),
        *("--checks", ",".join(CHECKS), *options),
    ]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_checks",
    }
    done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["planner", "operator"])
@pytest.mark.parametrize(
    ("seed", "examples"),
    [
        (20310301, 15),
        *(
            pytest.param(seed, 200, marks=pytest.mark.exhaustive)
            for seed in (20310302, 20310303, 20310304)
        ),
    ],
)
async def test_the_document_and_the_answers_agree(
    world: Stack,
    trusted_key: str,
    operator_key: str,
    known: Known,
    tmp_path: Path,
    role: Literal["planner", "operator"],
    seed: int,
    examples: int,
) -> None:
    settings = world.settings.model_copy(update={"book_wait_seconds": 1.0})
    with serve(settings) as served:
        mine = operator_key if role == "operator" else trusted_key
        report = run(
            *(served.url, mine, known, tmp_path, *TAGS[role]),
            *("--seed", str(seed), "--max-examples", str(examples)),
        )
    print(report)
    tested = re.search(r"(\d+) generated, \1 passed", report)
    assert tested, report
    assert int(tested[1]) > 500
