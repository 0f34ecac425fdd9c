"""`eqsat_tensor.fft`: the functions of numpy.fft.  Of arrays and numbers alone they are NumPy's own.

float16 and float32 are computed in float32, integers in float64.  An axis is cut to `n` elements, or
filled up with zeros, before it is transformed; ``norm`` says which way is divided by the number of elements:
the way back ("backward"), each by its root ("ortho"), or the way there ("forward").
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.extents import Size, minimum
from eqsat_tensor.lang import COMPLEXES, FLOAT16, FLOAT32, FLOAT64, Expr
from eqsat_tensor.namespace.names import OBJECTS
from eqsat_tensor.namespace.operands import (
    NUMPY_LATE,
    PUBLIC,
    Function,
    axis_of,
    dispatched,
    expr_of,
    show,
)
from eqsat_tensor.namespace.pieces import cut, index_vector, resized, vector
from eqsat_tensor.ops import arithmetic, compare, movement
from eqsat_tensor.ops.complexes import complex_, conjugate, imag, real
from eqsat_tensor.ops.fourier import fourier
from eqsat_tensor.ops.fourier import irfft as half_to_real
from eqsat_tensor.ops.fourier import rfft as real_to_half
from eqsat_tensor.ops.leaf import full_like, size_value
from eqsat_tensor.sizes import size_of, size_or_dim
from eqsat_tensor.tensor import Tensor

FOURIER: dict[str, Callable[..., Any]] = {}
NORMS = ("backward", "ortho", "forward")
BACK = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def transform(function: Function) -> Function:
    """Enter a function of tensors in `fft` under its name; arrays go to numpy.fft's, which NumPy loads late."""
    name = function.__name__

    @functools.wraps(function)
    def on_arrays(*args: Any, **kwargs: Any) -> Any:
        return getattr(np.fft, name)(*args, **kwargs)

    call = dispatched(function, on_arrays)
    FOURIER[name] = NUMPY_LATE[f"numpy.fft.{name}"] = call
    return call


class Fourier:
    """The functions of `FOURIER` as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name in FOURIER:
            return FOURIER[name]
        raise AttributeError(f"eqsat_tensor.fft has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted(FOURIER)

    def __repr__(self) -> str:
        return "<eqsat_tensor.fft>"


OBJECTS["fft"] = Fourier()


# -------------------------------------------------------------------------------------- operands
def _operand(name: str, a: Any, *, real_only: bool = False) -> Expr:
    """An array in a dtype that is transformed; DtypeError for complex numbers where real ones are needed."""
    x = expr_of(f"fft.{name}", a)
    if x.dtype in COMPLEXES:
        if real_only:
            hint = "Take fft of complex numbers."
            raise DtypeError(message(f"fft.{name}", "real numbers", f"a: {show(a)}", hint))
        return x
    return compare.cast_to(x, FLOAT32 if x.dtype in (FLOAT16, FLOAT32) else FLOAT64)


def _size(name: str, n: Any) -> Size:
    size = size_of(n)
    if size is None:
        raise ShapeError(message(f"fft.{name}", "a size as n", f"n={n!r}"))
    if isinstance(size, int) and size < 1:
        raise ValueError(f"Invalid number of FFT data points ({size}) specified.")
    return size


def _fitted(x: Expr, axis: int, n: Size) -> Expr:
    """Cut to `n` elements along an axis, or with zeros at its end."""
    if x.shape[axis] == n:
        return x
    there = minimum(x.shape[axis], n)
    part = cut(x, axis, 0, there)
    if there == n:
        return part
    low, step = [0] * len(x.shape), [1] * len(x.shape)
    return movement.pad(part, low, step, resized(x, axis, n))


def _times(x: Expr, factor: Expr) -> Expr:
    """Each part of `x` times a number."""
    if x.dtype in COMPLEXES:
        whole: Expr = complex_(*(_times(part, factor) for part in (real(x), imag(x))))
        return whole
    product: Expr = arithmetic.multiply(x, movement.broadcast_to(factor, x.shape))
    return product


def _divided(x: Expr, n: Size, norm: Any, way: str) -> Expr:
    """What a norm divides by: `way` is the one that is divided by `n`, of this transform."""
    norm = "backward" if norm is None else norm
    if norm not in NORMS:
        wanted = ", ".join(f'"{n}"' for n in NORMS)
        raise ValueError(message("fft", f"norm= of {wanted}", f"norm={norm!r}"))
    if norm not in (way, "ortho"):
        return x
    dtype = FLOAT32 if x.dtype in (FLOAT32, COMPLEXES[0]) else FLOAT64
    count = size_value(n, dtype)
    root = arithmetic.sqrt(count) if norm == "ortho" else count
    return _times(x, arithmetic.divide(full_like(root, 1), root))


# ------------------------------------------------------------------------------------- one axis
def _along(name: str, a: Any, n: Any, axis: Any, norm: Any, inverse: int) -> Expr:
    x = _operand(name, a)
    place = axis_of(f"fft.{name}", axis, len(x.shape), a)
    size = _size(name, n if n is not None else size_or_dim(x.shape[place]))
    made = fourier(_fitted(x, place, size), axis=place, inverse=inverse)
    return _divided(made, size, norm, "backward" if inverse else "forward")


@transform
def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The discrete Fourier transform along an axis, complex, of `n` elements."""
    return Tensor(_along("fft", a, n, axis, norm, 0))


