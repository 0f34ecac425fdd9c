"""The traces of one jitted function, found by signature, and what serves their calls."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable as AnyCallable
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.arrangement import Arranged, Arrangement
from eqsat_tensor.bound import Bound, bind, no_bind_on_device
from eqsat_tensor.compile import uncollected
from eqsat_tensor.delivery import Recent, serve
from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.runtime.arguments import Argument, accept, check_guards, sizes_of
from eqsat_tensor.runtime.native import Identity
from eqsat_tensor.source import captured_leaves
from eqsat_tensor.tensor import Tensor, captured_array
from eqsat_tensor.timing import Times, listening, stage
from eqsat_tensor.tracing import Abstract, Traced, abstract, trace
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.variant import Counters, Variant

if TYPE_CHECKING:
    from eqsat_tensor.jitted import Jit

MANY = 8  # variants that differ only in sizes, from which on a warning says why there are so many
MOST = 64  # of them are kept


@dataclass(frozen=True, eq=False)
class Entry:
    """One trace with what serves its calls."""

    traced: Traced
    arguments: tuple[Argument, ...]
    variant: Variant


class Traces:
    """The variants of one function, found by signature.

    function: what is traced; None for functions that were loaded: they serve what they hold.
    """

    def __init__(
        self,
        name: str,
        function: AnyCallable[..., Any] | None,
        options: Options,
        arrangement: Arrangement,
    ) -> None:
        self.name, self.function, self.options = name, function, options
        self.arrangement = arrangement
        self.counters = Counters()
        self.last: Entry | None = None
        self._recent: dict[Tree, Recent] = {}  # by the nest of positional arguments
        self.owner: Jit | None = None
        self.entries: dict[Any, list[Entry]] = {}
        self._instances: dict[int, tuple[weakref.ref[Any], Identity]] = {}
        self._gone: list[int] = []  # ids of instances that are no more
        self._lock = threading.RLock()

    # ------------------------------------------------------------------------------------- calls
    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The slow way in: find or make the variant, bind it, run it."""
        out = kwargs.pop("out", None) if self.arrangement.takes_out else None
        skipped = 0 if self.arrangement.instance(args) is None else 1
        leaves, tree = flatten(args[skipped:])
        recent = self._recent.get(tree)
        if recent is not None and not kwargs and not skipped:
            result = recent.call(leaves, out)
            if result is not NotImplemented:
                return result
        if any(isinstance(v, Tensor) for v in (*leaves, *flatten(kwargs)[0])):
            return self._inside(args, kwargs, out)
        if self.options.target == "cuda":
            args, kwargs = _on_device(args), _on_device(kwargs)
        call = self.arrangement.arrange(args, kwargs)
        entry, arrays, sizes = self.find(call)
        self.last = entry
        values = [v if k == "int" or k == "float" else a
                  for k, v, a in zip(entry.variant.kinds, call.values, arrays, strict=True)]  # fmt: skip
        donated = [(call.names[i], call.values[i]) for i in entry.variant.written]
        recent = None
        if not call.statics and not kwargs and not skipped:
            recent = self._recent.setdefault(tree, Recent())
        return serve(
            entry.variant, values, arrays, sizes, (), out, donated, recent, call.form, call.values
        )

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Bound:
        """A call on fixed arrays; see `Jit.bind`."""
        no_bind_on_device(self.name, self.options)
        out = kwargs.pop("out", None) if self.arrangement.takes_out else None
        call = self.arrangement.arrange(args, kwargs)
        entry, _, _ = self.find(call)
        self.last = entry

        def sizes(arrays: Sequence[np.ndarray]) -> Mapping[str, int]:
            return sizes_of(self.name, entry.arguments, arrays)

        def variant(_: Mapping[str, int]) -> Variant:
            return entry.variant

        return bind(self.name, entry.arguments, call.values, sizes, variant, out)

    def _inside(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
        """A call on tensors, inside another trace: the function itself, on tensors of its own where
        it may not write to the caller's."""
        if self.function is None or out is not None:
            what = "arrays where out= is given" if self.function else "arrays: it was loaded"
            raise UnsupportedError(message(self.name, what, "tensors of another trace"))
        call = self.arrangement.arrange(args, kwargs)
        values = [
            Tensor(v.expr, v.weak) if type(v) is Tensor and i not in call.donated else v
            for i, v in enumerate(call.values)
        ]
        args, kwargs = call.rebuild(unflatten(call.tree, values))
        return self.function(*args, **kwargs)

    def accept(self, arguments: Sequence[Argument], values: Sequence[Any]) -> list[Any]:
        """The values as arrays: of NumPy, or where they are for a device, of CuPy."""
        if self.options.target == "cuda":
            from eqsat_tensor import device_calls

            return device_calls.accept(self.name, arguments, values)
        return list(accept(self.name, arguments, values))

    # -------------------------------------------------------------------------------- which trace
    def find(self, call: Arranged) -> tuple[Entry, list[np.ndarray], dict[str, int]]:
        """The trace that serves a call, its arguments as arrays, and the sizes."""
        known = [abstract(self.name, n, v) for n, v in zip(call.names, call.values, strict=True)]
        key = (tuple(known), call.tree, call.static_key, tuple(call.labels), tuple(call.keywords))
        with self._lock:
            self._forget()
            try:
                entries = self.entries.get(key, [])
            except TypeError:
                raise ArgumentError(
                    message(self.name, "hashable static arguments", repr(dict(call.statics)))
                ) from None
            every = _all_sizes(call) if entries else {}
            for entry in entries:
                if not entry.traced.serves(every):
                    continue  # its arguments may have other sizes in their types
                arrays = self.accept(entry.arguments, call.values)
                sizes = sizes_of(self.name, entry.arguments, arrays)
                if check_guards(entry.variant.program.guards, sizes) is None:
                    return entry, arrays, sizes
            if self.function is None:
                raise self._not_saved(call)
            entry, arrays, sizes = self._made(call, known)
            entries = self.entries.setdefault(key, [])
            entries.append(entry)
            if len(entries) == MANY + 1:
                self._tell_pinned(entries)
            elif len(entries) > MOST:
                self._drop(entries.pop(0))
            return entry, arrays, sizes

    def _made(
        self, call: Arranged, known: Sequence[Abstract]
    ) -> tuple[Entry, list[np.ndarray], dict[str, int]]:
        """A new trace for a call, pinned to its sizes as far as it must be."""
        pins: frozenset[str] = frozenset()
        while True:
            try:
                entry = self._trace(call, known, pins)
            except ShapeError:
                # Sizes that never agree but where one is 1, such as n and n - 1 for n = 2.
                more = frozenset(_all_sizes(call))
                if more == pins:
                    raise
                pins = more
                continue
            arrays = self.accept(entry.arguments, call.values)
            sizes = sizes_of(self.name, entry.arguments, arrays)
            broken = check_guards(entry.variant.program.guards, sizes)
            if broken is None:
                return entry, arrays, sizes
            # A size that an operation took for another's turned out otherwise: 1, or an error.
            more = pins | symbols_of(broken.left) | symbols_of(broken.right)
            if more == pins:
                raise ShapeError(broken.broken(sizes))
            pins = more

    @uncollected()
    def _trace(self, call: Arranged, known: Sequence[Abstract], pinned: frozenset[str]) -> Entry:
        assert self.function is not None, self.name
        self.counters.traces += 1
        nest = (call.tree, call.rebuild)
        times: Times = {}
        with listening(times), stage("trace"):
            traced = trace(self.function, call.values, known, nest, call.names, pinned)
        kinds = [_kind(k, v) for k, v in zip(known, call.values, strict=True)]
        written = [(i, e) for i, e in traced.written if i in call.donated]
        traced = replace(traced, written=tuple(written))
        known_instance = None if call.instance is None else self._remember(call.instance)
        statics = [
            (i, known_instance or Identity(v)) if v is call.instance else (i, Identity(v))
            for i, v in (call.fixed if call.native else ())
        ]
        entry = self.entry(traced, kinds, call.names, statics if call.native else None)
        entry.variant.times = times | entry.variant.times
        return entry

    def entry(
        self,
        traced: Traced,
        kinds: Sequence[str],
        names: Sequence[str],
        statics: Sequence[tuple[int, Identity]] | None,
    ) -> Entry:
        """What serves a trace.  statics: as in `Variant`; None where the entry may take no calls."""
        for i, new in traced.written:
            leaf = traced.arguments[i]
            if new.type != leaf.type:
                needs = f"writes that keep {names[i]}: {leaf.type}"
                raise DtypeError(message(self.name, needs, str(new.type)))
        outputs = [*traced.outputs, *(e for _, e in traced.written)]
        captured = captured_leaves(self.name, traced.arguments, outputs)
        program = make_program(traced.arguments, [], captured, outputs, [])
        arguments = tuple(
            Argument(n, leaf.type) for n, leaf in zip(names, traced.arguments, strict=True)
        )
        arrays = [captured_array(e) for e in captured]
        variant = Variant(
            name=self.name,
            program=program,
            options=self.options,
            kinds=kinds,
            tree=traced.tree,
            written=[i for i, _ in traced.written],
            statics=statics or (),
            captured=[np.asarray(a, order="C") for a in arrays],
            counters=self.counters,
        )
        # what the entry runs writes to no argument
        if statics is not None and not traced.written:
            variant.owner = self.owner
        return Entry(traced, arguments, variant)

    def _not_saved(self, call: Arranged) -> ArgumentError:
        got = ", ".join(
            f"{n}: {np.asarray(v).dtype.name}[{', '.join(map(str, np.shape(v)))}]"
            for n, v in zip(call.names, call.values, strict=True)
        )
        there = "; ".join(
            ", ".join(map(str, e.arguments)) for every in self.entries.values() for e in every
        )
        needs = f"a signature that it was saved with ({there})"
        hint = "A loaded function is not traced again: save it after a call with such arguments."
        return ArgumentError(message(self.name, needs, got or "no arguments", hint))

    # ---------------------------------------------------------------------------------- instances
    def _remember(self, instance: Any) -> Identity:
        """What the entry compares an instance with; its traces go when it goes, for its identity
        may come again."""
        number, mine = id(instance), weakref.ref(self)
        if number in self._instances:
            return self._instances[number][1]

        def gone(_: Any) -> None:  # may run anywhere: takes no lock
            identity.forget()
            traces = mine()
            if traces is not None:
                traces._gone.append(number)

        try:
            identity = Identity(instance, weak=True)
            self._instances[number] = (weakref.ref(instance, gone), identity)
        except TypeError:
            kind = type(instance).__name__
            hint = "Add '__weakref__' to its __slots__."
            needs = "instances that can be weakly referenced"
            raise ArgumentError(message(self.name, needs, f"a {kind}", hint)) from None
        return identity

    def _forget(self) -> None:
        """Drop the traces of instances that are gone."""
        while self._gone:
            number = self._gone.pop()
            self._instances.pop(number, None)
            for key in [k for k in self.entries if any(s[2:] == (number,) for s in k[2])]:
                for entry in self.entries.pop(key):
                    self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        self.last = None if entry is self.last else self.last
        if self.owner is not None:
            self.owner.discard(entry.variant.bindings)

    def _tell_pinned(self, entries: Sequence[Entry]) -> None:
        """Warn that sizes are compiled for one by one."""
        pins = sorted({name for entry in entries for name in entry.traced.pins})
        values = "; ".join(
            f"{n} = {', '.join(str(e.traced.pins[n]) for e in entries if n in e.traced.pins)}"
            for n in pins
        )
        hint = "int(), range() and many comparisons of a size make the trace one for that size."
        warnings.warn(
            f"{self.name}: compiled {len(entries)} times for sizes alone ({values}). {hint}",
            RuntimeWarning,
            stacklevel=5,
        )

    def forget(self) -> None:
        """Take no shorter way than the first call did."""
        self._recent.clear()

    def free(self) -> None:
        """Give up all code and bindings; traces stay."""
        with self._lock:
            self._recent.clear()
            for every in self.entries.values():
                for entry in every:
                    entry.variant.free()


def _on_device(nest: Any) -> Any:
    """A nest of arguments, arrays of other libraries on a device being CuPy's."""
    from eqsat_tensor.device_calls import here

    leaves, tree = flatten(nest)
    return unflatten(tree, [here(v) for v in leaves])


def _kind(known: Abstract, value: Any) -> str:
    if known.weak and type(value) in (int, float):
        return type(value).__name__
    return "array"


def _all_sizes(call: Arranged) -> dict[str, int]:
    return {
        f"{n}{j}": s
        for n, v in zip(call.names, call.values, strict=True)
        for j, s in enumerate(np.shape(v))
    }
