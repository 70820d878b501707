"""Which problem answers which domain error: each class is registered once."""

from functools import singledispatch

from api.core.problems import ApiProblem


@singledispatch
def problem_of(error: Exception) -> ApiProblem:
    """Return the problem a domain error is answered with.

    Raises:
        Exception: ``error`` itself, when it has no entry.
    """
    raise error