@transform
def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `fft`."""
    return Tensor(_along("ifft", a, n, axis, norm, 1))


def _halved(name: str, a: Any, n: Any, axis: Any, norm: Any) -> Expr:
    x = _operand(name, a, real_only=True)
    place = axis_of(f"fft.{name}", axis, len(x.shape), a)
    size = _size(name, n if n is not None else size_or_dim(x.shape[place]))
    x = _fitted(x, place, size)
    made = real_to_half(x, axis=place, shape=resized(x, place, size // 2 + 1))
    return _divided(made, size, norm, "forward")


def _of_half(name: str, a: Any, n: Any, axis: Any, norm: Any) -> Expr:
    x = _operand(name, a)
    x = x if x.dtype in COMPLEXES else complex_(x, full_like(x, 0))
    place = axis_of(f"fft.{name}", axis, len(x.shape), a)
    size = _size(name, n if n is not None else size_or_dim((x.shape[place] - 1) * 2))
    x = _fitted(x, place, size // 2 + 1)
    made = _divided(
        half_to_real(x, axis=place, shape=resized(x, place, size)), size, norm, "backward"
    )
    narrow = expr_of(f"fft.{name}", a).dtype == FLOAT16  # of which NumPy's result has the dtype
    return compare.cast_to(made, FLOAT16) if narrow else made


@transform
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The first n // 2 + 1 elements of `fft`, of real `a`: the others are their conjugates."""
    return Tensor(_halved("rfft", a, n, axis, norm))


@transform
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `rfft`: `n` real elements, 2 (m - 1) of m where it is not given."""
    return Tensor(_of_half("irfft", a, n, axis, norm))


@transform
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """`fft` of a sequence whose second half holds the conjugates of the first, `a`: real."""
    x = expr_of("fft.hfft", a)
    x = conjugate(x) if x.dtype in COMPLEXES else x
    return Tensor(_of_half("hfft", Tensor(x), n, axis, BACK.get(norm or "backward", norm)))


@transform
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `hfft`."""
    half = _halved("ihfft", a, n, axis, BACK.get(norm or "backward", norm))
    return Tensor(conjugate(half))


