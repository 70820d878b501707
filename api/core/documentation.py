"""For developers: the OpenAPI document and two pages to read it, with no need of the internet.

The viewers' files come with the package ``fastapi-offline``, of which nothing else is used.
"""

import re
from enum import StrEnum
from importlib import resources
from typing import Any

from fastapi import Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from markdown_it import MarkdownIt

from api.core.audience import Audience, Policy
from api.core.problems import PAGE

router = Audience(Policy.PUBLIC, include_in_schema=False)

_CONTENT_SECURITY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " worker-src blob:; img-src 'self' data:; frame-ancestors 'none'"
)
"""What the two viewers need; the API itself allows nothing."""


class Asset(StrEnum):
    """A file of the viewers."""

    SWAGGER_SCRIPT = "swagger-ui-bundle.js"
    SWAGGER_STYLE = "swagger-ui.css"
    REDOC_SCRIPT = "redoc.standalone.js"
    ICON = "favicon.png"

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"/docs/assets/{self}"


_TYPES = {"js": "text/javascript", "css": "text/css", "png": "image/png"}


def _page(html: HTMLResponse) -> HTMLResponse:
    html.headers["Content-Security-Policy"] = _CONTENT_SECURITY
    return html


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    document: dict[str, Any] = request.app.openapi()
    return document


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show the document with Swagger UI."""
    return _page(
        get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=request.app.title,
            swagger_js_url=Asset.SWAGGER_SCRIPT.url,
            swagger_css_url=Asset.SWAGGER_STYLE.url,
            swagger_favicon_url=Asset.ICON.url,
        )
    )


@router.get("/redoc")
async def redoc(request: Request) -> HTMLResponse:
    """Show the document with ReDoc."""
    return _page(
        get_redoc_html(
            openapi_url="/openapi.json",
            title=request.app.title,
            redoc_js_url=Asset.REDOC_SCRIPT.url,
            redoc_favicon_url=Asset.ICON.url,
            with_google_fonts=False,
        )
    )


@router.get(PAGE)
async def explained() -> HTMLResponse:
    """Show what each problem code means: a section for each, which its problems link to."""
    text = resources.files("api.core").joinpath("problems.md").read_text()
    html = re.sub(r"<h2>(\w+)</h2>", r'<h2 id="\1">\1</h2>', MarkdownIt().render(text))
    return _page(HTMLResponse(f'<!doctype html><html lang="en"><title>Problems</title>{html}'))


@router.get("/docs/assets/{asset}")
async def asset(asset: Asset) -> Response:
    """Return a file of the viewers."""
    content = (resources.files("fastapi_offline") / "static" / asset).read_bytes()
    return Response(
        content,
        media_type=_TYPES[asset.rpartition(".")[2]],
        headers={"Cache-Control": "public, max-age=86400"},
    )
