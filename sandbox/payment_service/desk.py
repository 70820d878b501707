"""What every request to the service has in common: key, shape, idempotency, faults, log."""

import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from sandbox.faults import Fault
from sandbox.payment_service.service import NAME, Document, Refused, Service, in_our_shape
from sandbox.stripe.errors import ApiError
from sandbox.stripe.idempotency import fingerprint
from sandbox.world import Answer

Model = TypeVar("Model", bound=BaseModel)


class ServiceRoute(APIRoute):
    """A route that answers errors in the service's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                _check_key(request)
                response = await handler(request)
            except ApiError as error:
                response = in_our_shape(error.answer()).response()
            response.headers["X-Request-Id"] = f"req_{secrets.token_hex(8)}"
            return response

        return handle


def _check_key(request: Request) -> None:
    """Take no key, or one that looks like a test key: the key is optional."""
    given = request.headers.get("authorization")
    if given is not None and not given.startswith("Bearer test_"):
        raise Refused(401, "unauthorized", "This is not a key of the sandbox (test_…).")


def parsed(model: type[Model], content: bytes | Mapping[str, str]) -> Model:
    """Return a body or a query as ``model``.

    Raises:
        Refused: 422 ``invalid_request``.
    """
    try:
        if isinstance(content, bytes):
            return model.model_validate_json(content)
        return model.model_validate(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise Refused(422, "invalid_request", f"Missing, unknown or wrong: {fields}") from error


def page(request: Request, documents: list[Document]) -> Document:
    """Return the page of ``documents`` (oldest first) that the query asks for.

    Raises:
        Refused: 422 ``invalid_request``.
    """
    limit, after = request.query_params.get("limit", "100"), request.query_params.get("after")
    names = [document["id"] for document in documents]
    if not limit.isdecimal() or not 1 <= int(limit) <= 100 or (after and after not in names):
        raise Refused(422, "invalid_request", "limit is 1 to 100, after an id of the list.")
    left = documents[names.index(after) + 1 :] if after else documents
    return {"data": left[: int(limit)], "has_more": len(left) > int(limit)}


class Desk:
    """Takes requests on behalf of the service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def read(
        self, request: Request, reference: str | None, execute: Callable[[], Answer]
    ) -> Response:
        """Process a read: operation ``retrieve``."""

        async def commit(_: Fault | None) -> Answer:
            return _answered(execute)

        return await self.service.world.serve(
            supplier=NAME,
            operation="retrieve",
            reference=reference,
            commit=commit,
            refuse=lambda: Refused(404, "not_found", "There is no such thing.").answer(),
            error=_internal,
            request=request,
        )

    async def write(
        self,
        request: Request,
        operation: str,
        reference: str | None,
        execute: Callable[[Fault | None], Answer],
        refuse: Callable[[], Answer],
    ) -> Response:
        """Process a call that can move money, once per idempotency key."""
        key = request.headers.get("idempotency-key")
        if not key:
            raise Refused(422, "idempotency_key_missing", "Every POST carries Idempotency-Key.")
        stamp = fingerprint(request.method, request.url.path, await request.body())

        def once(work: Callable[[], Answer]) -> Answer:
            answer = _answered(lambda: self.service.keys.once(key, stamp, work, ""))
            answer.extra = {**answer.extra, "key": key}
            return answer

        async def commit(fault: Fault | None) -> Answer:
            return once(lambda: execute(fault))

        async def served() -> Response:
            return await self.service.world.serve(
                supplier=NAME,
                operation=operation,
                reference=reference,
                commit=commit,
                refuse=lambda: once(refuse),
                error=_internal,
                guard=lambda: self.service.keys.holding(key),
                request=request,
            )

        return await served()


def _answered(execute: Callable[[], Answer]) -> Answer:
    try:
        return in_our_shape(execute())
    except ApiError as error:
        return in_our_shape(error.answer())


def _internal() -> Answer:
    return Refused(500, "internal", "The sandbox was told to fail here.").answer()
