"""The words of messages, by template and channel; English, whatever their ``locale`` for now."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from models.messages.tables import Channel


class Template(StrEnum):
    """What a message is about."""

    CODE = "code"
    """A code: ``code`` (secret), ``minutes`` and ``contact``, whether it adds a contact."""
    CONTACT_CHANGED = "contact_changed"
    """A contact of the account is another one now: ``kind``."""
    SECOND_FACTOR_RESET = "second_factor_reset"


@dataclass(frozen=True)
class Words:
    """A message in words; texts have no subject."""

    subject: str
    body: str


_CODES: Final = (
    "{code} is your code to {what}. It works once, for {minutes} minutes, where you asked for it.\n"
    "\n"
    "Nobody of ours will ask you for it. If you did not ask for a code, somebody else typed your"
    " address: without the code nothing happens, and you need do nothing."
)
_CODE_TEXT: Final = (
    "{code} is your code to {what}. It works for {minutes} minutes. Never tell it to anybody."
)
_CHANGED: Final = (
    "The {kind} of your account was changed. If that was not you, sign in, end all other sessions,"
    " and tell us."
)
_RESET: Final = (
    "The second factor of your account was reset by an operator. If you did not ask for that, tell"
    " us at once."
)
_KINDS: Final = {"EMAIL": "mail address", "PHONE": "phone number"}


def words(template: str, channel: Channel, told: Mapping[str, Any]) -> Words:
    """Return a message in words.

    Raises:
        ValueError: there is no such template.
        KeyError: something that it tells is missing.
    """
    match Template(template):
        case Template.CODE:
            what = "add this contact" if told["contact"] else "sign in"
            form = _CODES if channel is Channel.EMAIL else _CODE_TEXT
            filled = form.format(code=told["code"], minutes=told["minutes"], what=what)
            return Words(f"Your code to {what}", filled)
        case Template.CONTACT_CHANGED:
            kind = _KINDS[told["kind"]]
            return Words(f"Your {kind} was changed", _CHANGED.format(kind=kind))
        case Template.SECOND_FACTOR_RESET:
            return Words("Your second factor was reset", _RESET)
