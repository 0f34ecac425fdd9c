"""`Shared`: a tensor whose value outlives calls, in a cell of the run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from eqsat_tensor.errors import ArgumentError, ShapeError, message
from eqsat_tensor.extents import Size
from eqsat_tensor.inputs import declared_size
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.runtime.state import StateCell
from eqsat_tensor.sizes import Dim, size_or_dim
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.types import known_dtype


class Shared(Tensor):
    """State that outlives calls; made by `shared`.  `state` holds the value."""

    __slots__ = ("default_update", "name", "state")

    name: str
    default_update: Any  # what each function that uses the state makes of it, unless told otherwise

    def __init__(self, state: Any, name: str, shape: Sequence[int | str | Dim] = ()) -> None:
        value = state.get_value(borrow=True)
        sizes = tuple(declared_size(s) for s in shape or value.shape)
        super().__init__(input_leaf(name, value.dtype, sizes), fixed=True)
        self.state, self.name, self.default_update = state, name, None
        _shared[self.expr] = self

    def get_value(self, borrow: bool = False) -> Any:
        """The value now: a copy, unless `borrow`."""
        return self.state.get_value(borrow=borrow)

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the value; dtype and rank stay.  `borrow`: the state may keep `value` itself."""
        self.state.set_value(value, borrow=borrow)

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        made = _shared_again(*self._parts())
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared_again, self._parts()

    def _parts(self) -> tuple[Any, ...]:
        """The value, the name, and the declared shape: names stand for sizes that may change."""
        return self.get_value(), self.name, self.expr.shape, self.state.target

    def __repr__(self) -> str:
        return f"Shared({self.name}: {self.expr.type})"


_shared: WeakValueDictionary[Expr, Shared] = WeakValueDictionary()


def shared(
    value: Any,
    name: str = "shared",
    shape: Sequence[int | str | Dim] = (),
    dtype: Any = None,
    borrow: bool = False,
    target: str = "cpu",
) -> Shared:
    """State that outlives calls: a copy of `value`, read and updated by compiled functions.

    shape: names for the sizes that `set_value` may change later; by default all are fixed.
    dtype: what the value is cast to.  borrow: the state may keep an array itself, which updates
    then change.  target: "cuda" keeps the value on the device in use, for functions of that target;
    `get_value` then gives a CuPy array.
    Raises DtypeError for a dtype that there is not, ShapeError where the shape is not the value's,
    UnsupportedError where there is no device.
    """
    if target not in ("cpu", "cuda"):
        raise ArgumentError(message("shared", "target 'cpu' or 'cuda'", f"target={target!r}"))
    cell: type[StateCell] = StateCell
    if target == "cuda":
        from eqsat_tensor.runtime.device_state import DeviceCell

        cell = DeviceCell
    on_device = hasattr(value, "__cuda_array_interface__")
    array = value.astype(dtype or value.dtype) if on_device else np.asarray(value, dtype)
    known_dtype(array.dtype)
    if isinstance(shape, str | int | Dim):
        shape = (shape,)
    fits = not shape or len(shape) == array.ndim
    if not fits or any(
        isinstance(s, int) and s != n for s, n in zip(shape, array.shape, strict=False)
    ):
        got = f"value of shape {list(array.shape)}"
        raise ShapeError(message("shared", f"a value of shape {list(shape)} for {name}", got))
    made = Shared(cell(array, name), name, shape)
    if borrow:
        made.set_value(array, borrow=True)
    return made


def _shared_again(value: Any, name: str, shape: Sequence[Size], target: str = "cpu") -> Shared:
    """State as it was copied or pickled."""
    return shared(value, name, tuple(size_or_dim(s) for s in shape), target=target)


def shared_of(expr: Expr) -> Shared | None:
    """The state that an input leaf stands for, or None."""
    return _shared.get(expr)
