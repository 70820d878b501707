"""The fencing token of a workflow: a worker that was paused overwrites nothing of its successor."""

import datetime as dt

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.core.fencing import Fence

_FENCE = "_fencing_token"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def fence() -> Fence:
    """Return the token of the workflow task that runs now (docs/decisions/0031).

    Call it before the first local activity of a task: they move the workflow's clock on, and a
    worker that is paused within one must not come out of it with a higher token.
    """
    instance = workflow.instance()
    info = workflow.info()
    length = info.get_current_history_length()
    token: Fence | None = getattr(instance, _FENCE, None)
    if token is None or token[1] != length:
        token = [_microseconds(info.workflow_start_time), length, _microseconds(workflow.now())]
        setattr(instance, _FENCE, token)
    return token


def _microseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
