"""Factors, systems, inverses and determinants of small matrices, called as machine code.

By way of Python they cost copies and the GIL, and the library's threads, which go on polling after
each call: the log likelihood of a Gaussian process on 300 points with its gradient, five such calls,
takes 394 ms of processor time on two busy cores (5.4 ms on two idle ones).  So up to `LARGEST` rows the
routines of LAPACK that NumPy calls are called on one thread each, and what they refuse is done again
by way of Python, for NumPy's error.  Larger ones gain from the library's threads and keep to Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from string import Template
from typing import TYPE_CHECKING

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu import blas, jit, library

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.bind import HostCall

LARGEST = 512  # rows of a matrix
# Rows of a block of a triangle: 300 rows and right sides take 0.86 ms, by trsm alone 1.38.
BLOCK = 48
NAMES = ("cholesky", "solve", "solve_triangular", "inv", "det", "slogdet")
# Words of the argument block; "again": the host call that raises what is to be raised.
WORDS = {
    name: place
    for place, name in enumerate(
        ("a", "b", "x", "n", "k", "lower", "transposed", "factors", "pivots", "again", "argument")
    )
}
_POINTERS = ("a", "b", "x", "factors", "pivots")


def sizes_of(call: HostCall, number: Callable[[Size], int]) -> tuple[int, int, int] | None:
    """Matrices, rows of each and right sides, for a call that is done here; else None."""
    first, last = call.operands[0], call.operands[-1]
    dtypes = {array.dtype for array in call.operands}
    known = call.op in NAMES and dtypes <= {"float64", "float32"} and library.thread_functions()
    if call.op == "slogdet" and [which for which, _ in call.results] != [1]:  # the sign, too
        return None
    if not known or not all(isinstance(array.buffer, str) for array in call.operands):
        return None
    *lead, n = (number(s) for s in first.shape[:-1])
    count, k = math.prod(lead), number(last.shape[-1])
    return (count, n, k) if 0 < n <= LARGEST and count and k else None


def flops_of(op: str, count: int, n: int, k: int) -> float:
    """About what such a call computes."""
    own = {"cholesky": n / 3, "solve": 2 * n / 3 + 2 * k, "inv": 2 * n}
    return count * n * n * own.get(op, 2 * n / 3 if op in ("det", "slogdet") else k)


def scratch(op: str, dtype: str, n: int) -> tuple[int, int]:
    """Bytes of the factors and of the pivots that a call needs."""
    by_pivots = op in ("solve", "inv", "det", "slogdet")
    return (n * n * blas.TYPES[dtype][1], 8 * n) if by_pivots else (0, 0)


def text_of(dtype: str) -> str:
    """The module with the kernels of `NAMES`."""
    kind, size, _ = blas.TYPES[dtype]
    loads = ""
    for name, place in WORDS.items():
        loads += f"  %{name}.at = getelementptr i64, ptr %w, i64 {place}\n"
        loads += f"  %{name} = load {'ptr' if name in _POINTERS else 'i64'}, ptr %{name}.at\n"
    wide = library.integer_bytes() == 8
    return Template(jit.source("factored.ll")).substitute(
        WORDS,
        type=kind,
        size=size,
        loads=loads,
        block=BLOCK,
        less=BLOCK - 1,
        pivot="i64" if wide else "i32",
        widen="add i64 %pivot.short, 0" if wide else "sext i32 %pivot.short to i64",
        double="fadd double %short, 0.0" if size == 8 else "fpext float %short to double",
        rounded="fadd double %result, 0.0" if size == 8 else "fptrunc double %result to float",
        thread_symbols=jit.source("blas_threads.ll"),
    )


@cache
def addresses(dtype: str) -> dict[str, int]:
    """The kernels of a dtype: units are matrices."""
    letter = blas.TYPES[dtype][2]
    symbols = {name: library.blas_address(letter + name) for name in ("gemm", "trsm")}
    symbols |= {name: library.lapack_address(letter + name) for name in ("potrf", "getrf")}
    item = jit.stored_object(text_of(dtype), jit.GLUE_LEVEL)
    return jit.load([item], list(NAMES), symbols | library.thread_functions())
