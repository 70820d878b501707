"""For developers: the OpenAPI document and two pages to read it."""

from typing import Any

from fastapi import Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse

from api.audience import Audience, Policy

router = Audience(Policy.PUBLIC, include_in_schema=False)

_PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net;"
    " style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com;"
    " font-src https://fonts.gstatic.com; worker-src blob:;"
    " img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly;"
    " frame-ancestors 'none'"
)
"""What the two viewers load; the API itself allows nothing."""


def _page(html: HTMLResponse) -> HTMLResponse:
    html.headers["Content-Security-Policy"] = _PAGES
    return html


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    document: dict[str, Any] = request.app.openapi()
    return document


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show the document with Swagger UI."""
    return _page(get_swagger_ui_html(openapi_url="/openapi.json", title=request.app.title))


@router.get("/redoc")
async def redoc(request: Request) -> HTMLResponse:
    """Show the document with ReDoc."""
    return _page(get_redoc_html(openapi_url="/openapi.json", title=request.app.title))
