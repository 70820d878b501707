"""Signing in over HTTP: what is told, what is kept, what is refused (§3.5)."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, serve
from tests.support.accounts import CODES, ME, Desk, challenge, new_email, other, signed_in, verify
from tests.support.users import sign_in


@pytest.fixture(scope="module")
def served(database_url: str) -> Iterator[Served]:
    with serve(Settings(database={"url": database_url}, temporal={"address": NOBODY})) as found:
        yield found


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client(served.url) as found:
        yield found


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(database_url)


async def test_the_first_code_makes_an_account_and_the_second_finds_it(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    email = new_email()
    first = await signed_in(http, desk, {"email": email})
    desk.let_pass(60)
    second = await signed_in(http, desk, {"email": f" {email.upper().replace('COM', 'com')} "})
    assert first["user"]["id"] == second["user"]["id"]
    assert first["user"]["email_verified"]
    assert not first["user"]["phone_verified"]
    assert first["token"] != second["token"]
    assert first["csrf_token"] is None
    bearer = {"Authorization": f"Bearer {second['token']}"}
    me = (await http.get(ME, headers=bearer)).json()
    assert (me["user"], me["csrf_token"]) == (second["user"], None)


async def test_a_phone_signs_in_however_it_is_written(http: httpx.AsyncClient, desk: Desk) -> None:
    number = f"20255501{secrets.randbelow(100):02}"
    first = await signed_in(http, desk, {"phone": f"+1{number}"})
    desk.let_pass(60)
    second = await signed_in(http, desk, {"phone": f"+1 (202) 555-{number[-4:]}"})
    assert first["user"]["id"] == second["user"]["id"]
    assert first["user"]["phone"] == f"+1{number}"


async def test_two_accounts_that_differ_in_letter_case_are_one(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    name = uuid.uuid4().hex
    written = [
        f"stra\u00dfe.{name}@b\u00fccher.example",
        f"STRASSE.{name}@xn--bcher-kva.example",
        f"Strasse.{name}@B\u00dcCHER.EXAMPLE",
    ]
    found = set()
    for email in written:
        found.add((await signed_in(http, desk, {"email": email}))["user"]["id"])
        desk.let_pass(60)
    assert len(found) == 1


async def test_a_browser_gets_cookies_that_no_script_and_no_other_site_can_use(
    served: Served, desk: Desk
) -> None:
    async with client(served.url) as http:
        asked = await http.post(CODES, json={"email": new_email()})
        (bound,) = asked.headers.get_list("set-cookie")
        assert bound.startswith("__Host-sign-in=")
        for attribute in ("HttpOnly", "Max-Age=300", "Path=/", "SameSite=strict", "Secure"):
            assert attribute in bound
        assert "Domain" not in bound
        found = asked.json()["challenge_id"]
        code = desk.code(found)
        refused = await http.post(f"{CODES}/{found}/verify", json={"code": code})
        assert refused.status_code == 401, "http: the client keeps no secure cookie"
        cookie = {"Cookie": bound.partition(";")[0]}
        answer = await http.post(f"{CODES}/{found}/verify", json={"code": code}, headers=cookie)
    assert answer.status_code == 200
    told = answer.json()
    assert told["token"] is None
    kept = next(one for one in answer.headers.get_list("set-cookie") if "__Host-session" in one)
    for attribute in ("HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=lax", "Secure"):
        assert attribute in kept
    assert "Domain" not in kept
    headers = {"Cookie": kept.partition(";")[0], "Sec-Fetch-Site": "same-origin"}
    async with client(served.url) as http:
        me = (await http.get(ME, headers=headers)).json()
        assert me["csrf_token"] == told["csrf_token"]
        changed = {"json": {"display_name": "Ada"}, "headers": headers}
        assert (await http.patch(ME, **changed)).json()["code"] == "CSRF_REFUSED"  # type: ignore[arg-type]
        headers["X-CSRF-Token"] = told["csrf_token"]
        assert (await http.patch(ME, **changed)).json()["display_name"] == "Ada"  # type: ignore[arg-type]
        out = await http.post("/market/v1/auth/logout", headers=headers)
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await http.get(ME, headers=headers)).status_code == 401


async def test_what_is_refused_of_a_code_is_refused_alike(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    email = {"email": new_email()}
    old = await challenge(http, email)
    old_code = desk.code(old)
    desk.let_pass(60)
    newer = await challenge(http, email)
    code = desk.code(newer)
    used = await challenge(http, {"email": new_email()})
    used_code = desk.code(used)
    assert (await verify(http, used, used_code)).status_code == 200
    late = await challenge(http, {"email": new_email()})
    late_code = desk.code(late)
    desk("UPDATE auth_challenges SET expires_at = now() WHERE id = %s", late)
    alive = [
        await verify(http, newer, other(code)),
        await verify(http, newer, code, client="d" * 22),
    ]
    over = [
        await verify(http, old, old_code),
        await verify(http, used, used_code),
        await verify(http, late, late_code),
        await verify(http, str(uuid.uuid4()), code),
    ]
    for answers in (alive, over):
        told = [{**one.json(), "instance": "", "details": None} for one in answers]
        assert {one.status_code for one in answers} == {401}
        assert told == [told[0]] * len(told)
        assert told[0]["code"] == "CODE_REFUSED"
    assert [one.json()["details"]["attempts_left"] for one in alive] == [4, 3]
    assert ["details" in one.json() for one in over] == [False] * 4
    assert (await verify(http, newer, code)).status_code == 200


MANY = [30, pytest.param(1_000, marks=pytest.mark.exhaustive)]


@pytest.mark.parametrize("guesses", MANY)
async def test_of_many_guesses_at_once_five_are_looked_at(
    http: httpx.AsyncClient, desk: Desk, guesses: int
) -> None:
    found = await challenge(http, {"email": new_email()})
    code = desk.code(found)
    wrong = [f"{(int(code) + 1 + n) % 10**6:06}" for n in range(guesses)]
    answers = await asyncio.gather(*(verify(http, found, one) for one in wrong))
    looked_at = [
        one.json()["details"]["attempts_left"] for one in answers if "details" in one.json()
    ]
    assert sorted(looked_at) == [0, 1, 2, 3, 4]
    assert {one.status_code for one in answers} == {401}
    assert (await verify(http, found, code)).status_code == 401, "there are no guesses left"


@pytest.mark.parametrize("guesses", [20, pytest.param(200, marks=pytest.mark.exhaustive)])
async def test_of_many_right_codes_at_once_one_begins_a_session(
    http: httpx.AsyncClient, desk: Desk, guesses: int
) -> None:
    found = await challenge(http, {"email": new_email()})
    code = desk.code(found)
    answers = await asyncio.gather(*(verify(http, found, code) for _ in range(guesses)))
    (won,) = [one.json() for one in answers if one.status_code == 200]
    assert {one.status_code for one in answers} == {200, 401}
    rows = desk("SELECT count(*) FROM sessions WHERE user_id = %s", won["user"]["id"])
    assert rows == [(1,)]


@pytest.mark.parametrize("addresses", [40, pytest.param(1_000, marks=pytest.mark.exhaustive)])
async def test_many_addresses_guess_no_more_than_one(
    http: httpx.AsyncClient, desk: Desk, addresses: int
) -> None:
    """A limit by address was bypassed at RubyGems (GHSA-c55g-q6f4-5qxr): ours is the identity's."""
    email = {"email": new_email()}
    looked_at = sent = 0
    for number in range(addresses):
        key = f"client-{number:016}"
        answer = await http.post(CODES, json={**email, "client": key})
        if answer.status_code == 202:
            sent += 1
            last = answer.json()["challenge_id"], key
        guess = await verify(http, last[0], f"{number:06}", last[1])
        looked_at += guess.status_code == 200 or "details" in guess.json()
    assert (sent, looked_at) == (1, 5)


