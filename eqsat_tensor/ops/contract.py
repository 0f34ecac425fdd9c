"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import NUMBERS, Expr, define
from eqsat_tensor.ops.arithmetic import add, multiply
from eqsat_tensor.ops.movement import broadcast_to, swap_last
from eqsat_tensor.ops.reduce import sum_over
from eqsat_tensor.types import TensorType


def _matmul_type(a: TensorType, b: TensorType) -> TensorType:
    assert a.dtype == b.dtype, (a, b)
    assert a.rank == b.rank >= 2, (a, b)
    assert (*a.shape[:-2], a.shape[-1]) == b.shape[:-1], (a, b)
    return a.with_shape((*a.shape[:-1], b.shape[-1]))


def _matmul_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    return matmul(ct, swap_last(b)), matmul(swap_last(a), ct)


def _matmul_jvp(tangents: tuple[Expr | None, ...], out: Expr, a: Expr, b: Expr) -> Expr:
    da, db = tangents
    if da is None or db is None:
        return matmul(a if da is None else da, b if db is None else db)
    return add(matmul(da, b), matmul(a, db))


matmul = define(
    "matmul",
    Kind.CONTRACTION,
    arity=2,
    numpy=np.matmul,
    infer=_matmul_type,
    vjp=_matmul_vjp,
    jvp=_matmul_jvp,
    doc="Products of the matrices in the last two axes: [..., m, k] and [..., k, n].",
)


def _gemm(alpha: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    return alpha * np.matmul(a, b) + beta * c


def _gemm_type(
    alpha: TensorType, a: TensorType, b: TensorType, beta: TensorType, c: TensorType
) -> TensorType:
    assert alpha == beta == TensorType(a.dtype, ()), (alpha, beta, a)
    assert _matmul_type(a, b) == c, (a, b, c)
    return c


def _gemm_vjp(
    ct: Expr, out: Expr, alpha: Expr, a: Expr, b: Expr, beta: Expr, c: Expr
) -> tuple[Expr, ...]:
    axes = range(len(ct.shape))
    scaled = multiply(ct, broadcast_to(alpha, ct.shape))
    return (
        sum_over(multiply(ct, matmul(a, b)), axes),
        matmul(scaled, swap_last(b)),
        matmul(swap_last(a), scaled),
        sum_over(multiply(ct, c), axes),
        multiply(ct, broadcast_to(beta, ct.shape)),
    )


gemm = define(
    "gemm",
    Kind.CONTRACTION,
    arity=5,
    numpy=_gemm,
    infer=_gemm_type,
    dtypes=NUMBERS,
    vjp=_gemm_vjp,
    doc="alpha * (a @ b) + beta * c, with alpha and beta 0-d.",
)
