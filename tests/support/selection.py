"""Which cells of a table ``make test`` runs: those that lead through code of their own.

The others are marked ``exhaustive``: ``make test-all`` runs them every night, ``.ci/run`` a shard
of them (docs/decisions/0027-tests-by-role.md).
"""

import itertools
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def table(*columns: Iterable[Any], quick: Callable[..., bool] | Iterable[Any]) -> list[Any]:
    """Return every combination of ``columns`` for ``pytest.mark.parametrize``.

    Those that are not ``quick`` (in it, or by its answer) are marked exhaustive. A tuple in a
    column stands for several arguments.
    """
    chosen = quick if callable(quick) else {_flat(cell) for cell in quick}
    found = []
    for combination in itertools.product(*columns):
        cell = _flat(combination)
        at_once = chosen(*cell) if callable(chosen) else cell in chosen
        found.append(pytest.param(*cell, marks=() if at_once else pytest.mark.exhaustive))
    if not callable(chosen):
        missing = chosen - {parameters.values for parameters in found}
        assert not missing, f"no such cells: {missing}"
    return found


def _flat(cell: Any) -> tuple[Any, ...]:
    parts = cell if isinstance(cell, tuple) else (cell,)
    return tuple(itertools.chain(*(part if isinstance(part, tuple) else (part,) for part in parts)))


def in_shard(item: pytest.Item, shard: str) -> bool:
    """Tell whether a test belongs to a shard such as ``3/8`` of the exhaustive ones.

    Tests of one xdist group stay together: they share what is slow to start.

    Raises:
        pytest.UsageError: not a shard.
    """
    number, _, of = shard.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise pytest.UsageError(f"a shard is written as 3/8, not {shard!r}")
    group = item.get_closest_marker("xdist_group")
    name = str(group.args[0]) if group and group.args else item.nodeid
    return zlib.crc32(name.encode()) % int(of) == int(number) - 1