async def test_sending_waits_longer_after_every_wrong_code_and_ends_at_a_hundred(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    email = {"email": new_email()}
    waits = []
    for failures in (9, 10, 11, 15, 30):
        found = await challenge(http, email)
        desk(
            "INSERT INTO auth_identities (kind, value_hash, failures)"
            " SELECT kind, value_hash, %s FROM auth_challenges WHERE id = %s"
            " ON CONFLICT (kind, value_hash) DO UPDATE SET failures = excluded.failures",
            failures - 1,
            found,
        )
        await verify(http, found, other(desk.code(found)))
        desk(
            "UPDATE auth_challenges SET created_at = created_at - interval '1 day' WHERE id = %s",
            found,
        )
        answer = await http.post(CODES, json=email)
        waits.append(0 if answer.status_code == 202 else int(answer.headers["Retry-After"]))
        desk("UPDATE auth_identities SET locked_until = NULL")
        desk("UPDATE auth_challenges SET created_at = created_at - interval '1 day'")
    assert [round(one / 60) for one in waits] == [0, 1, 2, 32, 60]
    desk("UPDATE auth_identities SET failures = 100")
    answer = await http.post(CODES, json=email)
    assert (answer.status_code, answer.json()["code"]) == (403, "IDENTITY_LOCKED")
    desk("UPDATE auth_identities SET failures = 0")


async def test_a_newer_code_does_not_forget_failures_and_a_right_one_does(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    email = {"email": new_email()}

    def failures(of: str) -> list[Any]:
        return desk(
            "SELECT failures FROM auth_identities JOIN auth_challenges USING (kind, value_hash)"
            " WHERE auth_challenges.id = %s",
            of,
        )

    for expected in (2, 4):
        found = await challenge(http, email)
        code = desk.code(found)
        for _ in range(2):
            await verify(http, found, other(code))
        assert failures(found) == [(expected,)]
        desk.let_pass(60)
    found = await challenge(http, email)
    assert (await verify(http, found, desk.code(found))).status_code == 200
    assert failures(found) == []


async def test_the_other_contact_unlocks_both(http: httpx.AsyncClient, desk: Desk) -> None:
    email, phone = new_email(), f"+1202555{1000 + secrets.randbelow(9000)}"
    told = await signed_in(http, desk, {"email": email})
    desk(
        "UPDATE users SET phone = %s, phone_e164 = %s, phone_verified_at = now() WHERE id = %s",
        *(phone, phone, told["user"]["id"]),
    )
    desk.let_pass(60)
    found = await challenge(http, {"email": email})
    await verify(http, found, other(desk.code(found)))
    desk("UPDATE auth_identities SET failures = 100")
    desk.let_pass(60)
    assert (await http.post(CODES, json={"email": email})).json()["code"] == "IDENTITY_LOCKED"
    again = await signed_in(http, desk, {"phone": phone})
    assert again["user"]["id"] == told["user"]["id"]
    assert (await http.post(CODES, json={"email": email})).status_code == 202


async def test_one_address_is_sent_so_many_codes_and_no_more(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    email = {"email": new_email()}
    first = await http.post(CODES, json=email)
    assert first.json()["resend_after"] == 60
    again = await http.post(CODES, json=email)
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMITED")
    assert 58 <= int(again.headers["Retry-After"]) <= 60
    resent = []
    for _ in range(4):
        desk.let_pass(60)
        resent.append((await http.post(CODES, json=email)).json()["resend_after"])
    assert resent[:3] == [60] * 3
    assert 650 <= resent[3] <= 660, "five in 15 minutes"
    desk.let_pass(15 * 60)
    for _ in range(5):
        desk.let_pass(200)
        last = await http.post(CODES, json=email)
    assert last.json()["resend_after"] > 80_000, "ten a day"
    desk.let_pass(3600)
    assert (await http.post(CODES, json=email)).status_code == 429


async def test_networks_and_countries_have_limits(database_url: str, desk: Desk) -> None:
    limit = {"network_codes": 3, "country_texts": 2}
    settings = Settings(database={"url": database_url}, temporal={"address": NOBODY}, limit=limit)
    desk("DELETE FROM auth_challenges")
    with serve(settings) as served:
        async with client(served.url) as http:
            phones = [f"+1202555{1000 + secrets.randbelow(9000)}" for _ in range(3)]
            statuses = [
                (await http.post(CODES, json={"phone": phone})).status_code for phone in phones
            ]
            assert statuses == [202, 202, 429]
            emails = [
                (await http.post(CODES, json={"email": new_email()})).status_code for _ in range(3)
            ]
            assert emails == [202, 429, 429]


def counted(served: Served, sent: list[str]) -> Any:
    engine = served.app.state.context.record._sessions.kw["bind"].sync_engine

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    return lambda: event.remove(engine, "before_cursor_execute", note)


async def test_known_unknown_and_blocked_people_are_asked_and_answered_alike(
    http: httpx.AsyncClient, served: Served, desk: Desk, database_url: str
) -> None:
    known, blocked = sign_in(database_url), sign_in(database_url)
    desk("UPDATE users SET status = 'BLOCKED' WHERE id = %s", blocked.id)
    told = []
    for email in (known.email, blocked.email, new_email()):
        sent: list[str] = []
        stop = counted(served, sent)
        asked = await http.post(CODES, json={"email": email, "client": "c" * 22})
        found = asked.json().pop("challenge_id")
        code = desk.code(found)
        guesses = [await verify(http, found, other(code)) for _ in range(2)]
        stop()
        bodies = [{**one.json(), "challenge_id": "", "instance": ""} for one in (asked, *guesses)]
        told.append((asked.status_code, bodies, sent))
    assert told[0] == told[1] == told[2]
    assert len(told[0][2]) == 9
    assert not any(" users" in statement for statement in told[0][2])


async def test_a_blocked_account_begins_no_session(http: httpx.AsyncClient, desk: Desk) -> None:
    email = {"email": new_email()}
    told = await signed_in(http, desk, email)
    desk("UPDATE users SET status = 'BLOCKED' WHERE id = %s", told["user"]["id"])
    desk.let_pass(60)
    found = await challenge(http, email)
    code = desk.code(found)
    answer = await verify(http, found, code)
    assert (answer.status_code, answer.json()["code"]) == (403, "ACCOUNT_BLOCKED")
    assert (await verify(http, found, code)).json()["code"] == "CODE_REFUSED"
    rows = desk("SELECT count(*) FROM sessions WHERE user_id = %s", told["user"]["id"])
    assert rows == [(1,)]


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        ({"email": "ada"}, "INVALID_REQUEST"),
        ({"email": "ada@example..com"}, "ADDRESS_REFUSED"),
        ({"email": "a@b.com\r\nBcc: x@example.com"}, "INVALID_REQUEST"),
        ({"phone": "02025550123"}, "ADDRESS_REFUSED"),
        ({"phone": "+19005550123"}, "ADDRESS_REFUSED"),
        ({"phone": "+1 202 555 012345"}, "ADDRESS_REFUSED"),
        ({}, "INVALID_REQUEST"),
        ({"email": "a@example.com", "phone": "+12025550123"}, "INVALID_REQUEST"),
        ({"email": "a@example.com", "client": "short"}, "INVALID_REQUEST"),
        ({"email": "a@example.com", "role": "ADMIN"}, "INVALID_REQUEST"),
    ],
)
async def test_addresses_that_are_none_are_refused(
    http: httpx.AsyncClient, contact: dict[str, str], code: str
) -> None:
    answer = await http.post(CODES, json=contact)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_texts_go_to_named_countries_only(database_url: str) -> None:
    settings = Settings(
        database={"url": database_url}, temporal={"address": NOBODY}, text={"countries": "DE,AT"}
    )
    with serve(settings) as served:
        async with client(served.url) as http:
            answer = await http.post(CODES, json={"phone": "+12025550123"})
            assert (answer.status_code, answer.json()["code"]) == (422, "NOT_REACHED")
            found = {"phone": "+4930123456"}
            assert (await http.post(CODES, json=found)).status_code == 202
