"""Keeps card numbers out: 13 to 19 digits with a valid check digit (S12, PCI SAQ A)."""

import re

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"(?<!\d)\d(?:[ .-]?\d){12,18}(?!\d)")
_PHONE = re.compile(r"\+[\d ()./-]+")
_ISSUERS = re.compile(r"(?:[3-6]|2(?:2[2-9]|[3-6]|7[01]|720))")
"""First digits of payment cards (ISO/IEC 7812): travel, banking and merchandising, and the
2221–2720 range. Without it, dates and order numbers would be refused one time in ten."""


def holds_card_number(text: str, *, phone: bool = False) -> bool:
    """Tell whether ``text`` holds something that reads as a card number.

    UUIDs are left out: their groups may be all digits. With ``phone``, an international number
    (``+`` and at most 15 digits, E.164) is one, whatever its check digit.
    """
    if phone and _PHONE.fullmatch(text.strip()) and sum(c.isdigit() for c in text) <= 15:
        return False
    for match in _DIGITS.finditer(_UUID.sub(" / ", text)):
        digits = re.sub(r"\D", "", match.group())
        if _ISSUERS.match(digits) and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
