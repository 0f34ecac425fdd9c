"""What all public functions share: promotion, broadcasting, axes, and registration.

public function on Tensors  ->  operands promoted (NEP 50), cast, broadcast  ->  Expr of core ops
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from types import CodeType
from typing import Any, TypeVar

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size
from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.ops.compare import cast, cast_to
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.movement import broadcast_to
from eqsat_tensor.sizes import size_of, tracing
from eqsat_tensor.tensor import (
    FUNCTIONS,
    PYTHON_NUMBERS,
    Tensor,
    as_expr,
    holds_traced,
    is_operand,
    weak_type,
)
from eqsat_tensor.types import ALL_DTYPES, Shape, broadcast_shapes, known_dtype

PUBLIC: dict[str, Callable[..., Any]] = {}
NUMPY: dict[Any, Callable[..., Any]] = {}  # NumPy's function -> ours, for __array_function__
NUMPY_LATE: dict[str, Callable[..., Any]] = {}  # by name, of parts that NumPy loads when asked
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
Function = TypeVar("Function", bound=Callable[..., Any])

# Options of NumPy's functions that make no sense on values that are not there yet.
REFUSED = {
    "where": "Use where(condition, a, b).",
    "order": "Arrays are in C order.",
    "casting": "Use astype.",
    "subok": "Leave it out.",
    "copy": "Leave it out.",
    "like": "Leave it out.",
    "device": "Leave it out.",
}


def public(
    *names: str, numpy: Callable[..., Any] | None = None, takes: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Enter a function in the namespace under its name and `names`.

    Where no argument is traced, it is `numpy` that is called (or the function itself, which then
    has to serve arrays); NumPy's own function, called on tensors, leads here.  Of the options that
    are refused as a rule, `takes` names those that the function has.
    """

    def enter(function: Function) -> Function:
        own = function.__name__
        own = own if hasattr(np, own) else own.rstrip("_")
        call = dispatched(function, numpy, takes, own)
        for name in (own, *names):
            PUBLIC[name] = FUNCTIONS[name] = call
            theirs = getattr(np, name, None)
            if isinstance(theirs, np.ufunc):
                UFUNCS[theirs] = call
                for method in METHODS:
                    vars(call)[method] = functools.partial(of_ufunc, theirs, method)
            elif callable(theirs) and not isinstance(theirs, type):
                NUMPY[theirs] = call
        return call

    return enter


def dispatched(
    function: Function,
    numpy: Callable[..., Any] | None,
    takes: Sequence[str] = (),
    own: str | None = None,
) -> Function:
    """The function on traced arguments; on others `numpy`, where that is given.

    own: the function's name in the namespace, if it has one: what it makes may be a view, or an
    array to write to.
    """
    code = function.__code__  # `inspect.signature` of so many functions takes long at import
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    declared = frozenset((*names, *takes))
    leading = code.co_posonlyargcount
    label = function.__name__.rstrip("_")
    plain = own not in VIEWS and own not in CREATION
    ufunc = numpy if isinstance(numpy, np.ufunc) else None
    most = _most_by_place(code, ufunc)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if plain and not kwargs and len(args) <= most and any(type(a) is Tensor for a in args):
            return function(*args)  # most calls: nothing to refuse, no out
        if numpy is not None and not any_traced(args) and not any_traced(kwargs.values()):
            made = numpy(*args, **kwargs)
            return held(made) if own in CREATION and tracing() else made
        if ufunc is not None:
            return FUNCTIONS["__ufunc__"](label, ufunc, function, args, kwargs)
        if len(args) > most and numpy is not None:  # the rest stands where NumPy's options do
            further = _names_of(numpy)[most : len(args)]
            kwargs |= dict(zip(further, args[most:], strict=False))
            args = args[:most] if len(args) - most == len(further) else args
        given = "out" not in declared or any_traced((kwargs.get("out"),))
        out = kwargs.pop("out", None) if given else None
        refuse(label, kwargs, declared)
        if len(args) < leading and kwargs and numpy is not None:
            theirs = _names_of(numpy)[:leading]
            while len(args) < len(theirs) and theirs[len(args)] in kwargs:
                args = (*args, kwargs.pop(theirs[len(args)]))
        result = function(*args, **kwargs)
        if own in VIEWS:
            result = FUNCTIONS["__views__"](own, function, args, kwargs, result)
        if own in CREATION and isinstance(result, Tensor) and not (args and result is args[0]):
            result.array = True
        return result if out is None else written_out(label, out, result)

    return call  # type: ignore[return-value]


