"""`Tensor`: what users hold.  It has identity, may be rebound (`x += 1`), and stands for an `Expr`.

    Tensor, Python numbers, arrays  -as_expr->  Expr;   functions of `namespace`  ->  Tensor

All that a tensor can do is a function of `eqsat_tensor.namespace`, found here by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import index
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, TraceError, message
from eqsat_tensor.extents import Size
from eqsat_tensor.known import known_value
from eqsat_tensor.lang import BOOL, COMPLEX128, FLOAT64, INT64, Expr
from eqsat_tensor.ops.captured import capture, captured_array
from eqsat_tensor.ops.leaf import constant, size_value
from eqsat_tensor.sizes import Dim, size_or_dim, tracing
from eqsat_tensor.storage import Storage, View

# The functions that tensors use as methods and operators; `namespace` fills it.
FUNCTIONS: dict[str, Callable[..., Any]] = {}
PYTHON_NUMBERS: dict[type, np.dtype] = {
    bool: BOOL, int: INT64, float: FLOAT64, complex: COMPLEX128
}  # fmt: skip


class Tensor(Storage):
    """A traced array: dtype and shape are known, the values are not.

    weak: the Python type of a number whose dtype gives way to an array's (NEP 50), else None.
    The rest of what it holds is told in `Storage`.
    """

    __slots__ = ("weak",)
    __array_priority__ = 1000.0

    def __init__(self, expr: Expr, weak: type | None = None, fixed: bool = False) -> None:
        super().__init__(expr, fixed or weak is not None)
        self.weak = weak

    @property
    def is_number(self) -> bool:
        """What NumPy would give as a number, not as an array: `x += 1` makes another."""
        return self.weak is not None or not (self._expr.shape or self.shown or self.array)

    # --------------------------------------------------------------------------------- what it is
    @property
    def dtype(self) -> np.dtype:
        """The dtype, a NumPy one."""
        return self.expr.dtype

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes: ints, or `Dim` where a size is known at run time only."""
        return tuple(size_or_dim(s) for s in self.expr.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.expr.shape)

    @property
    def size(self) -> Any:
        """The number of elements, an int or a `Dim`."""
        total: Size = 1
        for s in self.expr.shape:
            total = total * s
        return size_or_dim(total)

    @property
    def T(self) -> Tensor:
        """All axes in reverse order."""
        return self.transpose()

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        result: Tensor = self._call("matrix_transpose")
        return result

    def __repr__(self) -> str:
        return f"Tensor({self.expr.type})"

    def __format__(self, form: str) -> str:
        if not form:
            return str(self)
        hint = "Show it when it is called: et.print(x)."
        value = _known("format", self, hint)
        return format(value if self.ndim else value[()], form)

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        length = self.shape[0]
        if isinstance(length, Dim) and tracing():
            length = int(length)
        if isinstance(length, Dim):
            raise _not_known("iteration", self, "Write the loop as one array operation.")
        return (self[i] for i in range(length))

    # ---------------------------------------------------------------------------- what it is not
    def item(self, *args: Any) -> Any:
        """A number, where it is known while tracing; else TraceError."""
        hint = "Return the tensor, and call item() on the result."
        return _known("item", self, hint).item(*args)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        ours = "Use functions of eqsat_tensor (SciPy's: of its special), or NumPy's on the tensor."
        hint = f"{ours} {OURS}"
        value = _known("numpy", self, hint)
        return np.array(value, dtype) if copy else np.asarray(value, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return FUNCTIONS["__array_ufunc__"](ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return FUNCTIONS["__array_function__"](function, args, kwargs)

    def __reduce__(self) -> str | tuple[Any, ...]:
        hint = "Save a function of it: et.function(inputs, outputs) can be pickled."
        raise ArgumentError(message("pickle", "a value or a function", repr(self), hint))

    # ----------------------------------------------------------------------------------- operators
    def _call(self, name: str, *operands: Any, **options: Any) -> Any:
        return FUNCTIONS[name](self, *operands, **options)

    def __getitem__(self, key: Any) -> Tensor:
        result: Tensor = FUNCTIONS["__getitem__"](self, key)
        return result

    def __setitem__(self, key: Any, value: Any) -> None:
        FUNCTIONS["__setitem__"](self, key, value)

    @property
    def at(self) -> Any:
        """``x.at[key].set(v)``, ``.add(v)``, ...: a new array with elements replaced, `x` as it was."""
        return FUNCTIONS["__at__"](self)

    def _update(self, name: str, other: Any) -> Any:
        new = operator(name, self, other)
        if self.root.fixed or self.is_number or not isinstance(new, Tensor):
            return new
        self.write(new, f"in-place {name}")
        return self

    def write(self, new: Tensor, operation: str) -> None:
        """Write a result to all elements, as ufuncs write to ``out=``: cast if of the same kind."""
        if not np.can_cast(new.dtype, self.dtype, "same_kind"):
            raise DtypeError(
                message(
                    operation,
                    f"a result that can be cast to {self.dtype}",
                    str(new.expr.type),
                    "Write x = x + v instead.",
                )
            )
        cast: Tensor = new._call("astype", self.dtype)
        self.assign(FUNCTIONS["broadcast_to"](cast, self.shape).expr)

    def __divmod__(self, other: Any) -> Any:
        return (self // other, self % other) if is_operand(other) else NotImplemented

    def __rdivmod__(self, other: Any) -> Any:
        return (other // self, other % self) if is_operand(other) else NotImplemented

    def __round__(self, digits: int | None = None) -> Any:
        return self._call("round", digits or 0)

    # ------------------------------------------------------------------------------------- methods
    def astype(
        self,
        dtype: Any,
        order: Any = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Tensor:
        """The tensor in another dtype, to which `casting` must allow the cast."""
        result: Tensor = self._call("astype", dtype, casting=casting, copy=copy)
        return result

    def reshape(self, *shape: Any, order: Any = "C", copy: Any = None) -> Tensor:
        """The elements in another shape, in C order or in that of Fortran; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        result: Tensor = self._call("reshape", sizes, order=order)
        return result

    def eval(self, inputs: Any = None, **options: Any) -> Any:
        """The value now, for ``inputs``, a dict from input tensors to arrays; states are as they are.

        Compiled at the first call and kept for calls that give the same inputs.  options: those of
        `et.function`.  Raises what a call of such a function does.
        """
        return FUNCTIONS["__eval__"](self, inputs, **options)

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order; reversed where none is given."""
        order: Any = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        result: Tensor = self._call("transpose", order)
        return result

    def sort(self, *args: Any, **options: Any) -> None:
        """Sort the elements along an axis, in place."""
        self._call("__in_place__", "sort", args, options)

    def partition(self, *args: Any, **options: Any) -> None:
        """Partition the elements along an axis, in place."""
        self._call("__in_place__", "partition", args, options)


def _not_known(operation: str, x: Tensor, hint: str) -> TraceError:
    return TraceError(
        message(operation, "a value that is known while tracing", f"x: {x.expr.type}", hint)
    )


def _known(operation: str, x: Tensor, hint: str) -> np.ndarray:
    """The value of what is made of constants and sizes alone; TraceError for all else."""
    value = known_value(x.expr)
    if value is None:
        raise _not_known(operation, x, hint)
    return value


def _conversion(name: str, convert: Callable[[Any], Any], hint: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return convert(_known(name, self, hint))

    return method


def _operator(name: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if not is_operand(other):
            return NotImplemented
        return operator(name, other, self) if swapped else operator(name, self, other)

    return method


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return self._update(name, other) if is_operand(other) else NotImplemented

    return method


def _unary(name: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return operator(name, self)

    return method


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[name](self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"`{name}` of the namespace, of this tensor."
    return method


# fmt: off
BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power",
    "floordiv": "floor_divide", "mod": "remainder", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
}
COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}
METHODS = ["sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin", "ravel", "flatten", "squeeze", "dot", "swapaxes", "clip", "diagonal", "trace", "take", "cumsum", "round", "copy", "repeat", "cumprod", "argsort", "argpartition", "searchsorted", "fill", "put"]
# fmt: on
OURS = (
    "An array to write it to, or to take elements of by it, is made by zeros or array of "
    "eqsat_tensor, not by NumPy's."
)
_STATIC = f"Use astype, or make the argument static. {OURS}"
_NOT_MATH = f"Of math's and cmath's functions use NumPy's. {_STATIC}"
for _name, _convert, _hint in (
    ("bool", bool, "Use where(condition, a, b) instead of if."),
    ("int", int, _STATIC),
    ("index", index, "Use take or x[i], or make the argument static."),
    ("float", float, _NOT_MATH),
    ("complex", complex, _NOT_MATH),
):
    setattr(Tensor, f"__{_name}__", _conversion(_name, _convert, _hint))
for _name, _function in BINARY.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, swapped=True))
    setattr(Tensor, f"__i{_name}__", _in_place(_function))
for _name, _function in COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
for _name, _function in {
    "neg": "negative", "pos": "positive", "abs": "absolute", "invert": "bitwise_not"
}.items():  # fmt: skip
    setattr(Tensor, f"__{_name}__", _unary(_function))
for _name in METHODS:
    setattr(Tensor, _name, _method(_name))


def operator(name: str, *operands: Any) -> Any:
    """A Python operator: as the function `name`, but of Python numbers alone it gives such a one."""
    result = FUNCTIONS[name](*operands)
    if all(weak_type(x) is not None for x in operands):
        result.weak = {"b": bool, "i": int, "u": int, "f": float, "c": complex}[result.dtype.kind]
    return result


Dim.combine = operator
Dim.__array_ufunc__ = Tensor.__array_ufunc__
Dim.__array_function__ = Tensor.__array_function__


# ------------------------------------------------------------------------------------- operands
def is_traced(value: Any) -> bool:
    """True for a tensor or a size that is not known yet."""
    return isinstance(value, Tensor | Dim)


def array_now(value: Any) -> Any:
    """A tensor that a trace makes of sizes and constants as the array it is; all else as it is."""
    if not isinstance(value, Tensor) or not tracing():
        return value
    known = known_value(value.expr)
    return value if known is None else known


def number_now(value: Any) -> Any:
    """A 0-d tensor that a trace makes of sizes and constants as the number it is; all else as it is."""
    if not isinstance(value, Tensor) or value.expr.shape:
        return value
    known = array_now(value)
    return value if known is value else known.item()


def holds_traced(value: Any) -> bool:
    """Is this traced, or a nest of lists and tuples with something traced in it?"""
    return is_traced(value) or (isinstance(value, list | tuple) and any(map(holds_traced, value)))


def is_operand(value: Any) -> bool:
    """Can this stand beside a tensor?  Tensors, sizes, numbers, arrays and nests of numbers."""
    if type(value) in PYTHON_NUMBERS or isinstance(
        value, Tensor | Dim | bool | int | float | np.generic | np.ndarray | list | tuple | range
    ):
        return True
    return hasattr(value, "__array__")


def weak_type(value: Any) -> type | None:
    """The Python type of a number whose dtype gives way, or None for what has a dtype of its own."""
    if isinstance(value, Tensor):
        return value.weak
    if isinstance(value, Dim):
        return int
    return type(value) if type(value) in PYTHON_NUMBERS else None


def as_expr(value: Any) -> Expr:
    """The expression of a tensor, a size, a Python number (int64, float64, ...) or an array."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, Tensor):
        return value.expr
    if isinstance(value, Dim):
        return size_value(value.size, INT64)
    if type(value) in PYTHON_NUMBERS:
        return constant(value, PYTHON_NUMBERS[type(value)])
    if not is_operand(value):
        if hasattr(value, "unsized"):  # what a mask selects
            raise value.unsized()
        raise ArgumentError(
            message("tensor", "a tensor, an array or a number", f"a {type(value).__name__}")
        )
    if isinstance(value, list | tuple) and any(map(holds_traced, value)):
        result: Tensor = FUNCTIONS["stack"](value)
        return result.expr
    return capture(np.asarray(value))


def as_tensor(value: Any) -> Tensor:
    """A tensor as it is; anything else as a tensor of `as_expr`, Python numbers weak."""
    return value if isinstance(value, Tensor) else Tensor(as_expr(value), weak_type(value))


__all__ = [
    "Dim",
    "Tensor",
    "View",
    "as_expr",
    "as_tensor",
    "captured_array",
]