# ------------------------------------------------------------------------------------ several axes
def _places(name: str, x: Expr, a: Any, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    """A size, or None for that of the axis, and an axis for each transform."""
    rank = len(x.shape)
    if axes is None:
        axes = range(rank) if s is None else range(rank - len(s), rank)
    places = [axis_of(f"fft.{name}", axis, rank, a) for axis in axes]
    sizes = [None] * len(places) if s is None else [None if n == -1 else n for n in s]
    if len(sizes) != len(places):
        raise ValueError("Shape and axes have different lengths.")
    return sizes, places


def _over(name: str, a: Any, s: Any, axes: Any, norm: Any, inverse: int) -> Tensor:
    """One transform after the other, from the last."""
    x = _operand(name, a)
    sizes, places = _places(name, x, a, s, axes)
    for n, axis in reversed(list(zip(sizes, places, strict=True))):
        x = _along(name, Tensor(x), n, axis, norm, inverse)
    return Tensor(x)


def _some_axis(name: str, places: Sequence[int], a: Any) -> None:
    if not places:
        raise ShapeError(message(f"fft.{name}", "at least one axis", f"a: {show(a)}"))


@transform
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """`fft` along several axes, all where none are given; `s`: a size for each."""
    return _over("fftn", a, s, axes, norm, 0)


@transform
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """The inverse of `fftn`."""
    return _over("ifftn", a, s, axes, norm, 1)


@transform
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """`fft` along two axes."""
    return _over("fft2", a, s, axes, norm, 0)


@transform
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """The inverse of `fft2`."""
    return _over("ifft2", a, s, axes, norm, 1)


@transform
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """`rfft` along the last of several axes, then `fft` along the others."""
    x = _operand("rfftn", a, real_only=True)
    sizes, places = _places("rfftn", x, a, s, axes)
    _some_axis("rfftn", places, a)
    x = _halved("rfftn", Tensor(x), sizes[-1], places[-1], norm)
    return _over("rfftn", Tensor(x), _spelt(sizes[:-1]), places[:-1], norm, 0)


def _spelt(sizes: Sequence[Any]) -> list[Any]:
    """Sizes as `_places` takes them."""
    return [-1 if n is None else n for n in sizes]


@transform
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """The inverse of `rfftn`."""
    x = expr_of("fft.irfftn", a)
    sizes, places = _places("irfftn", x, a, s, axes)
    _some_axis("irfftn", places, a)
    for n, axis in zip(sizes[:-1], places[:-1], strict=True):
        x = _along("irfftn", Tensor(x), n, axis, norm, 1)
    return Tensor(_of_half("irfftn", Tensor(x), sizes[-1], places[-1], norm))


@transform
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """`rfftn` along two axes."""
    result: Tensor = FOURIER["rfftn"](a, s, axes, norm)
    return result


@transform
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """The inverse of `rfft2`."""
    result: Tensor = FOURIER["irfftn"](a, s, axes, norm)
    return result


# ---------------------------------------------------------------------------- frequencies and order
def _shifted(name: str, x: Any, axes: Any, way: Callable[[Any], Any]) -> Tensor:
    shape = Tensor(expr_of(f"fft.{name}", x)).shape
    if axes is None:
        axes = tuple(range(len(shape)))
    axes = axes if isinstance(axes, Sequence) else (axes,)
    result: Tensor = PUBLIC["roll"](x, [way(shape[axis]) for axis in axes], axes)
    return result


@transform
def fftshift(x: Any, axes: Any = None) -> Tensor:
    """The frequency 0 moved to the middle of each axis."""
    return _shifted("fftshift", x, axes, lambda n: n // 2)


@transform
def ifftshift(x: Any, axes: Any = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted("ifftshift", x, axes, lambda n: -(n // 2))


def _frequencies(name: str, n: Any, d: Any, count: Callable[[Size], Size], wraps: bool) -> Tensor:
    size = _size(name, n)
    k = index_vector(count(size))
    if wraps:
        before = compare.less(k, vector((size + 1) // 2, k))
        k = compare.where(before, k, arithmetic.subtract(k, vector(size, k)))
    frequencies: Tensor = Tensor(k) * (1.0 / (size_or_dim(size) * d))
    return frequencies


@transform
def fftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Tensor:
    """The frequencies of `fft`'s elements, for `n` samples at distances `d`: 0, 1, ... then the negative ones."""
    return _frequencies("fftfreq", n, d, lambda size: size, wraps=True)


@transform
def rfftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Tensor:
    """The frequencies of `rfft`'s elements."""
    return _frequencies("rfftfreq", n, d, lambda size: size // 2 + 1, wraps=False)
