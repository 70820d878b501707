"""What every request to one of the two services has in common: key, shape, errors, faults, log."""

import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from sandbox.world import Answer, World

Model = TypeVar("Model", bound=BaseModel)
_MAX_BODY: Final = 64 * 1024


class Refused(Exception):
    """An error answer: HTTP status and ``{"error": {"code", "message"}}``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message}

    def answer(self) -> Answer:
        """Return it as an answer."""
        return Answer(self.status, {"error": self.error})


class ServiceRoute(APIRoute):
    """A route that answers errors in the services' shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                given = request.headers.get("authorization")
                if given is not None and not given.startswith("Bearer test_"):
                    raise Refused(401, "unauthorized", "This is not a key of the sandbox (test_…).")
                response = await handler(request)
            except Refused as error:
                response = error.answer().response()
            response.headers["X-Request-Id"] = f"req_{secrets.token_hex(8)}"
            return response

        return handle


async def parsed(model: type[Model], request: Request) -> Model:
    """Return a request's body as ``model``.

    Raises:
        Refused: 422 ``invalid_request``.
    """
    content = await request.body()
    if len(content) > _MAX_BODY:
        raise Refused(413, "too_large", "The body is too long.")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors())
        raise Refused(422, "invalid_request", f"Missing, unknown or wrong: {fields}") from error


async def serve(
    world: World,
    request: Request,
    *,
    service: str,
    operation: str,
    reference: str | None,
    execute: Callable[[bool], Answer],
    refusal: tuple[int, str],
) -> Response:
    """Process a request: ``execute`` is told whether prices drift; ``refusal`` is the fault's."""

    def told_to(status: int, code: str) -> Answer:
        return Refused(status, code, "The sandbox was told to say so.").answer()

    async def commit(fault: Any) -> Answer:
        try:
            return execute(fault is not None and fault.kind == "price_drift")
        except Refused as error:
            return error.answer()

    return await world.serve(
        supplier=service,
        operation=operation,
        reference=reference,
        commit=commit,
        refuse=lambda: told_to(*refusal),
        error=lambda: told_to(500, "internal"),
        request=request,
    )
