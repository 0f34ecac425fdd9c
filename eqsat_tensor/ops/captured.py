"""Input leaves, and the arrays that programs capture.

Arrays are captured as they are at that time; later changes of the caller's array are not seen.
"""

from __future__ import annotations

import hashlib
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from eqsat_tensor.lang import INT64, Expr
from eqsat_tensor.ops import compare
from eqsat_tensor.ops.leaf import constant, input_, iota
from eqsat_tensor.types import Shape, known_dtype

_keys = count()
_captured: WeakKeyDictionary[Expr, np.ndarray] = WeakKeyDictionary()
_by_content: WeakValueDictionary[tuple[Any, ...], Expr] = WeakValueDictionary()


def capture(array: np.ndarray) -> Expr:
    """An array as it is now, as an expression.

    Equal arrays are one expression.  An array of one repeated value is a constant, 0, 1, 2, ... an
    index, and the identity, or a multiple, is made of two: rules know them, and none is read.
    """
    array = np.array(array, known_dtype(array.dtype), order="C")
    flat = array.reshape(-1)
    if flat.size and _is_one_value(flat):
        return constant(flat[0].item(), array.dtype, array.shape)
    if array.ndim == 1 and array.dtype.kind in "iu" and (flat == np.arange(flat.size)).all():
        return iota(axis=0, dtype=array.dtype, shape=array.shape)
    if array.ndim == 2 and array.dtype.kind in "iuf" and _is_one_diagonal(array):
        return _one_diagonal(array[0, 0].item(), array.dtype, array.shape)
    content = hashlib.blake2b(flat.tobytes(), digest_size=16).digest()
    key = (array.dtype, array.shape, content)
    found = _by_content.get(key)
    if found is None:
        array.flags.writeable = False
        found = _by_content[key] = input_leaf("array", array.dtype, array.shape)
        _captured[found] = array
    return found


def _is_one_value(flat: np.ndarray) -> bool:
    """Have all elements the same bits?"""
    width = min(flat.itemsize, 8)
    words = flat.view(f"u{width}").reshape(flat.size, flat.itemsize // width)
    return bool((words == words[0]).all())


def _is_one_diagonal(matrix: np.ndarray) -> bool:
    """Has a square matrix one number on its diagonal, and nothing but +0 beside it?"""
    rows, columns = matrix.shape
    words = matrix.view(f"u{matrix.itemsize}")
    if rows != columns or rows < 2 or words[0, 1] or not words[0, 0]:
        return False
    return bool((words.diagonal() == words[0, 0]).all() and np.count_nonzero(words) == rows)


def _one_diagonal(value: float, dtype: np.dtype, shape: Shape) -> Expr:
    row, column = (iota(axis=axis, dtype=INT64, shape=shape) for axis in (0, 1))
    found: Expr = compare.equal(row, column)
    if value == 1:
        return compare.cast_to(found, dtype)
    return compare.where(found, constant(value, dtype, shape), constant(0, dtype, shape))


def captured_array(expr: Expr) -> np.ndarray | None:
    """The array that an input leaf was made from, or None for any other expression."""
    return _captured.get(expr)


def input_leaf(name: str, dtype: np.dtype, shape: Shape) -> Expr:
    """A new input, equal to no other."""
    return input_(name=name, key=next(_keys), dtype=dtype, shape=shape)
