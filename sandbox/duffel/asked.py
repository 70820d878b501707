"""Validation of orders: everything Duffel checks before it asks the airline."""

import datetime as dt
import re
from typing import Any, Final

from sandbox.amounts import digits
from sandbox.duffel.messages import Refused, amount

Json = dict[str, Any]

_NAME: Final = re.compile(r"[ '\-A-Za-zÀ-ÖØ-öø-ſ]{1,20}")
_NOT_ALLOWED: Final = re.compile("[ÆæĲĳŒœÞþÐð]")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_KEY: Final = re.compile("[A-Za-z0-9_-]{1,40}")
_REPORTED: Final = "STOLEN"
"""Documents whose number begins so are refused: an example of what the airline alone knows."""
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def offer_in(asked: Json) -> str:
    """Return the one offer that an order selects.

    Raises:
        Refused: none, several, or another type of order than there are.
    """
    if asked.get("type") not in ("instant", "hold"):
        raise Refused("validation_inclusion", "type must be instant or hold")
    selected = asked.get("selected_offers")
    if not isinstance(selected, list) or len(selected) != 1 or not isinstance(selected[0], str):
        raise Refused("validation_length", "selected_offers must have one offer")
    return selected[0]


def check(asked: Json, offer: Json) -> None:
    """Check metadata, passengers and payments against an offer as it is kept.

    Raises:
        Refused: with the code that Duffel gives.
    """
    _check_metadata(asked.get("metadata"))
    _check_passengers(asked.get("passengers"), offer["offer"])
    needs = offer["offer"]["payment_requirements"]
    if asked["type"] == "hold":
        if needs["requires_instant_payment"]:
            raise Refused("hold_not_available", "This offer must be paid for instantly")
        if asked.get("payments"):
            raise Refused("payments_not_allowed_for_order_type", "A hold takes no payments")
        return
    payments = asked.get("payments")
    if not isinstance(payments, list) or len(payments) != 1:
        raise Refused("validation_required", "payments must have one payment")
    check_payment(payments[0], offer["price"], offer["currency"])


def check_payment(payment: Any, price: int, currency: str) -> None:
    """Check that a payment is of what is owed (minor units), to the last digit.

    Raises:
        Refused: it is not.
    """
    if not isinstance(payment, dict) or payment.get("type") not in ("balance", "arc_bsp_cash"):
        raise Refused("validation_inclusion", "payment type must be balance or arc_bsp_cash")
    if payment.get("currency") != currency:
        raise Refused(
            "payment_currency_does_not_match_order_currency",
            f"The payment must be in {currency}",
        )
    if payment.get("amount") != amount(price, currency):
        shown = f"{amount(price, currency)} ({digits(currency)} decimals)"
        raise Refused("payment_amount_does_not_match_order_amount", f"The amount must be {shown}")


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or len(metadata) > 50:
        raise Refused("validation_type", "metadata must be an object of at most 50 pairs")
    for key, value in metadata.items():
        if not _KEY.fullmatch(key) or not isinstance(value, str) or len(value) > 500:
            raise Refused("validation_format", f"metadata {key} has an invalid key or value")


def _check_passengers(given: Any, offer: Json) -> None:
    people = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    expected = [one["id"] for one in offer["passengers"]]
    if sorted(str(one.get("id")) for one in people) != sorted(expected):
        raise Refused(
            "order_passengers_incompatible_with_offer", "The passengers are not the offer's"
        )
    for number, person in enumerate(people):
        _check_person(person, offer, f"/passengers/{number}")
    names = {(one["given_name"].casefold(), one["family_name"].casefold()) for one in people}
    if len(names) < len(people):
        raise Refused("duplicate_passenger_name", "Two passengers have the same name")


def _check_person(person: Json, offer: Json, where: str) -> None:
    def refuse(field: str, code: str, message: str) -> Refused:
        return Refused(code, message, pointer=f"{where}/{field}")

    for part in ("given_name", "family_name"):
        name = person.get(part)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or _NOT_ALLOWED.search(name):
            raise refuse(part, "invalid_passenger_name", f"{part} cannot be read by airlines")
    if person.get("gender") not in ("m", "f"):
        raise refuse("gender", "validation_inclusion", "gender must be m or f")
    if person.get("title") not in ("mr", "ms", "mrs", "miss", "dr"):
        raise refuse("title", "invalid_passenger_title", "title is unknown")
    try:
        dt.date.fromisoformat(str(person.get("born_on")))
    except ValueError:
        raise refuse("born_on", "validation_format", "born_on must be a date") from None
    if not _EMAIL.fullmatch(str(person.get("email"))):
        raise refuse("email", "invalid_email_address", "email is not an address")
    if not _PHONE.fullmatch(str(person.get("phone_number"))):
        raise refuse("phone_number", "invalid_phone_number", "phone_number must be E.164")
    documents = person.get("identity_documents")
    if offer["passenger_identity_documents_required"] and not documents:
        raise refuse("identity_documents", "validation_required", "a document can't be blank")
    for place, document in enumerate(documents or []):
        field = f"identity_documents/{place}"
        if document.get("type") not in offer["supported_passenger_identity_document_types"]:
            words = "The airline takes no such document"
            raise refuse(f"{field}/type", "not_valid_with_selected_offer", words)
        number = str(document.get("unique_identifier"))
        if number.startswith(_REPORTED):
            words = f"document {number} is reported as lost"
            raise refuse(f"{field}/unique_identifier", "validation_format", words)
