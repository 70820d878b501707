"""Travellers who cannot travel, or not on this trip: told before anything is started."""

import datetime as dt
from typing import Any

import httpx
import psycopg
import pytest

from commands.why import reasons
from settings import Settings
from tests.api.conftest import body, client, handing_in
from tests.api.server import Served
from tests.support.sandbox_client import SandboxClient

ADA: dict[str, Any] = {
    "firstName": "Ada",
    "lastName": "Moreno",
    "dateOfBirth": "1990-04-30",
    "gender": "FEMALE",
    "phone": "+12025550142",
}
BO = {**ADA, "firstName": "Bo", "dateOfBirth": "1987-04-30", "gender": "MALE"}
PASSPORT = {
    "documentType": "PASSPORT",
    "number": "X1234567",
    "expiryDate": "2050-06-30",
    "issuanceCountry": "US",
    "nationality": "US",
}
TODAY = dt.datetime.now(dt.UTC).date()
CHILD = {"dateOfBirth": f"{TODAY.year - 9}-01-01"}


def with_passport(person: dict[str, Any], number: str, **changes: Any) -> dict[str, Any]:
    return {**person, "document": {**PASSPORT, "number": number, **changes}}


def pair(**bo: Any) -> list[dict[str, Any]]:
    return [with_passport(ADA, "X1234567"), {**with_passport(BO, "X7654321"), **bo}]


def document(**changes: Any) -> list[dict[str, Any]]:
    return [with_passport(ADA, "X1234567"), with_passport(BO, **{"number": "X7654321", **changes})]


AMADEUS: dict[str, Any] = {}
DUFFEL = {"suppliers": {"flight": "duffel"}}
RATEHAWK = {"suppliers": {"flight": None, "hotel": "ratehawk", "activity": None}}
BOOKING_COM = {"suppliers": {"flight": None, "hotel": "booking_com", "activity": None}}
VIATOR = {"suppliers": {"flight": None, "hotel": None, "activity": "viator"}}
TOURS = {"suppliers": {"flight": None, "hotel": None, "activity": "getyourguide"}}

UNFIT: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, str]] = {
    "born in 2090": (AMADEUS, pair(dateOfBirth="2090-01-01"), "travelers[1].dateOfBirth", "future"),
    "born in 1890": (AMADEUS, pair(dateOfBirth="1890-01-01"), "travelers[1].dateOfBirth", "120"),
    "no letters": (AMADEUS, pair(lastName="***"), "travelers[1].lastName", "no letters"),
    "one of two": (AMADEUS, pair()[:1], "travelers", "for 2, but 1"),
    "one of two at Duffel": (DUFFEL, pair()[:1], "travelers", "to 2, but 1"),
    "one of two in a hotel": (RATEHAWK, pair()[:1], "travelers", "for 2 people, but 1"),
    "one of two at Booking.com": (BOOKING_COM, pair()[:1], "travelers", "for 2 people, but 1"),
    "one of two at Viator": (VIATOR, pair()[:1], "travelers", "for 2 people, but 1"),
    "one of two on a tour": (TOURS, pair()[:1], "travelers", "for 2 people, but 1"),
    "a child on an adult's fare": (AMADEUS, pair(**CHILD), "travelers", "of that age"),
    "a child on an adult's seat": (DUFFEL, pair(**CHILD), "travelers", "offered to"),
    "children alone": (
        RATEHAWK,
        [{**ADA, **CHILD}, {**BO, **CHILD}],
        "travelers",
        "12 or older",
    ),
    "nobody to take a room": (
        RATEHAWK,
        [{**ADA, "dateOfBirth": f"{TODAY.year - 16}-01-01"}] * 1
        + [{**BO, "dateOfBirth": f"{TODAY.year - 16}-01-01"}],
        "travelers",
        "only with an adult",
    ),
    "expired": (
        AMADEUS,
        document(expiryDate=str(TODAY + dt.timedelta(days=3))),
        "travelers[1].document.expiryDate",
        "not valid until the end",
    ),
    "expired long ago": (
        TOURS,
        document(expiryDate="2019-01-01"),
        "travelers[1].document.expiryDate",
        "not valid until the end",
    ),
    "number": (AMADEUS, document(number="X12#4"), "travelers[1].document.number", "A-Z and 0-9"),
    "country": (
        AMADEUS,
        document(issuanceCountry="UK"),
        "travelers[1].document.issuanceCountry",
        "ISO 3166-1",
    ),
    "nationality": (
        AMADEUS,
        document(nationality="ZZ"),
        "travelers[1].document.nationality",
        "ISO 3166-1",
    ),
    "type": (
        AMADEUS,
        document(documentType="LIBRARY CARD"),
        "travelers[1].document.documentType",
        "PASSPORT",
    ),
    "twice": (AMADEUS, [*pair()[:1], *pair()[:1]], "travelers[1]", "same person as traveller 1"),
    "one document for two": (
        AMADEUS,
        document(number="x-1234 567"),
        "travelers[1].document.number",
        "same document as traveller 1",
    ),
    "no passport": (DUFFEL, [pair()[0], BO], "travelers[1].document", "passport of traveller 2"),
    "long name": (DUFFEL, pair(firstName="B" * 21), "travelers[1].firstName", "20 letters"),
    "no gender": (DUFFEL, pair(gender="UNSPECIFIED"), "travelers[1].gender", "M or F"),
    "a digit in a name": (RATEHAWK, pair(lastName="Roe 2"), "travelers[1].lastName", "hotel"),
}


