"""NumPy's own sorting functions, which need neither Python nor its lock.

They are in the table that each dtype has for extension modules (`PyArray_ArrFuncs`, of NumPy 2), with
instructions for the machine at hand.  What is found there is tried before it is used.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module

import numpy as np

_TABLE_OF_DTYPE = 365  # place of _PyDataType_GetArrFuncs in NumPy's table of functions
_SORTS = 33  # words of PyArray_ArrFuncs before the sorts: quick, heap, stable
_STABLE = 2


@cache
def sort_address(dtype: str, stable: bool = False) -> int:
    """``int sort(void *start, intptr_t length, void *unused)``, in place; 0: none that works.

    Not stable unless asked for, NaN last.
    """
    return _tried(dtype, _address(dtype, _SORTS + _STABLE * stable), False)


@cache
def argsort_address(dtype: str) -> int:
    """``int argsort(void *start, intptr_t *order, intptr_t length, void *unused)``, stable; or 0."""
    return _tried(dtype, _address(dtype, _SORTS + 3 + _STABLE), True)


def _address(dtype: str, word: int) -> int:
    if int(np.__version__.split(".")[0]) != 2:
        return 0
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    module = import_module("numpy._core._multiarray_umath")
    table = ctypes.cast(get(module._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    of_dtype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(table[_TABLE_OF_DTYPE] or 0)
    functions = of_dtype(np.dtype(dtype))
    return int(ctypes.c_void_p.from_address(functions + 8 * word).value or 0) if functions else 0


def _tried(dtype: str, address: int, indirect: bool) -> int:
    if not address:
        return 0
    x = (np.arange(300) * 7 % 31 - 3 * (np.dtype(dtype).kind != "u")).astype(dtype)
    wanted = np.argsort(x, kind="stable") if indirect else np.sort(x, kind="stable")
    order = np.arange(len(x))
    word = ctypes.c_void_p
    if indirect:
        function = ctypes.CFUNCTYPE(ctypes.c_int, word, word, ctypes.c_int64, word)(address)
        failed = function(x.ctypes.data, order.ctypes.data, len(x), None)
    else:
        function = ctypes.CFUNCTYPE(ctypes.c_int, word, ctypes.c_int64, word)(address)
        failed = function(x.ctypes.data, len(x), None)
    made = order if indirect else x
    return 0 if failed or not np.array_equal(made, wanted) else address
