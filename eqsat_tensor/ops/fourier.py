"""Discrete Fourier transforms along one axis, by one call of a library; nothing is divided by.

    fourier   X[k] = sum over j of x[j] w^(jk),   w = e^(-2 pi i / n), or its conjugate where `inverse`
    rfft      the first n // 2 + 1 of these, of real x: the others are their conjugates
    irfft     real x[j] = sum over k of X[k] conj(w)^(jk), the X beyond the first n // 2 + 1 being the
              conjugates of those; what cannot be of a real x, the imaginary part of X[0] and, for an
              even n, of X[n / 2], is not read

Each is linear.  With cotangents that are not conjugated `fourier`, whose matrix is symmetric, is its
own derivative; `rfft` and `irfft` are each other's, where all but the two X that stand alone count twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import COMPLEXES, FLOAT32, FLOAT64, INT64, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import multiply
from eqsat_tensor.ops.compare import equal, logical_or, where
from eqsat_tensor.ops.complexes import WHOLE, complex_, conjugate, imag, real
from eqsat_tensor.ops.leaf import full_like, iota, size_value
from eqsat_tensor.ops.movement import broadcast_to
from eqsat_tensor.types import Shape, TensorType

REALS = (FLOAT32, FLOAT64)
ALONG = {"axis": Attribute.INT, "shape": Attribute.SHAPE}
ULPS = 16.0  # of the largest element: an element that cancels has fewer digits


def _flops(*shapes: Sequence[float]) -> float:
    """As many as radix 2 takes, along an axis as long as the last one."""
    return 2.5 * math.prod(shapes[0]) * math.log2(max(2, shapes[0][-1] if shapes[0] else 2))


def _checked(x: TensorType, axis: int, shape: Shape) -> None:
    assert 0 <= axis < x.rank == len(shape), (x, axis, shape)
    assert (*x.shape[:axis], *x.shape[axis + 1 :]) == (*shape[:axis], *shape[axis + 1 :]), (
        x,
        shape,
    )


def _of_tangent(op: Callable[..., Expr]) -> Callable[..., Expr | None]:
    """The rule of forward mode for a linear op of one operand."""

    def jvp(tangents: Sequence[Expr | None], out: Expr, x: Expr, **named: Any) -> Expr | None:
        return None if tangents[0] is None else op(tangents[0], **named)

    return jvp


# ------------------------------------------------------------------------------- complex results
def _fourier(x: Any, axis: int, inverse: int) -> Any:
    return np.fft.ifft(x, axis=axis, norm="forward") if inverse else np.fft.fft(x, axis=axis)


def _fourier_type(x: TensorType, axis: int, inverse: int) -> TensorType:
    assert 0 <= axis < x.rank, (x, axis)
    return x.with_dtype(WHOLE.get(x.dtype, x.dtype))


def _fourier_vjp(ct: Expr, out: Expr, x: Expr, axis: int, inverse: int) -> tuple[Expr]:
    slope = fourier(ct, axis=axis, inverse=inverse)
    return (slope if x.dtype in COMPLEXES else real(slope),)


fourier: OpDef = define(
    "fourier", Kind.LIBRARY, arity=1, numpy=_fourier, infer=_fourier_type, dtypes=REALS,
    attributes={"axis": Attribute.INT, "inverse": Attribute.INT}, vjp=_fourier_vjp,
    jvp=_of_tangent(lambda x, **named: fourier(x, **named)), flops=_flops, ulps=ULPS,
    doc="The discrete Fourier transform along an axis, or its inverse times the number of elements.",
)  # fmt: skip


# ------------------------------------------------------------------- of real ones, and real results
def _alone(x: Expr, axis: int, shape: Shape) -> Expr:
    """In the half [.., n // 2 + 1, ..] of the transform of n real elements: which stand for themselves alone?"""
    k = iota(axis=axis, dtype=INT64, shape=x.shape)
    twice = multiply(k, full_like(k, 2))
    n = broadcast_to(size_value(shape[axis], INT64), k.shape)
    both: Expr = logical_or(equal(k, full_like(k, 0)), equal(twice, n))
    return both


def _weighted(z: Expr, factor: float, axis: int, shape: Shape) -> Expr:
    """Complex numbers times a factor, but for those that stand alone."""
    alone = _alone(z, axis, shape)
    re, im = (
        where(alone, part, multiply(part, full_like(part, factor))) for part in (real(z), imag(z))
    )
    whole: Expr = complex_(re, im)
    return whole


def _rfft_type(x: TensorType, axis: int, shape: Shape) -> TensorType:
    _checked(x, axis, shape)
    return x.with_shape(shape).with_dtype(WHOLE[x.dtype])


def _rfft_vjp(ct: Expr, out: Expr, x: Expr, axis: int, shape: Shape) -> tuple[Expr]:
    half = _weighted(conjugate(ct), 0.5, axis, x.shape)
    return (irfft(half, axis=axis, shape=x.shape),)


rfft: OpDef = define(
    "rfft", Kind.LIBRARY, arity=1, numpy=lambda x, axis, shape: np.fft.rfft(x, axis=axis),
    infer=_rfft_type, attributes=ALONG, dtypes=REALS, vjp=_rfft_vjp,
    jvp=_of_tangent(lambda x, **named: rfft(x, **named)), flops=_flops, ulps=ULPS,
    doc="The first n // 2 + 1 elements of the discrete Fourier transform of n real ones along an axis.",
)  # fmt: skip


def _irfft(x: Any, axis: int, shape: tuple[int, ...]) -> Any:
    return np.fft.irfft(x, shape[axis], axis=axis, norm="forward")


def _irfft_type(x: TensorType, axis: int, shape: Shape) -> TensorType:
    _checked(x, axis, shape)
    return real.infer(x).with_shape(shape)


def _irfft_vjp(ct: Expr, out: Expr, x: Expr, axis: int, shape: Shape) -> tuple[Expr]:
    return (_weighted(conjugate(rfft(ct, axis=axis, shape=x.shape)), 2.0, axis, shape),)


irfft: OpDef = define(
    "irfft", Kind.LIBRARY, arity=1, numpy=_irfft, infer=_irfft_type, attributes=ALONG,
    dtypes=COMPLEXES, vjp=_irfft_vjp,
    jvp=_of_tangent(lambda x, **named: irfft(x, **named)), flops=_flops, ulps=ULPS,
    doc="The n real elements, times n, whose transform begins with the n // 2 + 1 complex ones along an axis.",
)  # fmt: skip
