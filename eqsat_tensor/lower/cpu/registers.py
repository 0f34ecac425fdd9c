"""Instructions that some machines have for whole registers: here those of AVX-512.

A vector of several registers is cut into them, and put together again; that costs nothing.
"""

from __future__ import annotations

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.builder import VectorBuilder

REGISTER = 64  # bytes
_SCALEF = {
    "float64": "llvm.x86.avx512.mask.scalef.pd.512",
    "float32": "llvm.x86.avx512.mask.scalef.ps.512",
}
_CURRENT_ROUNDING = "i32 4"


def has_scalef(b: VectorBuilder) -> bool:
    """Are these vectors of float64 or float32, whole registers of a machine with AVX-512?"""
    whole = b.lanes > 0 and b.lanes * b.dtype.itemsize % REGISTER == 0
    return whole and b.name in _SCALEF and jit.vector_bytes() == REGISTER


def scalef(b: VectorBuilder, value: str, n: str) -> str:
    """value * 2^n, n a whole number as float, rounded once; where `has_scalef`."""
    lanes = REGISTER // b.dtype.itemsize
    symbol, mask = _SCALEF[b.name], f"i{lanes}"
    kind = f"<{lanes} x {b.scalar}>"
    b.declared[symbol] = f"declare {kind} @{symbol}({kind}, {kind}, {kind}, {mask}, i32)"
    parts: list[str] = []
    for first in range(0, b.lanes, lanes):
        x, by = part(b, value, first, lanes), part(b, n, first, lanes)
        given = f"{kind} {x}, {kind} {by}, {kind} {x}, {mask} -1, {_CURRENT_ROUNDING}"
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
