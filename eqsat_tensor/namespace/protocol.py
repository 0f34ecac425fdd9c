"""NumPy's own functions on tensors: `__array_ufunc__` and `__array_function__`."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.namespace.folds import FOLDS, fold
from eqsat_tensor.namespace.linalg import LINALG_MISSING
from eqsat_tensor.namespace.not_there import NOT_THERE as NUMPY_NOT_THERE
from eqsat_tensor.namespace.operands import NUMPY, NUMPY_LATE, UFUNCS, refuse, written_out
from eqsat_tensor.namespace.reducing import absent
from eqsat_tensor.namespace.special import SPECIAL
from eqsat_tensor.namespace.special_missing import NOT_THERE as SCIPY_NOT_THERE
from eqsat_tensor.namespace.ufuncs import of_loop
from eqsat_tensor.tensor import FUNCTIONS, as_tensor

# Our functions for the methods of ufuncs.
REDUCERS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_or": "any",
    "logical_and": "all", "logaddexp": "logsumexp", "fmax": "nanmax", "fmin": "nanmin",
}  # fmt: skip
ACCUMULATORS = {
    "add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin",
    "logaddexp": "logcumsumexp",
}  # fmt: skip
TAKE_DTYPE = ("add", "multiply")  # their functions have a dtype=; of others the operand is cast
HINTS = {
    "reduceat": "Take differences of a cumsum, or reduce slices of known bounds.",
}


def array_ufunc(ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
    """``np.exp(x)``, ``array + x`` and their like; UnsupportedError for what is not there."""
    name = ufunc.__name__
    if method == "at" and ufunc in UFUNCS:
        return FUNCTIONS["__ufunc_at__"](ufunc, *operands)
    table = {"reduce": REDUCERS, "accumulate": ACCUMULATORS}.get(method, {})
    if name in table:
        return _along_axes(table[name], name, operands[0], options)
    if method == "reduce" and name in FOLDS:
        given = {k: v for k, v in options.items() if k == "axis" or not absent(v)}
        out = given.pop("out", None)
        refuse(f"numpy.{name}.reduce", given)
        for option in given.keys() - {"axis", "keepdims"}:
            raise _missing(f"numpy.{name}.reduce with {option}=")
        result = fold(ufunc, *operands, **given)
        return result if out is None else written_out(f"numpy.{name}.reduce", out, result)
    if method == "outer" and ufunc in UFUNCS:
        return _outer(ufunc, *operands, **options)
    # SciPy's ufuncs are known by their names alone: SciPy need not be there.
    theirs = getattr(np, name, None) is not ufunc
    full_name = f"scipy.special.{name}" if theirs else f"numpy.{name}"
    if method != "__call__":
        raise _missing(f"{full_name}.{method}", HINTS.get(method, HINT))
    function = UFUNCS.get(ufunc) or (SPECIAL.get(name) if theirs else None)
    if function is None:
        raise _missing(full_name)
    if not options:
        return function(*operands)
    return of_loop(full_name, ufunc, function, operands, options)


def array_function(function: Any, args: Any, kwargs: Any) -> Any:
    """``np.sum(x, axis=1)`` and its like; UnsupportedError that names the function."""
    name = f"{function.__module__}.{function.__name__}"
    ours = NUMPY.get(function) or NUMPY_LATE.get(name)
    if ours is None:
        raise _missing(name)
    return ours(*args, **kwargs)


HINT = "See dir(eqsat_tensor); what it lacks has to be called outside traced code."


def _missing(name: str, hint: str = HINT) -> UnsupportedError:
    """The error for a function of NumPy's or SciPy's, with the reason where one is written down."""
    known = {f"numpy.{n}": reason for n, reason in NUMPY_NOT_THERE.items()}
    known |= {f"numpy.linalg.{n}": reason for n, reason in LINALG_MISSING.items()}
    known |= {f"scipy.special.{n}": reason for n, reason in SCIPY_NOT_THERE.items()}
    name = name.replace("._", ".")  # SciPy calls lambertw's ufunc _lambertw
    parts = name.split(".")  # numpy.fft.fft is not there for the reason that numpy.fft is not
    reason = known.get(name) or known.get(".".join(parts[:2]))
    if reason:
        hint = f"{reason[0].upper()}{reason[1:].rstrip('.')}. {hint}"
    return UnsupportedError(message(name, "a function that eqsat_tensor has", "", hint))


def _along_axes(function: str, name: str, x: Any, options: dict[str, Any]) -> Any:
    """``np.add.reduce(x, axis=0)`` and its like: of one axis, the first, where none is named."""
    options.setdefault("axis", 0)
    if name not in TAKE_DTYPE and options.get("dtype") is not None:
        x = FUNCTIONS["astype"](x, options["dtype"])
    if name not in TAKE_DTYPE:
        options.pop("dtype", None)
    if name == "logaddexp" or name.startswith("logical"):  # their start is what changes nothing
        initial = options.pop("initial", None)
        if initial is not None and initial is not np._NoValue:
            raise _missing(f"numpy.{name}.reduce with initial=")
    return FUNCTIONS[function](x, **options)


def _outer(ufunc: np.ufunc, a: Any, b: Any, **options: Any) -> Any:
    """The ufunc of every element of `a` with every element of `b`."""
    left, right = as_tensor(a), as_tensor(b)
    spread = FUNCTIONS["expand_dims"](left, tuple(range(left.ndim, left.ndim + right.ndim)))
    return array_ufunc(ufunc, "__call__", spread, right, **options)


FUNCTIONS["__array_ufunc__"] = array_ufunc
FUNCTIONS["__array_function__"] = array_function