def booked(settings: Settings, trip: dict[str, Any]) -> int:
    with psycopg.connect(settings.database.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM bookings WHERE trip_option_id = %s", [trip["tripOptionId"]]
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("case", UNFIT)
async def test_it_is_told_where_and_nothing_is_started(
    alone: httpx.AsyncClient, lonely: Served, sandbox: SandboxClient, case: str
) -> None:
    criteria, travelers, field, words = UNFIT[case]
    trip = await sandbox.trip(**criteria)

    # Temporal is away: what would be started is answered 503.
    answer = await alone.post("/booking/book", json=body(trip, travelers=travelers))

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "INVALID_TRIP", field)
    assert words in problem["detail"]
    assert problem["errors"][0] == {"field": field, "detail": problem["errors"][0]["detail"]}
    for sent in ("Ada", "Moreno", "2090", "X12#4", "LIBRARY"):
        assert sent not in answer.text, "it is known where, not repeated"
    assert booked(lonely.app.state.context.settings, trip) == 0


@pytest.mark.parametrize(
    "travelers",
    [
        pair(),
        document(number="x 12-34 56", expiryDate="2049-01-01", issuanceCountry="gb"),
        document(documentType="identity card"),
    ],
)
async def test_who_can_travel_would_be_booked(
    alone: httpx.AsyncClient, trip: dict[str, Any], travelers: list[dict[str, Any]]
) -> None:
    answer = await alone.post("/booking/book", json=body(trip, travelers=travelers))
    assert (answer.status_code, answer.json()["code"]) == (503, "TEMPORAL_UNAVAILABLE")