def _most_by_place(code: CodeType, ufunc: np.ufunc | None) -> int:
    """How many arguments a function takes as they stand: those before an ``out=``."""
    if ufunc is not None:
        return ufunc.nin
    if code.co_flags & inspect.CO_VARARGS:
        return sys.maxsize
    places = code.co_varnames[: code.co_argcount]
    return places.index("out") if "out" in places else len(places)


@functools.cache
def _names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names by which NumPy's function takes its operands; none where it does not tell."""
    try:
        return tuple(inspect.signature(function).parameters)
    except ValueError:
        return ()


def needed(operation: str, name: str) -> Callable[..., Any]:
    """A function of the namespace that another is made of; UnsupportedError where it is missing."""
    if name not in PUBLIC:
        hint = "Compute that part outside traced code."
        raise UnsupportedError(
            message(operation, f"the function {name}", "a namespace without", hint)
        )
    return PUBLIC[name]


# Functions whose results are views of their first operand, as in NumPy (`namespace.views`).
READ_ONLY = frozenset(("broadcast_to", "diagonal"))
VIEWS = READ_ONLY | frozenset(
    (
        "transpose", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "reshape", "ravel",
        "squeeze", "expand_dims", "atleast_1d", "atleast_2d", "atleast_3d", "flip", "fliplr",
        "flipud", "rot90", "split", "array_split", "hsplit", "vsplit", "dsplit", "unstack",
        "real", "imag",
    )
)  # fmt: skip
# Functions whose results can be written to: inside a trace they are tensors, also of numbers alone.
CREATION = frozenset(
    (
        "zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like",
        "eye", "identity", "arange", "linspace", "array", "asarray", "copy", "tri", "diag",
        "logspace", "geomspace", "vander", "indices", "meshgrid",
    )
)  # fmt: skip


def held(made: Any) -> Any:
    """What a function of `CREATION` made of values that are known now, as tensors."""
    if isinstance(made, list | tuple):
        return type(made)(held(part) for part in made)
    result = Tensor(as_expr(np.asarray(made)))
    result.array = True
    return result


def written_out(operation: str, out: Any, result: Any) -> Any:
    """The result in the array of ``out=``, cast if of the same kind; that array."""
    (target,) = out if isinstance(out, tuple) else (out,)
    if not isinstance(target, Tensor):
        needs, hint = "a traced array as out=", "Make it by zeros or empty of eqsat_tensor."
        raise UnsupportedError(message(operation, needs, f"out: {show(target)}", hint))
    if target.shape != result.shape:
        got = f"out: {show(target)}, result: {show(result)}"
        raise ShapeError(message(operation, "an out= of the shape of the result", got))
    target.write(result, operation)
    return target


METHODS = ("at", "reduce", "accumulate", "outer", "reduceat")  # of ufuncs


