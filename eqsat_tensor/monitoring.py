"""Callbacks that see each value of a program, as it was written, node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.conditions import shown_place
from eqsat_tensor.lang import Expr, line_names
from eqsat_tensor.types import TensorType


@dataclass(frozen=True, eq=False)
class Seen:
    """One value of a call.

    function  the compiled function's name.
    name      of the node, as `et.debug_print` and `explain` number lines: ``%3``; "" of a constant.
    op, type  what made it, and what it is.
    place     the user's ``file:line``.
    value     the array itself: copy it to keep it, and do not write to it.
    """

    function: str
    name: str
    op: str
    type: TensorType
    place: str
    value: np.ndarray[Any, np.dtype[Any]]

    def __str__(self) -> str:
        place = f"  ({self.place})" if self.place else ""
        return f"{self.name or 'constant'} = {self.op}: {self.type}{place}"


Monitor: TypeAlias = Callable[[Seen], None]


def watching(
    function: str, roots: Sequence[Expr], monitors: Sequence[Monitor]
) -> Callable[[Expr, Any], None] | None:
    """What tells all monitors of each value of ``roots``; None where there are none."""
    if not monitors:
        return None
    names = line_names(roots)

    def seen(node: Expr, value: Any) -> None:
        told = Seen(
            function, names.get(node, ""), node.op.name, node.type, shown_place(node), value
        )
        for monitor in monitors:
            monitor(told)

    return seen


class Monitoring:
    """What `monitor` gives: ``stop()`` ends it; also a context manager that does."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop

    def __enter__(self) -> Monitoring:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
