"""What a call was promised and what came: the checked way in, and its messages.

`accept` turns the arguments of one call into arrays as the kernels want them (promised dtype,
native byte order, aligned, C order) and into the values of the size symbols.  Nothing is cast in
silence: a Python number takes the promised dtype as in NumPy, anything else must have it, unless
the promise itself (`Argument`, as `et.In` makes it) says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.extents import Guard, SizeTerm, Symbol, substitute
from eqsat_tensor.types import Shape, TensorType, is_masked

LEVELS = {
    "b": 0,
    "i": 1,
    "u": 1,
    "f": 2,
    "c": 3,
}  # a Python value may stand for dtypes of its level up


@dataclass(frozen=True)
class Argument:
    """One promised argument.

    strict    nothing is converted: an array, or NumPy scalar, of exactly the dtype.
    upcast    arrays of dtypes that NumPy casts safely are taken, too.
    downcast  True: whatever NumPy casts at all is taken; False: not even Python floats as float32.
    """

    name: str
    type: TensorType
    strict: bool = False
    upcast: bool = False
    downcast: bool | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


def arrange(
    function: str,
    names: Sequence[str],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """Arguments by name, in their promised order; those among ``optional`` need not be there.

    ArgumentError names what is missing, surplus or unknown.
    """
    if len(args) > len(names):
        raise ArgumentError(
            message(function, f"{len(names)} arguments ({', '.join(names)})", f"{len(args)}")
        )
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise ArgumentError(
                message(function, f"arguments among {', '.join(names)}", f"unknown {name!r}")
            )
        if name in values:
            raise ArgumentError(message(function, f"{name} once", "it twice"))
        values[name] = value
    missing = [n for n in names if n not in values and n not in optional]
    if missing:
        raise ArgumentError(message(function, ", ".join(names), f"no {', '.join(missing)}"))
    return {n: values[n] for n in names if n in values}


def accept(function: str, arguments: Sequence[Argument], values: Sequence[Any]) -> list[np.ndarray]:
    """Arrays in the promised form: dtype, byte order, alignment, C order; those that have it are
    given back themselves."""
    return [_array(function, a, v) for a, v in zip(arguments, values, strict=True)]


def sizes_of(
    function: str, arguments: Sequence[Argument], arrays: Sequence[np.ndarray]
) -> dict[str, int]:
    """The values of the size symbols; ShapeError where the shapes contradict the promise."""
    sizes: dict[str, int] = {}
    source: dict[str, str] = {}
    for argument, array in zip(arguments, arrays, strict=True):
        if array.ndim != argument.type.rank:
            raise ShapeError(
                message(function, str(argument), _got(argument, array), _rank_hint(argument))
            )
        for size, actual in zip(argument.type.shape, array.shape, strict=True):
            name = _alone(size)
            if name is None:
                continue
            if sizes.setdefault(name, actual) != actual:
                raise ShapeError(
                    message(
                        function,
                        f"one value of {name}",
                        f"{name}={sizes[name]} from {source[name]} "
                        f"and {name}={actual} from {_got(argument, array)}",
                    )
                )
            source.setdefault(name, _got(argument, array))
    for argument, array in zip(arguments, arrays, strict=True):
        wanted = tuple(substitute(s, sizes) for s in argument.type.shape)
        if any(isinstance(w, int) and w != a for w, a in zip(wanted, array.shape, strict=True)):
            raise ShapeError(message(function, str(argument), _got(argument, array)))
    return sizes


def check_guards(guards: Sequence[Guard], sizes: Mapping[str, int]) -> Guard | None:
    """The first guard that these sizes break."""
    return next((g for g in guards if not g.holds(sizes)), None)


def _alone(size: object) -> str | None:
    if isinstance(size, SizeTerm) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return monomial[0].name
    return None


def _array(function: str, argument: Argument, value: Any) -> np.ndarray:
    dtype = argument.type.dtype
    if argument.strict:
        return _exactly(function, argument, value)
    if argument.downcast and not is_masked(value):
        return _cast(function, argument, value)
    if type(value) in (bool, int, float, complex) or isinstance(value, list | tuple):
        array = np.asarray(value)
        level = LEVELS.get(array.dtype.kind)
        fits = level is not None and level <= LEVELS[dtype.kind]
        if argument.downcast is False and array.dtype.kind in "fc":
            fits = fits and dtype == array.dtype
        if not fits:
            raise DtypeError(message(function, str(argument), f"{argument.name}={value!r:.60}"))
        return np.ascontiguousarray(value, dtype).reshape(array.shape)
    if is_masked(value):
        raise DtypeError(
            message(
                function,
                f"{argument} as a plain array",
                f"{argument.name}=a masked array",
                "Fill it first: x.filled(...).",
            )
        )
    if not isinstance(value, np.ndarray | np.generic) and not hasattr(value, "__array__"):
        raise ArgumentError(
            message(function, str(argument), f"{argument.name}=a {type(value).__name__}")
        )
    array = np.asarray(value)
    if argument.upcast and np.can_cast(array.dtype, dtype, "safe"):
        array = array.astype(dtype, copy=False)
    if array.dtype.newbyteorder("=") != dtype:
        raise DtypeError(
            message(
                function,
                str(argument),
                _got(argument, array),
                f'Cast it: {argument.name}.astype("{dtype.name}").',
            )
        )
    return _as_read(array, dtype)


def _as_read(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array in native byte order, C order and aligned; one that is so is given back itself."""
    # an equal dtype would make a view; "longlong" is equal to int64 and has another number
    same = array.dtype.num == dtype.num and array.dtype.isnative
    wanted = None if same else dtype
    return np.require(array, wanted, ["C_CONTIGUOUS", "ALIGNED"])


def _exactly(function: str, argument: Argument, value: Any) -> np.ndarray:
    """What a strict argument takes: copied only where it does not lie in C order."""
    dtype = argument.type.dtype
    plain = isinstance(value, np.ndarray | np.generic) and not is_masked(value)
    if not plain or value.dtype != dtype or not value.dtype.isnative:
        kind = type(value).__name__
        got = _got(argument, value) if plain else f"{argument.name}=a {kind}"
        needs = f"{argument} as an array of just this dtype"
        hint = "The input is strict: nothing is converted."
        raise DtypeError(message(function, needs, got, hint))
    array = np.asarray(value)
    return _as_read(array, dtype)


def _cast(function: str, argument: Argument, value: Any) -> np.ndarray:
    """Any value that NumPy can cast, as the user allowed it."""
    try:
        array = np.asarray(value)
        cast = array.astype(argument.type.dtype)
    except (TypeError, ValueError) as error:
        got = f"{argument.name}={value!r:.60}"
        raise DtypeError(message(function, str(argument), got, f"{error}.")) from None
    return np.ascontiguousarray(cast).reshape(array.shape)


def _got(argument: Argument, array: np.ndarray) -> str:
    return f"{argument.name}={array.dtype.name}[{', '.join(map(str, array.shape))}]"


def _rank_hint(argument: Argument) -> str:
    shape: Shape = argument.type.shape
    return f"It was promised {len(shape)} axes."
