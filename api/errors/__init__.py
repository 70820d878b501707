"""What the domains refuse, as HTTP: the one place that gives a domain error its status and code.

The words are a traveller's or an operator's, and name fields as the request does. A domain error
without an entry here is our mistake, answered with a bare 500; a test finds it first.
"""

from fastapi import FastAPI, Request
from starlette.responses import Response

from api.core import problems
from api.errors import accounts as accounts
from api.errors import bookings as bookings
from api.errors import events as events
from api.errors import marketplace as marketplace
from api.errors import marketplace_quotes as marketplace_quotes
from api.errors import marketplace_stock as marketplace_stock
from api.errors import operators as operators
from api.errors import requests as requests
from api.errors import reservations as reservations
from api.errors import trips as trips
from api.errors.registry import problem_of as problem_of
from models.core.domain_errors import DomainError


def install(app: FastAPI) -> None:
    """Make ``app`` answer every domain error with its problem."""

    async def handle(request: Request, error: Exception) -> Response:
        return problems.response(problem_of(error), request.scope)

    app.add_exception_handler(DomainError, handle)
