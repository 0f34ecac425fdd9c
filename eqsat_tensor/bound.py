"""A call on fixed arrays: everything that a call works out is worked out once.

step = f.bind(x, y);   step() runs on what x and y hold now, always into the same results
"""

from __future__ import annotations

from collections.abc import Callable as AnyCallable
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from eqsat_tensor.delivery import apart, results_in, writeable
from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    ShapeError,
    UnsupportedError,
    message,
)
from eqsat_tensor.lower.cpu.lines import empty_on_line
from eqsat_tensor.options import Options
from eqsat_tensor.parts import concrete
from eqsat_tensor.runtime.arguments import Argument, accept
from eqsat_tensor.runtime.native import Callable, run
from eqsat_tensor.trees import unflatten
from eqsat_tensor.types import is_masked
from eqsat_tensor.variant import Variant


class Bound(Callable):
    """A compiled function on arrays that were given to ``bind``; called without arguments.

    A call reads what the arrays hold then, writes into `results`, and returns that: the same
    arrays (of rank 0, too) in the same nest each time.  So the results of a call change with the
    next one: copy what must last.  Two threads must not call one `Bound` at once.
    """

    arguments: tuple[Any, ...]
    results: Any


def no_bind_on_device(name: str, options: Options) -> None:
    """UnsupportedError for a function whose target is a device: calls there need no binding."""
    if options.target == "cuda":
        hint = "Call the function itself: the second call on the same arrays is a CUDA graph."
        raise UnsupportedError(message(name, "target='cpu' to bind", "target='cuda'", hint))


def bind(
    name: str,
    arguments: Sequence[Argument],
    values: Sequence[Any],
    sizes_of_arrays: AnyCallable[[Sequence[np.ndarray]], Mapping[str, int]],
    variant_of: AnyCallable[[Mapping[str, int]], Variant],
    out: Any = None,
) -> Bound:
    """Bind ``values``; errors are raised here, so that a call has none to find.

    values: arrays as the kernels read them (exact dtype, C-contiguous, aligned), and Python numbers
    for arguments of rank 0, which stay as they are.  out: arrays that take the results, apart from
    the arguments; by default they are made.
    """
    arrays = [_as_read(name, a, v) for a, v in zip(arguments, values, strict=True)]
    sizes = sizes_of_arrays(arrays)
    variant = variant_of(sizes)
    types = [e.type for e in variant.program.outputs]
    made = [empty_on_line(concrete(t, sizes), t.dtype) for t in types]
    if out is not None:
        given = results_in(variant, out, sizes)
        read = [*arrays, *variant.state_buffers()]
        if not all(apart(a, [*read, *given[:i]]) for i, a in enumerate(given)):
            hint = "Results are written while arguments are read."
            raise ArgumentError(
                message(name, "out apart from the arguments", "memory of both", hint)
            )
        made[: len(given)] = given
    results = unflatten(variant.tree, made[: variant.visible]) if out is None else out
    copied = [(arrays[n], made[variant.visible + k]) for k, n in enumerate(variant.written)]
    for number in variant.written:
        writeable(name, arguments[number].name, arrays[number])
    finish = partial(_finish, copied, results) if copied else {None: results}.__getitem__
    shapes = [a.shape for a in made]
    bound: Bound

    def slow(*args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            hint = "Its arrays were given to bind: write into them."
            got = f"{len(args) + len(kwargs)}"
            raise ArgumentError(message(name, "no arguments of a bound function", got, hint))
        while True:
            versions = variant.versions()
            sizes = sizes_of_arrays(arrays)
            serving = variant_of(sizes)
            if [concrete(t, sizes) for t in types] != shapes:
                hint = "A state changed its shape: bind again."
                raise ShapeError(message(name, f"results {shapes}", str(sizes), hint))
            if serving.interpreted:
                values = serving.interpreted_call(arrays, sizes)
                if values is NotImplemented:
                    continue
                for array, value in zip(made, values, strict=True):
                    np.copyto(array, value)
                return finish(None)
            if not bound.bindings or [s.version for s in bound.bindings[0].states] != [*versions]:
                bound.clear()
                bound.add(serving.fixed(sizes, versions, [*arrays, *made], finish))
            result = run(bound.bindings[0], ())
            if result is not NotImplemented:
                return result

    bound = Bound(slow, name)
    bound.arguments, bound.results = tuple(values), results
    if not variant.interpreted:
        versions = variant.versions()
        bound.add(variant.fixed(sizes_of_arrays(arrays), versions, [*arrays, *made], finish))
    return bound


def _finish(copied: Sequence[tuple[np.ndarray, np.ndarray]], results: Any, _: Any) -> Any:
    """What a call returns, once the donated arrays have their new values."""
    for array, new in copied:
        np.copyto(array, new)
    return results


def _as_read(name: str, argument: Argument, value: Any) -> np.ndarray:
    """An array that kernels may read where it lies; a number becomes an array that stays."""
    if type(value) in (bool, int, float):
        (array,) = accept(name, [argument], [value])
        return array
    if not isinstance(value, np.ndarray) or is_masked(value):
        got = f"{argument.name}=a {type(value).__name__}"
        hint = "A bound function reads the arrays themselves: convert first."
        raise ArgumentError(message(name, f"{argument} as an array to bind", got, hint))
    got = f"{argument.name}={value.dtype.name}[{', '.join(map(str, value.shape))}]"
    if value.dtype != argument.type.dtype or not value.dtype.isnative:
        hint = "A bound function reads the arrays themselves: cast first."
        raise DtypeError(message(name, str(argument), got, hint))
    if not (value.flags.c_contiguous and value.flags.aligned):
        hint = "Bind np.ascontiguousarray of it."
        needs = f"{argument} C-contiguous and aligned to bind"
        raise ArgumentError(message(name, needs, f"{got} in strides", hint))
    return value
