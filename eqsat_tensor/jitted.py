"""`et.jit`: a Python function that reads like NumPy -> a callable on arrays.

One variant per rank, dtype and which sizes are 0 or 1 (and per static argument); sizes otherwise
are symbols.  A pinned size (by ``int()``, ``range()``, a comparison) makes a variant of its own.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable as AnyCallable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.compiled import call_bound, captured_leaves
from eqsat_tensor.errors import ArgumentError, ShapeError, message
from eqsat_tensor.explain import Explanation, explain_variant
from eqsat_tensor.options import Options, make_options
from eqsat_tensor.program import make_program
from eqsat_tensor.runtime.arguments import Argument, accept, check_guards, sizes_of
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.tensor import Tensor, captured_array
from eqsat_tensor.tracing import Abstract, Traced, abstract, leaf_names, signature_of, trace
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import symbols_of
from eqsat_tensor.variant import Counters, Variant

MAX_PINNED = 8  # variants that differ only in a pinned size


@dataclass(frozen=True, eq=False)
class Entry:
    """One trace with what serves its calls."""

    traced: Traced
    arguments: tuple[Argument, ...]
    variant: Variant


class Jit(Callable):
    """A compiled function; `jit` makes it."""

    traces: Traces

    def explain(self) -> Explanation:
        """What the compiler did, for the trace that was called last."""
        entry = self.traces.last
        if entry is None:
            raise ArgumentError(message(self.__name__, "a call before explain()"))
        return explain_variant(entry.variant)

    @property
    def counters(self) -> Counters:
        """How often this function was traced, rewritten, compiled and bound."""
        return self.traces.counters


def jit(function: AnyCallable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function of arrays and numbers (and nests of them) when it is called.

    ``static_argnames`` and ``static_argnums`` name arguments that stay Python values: hashable,
    one variant for each.  All other options as in `Options`.  Also a decorator.
    """
    if function is None:
        return functools.partial(jit, **options)
    names = options.pop("static_argnames", ())
    numbers = options.pop("static_argnums", ())
    static = (
        ((names,) if isinstance(names, str) else tuple(names)),
        ((numbers,) if isinstance(numbers, int) else tuple(numbers)),
    )
    traces = Traces(function, make_options(options), *static)
    made = Jit(traces.call, traces.name)
    made.traces = traces
    made.__doc__ = function.__doc__
    vars(made)["__wrapped__"] = function
    traces.owner = made
    return made