def of_ufunc(ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
    """``add.reduce(x)`` and its like: on arrays NumPy's own."""
    if any_traced(operands):
        return FUNCTIONS["__array_ufunc__"](ufunc, method, *operands, **options)
    return getattr(ufunc, method)(*operands, **options)


def refuse(operation: str, options: dict[str, Any], declared: Collection[str] = ()) -> None:
    """UnsupportedError for an option of NumPy's that is set; unset ones are dropped.

    declared: options that the function takes.
    """
    for name in [k for k in options if k in REFUSED and k not in declared]:
        value = options[name]
        default = value is None or value is np._NoValue or (name == "where" and value is True)
        if not default and name not in ("order", "copy", "subok", "casting"):
            raise UnsupportedError(message(operation, f"no {name}=", "", REFUSED[name]))
        del options[name]


def any_traced(values: Any) -> bool:
    """Is a tensor or an unknown size among these, or in a list or tuple among these?"""
    return any(map(holds_traced, values))


# ------------------------------------------------------------------------------------ promotion
def kind_of(value: Any) -> Any:
    """What promotion sees of an operand: ``int`` or ``float`` (weak), or a dtype."""
    weak = weak_type(value)
    if weak is bool:
        return BOOL
    return weak if weak is not None else as_expr(value).dtype


def show(value: Any) -> str:
    """An operand in a message: ``f32[3, 4]``, or a Python number itself."""
    if isinstance(value, Tensor):
        return str(value.expr.type)
    if type(value) in PYTHON_NUMBERS:
        return repr(value)
    return str(as_expr(value).type) if is_operand(value) else type(value).__name__


def show_all(operands: Sequence[Any]) -> str:
    """Operands in a message: ``a: f32[3], b: 2.0``."""
    names = ("x",) if len(operands) == 1 else ("a", "b", "c", "d")
    return ", ".join(f"{n}: {show(v)}" for n, v in zip(names, operands, strict=False))


def loop_dtypes(operation: str, ufunc: np.ufunc, operands: Sequence[Any]) -> list[np.dtype]:
    """The dtypes in which NumPy's ufunc would compute: one an operand."""
    try:
        dtypes = _resolved(ufunc, tuple(kind_of(v) for v in operands))
    except TypeError:
        got = show_all(operands)
        raise DtypeError(message(operation, "dtypes that it is defined for", got)) from None
    if any(d not in ALL_DTYPES for d in dtypes):
        bad = next(d for d in dtypes if d not in ALL_DTYPES)
        raise DtypeError(
            message(
                operation,
                f"dtypes that give one of {', '.join(d.name for d in ALL_DTYPES)}",
                f"{show_all(operands)}, which gives {bad} in NumPy",
                "Cast by astype.",
            )
        )
    return list(dtypes[: ufunc.nin])


@functools.lru_cache(maxsize=1024)
def _resolved(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """The dtypes of operands and results; TypeError where the ufunc has no loop for these kinds."""
    return tuple(map(np.dtype, ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))))


def common_dtype(operation: str, operands: Sequence[Any]) -> np.dtype:
    """The dtype that NumPy's `result_type` gives, Python numbers being weak."""
    kinds = [kind_of(v) for v in operands]
    strong = [k for k in kinds if isinstance(k, np.dtype)]
    weak = [k(0) for k in kinds if not isinstance(k, np.dtype)]
    if not strong:
        return np.result_type(*(PYTHON_NUMBERS[k] for k in kinds))
    return known_dtype(np.result_type(*strong, *weak))


def converted(value: Any, dtype: np.dtype) -> Expr:
    """An operand as an expression of `dtype`; OverflowError for a Python int that does not fit."""
    if type(value) in PYTHON_NUMBERS:
        return constant(value, dtype)
    return cast_to(as_expr(value), dtype)


def gathered(
    operation: str, operands: Sequence[Any], dtype: Any = None, casting: Any = "unsafe"
) -> list[Expr]:
    """Operands that NumPy makes arrays of, in their common dtype: Python numbers are not weak.

    dtype: another dtype, to which they must be castable by the rule `casting`.
    """
    if not operands:
        raise ShapeError(message(operation, "at least one array", "none"))
    exprs = [expr_of(operation, v) for v in operands]
    if dtype is None:
        dtype = np.result_type(*(e.dtype for e in exprs))
    for e in exprs:
        if not np.can_cast(e.dtype, dtype, casting):
            got = f"{show_all(operands)}, dtype={np.dtype(dtype)}"
            needs = f"operands that cast to the dtype by casting={casting!r}"
            raise DtypeError(message(operation, needs, got, "Use astype."))
    return [_cast(e, dtype_of(dtype)) for e in exprs]


