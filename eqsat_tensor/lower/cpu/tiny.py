"""Products of matrices of a few rows and columns, done here: a call of the BLAS takes as long.

Each row of the result is one masked vector, to which the rows of the second operand are added in turn.
1000 products of 4 x 4 float64: 33 us by the BLAS, 17 so; of 8 x 8: 53 and 40.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.function import Function

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.blas import MatrixProduct

MOST = 8  # rows, columns and terms of a sum
LEAST_REGISTER = 32  # bytes of a vector register of machines that mask memory accesses


def is_tiny(product: MatrixProduct) -> bool:
    """Is a product done here?  Its second operand must lie as it is read, in rows."""
    few = max(product.m, product.n, product.k) <= MOST
    return few and not product.transpose_b and jit.vector_bytes() >= LEAST_REGISTER


def tiny_text(dtype: str, words: Mapping[str, int]) -> str:
    """The kernel ``tiny``, over the argument block of a product without alpha, beta and C0."""
    f = Function()
    declared: dict[str, str] = {}
    b = VectorBuilder(f.emit, np.dtype(dtype), MOST, True, declared)
    kind, size = b.scalar, b.dtype.itemsize

    def word(name: str, type: str = "i64") -> str:
        return f.emit(f"load {type}, ptr {f.offset('i64', '%argument', str(words[name]))}")

    m, n, k, lda, ldb, ldc = (word(name) for name in ("m", "n", "k", "lda", "ldb", "ldc"))
    turned = f.emit(f"icmp eq i64 {word('transpose_a')}, {ord('T')}")
    row_step = f.emit(f"select i1 {turned}, i64 1, i64 {lda}")
    term_step = f.emit(f"select i1 {turned}, i64 {lda}, i64 1")
    lanes = b.of("int64")
    order = f"<{', '.join(f'i64 {q}' for q in range(MOST))}>"
    mask = f.emit(f"icmp slt {lanes.type} {order}, {lanes.splat(n)}")
    load, store = (f"llvm.masked.{w}.{b.suffix}.p0" for w in ("load", "store"))
    declared[load] = f"declare {b.type} @{load}(ptr, i32, {b.mask}, {b.type})"
    declared[store] = f"declare void @{store}({b.type}, ptr, i32, {b.mask})"

    def one(u: str, _: list[str]) -> list[str]:
        first, second, result = (
            f.offset("i8", word(name, "ptr"), f.multiply(u, word(f"{name}_stride")))
            for name in ("a", "b", "c")
        )

        def row(i: str, _: list[str]) -> list[str]:
            line = f.offset(kind, first, f.multiply(i, row_step))

            def term(t: str, sums: list[str]) -> list[str]:
                at = f.offset(kind, line, f.multiply(t, term_step))
                factor = b.splat(f.emit(f"load {kind}, ptr {at}, align {size}"))
                from_ = f.offset(kind, second, f.multiply(t, ldb))
                given = f"ptr {from_}, i32 {size}, {b.mask} {mask}, {b.type} zeroinitializer"
                return [b.fmuladd(factor, f.emit(f"call {b.type} @{load}({given})"), sums[0])]

            (sum_,) = f.loop("0", k, 1, [(b.type, b.constant(0))], term)
            to = f.offset(kind, result, f.multiply(i, ldc))
            f.effect(f"call void @{store}({b.type} {sum_}, ptr {to}, i32 {size}, {b.mask} {mask})")
            return []

        return f.loop("0", m, 1, [], row)

    f.loop("%begin", "%end", 1, [], one)
    head = "define void @tiny(ptr %argument, i64 %begin, i64 %end) {"
    return "\n".join([*declared.values(), head, f.text(), "}"])
