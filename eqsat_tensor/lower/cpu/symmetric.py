"""A matrix times its own transpose: how it is cut, so that half is computed and half is copied.

The library's own routine for that (syrk) does the triangles.  Over a long axis it does pieces of that
axis, whose parts are added in order; else it does the diagonal blocks of the result, and gemm those
beside them.  What the pieces and blocks are depends on sizes alone, so the same bits come out for
any number of threads.

Processor time, ms, one core of a Sapphire Rapids, float64, [k, m]: the whole by gemm; syrk whole;
in 2, in 4 pieces; in blocks of m / 2, of m / 4:
    [4000, 300]    10.3    5.4   5.6  5.7   6.9  8.3
    [20000, 100]    7.8    4.3   4.5  4.7   6.2  7.9
    [1000, 1000]   25.7   13.8  14.8  16.0  15.0  15.9
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.blas import MatrixProduct

Kernel = Literal["pairs", "pieces", "sums"]

WORK = 3_000_000  # multiplications of the whole product from which this pays
STRIP = 64  # rows of a unit of the sum of parts
PIECE, PIECES = 512, 8  # least length of a piece, and most pieces
PARTS = 1 << 25  # most bytes of all parts
EDGES = (64, 512)  # least and most rows of a block


@dataclass(frozen=True)
class Halves:
    """The kernels to run in turn with their units; pieces of the long axis, or rows of a block."""

    kernels: tuple[tuple[Kernel, int], ...]
    pieces: int = 0
    edge: int = 0

    def part_bytes(self, m: int, itemsize: int) -> int:
        """Memory of the parts."""
        return self.pieces * m * m * itemsize


def halves(product: MatrixProduct, itemsize: int) -> Halves | None:
    """How a product of a matrix with its own transpose is cut; None where it is too small for that."""
    m, k = product.m, product.k
    if m * m * k < WORK:
        return None
    pieces = 1
    while 2 * pieces <= PIECES and 2 * pieces * PIECE <= k:
        pieces *= 2
    if pieces > 1 and pieces * m * m * itemsize <= PARTS:
        return Halves((("pieces", pieces), ("sums", -(-m // STRIP))), pieces=pieces)
    least, most = EDGES
    edge = min(max(-(-m // 64) * 16, least), most)
    blocks = -(-m // edge)
    return Halves((("pairs", blocks * (blocks + 1) // 2),), edge=edge)
