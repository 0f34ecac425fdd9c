"""Matrix products by cuBLAS: transposes as flags, alpha and beta as they are.

cuBLAS has columns first: of arrays in C order it sees the transposes, so C = op(A) op(B) is asked for
as C^T = op(B)^T op(A)^T, with operands and flags exchanged and nothing moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.lower.cuda.bind import Multiply, Place

POINTERS_ON_HOST, POINTERS_ON_DEVICE = 0, 1  # CUBLAS_POINTER_MODE_*
NORMAL, TRANSPOSED = 0, 1  # CUBLAS_OP_N, CUBLAS_OP_T


def multiply(cupy: Any, action: Multiply, get: Callable[[Place], Any]) -> None:
    """alpha op(a) @ op(b) + beta c into the result; ``get`` gives the array of a place."""
    result = get(action.result)
    if result.size == 0:
        return
    if action.source is not None:
        result[...] = get(action.source)
    if action.inner == 0:
        result[...] = 0 if action.beta is None else get(action.beta) * result
        return
    cublas, handle = cupy.cuda.cublas, cupy.cuda.get_cublas_handle()
    mode, scalars = _scalars(cupy, action, get)
    cublas.setPointerMode(handle, mode)
    try:
        _gemm(cublas, handle, action, get(action.a), get(action.b), result, scalars)
    finally:
        cublas.setPointerMode(handle, POINTERS_ON_HOST)


def _gemm(
    cublas: Any, handle: Any, action: Multiply, a: Any, b: Any, result: Any, scalars: list[Any]
) -> None:
    product = action.product
    m, n, k = action.rows, action.columns, action.inner
    lead_a = m if product.transpose_a else k
    lead_b = k if product.transpose_b else n
    flags = [TRANSPOSED if t else NORMAL for t in (product.transpose_b, product.transpose_a)]
    alpha, beta = (_address(s) for s in scalars)
    letter = "s" if action.result.dtype == np.float32 else "d"
    if action.batch == 1:
        function = getattr(cublas, f"{letter}gemm")
        function(
            handle, *flags, n, m, k, alpha, b.data.ptr, lead_b, a.data.ptr, lead_a, beta,
            result.data.ptr, n,
        )  # fmt: skip
        return
    function = getattr(cublas, f"{letter}gemmStridedBatched")
    function(
        handle, *flags, n, m, k, alpha, b.data.ptr, lead_b, k * n, a.data.ptr, lead_a, m * k, beta,
        result.data.ptr, n, m * n, action.batch,
    )  # fmt: skip


def _scalars(cupy: Any, action: Multiply, get: Callable[[Place], Any]) -> tuple[int, list[Any]]:
    """Where alpha and beta are, and they: on the host, unless one of them was computed."""
    dtype = action.result.dtype
    if action.source is None:
        return POINTERS_ON_HOST, [np.ones((), dtype), np.zeros((), dtype)]
    assert action.alpha is not None, action
    assert action.beta is not None, action
    constants = [p.constant for p in (action.alpha, action.beta)]
    if None not in [c if c is None else 0 for c in constants]:
        return POINTERS_ON_HOST, constants
    return POINTERS_ON_DEVICE, [get(action.alpha), get(action.beta)]


def _address(scalar: Any) -> int:
    found: int = scalar.ctypes.data if isinstance(scalar, np.ndarray) else scalar.data.ptr
    return found
