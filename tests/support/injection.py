"""What nobody may send, and whether a request is one of those that are published."""

from typing import Final
from urllib.parse import parse_qsl, unquote

from hypothesis import strategies as st

INJECTED: Final = "../bookings/modified-since?count=1&x="
_PIECES = ("..", ".", "/", "\\", "?", "#", "&", "=", "%2e", "%2F", "%", ";", ":", "@", "count=1")
_ODD = ("\r\n", "\n x", "\t", " ", "\x1b", "\x00", "\x7f", "é", "\u2024", "\uff0e", "\ud800", "ab")
NASTY = (
    st.lists(st.sampled_from(_PIECES + _ODD), max_size=8).map("".join)
    | st.text(max_size=12)
    | st.text(st.characters(codec=None, categories=None), max_size=4)
)


def fits(line: str, published: tuple[str, ...]) -> bool:
    """Tell whether a request line is one of those, with one segment for each ``{}``."""
    method, target, version = line.split(" ")
    path, _, query = target.partition("?")
    names = "&".join(name for name, _ in parse_qsl(query, keep_blank_values=True))
    route = f"?{names}" if names else ""
    return version == "HTTP/1.1" and any(
        wanted.split(" ")[0] == method
        and wanted.partition("?")[1] + wanted.partition("?")[2] == route
        and _same(path.split("/"), wanted.split(" ")[1].partition("?")[0].split("/"))
        for wanted in published
    )


def _same(path: list[str], template: list[str]) -> bool:
    def one(segment: str, expected: str) -> bool:
        plain = unquote(segment)
        return segment == expected or (
            expected == "{}"
            and segment.isascii()
            and plain.isprintable()
            and plain != ""
            and not any(part.startswith(".") for part in plain.split("/"))
            and not set("\\?#;") & set(plain)
        )

    return len(path) == len(template) and all(map(one, path, template))
