"""dtypes, shapes and types of arrays, and typed constants: pure data and pure functions.

A *shape* is a tuple of sizes (see `extents`).  A `TensorType` is a dtype with a shape.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.extents import Size, common, lower_bound, same_size
from eqsat_tensor.remembering import Remembering

_WIDTHS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64)}
# The dtypes that rules and loops compute in, and what messages and rule files call them.
SHORT = {"bool": "bool"} | {
    f"{kind}{bits}": f"{kind[0]}{bits}" for kind, widths in _WIDTHS.items() for bits in widths
}
DTYPES: tuple[np.dtype, ...] = tuple(map(np.dtype, SHORT))
# Complex numbers are of the language alone: `complexes` splits them into two real parts.
SHORT |= {"complex64": "c64", "complex128": "c128"}
ALL_DTYPES: tuple[np.dtype, ...] = tuple(map(np.dtype, SHORT))
SHORT_OF: dict[np.dtype, str] = {np.dtype(name): short for name, short in SHORT.items()}

Shape: TypeAlias = tuple[Size, ...]


@dataclass(frozen=True)
class TensorType(Remembering):
    """A dtype (one of `ALL_DTYPES`) and a shape."""

    dtype: np.dtype
    shape: Shape

    __hash__ = Remembering.__hash__

    @property
    def rank(self) -> int:
        return len(self.shape)

    def with_dtype(self, dtype: np.dtype) -> TensorType:
        return TensorType(dtype, self.shape)

    def with_shape(self, shape: Iterable[Size]) -> TensorType:
        return TensorType(self.dtype, tuple(shape))

    def text(self) -> str:
        return f"{SHORT_OF[self.dtype]}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Literal:
    """A typed constant, compared by its bits: 0.0 and -0.0 differ, NaN equals itself."""

    dtype: np.dtype
    bits: bytes

    @property
    def value(self) -> Any:
        """The constant as a Python bool, int, float or complex."""
        return np.frombuffer(self.bits, self.dtype)[0].item()

    def __str__(self) -> str:
        return repr(self.value)


def literal(value: object, dtype: np.dtype) -> Literal:
    """``value`` as a constant of ``dtype``, rounded as NumPy rounds it; OverflowError as in NumPy."""
    with np.errstate(over="ignore"):
        return Literal(dtype, np.asarray(value, dtype).tobytes())


@cache
def known_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in native byte order, or DtypeError where it is not one of `ALL_DTYPES`.

    C's types of equal width are one: ``long long`` is int64, as ``long`` is.
    """
    native = dtype.newbyteorder("=")
    if native not in ALL_DTYPES:
        raise DtypeError(
            message("dtype", f"one of {', '.join(d.name for d in ALL_DTYPES)}", str(dtype))
        )
    return ALL_DTYPES[ALL_DTYPES.index(native)]


def _may_be_one(size: Size) -> bool:
    low = lower_bound(size)
    return not isinstance(size, int) and (low is None or low < 2)


def broadcast_shapes(operation: str, shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcast of shapes; a size 1 stretches, symbols are taken as not 1.

    Two sizes that may or may not be equal are taken as equal, and whoever broadcasts records the
    guard.  The first is the result's; where either may turn out 1, their `common` size is.
    """
    distinct = {tuple(s) for s in shapes if s}
    if len(distinct) == 1:
        return distinct.pop()
    rank = max((len(s) for s in shapes), default=0)
    result: list[Size] = []
    for axis in range(-rank, 0):
        chosen: Size = 1
        for shape in shapes:
            if len(shape) < -axis or shape[axis] == 1:
                continue
            size = shape[axis]
            if chosen == 1:
                chosen = size
            elif same_size(chosen, size) is False:
                raise ShapeError(
                    message(
                        operation,
                        "shapes that broadcast",
                        " and ".join(f"[{', '.join(map(str, s))}]" for s in shapes),
                        f"Sizes {chosen} and {size} differ on axis {axis}.",
                    )
                )
            elif isinstance(size, int):
                chosen = size
            elif chosen != size and (_may_be_one(chosen) or _may_be_one(size)):
                chosen = common(chosen, size)
        result.append(chosen)
    return tuple(result)


def is_masked(value: object) -> bool:
    """Is it one of NumPy's masked arrays?  Their module takes 20 ms to import; where nobody did,
    there are none."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(value, masked.MaskedArray)
