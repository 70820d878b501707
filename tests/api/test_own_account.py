"""One's own account over HTTP: contacts, sessions, the second factor."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pyotp
import pytest

from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, serve
from tests.support.accounts import CODES, ME, Desk, new_email, other, signed_in
from tests.support.users import SignedIn, sign_in

CONTACTS = f"{ME}/contacts"
FACTOR = f"{ME}/second-factor"
PROVE = "/market/v1/auth/second-factor"


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


@pytest.fixture
def ada(database_url: str) -> SignedIn:
    return sign_in(database_url)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# -- contacts ----------------------------------------------------------------------------------


async def _add(
    http: httpx.AsyncClient, desk: Desk, who: SignedIn, contact: dict[str, str]
) -> httpx.Response:
    asked = await http.post(CONTACTS, json=contact, headers=who.bearer)
    assert asked.status_code == 202, asked.text
    found = asked.json()["challenge_id"]
    return await http.post(
        f"{CONTACTS}/{found}/verify", json={"code": desk.code(found)}, headers=who.bearer
    )


async def test_a_contact_is_changed_with_a_code_and_the_old_one_is_told(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn
) -> None:
    email = new_email()
    answer = await _add(http, desk, ada, {"email": email.upper().replace("COM", "com")})
    assert answer.status_code == 200, answer.text
    assert answer.json()["email_verified"]
    told = desk(
        "SELECT recipient, content FROM messages WHERE template = 'contact_changed'"
        " AND recipient = ANY(%s)",
        [ada.email, email],
    )
    assert told == [(ada.email, {"kind": "EMAIL"})]
    assert desk("SELECT who, what FROM user_events WHERE user_id = %s", ada.id) == [
        (f"user {ada.id}", "changed email")
    ]
    desk.let_pass(60)
    again = await signed_in(http, desk, {"email": email})
    assert again["user"]["id"] == ada.id
    elsewhere = await signed_in(http, desk, {"email": ada.email})
    assert elsewhere["user"]["id"] != ada.id, "the old address is nobody's now"


async def test_a_second_contact_signs_in_too(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn
) -> None:
    phone = f"+1202555{abs(hash(ada.id)) % 10_000:04}"
    answer = await _add(http, desk, ada, {"phone": phone})
    assert (answer.json()["email"], answer.json()["phone"]) == (ada.email, phone)
    desk.let_pass(60)
    assert (await signed_in(http, desk, {"phone": phone}))["user"]["id"] == ada.id


async def test_a_contact_of_somebody_else_is_not_taken(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn, database_url: str
) -> None:
    bob = sign_in(database_url)
    answer = await _add(http, desk, ada, {"email": bob.email})
    assert refused(answer) == (409, "CONTACT_IN_USE")
    me = (await http.get(ME, headers=ada.bearer)).json()
    assert me["user"]["email"] == ada.email


async def test_the_code_of_a_contact_works_in_its_session_alone(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn, database_url: str
) -> None:
    bob = sign_in(database_url)
    asked = await http.post(CONTACTS, json={"email": new_email()}, headers=ada.bearer)
    found = asked.json()["challenge_id"]
    code = {"code": desk.code(found)}
    path = f"{CONTACTS}/{found}/verify"
    assert refused(await http.post(path, json=code, headers=bob.bearer)) == (
        *(401, "CODE_REFUSED"),
    )
    signing_in = await http.post(f"{CODES}/{found}/verify", json={**code, "client": "c" * 22})
    assert refused(signing_in) == (401, "CODE_REFUSED")
    assert (await http.post(path, json=code, headers=ada.bearer)).status_code == 200


@pytest.mark.parametrize("path", [CONTACTS, FACTOR])
async def test_an_open_browser_gives_nobody_the_account(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn, path: str
) -> None:
    desk("UPDATE sessions SET created_at = now() - interval '16 minutes' WHERE id = %s",
         ada.session_id)  # fmt: skip
    sent = {"json": {"email": new_email()}} if path == CONTACTS else {}
    answer = await http.post(path, headers=ada.bearer, **sent)  # type: ignore[arg-type]
    assert refused(answer) == (403, "SIGN_IN_AGAIN")


async def test_roles_and_contacts_are_no_part_of_a_profile(
    http: httpx.AsyncClient, ada: SignedIn
) -> None:
    for field in ("role", "email", "status", "id"):
        answer = await http.patch(ME, json={field: "ADMIN"}, headers=ada.bearer)
        assert refused(answer) == (422, "INVALID_REQUEST")
    answer = await http.patch(
        ME, json={"display_name": " Ada ", "locale": "de-AT"}, headers=ada.bearer
    )
    told = answer.json()
    assert (told["display_name"], told["locale"], told["role"]) == ("Ada", "de-AT", "TRAVELER")


# -- sessions ----------------------------------------------------------------------------------


async def test_sessions_are_seen_and_ended_by_their_user_alone(
    http: httpx.AsyncClient, desk: Desk, database_url: str
) -> None:
    email = new_email()
    found = []
    for _ in range(3):
        found.append(await signed_in(http, desk, {"email": email}))
        desk.let_pass(60)
    mine, second, third = ({"Authorization": f"Bearer {one['token']}"} for one in found)
    listed = (await http.get(f"{ME}/sessions", headers=mine)).json()["sessions"]
    assert {one["id"] for one in listed} == {one["session_id"] for one in found}
    assert [one["id"] for one in listed if one["current"]] == [found[0]["session_id"]]
    path = f"{ME}/sessions/{found[1]['session_id']}"
    bob = sign_in(database_url)
    assert refused(await http.delete(path, headers=bob.bearer)) == (404, "SESSION_UNKNOWN")
    for _ in range(2):  # ended is ended
        assert (await http.delete(path, headers=mine)).status_code == 204
    statuses = [(await http.get(ME, headers=one)).status_code for one in (mine, second, third)]
    assert statuses == [200, 401, 200]
    assert (await http.delete(f"{ME}/sessions", headers=mine)).status_code == 204
    statuses = [(await http.get(ME, headers=one)).status_code for one in (mine, second, third)]
    assert statuses == [200, 401, 401]
    assert (await http.post("/market/v1/auth/logout", headers=mine)).status_code == 204
    assert (await http.get(ME, headers=mine)).status_code == 401


# -- the second factor -------------------------------------------------------------------------


def shown(secret: str, desk: Desk, steps: int = 0) -> str:
    """What an authenticator shows, so many steps from now by the database's clock.

    Not at the end of a step: on a busy machine it would be the one before when it is looked at.
    """
    while True:
        ((now,),) = desk("SELECT extract(epoch FROM now())::float8")
        if now % 30 < 22:
            break
        time.sleep(30.1 - now % 30)
    return pyotp.TOTP(secret).at(int(now), counter_offset=steps)


async def enrolled(http: httpx.AsyncClient, desk: Desk, who: SignedIn) -> str:
    """Have an authenticator, confirmed with the code of the step before this one."""
    begun = await http.post(FACTOR, headers=who.bearer)
    assert begun.status_code == 201, begun.text
    secret: str = begun.json()["secret"]
    assert f"secret={secret}" in begun.json()["uri"]
    answer = await http.post(
        f"{FACTOR}/confirm", json={"code": shown(secret, desk, -1)}, headers=who.bearer
    )
    assert answer.status_code == 200, answer.text
    return secret


async def test_an_admin_enrols_first_and_proves_it_in_every_session(
    http: httpx.AsyncClient, desk: Desk, database_url: str
) -> None:
    admin = sign_in(database_url, admin=True)
    needed = (403, "SECOND_FACTOR_REQUIRED")
    change: dict[str, Any] = {"json": {"display_name": "A"}, "headers": admin.bearer}
    assert refused(await http.patch(ME, **change)) == needed
    assert (await http.get(ME, headers=admin.bearer)).json()["second_factor_enrolled"] is False
    secret = await enrolled(http, desk, admin)
    assert (await http.patch(ME, **change)).status_code == 200
    desk("UPDATE sessions SET second_factor_at = NULL WHERE id = %s", admin.session_id)
    assert refused(await http.patch(ME, **change)) == needed
    proved = await http.post(PROVE, json={"code": shown(secret, desk)}, headers=admin.bearer)
    assert proved.status_code == 200
    assert (await http.patch(ME, **change)).status_code == 200
    me = (await http.get(ME, headers=admin.bearer)).json()
    assert me["second_factor_at"] == proved.json()["second_factor_at"]


async def test_a_time_step_is_accepted_once(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn
) -> None:
    secret = await enrolled(http, desk, ada)
    code = {"code": shown(secret, desk)}
    answers = await asyncio.gather(
        *(http.post(PROVE, json=code, headers=ada.bearer) for _ in range(4))
    )
    assert sorted(one.status_code for one in answers) == [200, 403, 403, 403]
    before = {"code": shown(secret, desk, -1)}
    answer = await http.post(PROVE, json=before, headers=ada.bearer)
    assert refused(answer) == (403, "SECOND_FACTOR_REFUSED")


async def test_guesses_at_a_second_factor_have_to_wait(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn
) -> None:
    secret = await enrolled(http, desk, ada)
    wrong = {"code": other(shown(secret, desk, 5))}
    answers = await asyncio.gather(
        *(http.post(PROVE, json=wrong, headers=ada.bearer) for _ in range(20))
    )
    statuses = [one.status_code for one in answers]
    assert (statuses.count(403), statuses.count(429)) == (5, 15)
    right = await http.post(PROVE, json={"code": shown(secret, desk)}, headers=ada.bearer)
    assert right.status_code == 429
    assert 0 < int(right.headers["Retry-After"]) <= 60
    desk("UPDATE second_factors SET locked_until = now() WHERE user_id = %s", ada.id)
    assert (
        await http.post(PROVE, json={"code": shown(secret, desk)}, headers=ada.bearer)
    ).status_code == 200
    assert desk("SELECT failures FROM second_factors WHERE user_id = %s", ada.id) == [(0,)]


async def test_a_confirmed_authenticator_is_not_replaced(
    http: httpx.AsyncClient, desk: Desk, ada: SignedIn
) -> None:
    first = (await http.post(FACTOR, headers=ada.bearer)).json()["secret"]
    secret = await enrolled(http, desk, ada)
    assert first != secret, "one that was not confirmed is"
    taken = (409, "SECOND_FACTOR_ENROLLED")
    assert refused(await http.post(FACTOR, headers=ada.bearer)) == taken
    code = {"code": shown(secret, desk)}
    again = await http.post(f"{FACTOR}/confirm", json=code, headers=ada.bearer)
    assert refused(again) == taken
    ((kept,),) = desk("SELECT secret FROM second_factors WHERE user_id = %s", ada.id)
    assert secret.encode() not in bytes(kept)


async def test_without_an_authenticator_nothing_is_proved(
    http: httpx.AsyncClient, ada: SignedIn
) -> None:
    answer = await http.post(PROVE, json={"code": "123456"}, headers=ada.bearer)
    assert refused(answer) == (403, "SECOND_FACTOR_REFUSED")
