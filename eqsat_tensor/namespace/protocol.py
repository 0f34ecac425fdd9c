"""NumPy's own functions on tensors: `__array_ufunc__` and `__array_function__`."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.namespace.not_there import NOT_THERE as NUMPY_NOT_THERE
from eqsat_tensor.namespace.operands import NUMPY, UFUNCS, refuse
from eqsat_tensor.namespace.special import SPECIAL
from eqsat_tensor.namespace.special_missing import NOT_THERE as SCIPY_NOT_THERE
from eqsat_tensor.tensor import FUNCTIONS

REDUCERS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}


def array_ufunc(ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
    """``np.exp(x)``, ``array + x`` and their like; UnsupportedError for what is not there."""
    name = ufunc.__name__
    if method == "reduce" and name in REDUCERS:
        options.setdefault("axis", 0)
        return FUNCTIONS[REDUCERS[name]](*operands, **options)
    # SciPy's ufuncs are known by their names alone: SciPy need not be there.
    theirs = getattr(np, name, None) is not ufunc
    full_name = f"scipy.special.{name}" if theirs else f"numpy.{name}"
    if method != "__call__":
        raise _missing(f"{full_name}.{method}")
    function = UFUNCS.get(ufunc) or (SPECIAL.get(name) if theirs else None)
    if function is None:
        raise _missing(full_name)
    refuse(full_name, options)
    dtype = options.pop("dtype", None)
    result = function(*operands, **options)
    return result if dtype is None else result.astype(dtype)


def array_function(function: Any, args: Any, kwargs: Any) -> Any:
    """``np.sum(x, axis=1)`` and its like; UnsupportedError that names the function."""
    ours = NUMPY.get(function)
    if ours is None:
        raise _missing(f"{function.__module__}.{function.__name__}")
    return ours(*args, **kwargs)


def _missing(name: str) -> UnsupportedError:
    """The error for a function of NumPy's or SciPy's, with the reason where one is written down."""
    known = {f"numpy.{n}": reason for n, reason in NUMPY_NOT_THERE.items()}
    known |= {f"scipy.special.{n}": reason for n, reason in SCIPY_NOT_THERE.items()}
    hint = "See dir(eqsat_tensor); what it lacks has to be called outside traced code."
    if name in known:
        hint = f"{known[name][0].upper()}{known[name][1:].rstrip('.')}. {hint}"
    return UnsupportedError(message(name, "a function that eqsat_tensor has", "", hint))


FUNCTIONS["__array_ufunc__"] = array_ufunc
FUNCTIONS["__array_function__"] = array_function
