"""Binding matrix products: argument blocks, how each is cut, and the steps that do it."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eqsat_tensor.lower.cpu import blas, symmetric, tiny
from eqsat_tensor.lower.cpu.outward import Outward
from eqsat_tensor.types import literal

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.bind import Product

BLOCK_ELEMENTS = 1 << 17  # of a product's result in a block of a tile, about
BLOCK_ROWS = (256, 1024)  # least and most of a block of a product in a tile
LONGEST_SUM = 512  # of a product in a tile
FLOPS = 50.0  # of a matrix product, a nanosecond


class Products(Outward):
    """A binder of products."""

    def product(self, i: int, product: Product) -> None:
        """The steps of a matrix product."""
        argument, matrices = self.product_block(product)
        halved = self.halves(product, matrices)
        m, n, batch = matrices.m, matrices.n, self.number(product.batch)
        self.work += self.product_cost(product)
        if halved is not None:
            self.half_products(i, product.dtype, argument, m, halved)
        elif m and n and batch and len(product.buffers) == 3 and tiny.is_tiny(matrices):
            chunks = self.chunks(batch, self.product_cost(product))
            self.steps.append((blas.tiny_address(product.dtype), argument, batch, chunks, 1))
        elif m and n and batch:
            over, units, chunks, align = blas.share(matrices, batch, self.threads)
            address = blas.gemm_address(product.dtype, over)
            self.steps.append((address, argument, units, chunks, align))

    def product_cost(self, product: Product) -> float:
        """Estimated nanoseconds on one thread."""
        sizes = (product.batch, product.rows, product.columns, product.inner)
        return 2.0 * math.prod(map(self.number, sizes)) / FLOPS

    def halves(self, product: Product, matrices: blas.MatrixProduct) -> symmetric.Halves | None:
        """How a product is cut if it is that of a matrix with its own transpose."""
        a, b, _, *scaled = product.buffers
        turned = product.transpose_a != product.transpose_b
        squared = a == b and turned and not scaled and self.number(product.batch) == 1
        if not squared or matrices.m != matrices.n:
            return None
        return symmetric.halves(matrices, np.dtype(product.dtype).itemsize)

    def product_block(self, product: Product) -> tuple[int, blas.MatrixProduct]:
        """The argument block of a matrix product, and its sizes."""
        m, n, k = (self.number(s) for s in (product.rows, product.columns, product.inner))
        size = np.dtype(product.dtype).itemsize
        source_row = 0 if product.row else n
        matrices = blas.MatrixProduct(
            m,
            n,
            k,
            m if product.transpose_a else k,
            k if product.transpose_b else n,
            n,
            product.transpose_a,
            product.transpose_b,
            source_row,
            *(size * elements for elements in (m * k, k * n, m * n, m * source_row)),
        )
        halved = self.halves(product, matrices)
        if halved is not None:
            matrices = replace(matrices, pieces=halved.pieces, edge=halved.edge)
        argument = len(self.words)
        self.words += matrices.words()
        a, b, result, *scaled = product.buffers
        one, zero = (literal(v, np.dtype(product.dtype)) for v in (1.0, 0.0))
        alpha, beta, *source = scaled or (one, zero)
        places = ["a", "b", "c", "alpha", "beta", "source"]
        for place, buffer in zip(places, (a, b, result, alpha, beta, *source), strict=False):
            word = argument + blas.WORDS[place]
            if isinstance(buffer, str):
                self.pointers.append((word, buffer))
            else:
                self.at.append((word, len(self.words)))
                self.words.append(bits(buffer.bits))
        return argument, matrices

    def half_products(
        self, i: int, dtype: str, argument: int, m: int, halved: symmetric.Halves
    ) -> None:
        """The steps of a product of a matrix with its own transpose, and the memory of its parts."""
        if halved.pieces:
            name = f"part{i}"
            self.spans[name] = (halved.part_bytes(m, np.dtype(dtype).itemsize), i, i)
            self.pointers.append((argument + blas.WORDS["parts"], name))
        for kernel, units in halved.kernels:
            address, chunks = blas.gemm_address(dtype, kernel), blas.chunks(units, self.threads)
            self.steps.append((address, argument, units, chunks, 1))

    def product_rows(self, product: Product) -> int:
        """Rows of a block of a product in a tile; 0: it is better done at once.

        The library packs the second operand anew for each block: 1500 x 1500 x 50 takes 3.9 ms at
        once, 4.1 in blocks of 256 rows, 4.8 of 128, 5.6 of 80.
        """
        m, n, k = (self.number(s) for s in (product.rows, product.columns, product.inner))
        least, most = BLOCK_ROWS
        rows = min(most, BLOCK_ELEMENTS // max(n, 1)) // 8 * 8
        large = m * n >= 2 * BLOCK_ELEMENTS
        return rows if large and rows >= least and k <= LONGEST_SUM else 0


def bits(data: bytes) -> int:
    """A number's bytes as an i64 word."""
    return int.from_bytes(data.ljust(8, b"\0"), sys.byteorder, signed=True)
