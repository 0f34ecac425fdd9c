"""Names of NumPy's that are no functions of tensors: scalar types, constants, queries of dtypes.

With these a program reads the same where `np` is replaced by `eqsat_tensor`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import product
from eqsat_tensor.namespace.operands import axes_of, expr_of, kind_of, public
from eqsat_tensor.namespace.sequences import GRIDS
from eqsat_tensor.sizes import size_or_dim
from eqsat_tensor.tensor import Tensor, is_traced
from eqsat_tensor.types import ALL_DTYPES


class _AnyArray(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, np.ndarray | Tensor)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, np.ndarray | Tensor)


class ndarray(metaclass=_AnyArray):
    """What `isinstance` tests for: arrays of NumPy, and tensors."""

    def __new__(cls, *args: Any, **kwargs: Any) -> ndarray:
        """Always UnsupportedError: arrays are made by functions."""
        hint = "Use zeros, ones, full or array."
        raise UnsupportedError(message("ndarray", "a function that makes arrays", "", hint))


# --------------------------------------------------------------------------------------- queries
@public(numpy=np.ndim)
def ndim(x: Any, /) -> int:
    """The number of axes."""
    return len(expr_of("ndim", x).shape)


@public(numpy=np.shape)
def shape(x: Any, /) -> tuple[Any, ...]:
    """The sizes: ints, or sizes that are known at run time only."""
    return tuple(size_or_dim(s) for s in expr_of("shape", x).shape)


@public(numpy=np.size)
def size(x: Any, /, axis: Any = None) -> Any:
    """The number of elements, or the size of an axis, or the product of several."""
    expr = expr_of("size", x)
    axes = axes_of("size", axis, len(expr.shape), x)
    return size_or_dim(product(expr.shape[a] for a in axes))


def _typed(value: Any) -> Any:
    """What NumPy's dtype functions may see in the place of a tensor."""
    if not is_traced(value):
        return value
    kind = kind_of(value)
    return kind if isinstance(kind, np.dtype) else kind(0)


@public(numpy=np.result_type)
def result_type(*operands: Any) -> np.dtype:
    """The dtype that promotion gives; Python numbers are weak."""
    return np.result_type(*map(_typed, operands))


@public(numpy=np.can_cast)
def can_cast(source: Any, /, to: Any, casting: Any = "safe") -> bool:
    """May values of a dtype, or of a tensor, be cast to another?"""
    dtype = source.dtype if isinstance(source, Tensor) else source
    return np.can_cast(dtype, to.dtype if isinstance(to, Tensor) else to, casting)


@public(numpy=np.common_type)
def common_type(*arrays: Any) -> Any:
    """The scalar type of floats that holds these arrays; float64 for integers."""
    return np.common_type(*(np.empty(0, expr_of("common_type", a).dtype) for a in arrays))


@public(numpy=np.iscomplexobj)
def iscomplexobj(x: Any, /) -> bool:
    """Is the dtype complex?"""
    return expr_of("iscomplexobj", x).dtype.kind == "c"


@public(numpy=np.isrealobj)
def isrealobj(x: Any, /) -> bool:
    """Is the dtype not complex?"""
    return not iscomplexobj(x)


# ----------------------------------------------------------------------------------------- objects
# fmt: off
ABSTRACT = ("generic", "number", "integer", "signedinteger", "unsignedinteger", "inexact",
            "floating", "complexfloating")
AS_THEY_ARE = (
    "pi", "e", "euler_gamma", "inf", "nan", "newaxis", "True_", "False_", "little_endian",
    "dtype", "dtypes", "finfo", "iinfo", "isdtype", "issubdtype", "promote_types", "min_scalar_type",
    "mintypecode", "typename", "typecodes", "isscalar", "iterable", "index_exp", "s_", "ndindex",
    "errstate", "seterr", "geterr", "seterrcall", "geterrcall", "printoptions", "set_printoptions",
    "get_printoptions", "exceptions",
)
# fmt: on


def _scalar_types() -> dict[str, Any]:
    """NumPy's scalar types, by all of their names, that tensors may have."""
    types = {n: t for n, t in vars(np).items() if isinstance(t, type)}  # loads no submodule
    known = {t for t in np.sctypeDict.values() if np.dtype(t) in ALL_DTYPES}
    concrete = {n: t for n, t in types.items() if t in known}
    return concrete | {n: types[n] for n in ABSTRACT}


OBJECTS: dict[str, Any] = {
    **_scalar_types(),
    **{name: getattr(np, name) for name in AS_THEY_ARE},
    **GRIDS,
    "ndarray": ndarray,
}
