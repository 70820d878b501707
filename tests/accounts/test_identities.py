"""Normal forms, and what a copy of the tables tells: nothing."""

import hashlib

import pytest

from models.accounts import hashing
from models.accounts.errors import AddressUnfit
from models.accounts.identities import email_address, phone_number

PEPPER = b"p" * 43


@pytest.mark.parametrize(
    ("typed", "norm"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada+trips@example.com", "ada+trips@example.com"),
        ("STRASSE@B\u00dcCHER.example", "strasse@xn--bcher-kva.example"),
        ("stra\u00dfe@xn--bcher-kva.example", "strasse@xn--bcher-kva.example"),
        ("e\u0301va@example.com", "\u00e9va@example.com"),
        ("\u00c9VA@example.com", "\u00e9va@example.com"),
    ],
)
def test_one_address_has_one_form(typed: str, norm: str) -> None:
    found = email_address(typed)
    assert found.norm == norm
    assert email_address(found.typed).norm == norm
    assert email_address(norm).norm == norm


def test_what_is_sent_goes_to_the_address_as_it_was_typed() -> None:
    assert email_address("Ada.Moreno@Example.com").typed == "Ada.Moreno@example.com"


@pytest.mark.parametrize(
    "typed",
    [
        *("", "ada", "ada@", "@example.com", "a b@example.com", "ada@-x.example"),
        *("a@b@c.example", "ada@localhost", "ada@[127.0.0.1]", "x" * 250 + "@example.com"),
    ],
)
def test_what_is_no_mail_address(typed: str) -> None:
    with pytest.raises(AddressUnfit) as refused:
        email_address(typed)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("typed", "norm", "country"),
    [
        ("+1 (202) 555-0123", "+12025550123", "US"),
        ("+49 30 123456", "+4930123456", "DE"),
        ("+44 20 7946 0018", "+442079460018", "GB"),
    ],
)
def test_one_number_has_one_form(typed: str, norm: str, country: str) -> None:
    found = phone_number(typed)
    assert (found.norm, found.country) == (norm, country)


@pytest.mark.parametrize("typed", ["", "030 123456", "+1 202 555", "+1 900 555 0123", "ada"])
def test_what_is_no_number_to_send_to(typed: str) -> None:
    with pytest.raises(AddressUnfit):
        phone_number(typed)


def test_a_copy_of_the_table_tells_no_code() -> None:
    """All million codes are tried, as anybody would who has the row but not the pepper."""
    challenge, code = "9a3d1f52-7c1e-4a4b-8a56-0a4c6e9d2b77", "048113"
    kept = hashing.code_hash(PEPPER, challenge, code)
    known = challenge.encode()
    for number in range(10**6):
        guess = f"{number:06}".encode()
        for data in (
            guess,
            known + guess,
            known + b"\n" + guess,
            b"code\n" + known + b"\n" + guess,
        ):
            assert hashlib.sha256(data).digest() != kept
    assert hashing.code_hash(PEPPER, challenge, code) == kept
    assert hashing.code_hash(b"q" * 43, challenge, code) != kept


def test_whoever_has_the_pepper_reads_a_code_at_once() -> None:
    """That is why it is kept apart from the database (docs/accounts.md)."""
    kept = hashing.code_hash(PEPPER, "c", "000815")
    codes = (f"{number:06}" for number in range(10**6))
    assert next(one for one in codes if hashing.code_hash(PEPPER, "c", one) == kept) == "000815"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("", "", True),
    ],
)
def test_what_counts_as_one_network(one: str, other: str, same: bool) -> None:
    assert (hashing.network_hash(PEPPER, one) == hashing.network_hash(PEPPER, other)) is same


def test_codes_have_six_digits_and_differ() -> None:
    codes = {hashing.new_code() for _ in range(1_000)}
    assert all(len(one) == 6 and one.isdecimal() for one in codes)
    assert len(codes) > 950
