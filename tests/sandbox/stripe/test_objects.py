"""Customers, payment methods and how parameters are read."""

import pytest

from sandbox.stripe.errors import ApiError
from sandbox.stripe.forms import parse
from tests.sandbox.stripe.conftest import Caller


async def test_a_customer_and_their_card(caller: Caller) -> None:
    made = await caller.post(
        "/customers", {"email": "a@example.com", "name": "A", "address[city]": "Madrid"}
    )
    customer = (await caller.http.get(f"/customers/{made.json()['id']}")).json()
    assert customer["address"]["city"] == "Madrid"
    attached = await caller.post(
        "/payment_methods/pm_card_visa/attach", {"customer": customer["id"]}
    )
    method = attached.json()
    assert method["customer"] == customer["id"]
    assert (await caller.http.get(f"/payment_methods/{method['id']}")).json() == method
    other = (await caller.post("/customers")).json()
    taken = await caller.post(f"/payment_methods/{method['id']}/attach", {"customer": other["id"]})
    assert taken.status_code == 400
    intent = await caller.intent(payment_method=method["id"], customer=customer["id"])
    shown = await caller.read(intent, "payment_method")
    assert shown["payment_method"]["card"]["last4"] == "4242"


async def test_what_is_not_there(caller: Caller) -> None:
    for path in ("customers/cus_x", "payment_methods/pm_x", "payment_intents/pi_x", "charges/ch_x"):
        answer = await caller.http.get(f"/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "resource_missing"


async def test_what_cannot_be_expanded(caller: Caller) -> None:
    intent = await caller.intent()
    answer = await caller.http.get(
        f"/payment_intents/{intent['id']}", params={"expand[]": "surprise"}
    )
    assert answer.json()["error"]["code"] == "property_cannot_be_expanded"


@pytest.mark.parametrize(
    ("encoded", "tree"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
        (b"a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        (b"a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        (b"a%5Bb%5D=%C3%A9+x", {"a": {"b": "é x"}}),
    ],
)
def test_brackets_nest(encoded: bytes, tree: object) -> None:
    assert parse(encoded) == tree


@pytest.mark.parametrize("encoded", [b"a[b=1", b"\xff\xfe=1", b"a=1&a[b]=2", b"noequals"])
def test_what_is_no_form(encoded: bytes) -> None:
    with pytest.raises(ApiError):
        parse(encoded)
