"""`et.jit`: a Python function that reads like NumPy -> a callable on arrays.

One variant per rank, dtype and which sizes are 0 or 1 (and per static argument); sizes otherwise
are symbols.  A pinned size (by ``int()``, ``range()``, a comparison) makes a variant of its own.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable as AnyCallable
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from eqsat_tensor.arrangement import Arrangement
from eqsat_tensor.bound import Bound
from eqsat_tensor.errors import ArgumentError, message, needs_function
from eqsat_tensor.observed import Observed
from eqsat_tensor.options import Options, make_options
from eqsat_tensor.traces import Traces
from eqsat_tensor.tracing import signature_of
from eqsat_tensor.variant import Counters, Variant


class Jit(Observed):
    """A compiled function; `jit` makes it.

    Takes what the function takes, and ``out=`` as `Function` does (unless the function has such a
    parameter).  In a class it is a method; the instance is static, by identity: what the method
    reads of it is read once, when it is traced.
    """

    traces: Traces

    def asked(self, method: str) -> Variant:
        """The program of the trace that was called last; ArgumentError where none was."""
        entry = self.traces.last
        if entry is None:
            raise ArgumentError(message(self.__name__, f"a call before {method}()"))
        return entry.variant

    @property
    def counters(self) -> Counters:
        """How often this function was traced, rewritten, compiled and bound."""
        return self.traces.counters

    def bind(self, *args: Any, **kwargs: Any) -> Bound:
        """A `Bound`: this function on these very arrays, with results made once; see there.

        Takes what a call takes; arrays must lie in C order, numbers stay as they are.  ``out=``:
        results to use, apart from the arguments.
        """
        return self.traces.bind(args, kwargs)

    def unserved(self) -> None:
        """Let the next call of each kind come the long way in."""
        self.clear()
        self.traces.forget()

    def free(self) -> None:
        """Give up compiled code; traces stay, and the next call compiles again."""
        self.clear()
        self.traces.free()

    def save(self, path: str | Path) -> None:
        """Write all that was traced so far to a file that `et.load` reads; see `saved`."""
        from eqsat_tensor.saved import save

        save(self, path)

    def __set_name__(self, owner: type, name: str) -> None:
        self.traces.arrangement.owners.add(owner)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        self.traces.arrangement.owners.add(type(instance))  # also where it was set later
        return types.MethodType(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        from eqsat_tensor.saved import restored, to_bytes

        if self.traces.function is None:
            return restored, (to_bytes(self), ())
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not self:
            needs = "to be found in its module to be pickled"
            got = f"{self.__module__}.{self.__qualname__}, which is something else"
            hint = "Define it at the top of a module, or write f.save(path) and et.load(path)."
            raise ArgumentError(message(self.__name__, needs, got, hint))
        return str(self.__qualname__)


def jit(function: AnyCallable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function of arrays and numbers (and nests of them) when it is called.

    static_argnames, static_argnums  arguments that stay Python values: hashable, one variant each.
    donate  names or numbers of arguments whose arrays the function may overwrite.  What the function
            writes into an argument changes the traced value; the caller's own array takes it, as in
            NumPy, where ``donate`` names the argument, and stays as it was otherwise.
    All other options as in `Options`.  Also a decorator, of methods too.
    """
    if function is None:
        return functools.partial(jit, **options)
    needs_function("jit", function, "Options are keywords.")
    static = (
        _several("static_argnames", str, options.pop("static_argnames", ())),
        _several("static_argnums", Integral, options.pop("static_argnums", ())),
    )
    donate = _several("donate", str | Integral, options.pop("donate", ()))
    name = getattr(function, "__name__", "function")
    arrangement = Arrangement(
        name,
        signature_of(function),
        static,
        ([d for d in donate if isinstance(d, str)], [d for d in donate if not isinstance(d, str)]),
    )
    made = jit_of(name, function, make_options(options), arrangement)
    for attribute in functools.WRAPPER_ASSIGNMENTS:
        if hasattr(function, attribute):
            vars(made)[attribute] = getattr(function, attribute)
    vars(made)["__wrapped__"] = function
    return made


def jit_of(
    name: str,
    function: AnyCallable[..., Any] | None,
    options: Options,
    arrangement: Arrangement,
) -> Jit:
    """The compiled function of a Python function, or of none: then `traces` are filled in."""
    traces = Traces(name, function, options, arrangement)
    made = Jit(traces.call, name)
    made.traces = traces
    traces.owner = made
    return made


def _several(option: str, kind: Any, given: Any) -> Sequence[Any]:
    """One or several names or numbers of arguments, as a sequence."""
    if isinstance(given, kind):
        return (given,)
    if not isinstance(given, Iterable) or not all(isinstance(g, kind) for g in given):
        words = {str: "a name", Integral: "a number"}.get(kind, "a name or number")
        needs = f"{option}= as {words} of an argument, or several"
        raise ArgumentError(message("jit", needs, f"{given!r:.60}"))
    return tuple(given)
