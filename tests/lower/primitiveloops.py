"""Loops over arrays, one for each primitive on a dtype, scalar and in vectors: written, linked, run."""

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.vecmath import COMPARISONS, VOCABULARY, VectorBuilder

Array = Any
FLOATS = ["float64", "float32"]
INTS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (64, 32, 16, 8)]
DTYPES = [*FLOATS, "float16", *INTS, "bool"]
MASKS = {*COMPARISONS, "isnan", "isfinite", "signbit"}
UNARY = """
    negative absolute sqrt floor ceil trunc sign square reciprocal isnan isfinite exp expm1 tanh
    sigmoid log log1p log1mexp softplus erf erfc arctan sin cos tan bitwise_not logical_not
    exp2 log2 log10 cbrt sinh cosh arcsinh arccosh arctanh arcsin arccos signbit spacing mantissa
    exponent rint bitwise_count
"""
BINARY = """
    add subtract multiply divide copysign maximum minimum floor_divide remainder power
    bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor
    hypot arctan2 shifted_exp nextafter ldexp fmod fmax fmin left_shift right_shift gcd lcm
"""
OF_TWO = ("power", "hypot", "arctan2", "shifted_exp")  # polynomials of two operands
ARITY = dict.fromkeys(UNARY.split(), 1) | dict.fromkeys(BINARY.split(), 2) | {"fma": 3}


def lanes_of(dtype: str) -> list[int]:
    """Scalar, and as many lanes as fill a vector register (bool: as bytes of float64 lanes)."""
    size = 8 if dtype == "bool" else np.dtype(dtype).itemsize
    return [0, jit.vector_bytes() // size]


def compile_for(cpu: str, text: str) -> bytes:
    """Object for another processor than this one."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.triple = jit.host().triple
    target = llvm.Target.from_triple(module.triple)
    machine = target.create_target_machine(cpu=cpu, features="", opt=1, codemodel="jitdefault")
    return bytes(machine.emit_object(module))


class Module:
    """LLVM text of loops over arrays, one function per name."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self.functions: dict[str, str] = {}

    def add(
        self, name: str, operands: list[str], result: str, lanes: int, body: Callable[..., str]
    ) -> None:
        """A loop ``out[i] = body(builders, values)``; dtypes by name; steps of `lanes`."""
        lines: list[str] = []
        known: dict[str, str] = {}

        def emit(text: str) -> str:
            if text not in known:
                known[text] = f"%t{len(known)}"
                lines.append(f"  {known[text]} = {text}")
            return known[text]

        def place(dtype: str, pointer: str) -> tuple[str, str]:
            memory = "i8" if dtype == "bool" else VectorBuilder(emit, np.dtype(dtype), 0).scalar
            at = emit(f"getelementptr {memory}, ptr {pointer}, i64 %i")
            return (f"<{lanes} x {memory}>" if lanes else memory), at

        builders, values = [], []
        for k, dtype in enumerate(operands):
            b = VectorBuilder(emit, np.dtype(dtype), lanes, declared=self.declared)
            kind, at = place(dtype, f"%p{k}")
            value = emit(f"load {kind}, ptr {at}, align 1")
            if dtype == "bool":
                value = emit(f"trunc {kind} {value} to {b.type}")
            builders.append(b)
            values.append(value)
        out = body(builders, values)
        kind, at = place(result, "%out")
        if result == "bool":
            out = emit(f"zext {builders[0].mask} {out} to {kind}")
        pointers = ", ".join(f"ptr %p{k}" for k in range(3))
        self.functions[name] = "\n".join(
            [
                f"define void @loop_{name}({pointers}, ptr %out, i64 %n) {{",
                "  br label %loop",
                "loop:",
                "  %i = phi i64 [ 0, %0 ], [ %next, %loop ]",
                *lines,
                f"  store {kind} {out}, ptr {at}, align 1",
                f"  %next = add i64 %i, {max(lanes, 1)}",
                "  %more = icmp slt i64 %next, %n",
                "  br i1 %more, label %loop, label %done",
                "done:",
                "  ret void",
                "}",
            ]
        )

    def link(self, cpu: str = "") -> dict[str, int]:
        """Addresses of the functions, compiled for this machine or a lesser one."""
        text = "\n".join([*self.declared.values(), *self.functions.values()])
        items = [compile_for(cpu, text) if cpu else jit.compile_object(text)]
        if cpu and not jit.half_conversions():
            items.append(jit.compile_object(jit.source("half.ll")))
        found = jit.load(items, [f"loop_{name}" for name in self.functions])
        return {name.removeprefix("loop_"): address for name, address in found.items()}


def call(address: int, lanes: int, result: str, *operands: Array) -> Array:
    """Run a loop of `Module` on arrays of one length, padded to whole vectors."""
    size = operands[0].size
    padded = -(-size // max(lanes, 1)) * max(lanes, 1)
    arrays = [np.resize(np.ascontiguousarray(x), padded) for x in operands]
    out = np.empty(padded, result)
    pointers = [x.ctypes.data for x in arrays] + [None] * (3 - len(arrays))
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    kind(address)(*pointers, out.ctypes.data, padded)
    return out[:size]


def words(dtype: str) -> Iterator[tuple[str, int]]:
    """What a builder of `dtype` takes besides select: name, arity."""
    known = VOCABULARY["float32" if dtype == "float16" else dtype]
    yield from ((name, ARITY[name]) for name in known)
    yield from ((name, 2) for name in COMPARISONS)


@cache
def compiled(dtype: str, lanes: int, cpu: str = "") -> dict[str, int]:
    """All primitives of a dtype."""
    module = Module()
    for name, arity in words(dtype):
        result = "bool" if name in MASKS else dtype
        module.add(
            name, [dtype] * arity, result, lanes, lambda bs, xs, name=name: bs[0].apply(name, *xs)
        )
    module.add(
        "select", ["bool", dtype, dtype], dtype, lanes, lambda bs, xs: bs[1].apply("select", *xs)
    )
    return module.link(cpu)


def run(name: str, dtype: str, lanes: int, *operands: Array, cpu: str = "") -> Array:
    """A primitive on arrays."""
    result = "bool" if name in MASKS else dtype
    return call(compiled(dtype, lanes, cpu)[name], lanes, result, *operands)


def on_each(dtypes: list[str]) -> pytest.MarkDecorator:
    """Parametrize over dtype and lane count."""
    return pytest.mark.parametrize(
        ("dtype", "lanes"), [(d, n) for d in dtypes for n in lanes_of(d)]
    )


def same(got: Array, want: Array) -> Array:
    """Equal elements; NaN equals NaN; the sign of zero counts."""
    if got.dtype.kind != "f":
        return got == want
    return (np.isnan(got) & np.isnan(want)) | (
        (got == want) & (np.signbit(got) == np.signbit(want))
    )


def assert_same(name: str, got: Array, want: Array, *operands: Array) -> None:
    """Exact agreement, with the first difference in the message."""
    bad = np.flatnonzero(~same(got, want))
    if bad.size:
        k = bad[0]
        at = ", ".join(repr(x[k]) for x in operands)
        pytest.fail(f"{name}({at}): got {got[k]!r}, want {want[k]!r}; {bad.size} of {got.size}")
