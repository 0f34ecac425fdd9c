"""What a call was promised and what came: the checked way in, and its messages.

`accept` turns the arguments of one call into arrays as the kernels want them (promised dtype,
native byte order, aligned, C order) and into the values of the size symbols.  Nothing is cast in
silence: a Python number takes the promised dtype as in NumPy, anything else must have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.types import Guard, Shape, SizeTerm, Symbol, TensorType, substitute

LEVELS = {"b": 0, "i": 1, "u": 1, "f": 2}  # a Python value may stand for dtypes of its level up


@dataclass(frozen=True)
class Argument:
    """One promised argument."""

    name: str
    type: TensorType

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


def arrange(
    function: str, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Any]:
    """Arguments in their promised order; ArgumentError names what is missing, surplus or unknown."""
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
    missing = [n for n in names if n not in values]
    if missing:
        raise ArgumentError(message(function, ", ".join(names), f"no {', '.join(missing)}"))
    return [values[n] for n in names]


def accept(function: str, arguments: Sequence[Argument], values: Sequence[Any]) -> list[np.ndarray]:
    """Arrays in the promised form: dtype, byte order, alignment, C order."""
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
    if type(value) in (bool, int, float) or isinstance(value, list | tuple):
        array = np.asarray(value)
        level = LEVELS.get(array.dtype.kind)
        if level is None or level > LEVELS[dtype.kind]:
            raise DtypeError(message(function, str(argument), f"{argument.name}={value!r:.60}"))
        return np.ascontiguousarray(value, dtype).reshape(array.shape)
    if isinstance(value, np.ma.MaskedArray):
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
    if array.dtype.newbyteorder("=") != dtype:
        raise DtypeError(
            message(
                function,
                str(argument),
                _got(argument, array),
                f'Cast it: {argument.name}.astype("{dtype.name}").',
            )
        )
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"]).reshape(array.shape)


def _got(argument: Argument, array: np.ndarray) -> str:
    return f"{argument.name}={array.dtype.name}[{', '.join(map(str, array.shape))}]"


def _rank_hint(argument: Argument) -> str:
    shape: Shape = argument.type.shape
    return f"It was promised {len(shape)} axes."