class Traces:
    """The variants of one function, found by signature."""

    def __init__(
        self,
        function: AnyCallable[..., Any],
        options: Options,
        static_names: Sequence[str],
        static_numbers: Sequence[int],
    ) -> None:
        self.function, self.options = function, options
        self.name = getattr(function, "__name__", "function")
        self.signature = signature_of(function)
        self.static = self._static(static_names, static_numbers)
        self.counters = Counters()
        self.last: Entry | None = None
        self.owner: Jit | None = None
        self._entries: dict[Any, list[Entry]] = {}
        self._lock = threading.RLock()

    def _static(self, names: Sequence[str], numbers: Sequence[int]) -> frozenset[str | int]:
        parameters = list(self.signature.parameters) if self.signature else []
        for name in names:
            if name not in parameters:
                raise ArgumentError(message(self.name, f"a parameter {name!r}", str(parameters)))
        return frozenset([*names, *(parameters[i] if parameters else i for i in numbers)])

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The slow way in: find or make the variant, bind it, run it."""
        if any(isinstance(v, Tensor) for v in flatten((args, kwargs))[0]):
            return self.function(*args, **kwargs)  # inside another trace
        values, names, tree, statics, rebuild = self._arrange(args, kwargs)
        known = [abstract(self.name, n, v) for n, v in zip(names, values, strict=True)]
        key = (tuple(known), tree, statics)
        with self._lock:
            entry, arrays, sizes = self._find(key, values, names, known, (tree, rebuild))
        self.last = entry
        if self.options.mode == "reference" or pipeline.disabled():
            return unflatten(entry.traced.tree, entry.variant.reference(arrays))
        native = [v if k == "int" or k == "float" else a
                  for k, v, a in zip(entry.variant.kinds, values, arrays, strict=True)]  # fmt: skip
        return call_bound(entry.variant, native, sizes)

    def _arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Leaves with names, their nest, static arguments, and how to put a call together again."""
        if self.signature is not None:
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError as error:
                raise ArgumentError(
                    message(self.name, f"arguments {self.signature}", str(error))
                ) from None
            args, kwargs = bound.args, bound.kwargs
            parameters = list(self.signature.parameters)
        else:
            parameters = []
        labels: list[Any] = [_label(parameters, self.signature, i) for i in range(len(args))]
        items = dict(zip(labels, args, strict=True)) | kwargs
        statics = tuple((k, v) for k, v in items.items() if k in self.static)
        traced = {k: v for k, v in items.items() if k not in self.static}
        values, tree = flatten(traced)
        names = [
            n for k, t in zip(tree.keys, tree.children, strict=True) for n in leaf_names(t, str(k))
        ]
        keywords = set(kwargs)

        def rebuild(nest: dict[Any, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            every = nest | dict(statics)
            return tuple(every[k] for k in labels), {k: every[k] for k in keywords}

        return values, names, tree, statics, rebuild

    def _find(
        self,
        key: Any,
        values: Sequence[Any],
        names: Sequence[str],
        known: Sequence[Abstract],
        nest: Any,
    ) -> tuple[Entry, list[np.ndarray], dict[str, int]]:
        try:
            entries = self._entries.setdefault(key, [])
        except TypeError:
            raise ArgumentError(
                message(self.name, "hashable static arguments", repr(key[2]))
            ) from None
        for entry in entries:
            arrays = accept(self.name, entry.arguments, values)
            sizes = sizes_of(self.name, entry.arguments, arrays)
            every = _all_sizes(names, values)
            pinned = all(every[n] == v for n, v in entry.traced.pins.items())
            if pinned and check_guards(entry.variant.program.guards, sizes) is None:
                return entry, arrays, sizes
        pins: frozenset[str] = frozenset()
        while True:
            entry = self._trace(values, names, known, nest, pins)
            arrays = accept(self.name, entry.arguments, values)
            sizes = sizes_of(self.name, entry.arguments, arrays)
            broken = check_guards(entry.variant.program.guards, sizes)
            if broken is None:
                break
            # A size that an operation took for another's turned out otherwise: 1, or an error.
            more = pins | symbols_of(broken.left) | symbols_of(broken.right)
            if more == pins:
                raise ShapeError(broken.text)
            pins = more
        if len(entries) >= MAX_PINNED and entry.traced.pins:
            raise ArgumentError(
                message(
                    self.name,
                    f"at most {MAX_PINNED} values of pinned sizes",
                    ", ".join(f"{n}={v}" for n, v in entry.traced.pins.items()),
                    "int(), range() or a comparison pins a size: each value is compiled apart.",
                )
            )
        entries.append(entry)
        return entry, arrays, sizes

    def _trace(
        self,
        values: Sequence[Any],
        names: Sequence[str],
        known: Sequence[Abstract],
        nest: tuple[Tree, Any],
        pinned: frozenset[str],
    ) -> Entry:
        self.counters.traces += 1
        traced = trace(self.function, values, known, nest, names, pinned)
        captured = captured_leaves(self.name, traced.arguments, traced.outputs)
        program = make_program(traced.arguments, [], captured, traced.outputs, [])
        arguments = tuple(
            Argument(n, leaf.type) for n, leaf in zip(names, traced.arguments, strict=True)
        )
        variant = Variant(
            name=self.name,
            program=program,
            options=self.options,
            kinds=[_kind(k, v) for k, v in zip(known, values, strict=True)],
            tree=traced.tree,
            captured=[np.ascontiguousarray(captured_array(e)) for e in captured],
            counters=self.counters,
        )
        # the entry compares positional arguments alone: no statics, no nests among them
        if _flat(nest[0]) and not self.static:
            variant.owner = self.owner
        return Entry(traced, arguments, variant)


def _label(parameters: list[str], signature: Any, index: int) -> Any:
    """The name of a positional argument: its parameter's, or with a number for ``*args``."""
    if signature is None:
        return f"a{index}"
    kinds = [p.kind for p in signature.parameters.values()]
    for i, kind in enumerate(kinds):
        if kind is kind.VAR_POSITIONAL and index >= i:
            return f"{parameters[i]}{index - i}"
    return parameters[index]


def _kind(known: Abstract, value: Any) -> str:
    if known.weak and type(value) in (int, float):
        return type(value).__name__
    return "array"


def _flat(tree: Tree) -> bool:
    """May the native entry take these arguments, one array or number each?"""
    return all(child.kind == "leaf" for child in tree.children)


def _all_sizes(names: Sequence[str], values: Sequence[Any]) -> dict[str, int]:
    return {
        f"{n}{j}": s for n, v in zip(names, values, strict=True) for j, s in enumerate(np.shape(v))
    }
