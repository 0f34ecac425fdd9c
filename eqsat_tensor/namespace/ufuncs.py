"""The options of NumPy's ufuncs: the dtype that is computed in, and where results go.

operands, dtype=, casting=  ->  operands in the loop's dtypes
results, out=, where=       ->  the arrays of out=, changed where the condition is true
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.namespace.operands import (
    converted,
    dtype_of,
    kind_of,
    refuse,
    show,
    show_all,
    written_out,
)
from eqsat_tensor.ops import movement
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr, as_tensor
from eqsat_tensor.types import broadcast_shapes


def of_loop(
    name: str,
    ufunc: np.ufunc,
    function: Callable[..., Any],
    given: Sequence[Any],
    options: dict[str, Any],
) -> Any:
    """A ufunc's function with the options of ufuncs; those that are left are the function's own.

    given: the operands, and after them the arrays of ``out=``, if they stand by place.
    """
    operands, places = tuple(given[: ufunc.nin]), tuple(given[ufunc.nin :])
    out = options.pop("out", None)
    out = out if out is not None else places or None
    where = options.pop("where", True)
    casting = options.pop("casting", None) or "same_kind"
    dtype = options.pop("dtype", None)
    refuse(name, options)
    if dtype is not None:
        operands = _in_loop(name, ufunc, operands, dtype_of(dtype), casting)
    if where is not True and (out is None or _absent(out)):
        needs, hint = "out= beside where=", "Write where(condition, result, other)."
        raise UnsupportedError(message(name, needs, "elements without a value", hint))
    result = function(*operands, **options)
    return result if out is None else _delivered(name, out, result, where)


def _absent(out: Any) -> bool:
    return isinstance(out, tuple) and all(part is None for part in out)


def _in_loop(
    name: str, ufunc: np.ufunc, operands: Sequence[Any], dtype: np.dtype, casting: Any
) -> tuple[Tensor, ...]:
    """The operands in the dtypes of the loop whose results have `dtype`."""
    kinds = tuple(kind_of(v) for v in operands)
    signature = (*(None,) * ufunc.nin, *(dtype,) * ufunc.nout)
    try:
        loop = ufunc.resolve_dtypes(
            (*kinds, *(None,) * ufunc.nout), signature=signature, casting=casting
        )
    except TypeError:
        got = f"{show_all(operands)}, dtype={dtype}"
        needs = f"operands that cast by casting={casting!r} to a loop of this dtype"
        raise DtypeError(message(name, needs, got, "Use astype.")) from None
    return tuple(Tensor(converted(v, dtype_of(d))) for v, d in zip(operands, loop, strict=False))


def _delivered(name: str, out: Any, result: Any, where: Any) -> Any:
    """Each result in its array of ``out=``; what has none is given as it is."""
    several = isinstance(result, tuple)
    results = result if several else (result,)
    targets = out if isinstance(out, tuple) else (out,)
    made = []
    for number, value in enumerate(results):
        target = targets[number] if number < len(targets) else None
        made.append(value if target is None else _written(name, target, value, where))
    return tuple(made) if several else made[0]


def _written(name: str, target: Any, value: Any, where: Any) -> Any:
    result = as_tensor(value)
    if isinstance(target, Tensor):
        result = _as_wide(name, target, result, "result")
        if where is not True:
            condition = _as_wide(name, target, as_tensor(where), "where")
            if np.can_cast(result.dtype, target.dtype, "same_kind"):
                result = result.astype(target.dtype)
                result = FUNCTIONS["where"](condition, result, target)
    return written_out(name, target, result)


def _as_wide(name: str, target: Tensor, value: Tensor, what: str) -> Tensor:
    """A value broadcast to the shape of an array of ``out=``; ShapeError where it is no part of it."""
    wanted = target.expr.shape
    got = f"out: {show(target)}, {what}: {show(value)}"
    try:
        common = broadcast_shapes(name, [wanted, value.expr.shape])
    except ShapeError:
        common = ()
    fits = len(common) == len(wanted) and all(
        same_size(a, b) is not False for a, b in zip(common, wanted, strict=True)
    )
    if not fits:
        raise ShapeError(message(name, f"an out= to which the {what} broadcasts", got))
    return Tensor(movement.broadcast_to(as_expr(value), wanted))


FUNCTIONS["__ufunc__"] = of_loop
