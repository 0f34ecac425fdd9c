"""Instructions that some machines have for whole registers: here those of AVX-512.

Each does what several others do elsewhere, to the same bits (but for the sign of a NaN).  A vector of
several registers is cut into them, and put together again; that costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.builder import VectorBuilder

REGISTER = 64  # bytes
FUSED = 32  # bytes of the registers of machines of which all have fused products
_SHORT = {"float64": "pd", "float32": "ps"}
_CURRENT_ROUNDING = "i32 4"
_LARGER_MAGNITUDE = "i32 11"  # the larger of |x| and |y|, with no sign
_FROM_ONE_TO_TWO = "i32 0"  # the interval of a significand; its sign is that of the number

# What `fixed` tells apart, and what it puts there, by number.
CLASSES = ("nan", "signaling", "zero", "one", "-inf", "inf", "negative", "positive")
AS_IS, NUMBER, NAN, MINUS_INF = 0, 1, 3, 4  # the value; the number itself; constants


def are_whole(b: VectorBuilder) -> bool:
    """Are these vectors of float64 or float32, whole registers of a machine with AVX-512?"""
    whole = b.lanes > 0 and b.lanes * b.dtype.itemsize % REGISTER == 0
    return whole and b.name in _SHORT and jit.vector_bytes() == REGISTER


def scalef(b: VectorBuilder, value: str, n: str) -> str:
    """value * 2^n, n a whole number as float, rounded once; where they `are_whole`."""
    return _each(b, "scalef", [value, n], "", "first")


def exponent(b: VectorBuilder, x: str) -> str:
    """floor(log2 |x|) as float, of subnormal numbers too; of 0 -inf."""
    return _each(b, "getexp", [x], "", "first")


def significand(b: VectorBuilder, x: str) -> str:
    """x 2^-`exponent`, from 1 to 2, with the sign of x; of zeros and infinities 1."""
    return _each(b, "getmant", [x], _FROM_ONE_TO_TWO, "first")


def larger_magnitude(b: VectorBuilder, x: str, y: str) -> str:
    """The larger of |x| and |y|; where one is NaN the other."""
    return _each(b, "range", [x, y], _LARGER_MAGNITUDE, "first")


def fixed(b: VectorBuilder, value: str, x: str, answers: Mapping[str, int]) -> str:
    """The value, but for x of these `CLASSES` what the answer says."""
    word = sum(answers.get(kind, AS_IS) << 4 * place for place, kind in enumerate(CLASSES))
    return _each(b, "fixupimm", [value, x], f"table {word}", "")


def quotient(b: VectorBuilder, x: str, y: str) -> str:
    """x / y to a part in 2^55, by a reciprocal of 14 bits and two steps of Newton's; float64.

    For numbers whose quotient, and its inverse, are well inside the normal range; vectors that are no
    whole registers are filled up to such, so that they have the same bits.  Elsewhere, x / y.
    """
    if jit.vector_bytes() != REGISTER:
        return b.fdiv(x, y)
    lanes = REGISTER // b.dtype.itemsize
    if not are_whole(b):
        wide = VectorBuilder(b.emit, b.dtype, lanes, b.contract, b.declared)
        value = quotient(wide, *(_filled(b, wide, v) for v in (x, y)))
        if not b.lanes:
            return b.emit(f"extractelement {wide.type} {value}, i64 0")
        order = ", ".join(f"i32 {q}" for q in range(b.lanes))
        given = f"{wide.type} {value}, {wide.type} poison, <{b.lanes} x i32> <{order}>"
        return b.emit(f"shufflevector {given}")
    one = b.constant(1)
    inverse = _each(b, "rcp14", [y], "", "first")
    rest = b.fmuladd(b.fneg(y), inverse, one)
    inverse = b.fmuladd(inverse, rest, inverse)
    value = b.fmul(x, inverse)
    return b.fmuladd(b.fmuladd(b.fneg(y), value, x), inverse, value)


def _filled(b: VectorBuilder, wide: VectorBuilder, value: str) -> str:
    """A vector of few lanes, or a scalar, as the first lanes of a register; the others hold 1."""
    if not b.lanes:
        one = wide.constant(1)
        return b.emit(f"insertelement {wide.type} {one}, {b.scalar} {value}, i64 0")
    order = ", ".join(f"i32 {min(q, b.lanes)}" for q in range(wide.lanes))
    ones = b.constant(1)
    given = f"{b.type} {value}, {b.type} {ones}, <{wide.lanes} x i32> <{order}>"
    return b.emit(f"shufflevector {given}")


def _each(b: VectorBuilder, name: str, operands: list[str], more: str, kept: str) -> str:
    """An instruction on each register.  kept: what lanes would keep that are masked; none are."""
    lanes = REGISTER // b.dtype.itemsize
    kind, mask = f"<{lanes} x {b.scalar}>", f"i{lanes}"
    masked = "" if name == "rcp14" else "mask."
    symbol = f"llvm.x86.avx512.{masked}{name}.{_SHORT[b.name]}.512"
    types, extra = [kind] * len(operands), []
    if more.startswith("table"):
        whole = f"<{lanes} x {b.integers.scalar}>"
        types += [whole, "i32"]
        extra += [f"{whole} splat ({b.integers.scalar} {more.split()[1]})", "i32 0"]
    elif more:
        types.append("i32")
        extra.append(more)
    rounded = name != "rcp14"
    types += [kind] * bool(kept) + [mask] + ["i32"] * rounded
    b.declared[symbol] = f"declare {kind} @{symbol}({', '.join(types)})"
    parts: list[str] = []
    for first in range(0, b.lanes, lanes):
        values = [f"{kind} {part(b, x, first, lanes)}" for x in operands]
        held = [values[0]] if kept else []
        last = [f"{mask} -1", *[_CURRENT_ROUNDING] * rounded]
        given = ", ".join([*values, *extra, *held, *last])
        parts.append(b.emit(f"call {kind} @{symbol}({given})"))
    return joined(b, parts, lanes)


def part(b: VectorBuilder, value: str, first: int, lanes: int) -> str:
    """Some neighbouring lanes of a vector."""
    if lanes == b.lanes:
        return value
    order = ", ".join(f"i32 {q}" for q in range(first, first + lanes))
    return b.emit(f"shufflevector {b.type} {value}, {b.type} poison, <{lanes} x i32> <{order}>")


def joined(b: VectorBuilder, parts: list[str], lanes: int) -> str:
    """Vectors of so many lanes, a power of two of them, one after another as one."""
    while len(parts) > 1:
        kind, order = f"<{lanes} x {b.scalar}>", ", ".join(f"i32 {q}" for q in range(2 * lanes))
        parts = [
            b.emit(f"shufflevector {kind} {x}, {kind} {y}, <{2 * lanes} x i32> <{order}>")
            for x, y in zip(parts[::2], parts[1::2], strict=True)
        ]
        lanes *= 2
    return parts[0]
