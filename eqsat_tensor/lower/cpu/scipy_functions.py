"""Where SciPy's special functions are, as compiled code calls them."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.lower.cpu import library

_nothing = ctypes.c_int64()  # stands for the data of a ufunc's loop that has none


def scipy_symbols(symbols: Iterable[str]) -> dict[str, int]:
    """Addresses of functions of `scipy.special` that compiled code calls.

    A symbol is "scipy.special.cython_special.NAME", a function of doubles (and a C int, which says
    nothing), or "scipy.special.MODULE.NAME.loop" and ".data", a ufunc's loop over doubles.
    Raises UnsupportedError where the SciPy that is installed has no such function.
    """
    return {symbol: _scipy_symbol(symbol) for symbol in symbols}


@cache
def _scipy_symbol(symbol: str) -> int:
    module, _, name = symbol.rpartition(".")
    if not module.endswith("cython_special"):
        path, _, ufunc = module.rpartition(".")
        return _ufunc_loop(getattr(import_module(path), ufunc))[name]
    offered = import_module(module).__pyx_capi__
    # A function of several types is there once a type, as __pyx_fuse_0NAME, __pyx_fuse_1NAME, ...
    for entry in (name, *(f"__pyx_fuse_{number}{name}" for number in range(4))):
        if entry in offered:
            kind, address = library.capsule_address(offered[entry])
            if re.fullmatch(r"double \(double(, double)*(, int __pyx_skip_dispatch)?\)", kind):
                return address
    needs = f"a SciPy whose {module} offers {name} of doubles"
    raise UnsupportedError(message(name, needs, f"SciPy {import_module('scipy').__version__}"))


class _Ufunc(ctypes.Structure):
    """The head of NumPy's PyUFuncObject, as its C API declares it, behind that of any object."""

    _fields_ = (
        ("counts", ctypes.c_int * 4),  # operands, results, both, identity
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
    )


def _ufunc_loop(ufunc: np.ufunc) -> dict[str, int]:
    """Addresses of a ufunc's "loop" over float64, and of the "data" that is to be passed to it."""
    table = _Ufunc.from_address(id(ufunc) + object.__basicsize__)
    assert list(table.counts[:3]) == [ufunc.nin, ufunc.nout, ufunc.nargs], ufunc
    number = ufunc.types.index("d" * ufunc.nin + "->" + "d" * ufunc.nout)
    # LLVM takes no null as an address: a loop that has no data gets some that it will not read
    data = table.data[number] or ctypes.addressof(_nothing)
    return {"loop": int(table.functions[number] or 0), "data": int(data)}
