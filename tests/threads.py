"""Work done in several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_threads(work: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    """``work(a)`` for each argument, in a thread of its own; what one of them raises is raised here."""
    each = list(arguments)
    with ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(work, each))
