"""Triangular systems in compiled programs: trsm of the BLAS that products use.

SciPy's solve_triangular goes to SciPy's own OpenBLAS, whose threads and those of NumPy's slow each
other down where both are used in turn, as after np.linalg.cholesky.  The log likelihood of a
Gaussian process on 300 points with its gradient, five such calls: 16.0 ms by SciPy's, 7.7 to 10.1 by
this (2 cores, medians).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import library

Array = np.ndarray[Any, np.dtype[Any]]
_LETTERS = {"float32": "s", "float64": "d"}


def solve_triangular(a: Array, b: Array, lower: int, transposed: int) -> tuple[Array]:
    """x [..., n, k] with a @ x = b (a.T @ x = b where transposed), `a` [..., n, n] triangular.

    Of `a` only the triangle named is read.  float32 or float64, both alike.  Raises LinAlgError
    where a diagonal has a zero.
    """
    a, x = np.ascontiguousarray(a), np.array(b, order="C")
    if x.size:
        diagonal = np.diagonal(a, axis1=-2, axis2=-1).reshape(-1, a.shape[-1])
        if not diagonal.all():
            first = int(np.argwhere(diagonal == 0)[0, 1])
            raise np.linalg.LinAlgError(f"singular matrix: resolution failed at diagonal {first}")
        for index in np.ndindex(a.shape[:-2]):
            _solve_in_place(a[index], x[index], bool(lower), bool(transposed))
    return (x,)


def _solve_in_place(a: Array, x: Array, lower: bool, transposed: bool) -> None:
    """Row by row as stored, the arrays are a.T and x.T to Fortran: x.T @ a.T = b.T is solved."""
    n, k = (ctypes.c_int64(size) for size in x.shape)
    one = np.ones((), x.dtype)
    _trsm(x.dtype.name)(
        b"R", b"U" if lower else b"L", b"T" if transposed else b"N", b"N",
        ctypes.byref(k), ctypes.byref(n), one.ctypes.data,
        a.ctypes.data, ctypes.byref(n), x.ctypes.data, ctypes.byref(k),
    )  # fmt: skip


@cache
def _trsm(dtype: str) -> Callable[..., None]:
    """trsm of a dtype: side, triangle, transposed or not, unit diagonal; sizes and arrays."""
    characters, pointers = [ctypes.c_char_p] * 4, [ctypes.c_void_p] * 7
    routine = ctypes.CFUNCTYPE(None, *characters, *pointers)
    return routine(library.blas_address(f"{_LETTERS[dtype]}trsm"))