def _cast(x: Expr, dtype: np.dtype) -> Expr:
    """A conversion that was asked for; one that loses an imaginary part warns, as NumPy's."""
    if x.dtype.kind != "c" or dtype.kind in "cb":
        return cast_to(x, dtype)
    text = "Casting complex values to real discards the imaginary part"
    warnings.warn(text, np.exceptions.ComplexWarning, stacklevel=4)
    result: Expr = cast(x, dtype=dtype)
    return result


def common_shape(operation: str, operands: Sequence[Any], shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcast of shapes; ShapeError that shows the operands."""
    try:
        return broadcast_shapes(operation, shapes)
    except ShapeError:
        hint = "Sizes must be equal or 1, counted from the last axis."
        got = show_all(operands)
        raise ShapeError(message(operation, "shapes that broadcast", got, hint)) from None


def broadcast_together(
    operation: str, operands: Sequence[Any], exprs: Sequence[Expr]
) -> list[Expr]:
    """Expressions broadcast to their common shape."""
    shape = common_shape(operation, operands, [e.shape for e in exprs])
    return [broadcast_to(e, shape) for e in exprs]


def promoted(operation: str, ufunc: np.ufunc, operands: Sequence[Any]) -> list[Expr]:
    """Operands in the dtypes of the ufunc's loop and in their common shape."""
    for value in operands:
        if not is_operand(value):
            raise DtypeError(message(operation, "arrays or numbers", show_all(operands)))
    dtypes = loop_dtypes(operation, ufunc, operands)
    exprs = [converted(v, d) for v, d in zip(operands, dtypes, strict=True)]
    return broadcast_together(operation, operands, exprs)


# --------------------------------------------------------------------------------- axes and sizes
def axis_of(operation: str, axis: Any, rank: int, x: Any = None) -> int:
    """An axis counted from the front; ShapeError where there is none."""
    index = axis.__index__() if hasattr(axis, "__index__") else None
    if index is None or not -rank <= index < rank:
        got = f"axis={axis!r}" + ("" if x is None else f", x: {show(x)}")
        raise ShapeError(message(operation, f"an axis from {-rank} to {rank - 1}", got))
    return int(index) % rank


def axes_of(operation: str, axis: Any, rank: int, x: Any = None) -> tuple[int, ...]:
    """Axes in ascending order; all for None.  A number has an axis 0 and -1, as in NumPy."""
    if axis is None or (not rank and axis in (0, -1)):
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = sorted(axis_of(operation, a, rank, x) for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(message(operation, "each axis once", f"axis={axis!r}"))
    return tuple(axes)


def sizes_of(operation: str, shape: Any) -> Shape:
    """A shape as the user gives it: ints and `Dim`s, alone or in a sequence."""
    given = shape if isinstance(shape, tuple | list) else (shape,)
    sizes: list[Size] = []
    for s in given:
        size = size_of(s)
        if size is None:
            raise ShapeError(message(operation, "sizes that are ints", f"shape={shape!r}"))
        sizes.append(size)
    return tuple(sizes)


def expr_of(operation: str, value: Any) -> Expr:
    """An operand as it is; DtypeError for what is no array."""
    if not is_operand(value):
        raise DtypeError(message(operation, "an array or a number", f"x: {show(value)}"))
    return as_expr(value)


def dtype_of(dtype: Any) -> np.dtype:
    """A dtype as the user gives it; DtypeError where it is not supported."""
    return known_dtype(np.dtype(dtype))
