"""Matrix products of float32 and float64, as kernels that steps can call.

`gemm_address` gives kernels over the argument block of a `MatrixProduct`:
C[m, n] = alpha * op(A) @ op(B) + beta * C0, all row-major.  Their units are the products of a
batch, or rows or columns of C, so that the pool may share one product out, or a tile group do a
block of rows while its neighbours are in cache; `share` says how.  The work is done by the BLAS
that `lower.cpu.library` finds, one thread a call, for the reasons and by the figures given there.

A vector operand goes to gemv: as fast as gemm up to 100 x 100, 1.4 to 6 times as fast above.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Literal, get_args

from eqsat_tensor.lower.cpu import jit, library, symmetric
from eqsat_tensor.lower.cpu.ahead import Ahead

# Words of the argument block; the caller gives addresses to those of _POINTERS.
WORDS = {
    "transpose_a": 0,  # "N" or "T", as a character
    "transpose_b": 1,
    "m": 2,
    "n": 3,
    "k": 4,
    "alpha": 5,  # address of a number of the dtype
    "beta": 6,  # address; where it is 0, neither C nor C0 is read
    "a": 7,
    "lda": 8,  # leading dimensions: elements from one row as stored to the next
    "a_stride": 9,  # bytes from one product of the batch to the next
    "b": 10,
    "ldb": 11,
    "b_stride": 12,
    "c": 13,
    "ldc": 14,
    "c_stride": 15,
    "source": 16,  # address of C0; 0: C itself
    "ld_source": 17,  # 0: one row for all
    "source_stride": 18,
    "parts": 19,  # of a symmetric product: memory of the parts, their number, rows of a block
    "pieces": 20,
    "edge": 21,
}
_POINTERS = ("alpha", "beta", "a", "b", "c", "source", "parts")

# For a library that keeps its threads, in the place of blas_threads.ll.
_LEAVE_THREADS = """
define internal void @enter(i1 %big) {
  ret void
}
define internal void @leave(i1 %big) {
  ret void
}
"""
# m * n * k up to which OpenBLAS uses one thread by itself, so that there is nothing to set.
_GEMM_ALONE, _GEMV_ALONE = 200_000, 9_000

TYPES = {"float64": ("double", 8, "d"), "float32": ("float", 4, "s")}


@dataclass(frozen=True)
class MatrixProduct:
    """C[m, n] = alpha * op(A)[m, k] @ op(B)[k, n] + beta * C0[m, n], or a batch of such products.

    lda, ldb, ldc, ld_source: elements from one row to the next of what is stored: A is [m, k], or
    [k, m] where transpose_a; B likewise; ld_source may be 0.  Strides of the batch are in bytes.
    """

    m: int
    n: int
    k: int
    lda: int
    ldb: int
    ldc: int
    transpose_a: bool = False
    transpose_b: bool = False
    ld_source: int = 0
    a_stride: int = 0
    b_stride: int = 0
    c_stride: int = 0
    source_stride: int = 0
    pieces: int = 0
    edge: int = 0

    def words(self) -> list[int]:
        """The argument block, as `WORDS` names it; pointers are 0 and the caller's to fill in."""
        widths = {
            "lda": (self.m, self.k)[:: -1 if self.transpose_a else 1],
            "ldb": (self.k, self.n)[:: -1 if self.transpose_b else 1],
            "ldc": (self.m, self.n),
        }
        words = [0] * len(WORDS)
        for name, place in WORDS.items():
            if name in _POINTERS:
                continue
            value = getattr(self, name)
            if name in widths:
                rows, columns = widths[name]
                assert value >= columns or rows <= 1, (name, self)
                value = max(value, columns, 1)  # of one row, or none, the step is never used
            elif name.startswith("transpose"):
                value = ord("T" if value else "N")
            assert value < 2**31 or "stride" in name, (name, self)  # BLAS may have 32-bit integers
            words[place] = value
        return words


def gemm_text(dtype: str, hold_threads: bool, kernels: str) -> str:
    """The module with the kernels of a file: blas.ll or symmetric.ll."""
    kind, size, _ = TYPES[dtype]
    loads = ""
    for name, place in WORDS.items():
        loads += f"  %{name}.at = getelementptr i64, ptr %w, i64 {place}\n"
        loads += f"  %{name} = load {'ptr' if name in _POINTERS else 'i64'}, ptr %{name}.at\n"
    loads += "  %none = icmp eq ptr %source, null"
    return Template(jit.source("product.ll") + jit.source(kernels)).substitute(
        WORDS,
        type=kind,
        size=size,
        loads=loads,
        gemm_alone=_GEMM_ALONE,
        gemv_alone=_GEMV_ALONE,
        strip=symmetric.STRIP,
        thread_symbols=jit.source("blas_threads.ll") if hold_threads else _LEAVE_THREADS,
    )


Over = Literal["batch", "rows", "columns"]


def gemm_address(dtype: str, over: Over | symmetric.Kernel = "batch") -> int:
    """The kernel of a `MatrixProduct` of "float64" or "float32".

    over: what its units are: products of the batch, or rows or columns of C of a single product, or
    what `symmetric.halves` says of the product of a matrix with its own transpose.
    """
    return _kernels(dtype, "blas.ll" if over in get_args(Over) else "symmetric.ll")()[over]


def begin(dtype: str) -> None:
    """Let products of a dtype of `TYPES` be made in another thread, if nobody has asked for them yet."""
    _kernels(dtype, "blas.ll").begin()


def share(product: MatrixProduct, batch: int, threads: int) -> tuple[Over, int, int, int]:
    """How a step should do these products: kernel, units, chunks, alignment.

    One thread does what is too small to share or what the library shares out itself.
    """
    work = batch * product.m * product.n * product.k
    if threads == 1 or work < _SHARE_WORK or not library.thread_functions():
        return "batch", batch, 1, 1
    if batch > 1:
        return "batch", batch, min(batch, 4 * threads), 1
    # Each chunk of rows reads all of B, so there are as few as will do.
    if product.m >= product.n:
        return "rows", product.m, min(threads, max(product.m // 8, 1)), 8
    return "columns", product.n, min(threads, max(product.n // 16, 1)), 16


def chunks(units: int, threads: int) -> int:
    """How many chunks units of unlike work are shared out in."""
    return min(units, 4 * threads) if threads > 1 and library.thread_functions() else 1


_SHARE_WORK = 3_000_000  # multiplications: below some 50 us, waking a thread costs what it saves


_NAMES = {"blas.ll": get_args(Over), "symmetric.ll": get_args(symmetric.Kernel)}


@cache
def tiny_address(dtype: str) -> int:
    """The kernel of products that `tiny` does; its units are those of a batch."""
    from eqsat_tensor.lower.cpu.tiny import tiny_text

    item = jit.stored_object(tiny_text(dtype, WORDS), jit.GLUE_LEVEL)
    return jit.load([item], ["tiny"])["tiny"]


@cache
def _kernels(dtype: str, file: str) -> Ahead[dict[str, int]]:
    def load() -> dict[str, int]:
        letter = TYPES[dtype][2]
        symbols = {name: library.blas_address(letter + name) for name in ("gemm", "gemv", "syrk")}
        threads = library.thread_functions()
        item = jit.stored_object(gemm_text(dtype, bool(threads), file), jit.GLUE_LEVEL)
        return jit.load([item], _NAMES[file], symbols | threads)

    return Ahead(load)
