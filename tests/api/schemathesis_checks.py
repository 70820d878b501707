"""What schemathesis' own checks cannot tell apart: a form that is wrong, and a meaning that is."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.checks import CheckContext

OF_FORM = {"INVALID_REQUEST", "MALFORMED_JSON", "IDEMPOTENCY_KEY_INVALID", "BAD_REQUEST"}
"""Codes of what the document says already. Other refusals depend on what is on record: another
amount than the trip's, a component that the booking does not have."""


@schemathesis.check
def valid_form_is_not_refused_for_its_form(
    context: CheckContext, response: Response, case: Case[Any]
) -> None:
    """Hold 400 and 422 to valid requests as ``positive_data_acceptance`` does, by their code."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code < 400:
        return
    code = response.json().get("code") if response.content else None
    assert code not in OF_FORM, f"valid, and refused as {code}: {response.json()}"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Leave out the made-up cookie of a browser: a request with two sessions is refused."""
    case.cookies.pop("__Host-session", None)
