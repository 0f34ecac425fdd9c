"""The calls of a `Function` that its entry does not take: convert, bind, run.

Which inputs a call gives decides the *family*: those given are arguments of its program, the others
are states or captured defaults.  So a call with a value for an input that has an update reads that
value, updates the state, and never has to set it first.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.bound import Bound, bind, no_bind_on_device
from eqsat_tensor.delivery import Recent, serve
from eqsat_tensor.errors import ArgumentError, ShapeError, message
from eqsat_tensor.lang import Expr
from eqsat_tensor.program import make_program
from eqsat_tensor.runtime.arguments import Argument, accept, arrange, check_guards, sizes_of
from eqsat_tensor.runtime.forms import Form, form_of
from eqsat_tensor.runtime.state import StateCell
from eqsat_tensor.source import Source, captured_leaves
from eqsat_tensor.tensor import Tensor, captured_array
from eqsat_tensor.trees import LEAF
from eqsat_tensor.variant import Counters, Variant

if TYPE_CHECKING:
    from eqsat_tensor.compiled import Function


@dataclass(frozen=True, eq=False)
class Family:
    """The program of calls that give the same inputs.

    arguments  those that a call gives.  states, defaults: promises beside them that tell sizes.
    usual      serves sizes of at least 1, ``variant`` all.
    """

    arguments: tuple[Argument, ...]
    states: tuple[tuple[Argument, StateCell], ...]
    defaults: tuple[tuple[Argument, np.ndarray], ...]
    variant: Variant
    usual: Variant
    others: dict[frozenset[str], Variant] = field(default_factory=dict)  # by the sizes that are 1

    def sizes(self, arrays: Sequence[np.ndarray]) -> dict[str, int]:
        """The values of the size symbols; ShapeError where shapes contradict the promises."""
        name = self.variant.name
        known: list[Any] = [*self.states, *self.defaults]
        sizes = sizes_of(
            name,
            [*self.arguments, *(a for a, _ in known)],
            [*arrays, *(value for _, value in known)],
        )
        broken = check_guards(self.variant.program.guards, sizes)
        if broken is not None and self.stretched(sizes) is None:
            raise ShapeError(broken.broken(sizes))
        return sizes

    def serving(self, sizes: Mapping[str, int]) -> Variant:
        """The variant for these sizes."""
        if check_guards(self.variant.program.guards, sizes) is not None:
            found = self.stretched(sizes)
            assert found is not None, sizes
            return found
        return self.variant if 0 in sizes.values() else self.usual

    def stretched(self, sizes: Mapping[str, int]) -> Variant | None:
        """The variant where sizes that are 1 now broadcast; None where others do not agree."""
        ones = frozenset(name for name, size in sizes.items() if size == 1)
        if ones not in self.others:
            program = self.variant.program.with_sizes(dict.fromkeys(ones, 1))
            self.others[ones] = replace(self.variant, program=program)
            self.others[ones].owner = self.variant.owner
        found = self.others[ones]
        return found if check_guards(found.program.guards, sizes) is None else None


@dataclass(eq=False)
class Serving:
    """All families of one function, made as calls come."""

    source: Source
    owner: Function | None = None
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self.names = [i.name for i in self.source.inputs]
        optional = {*self.source.defaults, *self.source.held}
        self.optional = {self.names[i] for i in optional}
        self.needed = tuple(i for i in range(len(self.names)) if i not in optional)
        self.recent = Recent()
        self._families: dict[tuple[int, ...], Family] = {}
        self._lock = threading.RLock()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the entry does not take."""
        out = kwargs.pop("out", None) if "out" not in self.names else None
        if not kwargs and (out is not None or self.recent.on_device is not None):
            result = self.recent.call(args, out)
            if result is not NotImplemented:
                return result
        family, values = self.arranged(args, kwargs)
        form = self.form(family, len(args), list(kwargs))
        recent = None if kwargs else self.recent
        arrays = self.accept(family.arguments, values)
        while True:
            versions = family.variant.versions()
            sizes = family.sizes(arrays)
            variant = family.serving(sizes)
            result = serve(variant, arrays, arrays, sizes, versions, out, (), recent, form, values)
            if result is not NotImplemented:  # else a state changed its shape meanwhile
                return result

    def arranged(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Family, list[Any]]:
        """The family of a call, and its arguments in order."""
        given = arrange(self.source.name, self.names, args, kwargs, self.optional)
        traced = [n for n, v in given.items() if isinstance(v, Tensor)]
        if traced:
            hint = "Use the expression itself, with givens for its inputs, or et.jit."
            got = f"{', '.join(traced)}=tensors"
            raise ArgumentError(message(self.source.name, "arrays", got, hint))
        return self.family(tuple(map(self.names.index, given))), list(given.values())

    def form(self, family: Family, positional: int, named: Sequence[str]) -> Form | None:
        """How a call came: so many arguments by position, those by name."""
        given = [a.name for a in family.arguments]
        numbers = [given.index(n) for n in (*self.names[:positional], *named)]
        return form_of([LEAF] * len(given), numbers, named)

    def accept(self, arguments: Sequence[Argument], values: Sequence[Any]) -> list[Any]:
        """The values as arrays: of NumPy, or where they are for a device, of CuPy."""
        if self.source.options.target == "cuda":
            from eqsat_tensor import device_calls

            return device_calls.accept(self.source.name, arguments, values)
        return list(accept(self.source.name, arguments, values))

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Bound:
        """A call on fixed arrays; see `Function.bind`."""
        no_bind_on_device(self.source.name, self.source.options)
        out = kwargs.pop("out", None) if "out" not in self.names else None
        family, values = self.arranged(args, kwargs)
        return bind(self.source.name, family.arguments, values, family.sizes, family.serving, out)

    def family(self, given: tuple[int, ...]) -> Family:
        """The program of calls that give these inputs, by number."""
        with self._lock:
            found = self._families.get(given)
            if found is None:
                found = self._families[given] = self._make(given)
            return found

    def _make(self, given: tuple[int, ...]) -> Family:
        source = self.source
        arguments = source.arguments
        leaves: list[Expr] = [source.inputs[i].leaf for i in given]
        targets = [s for s, _ in source.updates]
        others = [s for s in source.states if s not in set(targets)]
        # an own state is read through the leaf of its input, where the call does not give that
        own = [
            (s.expr if i in given else source.inputs[i].leaf, s.state)
            for i, (s, _) in source.held.items()
        ]
        states = [*((s.expr, s.state) for s in targets), *own, *((s.expr, s.state) for s in others)]
        news = list(enumerate([e for _, e in (*source.updates, *source.held.values())]))
        defaults = {i: a for i, a in source.defaults.items() if i not in given}
        promised = {source.inputs[i].leaf: array for i, array in defaults.items()}
        known = [*leaves, *(leaf for leaf, _ in states), *promised]
        captured = captured_leaves(source.name, known, source.roots)
        held = [*promised, *captured]
        program = make_program(leaves, [leaf for leaf, _ in states], held, source.outputs, news)
        arrays = [*promised.values(), *(captured_array(e) for e in captured)]
        self._check_places([cell for _, cell in states])
        variant = Variant(
            name=source.name,
            program=program,
            options=source.options,
            kinds=["array"] * len(leaves),
            tree=source.tree,
            cells=[cell for _, cell in states],
            captured=[np.asarray(a, order="C") for a in arrays],
            counters=self.counters,
        )
        usual = variant.nonempty()
        usual.owner = variant.owner = self.owner
        return Family(
            tuple(arguments[i] for i in given),
            tuple((Argument(cell.name, leaf.type), cell) for leaf, cell in states),
            tuple((arguments[i], a) for i, a in defaults.items()),
            variant,
            usual,
        )

    def _check_places(self, cells: Sequence[StateCell]) -> None:
        """A function for the CPU does not reach what lives on a device."""
        away = [c.name for c in cells if c.target == "cuda"]
        if away and self.source.options.target != "cuda":
            got = f"{', '.join(away)} on a CUDA device"
            hint = 'Compile it with target="cuda", or make the state without.'
            raise ArgumentError(message(self.source.name, "states of the CPU", got, hint))

    def state(self, key: Any) -> StateCell:
        """The state behind an input with an update, by the input's name or its tensor."""
        inputs = self.source.inputs
        for i, (shared, _) in self.source.held.items():
            if key is inputs[i].variable or (isinstance(key, str) and key == inputs[i].name):
                cell: StateCell = shared.state
                return cell
        there = ", ".join(inputs[i].name for i in self.source.held) or "none"
        needs = f"an input that has an update (there are: {there})"
        raise ArgumentError(message(self.source.name, needs, f"{key!r:.60}"))

    def forget(self) -> None:
        """Take no shorter way than the first call did."""
        self.recent = Recent()

    def free(self) -> None:
        """Give up all code and bindings."""
        with self._lock:
            self.recent = Recent()
            for family in self._families.values():
                family.variant.free()
                family.usual.free()
