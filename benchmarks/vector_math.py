"""Speed of the vector mathematics beside NumPy and SciPy: nanoseconds an element, one core.

    python benchmarks/vector_math.py

A loop of unmasked vectors over arrays that stay in the cache, for each primitive with a polynomial
and some others; NumPy writes into an array it is given.  Accuracy is measured by
``ULP_SAMPLES=1000000 pytest -s -k ulps tests/lower/test_vecmath_accuracy.py``.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.vecmath import ULPS, VectorBuilder
from eqsat_tensor.scalar import PRIMITIVES

SIZE = 1 << 13
ROUNDS = 7
UNROLL = 2
NAMES = [
    *ULPS, "divide", "sqrt", "maximum", "floor", "floor_divide", "remainder", "rint", "fmod", "fmax",
    "copysign", "nextafter", "spacing", "mantissa", "exponent",
]  # fmt: skip


def loop(name: str, arity: int, out: Any, x: Any, y: Any) -> Callable[[], Any]:
    """A compiled loop ``out[i] = name(x[i], y[i])``, two vectors a step, bound to its arrays."""
    dtype = out.dtype
    lines: list[str] = []
    known: dict[str, str] = {}

    def emit(text: str) -> str:
        if text not in known:
            known[text] = f"%t{len(known)}"
            lines.append(f"  {known[text]} = {text}")
        return known[text]

    lanes = jit.vector_bytes() // dtype.itemsize
    b = VectorBuilder(emit, dtype, lanes)
    for step in range(UNROLL):
        at = emit(f"add i64 %i, {step * lanes}")

        def place(pointer: str, at: str = at) -> str:
            return emit(f"getelementptr {b.scalar}, ptr {pointer}, i64 {at}")

        operands = [emit(f"load {b.type}, ptr {place(p)}, align 8") for p in ("%x", "%y")[:arity]]
        value = b.apply(name, *operands)
        lines.append(f"  store {b.type} {value}, ptr {place('%out')}, align 8")
    text = "\n".join(
        [
            *b.declared.values(),
            "define void @loop_of(ptr %x, ptr %y, ptr %out, i64 %n) {",
            "  br label %loop",
            "loop:",
            "  %i = phi i64 [ 0, %0 ], [ %next, %loop ]",
            *lines,
            f"  %next = add i64 %i, {UNROLL * lanes}",
            "  %more = icmp slt i64 %next, %n",
            "  br i1 %more, label %loop, label %done",
            "done:",
            "  ret void",
            "}",
        ]
    )
    address = jit.load([jit.compile_object(text)], ["loop_of"])["loop_of"]
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(address)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, y, out)]
    size = ctypes.c_int64(x.size)
    return lambda: function(*pointers, size)


def nanoseconds(call: Callable[[], Any]) -> float:
    """Median time of a call, an element of `SIZE`."""
    call()
    times = []
    for _ in range(ROUNDS):
        repeat, start = 0, time.perf_counter()
        while time.perf_counter() - start < 0.004:
            call()
            repeat += 1
        times.append((time.perf_counter() - start) / repeat)
    return 1e9 * statistics.median(times) / SIZE


def numpy_call(name: str, out: Any, x: Any, y: Any, arity: int) -> Callable[[], Any]:
    """The nearest that NumPy or SciPy has."""
    import scipy.special

    known = {"sigmoid": scipy.special.expit, "erf": scipy.special.erf, "erfc": scipy.special.erfc}
    function = known.get(name) or getattr(np, name, None)
    if function is None:
        return lambda: PRIMITIVES[name].numpy(*(x, y)[:arity])
    operands = (x, y)[:arity]
    return lambda: function(*operands, out=out)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    write = sys.stdout.write
    write(f"{'ns/element':14}" + "".join(f"{d:>10}{'numpy':>9}" for d in ("float64", "float32")))
    for name in NAMES:
        write(f"\n{name:14}")
        for dtype in ("float64", "float32"):
            x, y = rng.normal(size=(2, SIZE)).astype(dtype)
            if name in ("log", "log1p", "log2", "log10", "sqrt", "power"):
                x = np.abs(x)
            if name in ("arcsin", "arccos", "arctanh"):
                x = np.tanh(x)
            if name == "arccosh":
                x = np.abs(x) + 1
            if name == "log1mexp":
                x = -np.abs(x)
            out = np.empty_like(x)
            arity = PRIMITIVES[name].arity
            own = nanoseconds(loop(name, arity, out, x, y))
            theirs = nanoseconds(numpy_call(name, out, x, y, arity))
            write(f"{own:10.2f}{theirs:9.2f}")
            sys.stdout.flush()
    write("\n")


if __name__ == "__main__":
    main()