async def test_all_that_is_wrong_is_told_at_once(
    alone: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    both = [{**person, "dateOfBirth": "2090-01-01"} for person in document(number="?")]
    answer = await alone.post("/booking/book", json=body(trip, travelers=both))
    assert [one["field"] for one in answer.json()["errors"]] == [
        "travelers[0].dateOfBirth",
        "travelers[1].dateOfBirth",
        "travelers[1].document.number",
    ]


async def test_travellers_of_a_trip_that_is_handed_in_are_named_there(
    lonely: Served, trusted_key: str, trip: dict[str, Any]
) -> None:
    trip["travelers"][1]["dateOfBirth"] = "2090-01-01"
    async with client(lonely.url, trusted_key) as http:
        its_own = await http.post("/booking/book", json=handing_in(trip))
        others = await http.post("/booking/book", json=handing_in(trip) | {"travelers": [ADA]})
    assert its_own.json()["code"] == "INVALID_TRIP"
    assert its_own.json()["field"] == "trip.travelers[1].dateOfBirth"
    assert others.json()["field"] == "travelers"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offer": {"type": "flight-offer"}}, "is not an offer of amadeus: "),
        # Else the trip would be CONFIRMED without its flight: activities may be left out.
        ({"type": "ACTIVITY"}, "Amadeus does not sell a component of type ACTIVITY."),
    ],
    ids=["another form", "another type"],
)
async def test_an_offer_that_is_none(
    lonely: Served, trusted_key: str, trip: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    trip["components"][0] |= change
    async with client(lonely.url, trusted_key) as http:
        answer = await http.post("/booking/book", json=handing_in(trip))
    assert (answer.status_code, answer.json()["code"]) == (422, "TRIP_OPTION_UNBOOKABLE")
    assert words in answer.json()["detail"]
    assert "Field required" not in answer.json()["detail"]


async def test_a_change_is_held_against_those_who_travel(
    api: httpx.AsyncClient, sandbox: SandboxClient
) -> None:
    trip = await sandbox.trip(**TOURS, activities=1)
    booking = (await api.post("/booking/book", json=body(trip))).json()
    assert booking["state"] == "CONFIRMED"
    (alone,) = (await sandbox.trip(**TOURS, activities=1, travelers=1))["components"]
    alone["componentId"] = "other"
    (together,) = (await sandbox.trip(**TOURS, activities=1))["components"]
    together["componentId"] = "other"
    swap = {"componentId": trip["components"][0]["componentId"], "component": together}
    mistaken = {**together, "type": "HOTEL"}
    born = pair(dateOfBirth="2090-01-01")
    before = (await api.get(f"/booking/{booking['bookingId']}")).json()["version"]
    for changes, field in (
        ({"add": [alone]}, "changes.add[0]"),
        ({"add": [mistaken]}, "changes.add[0]"),
        ({"swap": [{**swap, "component": alone}]}, "changes.swap[0].component"),
        ({"swap": [swap], "travelers": born}, "changes.travelers[1].dateOfBirth"),
        ({"swap": [swap], "travelers": born[:1]}, "changes.travelers"),
    ):
        for accepted in ({}, {"acceptedTotal": 10**9}):
            answer = await api.post(
                f"/booking/{booking['bookingId']}/modify", json={"changes": changes, **accepted}
            )
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "INVALID_TRIP"), problem
            assert problem["field"] == field
    after = (await api.get(f"/booking/{booking['bookingId']}")).json()
    assert after["version"] == before


@pytest.mark.parametrize("criteria", [AMADEUS, DUFFEL], ids=["amadeus", "duffel"])
async def test_what_the_supplier_alone_knows(
    api: httpx.AsyncClient,
    whole: Served,
    operator_key: str,
    sandbox: SandboxClient,
    criteria: dict[str, Any],
) -> None:
    """The caller reads which field; the operator reads the supplier's words, too."""
    trip = await sandbox.trip(**criteria)
    told = (
        await api.post("/booking/book", json=body(trip, travelers=document(number="STOLEN1")))
    ).json()
    assert told["state"] == "FAILED"
    assert told["error"]["code"] == "INVALID_TRIP"
    assert told["error"]["field"] == "travelers[1].document.number"
    assert "does not accept the document number of traveller 2" in told["error"]["message"]

    path = f"/booking/{told['bookingId']}"
    seen = [told, (await api.get(path)).json(), (await api.get(f"{path}/steps")).json()]
    async with client(whole.url, operator_key) as operator:
        for _ in range(2):  # the second answer is one that was kept
            read = (await operator.get(path)).json()
            seen.append((await api.get(path)).json())
            (part,) = [one["error"] for one in read["components"] if one["error"]]
            for error in (read["error"], part):
                assert error["field"] == "travelers[1].document.number"
                assert "is reported as lost" in error["supplierSaid"]
                assert error["supplierCode"] in {"4926", "validation_format"}
            (said,) = [text for text in reasons(read) if "the supplier said" in text]
            assert "is reported as lost" in said
    for answer in seen:
        assert "reported" not in str(answer)
        assert "supplierSaid" not in str(answer)


async def test_what_a_supplier_asks_for_is_told_in_our_words(
    api: httpx.AsyncClient, sandbox: SandboxClient
) -> None:
    """That a passport is needed is known with the price: nothing is held for it, or charged."""
    trip = await sandbox.trip()
    told = (await api.post("/booking/book", json=body(trip, travelers=[pair()[0], BO]))).json()
    error = told["error"]
    assert (error["code"], error["failedStep"]) == ("INVALID_TRIP", "validate")
    assert error["field"] == "travelers[1].document"
    assert error["message"].endswith(
        "could not be booked as it was described: the airline needs a passport or identity card of"
        " traveller 2."
    )
