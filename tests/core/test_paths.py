"""An id in a path is one segment of it, whatever is in it."""

from functools import partial
from urllib.parse import unquote

import pytest
from hypothesis import given

from models.core.errors import InvalidRequest
from models.core.paths import segment
from tests.support.injection import INJECTED, NASTY, fits

someone = partial(segment, provider="someone", operation="find")


@pytest.mark.parametrize(
    ("identifier", "written"),
    [
        ("5010SYDNEY", "5010SYDNEY"),
        ("BR-597019274", "BR-597019274"),
        ("off_0000AEdGRhtp5AUUdJqW.x", "off_0000AEdGRhtp5AUUdJqW.x"),
        ("a b=é", "a%20b%3D%C3%A9"),
    ],
)
def test_ids(identifier: str, written: str) -> None:
    assert someone(identifier) == written


@pytest.mark.parametrize(
    "identifier", ["eJzTd9f3dXH18DQGAAsEAkA%3D", "eJzTd9f3%2FAw%2b=", "MlpZVkFMfFdBVFNPTnwyMDE1"]
)
def test_encoded_ids_are_returned_as_they_came(identifier: str) -> None:
    assert someone(identifier, encoded=True) == identifier


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(
    "identifier",
    [
        "",
        ".",
        "..",
        "../x",
        "a/../b",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a;b",
        "..%2Fx",
        "%2e%2e",
        "a%00",
        "a\n",
        "a\r\nX: y",
        "\x1b[2J",
        "\ud800",
        "x" * 1_001,
        "%",
        "a%2",
        "a%3Fb",
        INJECTED,
    ],
)
def test_what_is_no_id(identifier: str, encoded: bool) -> None:
    with pytest.raises(InvalidRequest, match="is no id of someone"):
        someone(identifier, encoded=encoded)


@given(NASTY)
def test_a_segment_stays_one(identifier: str) -> None:
    for encoded in (False, True):
        try:
            written = someone(identifier, encoded=encoded)
        except InvalidRequest:
            continue
        assert fits(f"GET /a/{written}/b HTTP/1.1", ("GET /a/{}/b",))
        assert written == identifier if encoded else unquote(written) == identifier
