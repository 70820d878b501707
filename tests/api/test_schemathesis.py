"""The document and the answers agree: schemathesis reads the one and tries the other."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from localworld.shared import Servers
from tests.api.conftest import add_trusted, body, client
from tests.api.server import Served, add_caller, serve
from tests.marketplace.house import House
from tests.support.databases import migrated_database
from tests.support.processes import ROOT
from tests.support.stack import Stack, own_stack_of
from tests.support.users import sign_in

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
# Who asks is shown once: with a made-up session beside it, every request is refused.
[generation]
with-security-parameters = false
# 422 is held to valid requests by valid_form_is_not_refused_for_its_form, by the problem's code.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]

# A cursor is well formed and of no list.
[[operations]]
include-path = "/booking"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "422", "429", "5xx"]
[[operations]]
include-path = "/api/bookings"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "422", "429", "5xx"]
[[operations]]
include-path-regex = "^/api/v1/bookings/(guest|venue)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "422", "429", "5xx"]
[[operations]]
include-path-regex = "^/api/v1/bookings/.booking_id.(/status)?$"
checks.positive_data_acceptance.expected-statuses = [
    "2xx", "3xx", "404", "409", "412", "422", "428", "429", "5xx"
]
[[operations]]
include-path-regex = "^/market/v1/(auth|me)"
checks.positive_data_acceptance.expected-statuses = [
    "2xx", "401", "403", "404", "409", "422", "429", "5xx"
]
[[operations]]
include-path-regex = "^/market/v1/(?!auth|me)"
checks.positive_data_acceptance.expected-statuses = [
    "2xx", "3xx", "400", "403", "404", "409", "412", "422", "428", "429", "5xx"
]
"""

QUICK = 5
"""So many examples are drawn for each operation in every run."""

LESS = """
[[operations]]
include-path = "/booking/{bookingId}/modify"
phases.coverage.enabled = false
"""
"""In every run the body with the most fields is only drawn. To try each of its boundaries takes
two thirds of all requests, and what reads its fields is what reads those of the other bodies."""

NO_BOUNDARIES = """
[phases.coverage]
enabled = false
"""
"""In every run; each boundary of each field of theirs takes more than a minute."""

TAGS = {
    "planner": ("--include-tag", "bookings"),
    # A stream of events has no end; tests/api/test_event_feed.py reads it.
    "operator": (
        *("--exclude-tag", "bookings", "--exclude-tag", "accounts"),
        *("--exclude-tag", "market: providers", "--exclude-tag", "market: catalogue"),
        *("--exclude-operation-id", "streamEvents"),
    ),
    "provider": ("--include-tag", "market: providers", "--include-tag", "market: catalogue"),
    # Signed out, everything else would be refused.
    "traveler": (
        *("--include-tag", "accounts", "--exclude-operation-id", "signOut"),
        *("--exclude-operation-id", "endSession"),
    ),
}
"""What each is asked. That planners get nothing of an operator's is tested of every route."""


@pytest.fixture(scope="module")
async def apart(
    shared_servers: Servers, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Stack]:
    """A world with a database of its own: operators' requests change commissions and cases."""
    async with own_stack_of(
        "schemathesis",
        database_url=migrated_database(shared_servers),
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
    ) as stack:
        stack.start_worker()
        yield stack


@pytest.fixture(scope="module")
def keys(apart: Stack) -> dict[str, str]:
    """What each role sends to say who it is."""
    url = apart.settings.database.url
    return {
        "planner": f"X-API-Key: {add_trusted(url)}",
        "operator": f"X-API-Key: {add_caller(url, name='test operator', role='operator')}",
        "traveler": f"Authorization: Bearer {sign_in(url).token}",
    }


@pytest.fixture(scope="module")
def served(apart: Stack) -> Iterator[Served]:
    with serve(apart.settings.model_copy(update={"book_wait_seconds": 1.0})) as served:
        yield served


@pytest.fixture
async def known(served: Served, keys: dict[str, str], trip: dict[str, Any]) -> Known:
    """Ids that lead to something: of a booking that stands, and of a trip that can be booked."""
    async with client(served.url, keys["planner"].partition(" ")[2]) as http:
        booked = (await http.post("/booking/book?wait=30", json=body(trip))).json()
    assert booked["state"] == "CONFIRMED"
    names = [booked["bookingId"], booked["bookingReference"]]
    return {
        "path.bookingId": names,
        "path.bookingReference": names[1:],
        "body.bookingId": names,
        "body.tripOptionId": [trip["tripOptionId"]],
    }


def run(
    url: str,
    shown: str,
    known: Known,
    where: Path,
    seed: int,
    examples: int,
    *tags: str,
    more: Sequence[str] = (),
) -> str:
    """Run schemathesis and return its report; half of the ids are of ``known``.

    ``shown`` is the header that tells who asks.
    """
    config = [CONFIG, *([LESS] if examples == QUICK else []), *more]
    for number, values in enumerate(known.values()):
        config += [f"[dictionaries.d{number}]", f"values = {json.dumps(values)}"]
    config.append("[parameters]")
    for number, name in enumerate(known):
        config.append(f'"{name}" = {{ dictionary = "d{number}", probability = 0.5 }}')
    (where / "schemathesis.toml").write_text("\n".join(config))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{url}/openapi.json", "--header", shown),
        *(
            "--checks",
            ",".join(CHECKS),
            "--seed",
            str(seed),
            "--max-examples",
            str(examples),
            *tags,
        ),
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
@pytest.mark.parametrize("role", ["planner", "operator", "traveler"])
@pytest.mark.parametrize(
    ("seed", "examples"),
    [
        (20310301, QUICK),
        pytest.param(20310301, 15, marks=pytest.mark.exhaustive),
        *(
            pytest.param(seed, 200, marks=pytest.mark.exhaustive)
            for seed in (20310302, 20310303, 20310304)
        ),
    ],
)
async def test_the_document_and_the_answers_agree(
    served: Served,
    keys: dict[str, str],
    known: Known,
    tmp_path: Path,
    role: Literal["planner", "operator", "traveler"],
    seed: int,
    examples: int,
) -> None:
    report = run(served.url, keys[role], known, tmp_path, seed, examples, *TAGS[role])
    print(report)
    tested = re.search(r"(\d+) generated, \1 passed", report)
    assert tested, report
    assert int(tested[1]) > (100 if role == "traveler" else 500)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "examples", [QUICK, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (15, 200))]
)
async def test_the_document_and_the_answers_agree_for_providers(
    served: Served, apart: Stack, tmp_path: Path, examples: int
) -> None:
    url = apart.settings.database.url
    user = sign_in(url, second_factor=True)
    house = House(url)
    found = {f"path.{name}": [value] for name, value in (await house.everything(user.id)).items()}
    known = found | {f"body.{name[5:]}": value for name, value in found.items()}
    await house.engine.dispose()
    shown = f"Authorization: Bearer {user.token}"
    report = run(
        *(served.url, shown, known, tmp_path, 20310301, examples),
        *TAGS["provider"],
        more=[NO_BOUNDARIES] if examples == QUICK else [],
    )
    print(report)
    tested = re.search(r"(\d+) generated, \1 passed", report)
    assert tested, report
    assert int(tested[1]) > 300
