"""Text that comes in from people, at every edge: what is refused wherever text is kept.

Card numbers (reliability.md S12, PCI SAQ A), what steers a terminal or turns text around, and what
cannot be stored. It is looked at when it comes in, not by the models: what is on record is read
whatever is in it.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, Literal

from models.core.text import CONTROLS

Kind = Literal["card_number", "control_character", "not_storable"]

_WORDS: Final[dict[Kind, str]] = {
    "card_number": "looks like a card number",
    "control_character": "holds a control character",
    "not_storable": "holds the NUL character or a lone surrogate",
}
_PROSE: Final = frozenset({"about", "note", "notes", "reason", "requests"})
"""Fields of several lines."""
_MACHINE: Final = "offer"
"""What stands below is a supplier's, not a person's: ids may be digits with signs in between."""

_HEX: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?<![0-9a-z])(?=[0-9]*[a-f])[0-9a-f]{24,}(?![0-9a-z])",
    re.IGNORECASE,
)
"""UUIDs and random keys in hexadecimal: one in some thousands of them holds such digits."""
_RUN: Final = re.compile(r"\d+(?:[\W_]+\d+)+|\d{13,}")
"""Digits with anything but letters in between."""
_RUN_OF_MACHINES: Final = re.compile(r"\d+(?:[ .-]\d+)+|\d{13,}")
_PHONE: Final = re.compile(r"\+[\d ()./-]+")
_SHORTEST: Final = 13
_LONGEST: Final = 19
_CARDS: Final = re.compile(
    r"""4(?:\d{12}|\d{15}|\d{18})                                                # Visa
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720)\d{12}  # Mastercard
    | 3[47]\d{13}                                                                 # Amex
    | (?:30[0-5]\d | 3095 | 3[689]\d\d)\d{10,15}                                  # Diners Club
    | 35(?:2[89]|[3-8]\d)\d{12,15}                                                # JCB
    | (?:5[0678]|6\d)\d{11,17}                                  # Maestro, Discover, UnionPay
    | 220[0-4]\d{12,15}                                                           # Mir""",
    re.VERBOSE,
)
"""First digits and lengths of payment cards (ISO/IEC 7812): without them, dates and order numbers
would be refused one time in ten."""
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")
"""Twice a digit, and the digits of that added up."""


class UnfitText(ValueError):
    """Text that is not kept. The message does not quote it.

    Attributes:
        kind: what is wrong with it.
        path: where it stands, such as ``travelers[0].lastName``.
    """

    def __init__(self, kind: Kind, path: str) -> None:
        super().__init__(f"{path or 'the text'} {_WORDS[kind]}")
        self.kind = kind
        self.path = path


def expect_fit(text: str, path: str) -> None:
    """Make sure that text may be kept.

    Args:
        text: as it came.
        path: the field it stands in. Notes and reasons may have lines; a phone number may have
            digits like a card's; what stands in an ``offer`` is read as machines write.

    Raises:
        UnfitText: it may not.
    """
    machine = _MACHINE in path and _MACHINE in _names(path)
    if not text.isprintable():
        if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UnfitText("not_storable", path)
        several_lines = machine or _names(path)[-1] in _PROSE
        plain = text.replace("\r\n", "\n") if several_lines else text
        if CONTROLS.search(plain) or (not several_lines and re.search(r"[\t\n]", plain)):
            raise UnfitText("control_character", path)
    if holds_card_number(text, phone=path.endswith("phone"), machine=machine):
        raise UnfitText("card_number", path)


def _names(path: str) -> list[str]:
    return re.split(r"[.\[\]]+", path)


def expect_fit_json(value: Any) -> None:
    """Make sure that every text in a JSON value, names included, may be kept.

    Raises:
        UnfitText: one may not; says where.
    """
    for inner, path, _ in walk(value):
        if isinstance(inner, str):
            expect_fit(inner, path)


def walk(value: Any) -> Iterator[tuple[Any, str, int]]:
    """Yield everything in a JSON value with its path and depth, names with their object's path."""
    # A stack of our own: recursion would fail on the very input that is looked for.
    waiting: list[tuple[Any, str, int]] = [(value, "", 1)]
    while waiting:
        current, path, depth = waiting.pop()
        yield current, path, depth
        if isinstance(current, dict):
            for name, inner in current.items():
                yield name, path, depth
                waiting.append((inner, f"{path}.{name}" if path else name, depth + 1))
        elif isinstance(current, list):
            waiting.extend((inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(current))


def holds_card_number(text: str, *, phone: bool = False, machine: bool = False) -> bool:
    """Tell whether text holds something that reads as a card number: 13 to 19 digits of a card's
    first ones with a valid check digit, in whatever digits, and whatever stands between them.

    UUIDs and long keys in hexadecimal are left out. With ``phone``, an international number
    (``+`` and at most 15 digits, E.164) is one, whatever its check digit. With ``machine``, only
    a space, a dot or a hyphen may stand between digits.
    """
    if len(text) < _SHORTEST:
        return False
    if phone and _PHONE.fullmatch(text.strip()) and sum(c.isdigit() for c in text) <= 15:
        return False
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    runs = (_RUN_OF_MACHINES if machine else _RUN).finditer(_HEX.sub("x", plain))
    return any(_is_card(number) for run in runs for number in _numbers(run.group()))


def without_card_numbers(text: str) -> str:
    """Return text of outside with the digits left out that read as a card number."""
    if not holds_card_number(text):
        return text
    return _RUN.sub(
        lambda run: "[card number]" if any(map(_is_card, _numbers(run.group()))) else run.group(),
        unicodedata.normalize("NFKC", text),
    )


def _numbers(run: str) -> Iterator[str]:
    """Yield what neighbouring groups of digits of a run make together, where it is long enough."""
    groups = re.findall(r"\d+", run)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first : first + _LONGEST]:
            digits += group
            if len(digits) > _LONGEST:
                break
            if len(digits) >= _SHORTEST:
                yield digits


def _is_card(digits: str) -> bool:
    plain = digits
    if not digits.isascii():
        plain = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    return _CARDS.fullmatch(plain) is not None and _luhn(plain)


def _luhn(digits: str) -> bool:
    raw = digits.encode()
    total = sum(raw[::-2]) + sum(raw[-2::-2].translate(_DOUBLED)) - len(raw) * ord("0")
    return total % 10 == 0
