"""Normal forms of what people are reached at: one address is one account, however it is typed."""

import unicodedata
from dataclasses import dataclass, field

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from models.accounts.errors import AddressUnfit
from models.accounts.tables import IdentityKind

LONGEST = 254
_PRICED = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
    }
)
"""Numbers whose owner is paid for what is sent to them."""


@dataclass(frozen=True)
class Address:
    """A mail address or a phone number."""

    kind: IdentityKind
    typed: str = field(repr=False)
    """What is sent goes there."""
    norm: str = field(repr=False)
    """The same for everything that reaches the same person."""
    country: str | None = None
    """Of a phone number, two letters."""


def email_address(text: str) -> Address:
    """Return a mail address: NFC, the domain in IDNA and lower case, the local part case-folded.

    Nothing is looked up: whether anybody reads there, the code proves.

    Raises:
        AddressUnfit: it is none.
    """
    typed = unicodedata.normalize("NFC", text.strip())
    try:
        found = validate_email(typed, check_deliverability=False)
    except EmailNotValidError:
        found = None
    if found is None or len(typed) > LONGEST:
        raise AddressUnfit("email", "This is no mail address such as ada@example.com.")
    local = unicodedata.normalize("NFC", found.local_part.casefold())
    norm = f"{local}@{found.ascii_domain.lower()}"
    return Address(IdentityKind.EMAIL, found.normalized, norm)


def phone_number(text: str) -> Address:
    """Return a phone number in E.164.

    Raises:
        AddressUnfit: it is none, has no country, or costs whoever sends to it.
    """
    try:
        number = phonenumbers.parse(text.strip())
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        why = "This is no phone number with a country, such as +1 212 555 0123."
        raise AddressUnfit("phone", why)
    if phonenumbers.number_type(number) in _PRICED:
        raise AddressUnfit("phone", "Codes are not sent to numbers that cost the sender.")
    norm = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Address(
        IdentityKind.PHONE, norm, norm, phonenumbers.region_code_for_number(number) or "ZZ"
    )
