"""One program and all that was compiled for it: codes by size bucket, bindings by size.

A *code* is machine code for all sizes; two buckets whose cheapest programs are the same share one.
A *binding* is a code with its sizes filled in: buffers, argument blocks, and what the native entry
compares a call with.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable as AnyCallable
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.calls import SubGraph
from eqsat_tensor.conditions import shown_place
from eqsat_tensor.errors import failed_check, with_sizes
from eqsat_tensor.extents import symbol, symbols_of
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.layouts import Layout, Strides, in_elements, layout_of
from eqsat_tensor.lower.cpu.bind import Program as Code
from eqsat_tensor.lower.cpu.bound import Bound
from eqsat_tensor.lower.cpu.host import Failure
from eqsat_tensor.monitoring import Monitor, watching
from eqsat_tensor.ops.captured import captured_array
from eqsat_tensor.options import Options
from eqsat_tensor.parts import Parts, concrete, input_of, parts_of
from eqsat_tensor.program import Program, input_leaves, make_program
from eqsat_tensor.reference import evaluate as evaluate_reference
from eqsat_tensor.rewritten import Rewritten
from eqsat_tensor.runtime.binding import poke
from eqsat_tensor.runtime.forms import Form
from eqsat_tensor.runtime.native import Binding, Callable, Identity, InputSpec
from eqsat_tensor.runtime.state import StateCell, held
from eqsat_tensor.timing import Times, listening, stage
from eqsat_tensor.trees import LEAF, Tree
from eqsat_tensor.verification import Verification
from eqsat_tensor.widening import widened

if TYPE_CHECKING:
    from eqsat_tensor.device import OnDevice

BINDINGS = 64  # sizes kept bound at once; the least recently used goes first
LAYOUTS = 8  # layouts of the arguments that code is made for, beside C order


@dataclass
class Counters:
    """What has been done for a function so far, what ``mode="verify"`` saw of it, who sees values."""

    traces: int = 0
    rewrites: int = 0
    compiles: int = 0
    binds: int = 0
    verification: Verification = field(default_factory=Verification)
    monitors: tuple[Monitor, ...] = ()


@dataclass(eq=False)
class Variant:
    """A program for one family of shapes, compiled as its sizes come.

    kinds   how each argument comes: "array", or "float" and "int" for Python numbers.
    tree    the nest of the results.
    written numbers of the arguments whose new values are the last outputs, outside the nest: the
            caller's arrays take them after the run.
    statics objects among the leaves of the arguments, in order of their places there: the entry
            compares them by identity, and the program does not depend on them.
    cells   the states' cells; captured  the arrays that the program holds.
    """

    name: str
    program: Program
    options: Options
    kinds: Sequence[str]
    tree: Tree
    cells: Sequence[StateCell] = ()
    captured: Sequence[np.ndarray] = ()
    counters: Counters = field(default_factory=Counters)
    codes: dict[str, Code] = field(default_factory=dict)  # by digest of the extracted program
    written: Sequence[int] = ()
    statics: Sequence[tuple[int, Identity]] = ()

    def __post_init__(self) -> None:
        self.owner: Callable | None = None
        self.last_sizes: Mapping[str, int] | None = None
        self.lock = threading.RLock()
        self.times: Times = {}
        self.timed: Sequence[tuple[Mapping[str, int], Code, Bound]] = ()  # of mode "profile"
        self.on_disk: dict[tuple[Any, ...], bool] = {}  # by bucket: was code there?
        if self.options.widen:
            self.program = widened(self.program)
        self._normal: Rewritten | None = None
        if any(n.type.dtype.kind == "c" for n in topological(self.program.roots)):
            self.normal  # noqa: B018  (what has no rule for complex numbers is refused now)
        self._rewritten: Rewritten | None = None
        self._by_bucket: dict[tuple[Any, ...], Code] = {}
        self._layouts: set[tuple[tuple[str, Layout], ...]] = set()
        self._seen_strides: set[tuple[Strides | None, ...]] = set()
        self._bindings: OrderedDict[tuple[Any, ...], Binding] = OrderedDict()
        self._pure: Variant | None = None

    def nonempty(self) -> Variant:
        """The same program for sizes of at least 1, of which rules know more."""
        names = {n for leaf in self.program.leaves for s in leaf.shape for n in symbols_of(s)}
        if not names:
            return self
        program = self.program.with_sizes({name: symbol(name, 1) for name in names})
        return replace(self, program=program)

    @property
    def normal(self) -> Rewritten:
        """The program in normal form; made once, where no cache has what follows from it."""
        with self.lock:
            if self._normal is None:
                with listening(self.times), stage("normalize"):
                    self._normal = pipeline.normalized(self.program)
            return self._normal

    @property
    def rewritten(self) -> Rewritten:
        """The saturated program; made once, where no cache has what follows from it."""
        with self.lock:
            if self._rewritten is None:
                self.counters.rewrites += 1
                with stage("saturate"):
                    self._rewritten = pipeline.rewritten(self.normal, self.options)
            return self._rewritten

    @property
    def engine_seconds(self) -> Mapping[str, float]:
        """What the parts of saturation took; nothing where there was none."""
        return {} if self._rewritten is None else self._rewritten.seconds

    def chosen(self, sizes: Mapping[str, int]) -> tuple[Expr, ...]:
        """The program extracted for the bucket of these sizes."""
        buckets = {name: pipeline.bucket(n) for name, n in sizes.items()}
        return pipeline.chosen(self.rewritten, buckets, self.options)

    def code(
        self, sizes: Mapping[str, int], layouts: Mapping[str, Layout] = pipeline.ALL_PLAIN
    ) -> Code:
        """Machine code for the bucket of these sizes, and for arguments in such layouts."""
        buckets = {name: pipeline.bucket(n) for name, n in sorted(sizes.items())}
        key = (*buckets.items(), *layouts.items())
        with self.lock, listening(self.times):
            if key not in self._by_bucket:
                digest, make, self.on_disk[key] = pipeline.code_for(
                    self.program, lambda: self.normal, self.options, buckets, self._extract, layouts
                )
                if digest not in self.codes:
                    self.counters.compiles += 1
                    self.codes[digest] = make()
                self._by_bucket[key] = self.codes[digest]
            return self._by_bucket[key]

    def _extract(self, buckets: Mapping[str, int]) -> tuple[tuple[Expr, ...], bool]:
        rewritten = self.rewritten
        with stage("extract"):
            return pipeline.chosen(rewritten, buckets, self.options), not rewritten.diagnostics

    @cached_property
    def on_device(self) -> OnDevice:
        """The programs for a CUDA device."""
        from eqsat_tensor.device import OnDevice

        return OnDevice(self)

    @property
    def visible(self) -> int:
        """How many outputs are results; those after them are new values of arguments."""
        return len(self.program.outputs) - len(self.written)

    @property
    def interpreted(self) -> bool:
        """Are calls made with the NumPy evaluator: by it, or beside it?"""
        native = self.options.mode in ("run", "profile") and not self.counters.monitors
        return not native or pipeline.disabled()

    def versions(self) -> tuple[int, ...]:
        """Of the states.  Read them before the shapes: then a binding to both never runs wrongly."""
        return tuple(cell.version for cell in self.cells)

    def binding(
        self,
        sizes: Mapping[str, int],
        versions: Sequence[int] = (),
        into: bool = False,
        form: Form | None = None,
        strides: Sequence[Strides | None] = (),
    ) -> Binding:
        """The code of these sizes with all numbers filled in.

        versions: of the states, read before their sizes.  into: the arrays that take the results
        are further arguments of the call, C-contiguous and apart from one another, and ``out=`` of the
        calls that the entry is to take, where it is to take some.  form: of these calls.  strides: of the arguments, where they are not all C-contiguous.
        """
        key = (into, form, tuple(strides), *sorted(sizes.items()), *versions)
        with self.lock:
            found = self._bindings.get(key)
            if found is None:
                found = self._bindings[key] = self._bind(sizes, versions, into, form, strides)
                while len(self._bindings) > BINDINGS:
                    self._bindings.popitem(last=False)
            self._bindings.move_to_end(key)
            return found

    def _bind(
        self,
        sizes: Mapping[str, int],
        versions: Sequence[int],
        into: bool,
        form: Form | None,
        strides: Sequence[Strides | None],
    ) -> Binding:
        parts = self._parts(sizes, versions, strides)
        inputs = [
            input_of(kind, leaf.type, slots, sizes)
            for kind, leaf, slots in zip(
                self.kinds, self.program.leaves, parts.inputs, strict=False
            )
        ]
        for number, steps in enumerate(strides):
            if steps is not None:
                inputs[number] = replace(inputs[number], strides=steps)
        arguments = list(inputs)
        for position, identity in self.statics:
            inputs.insert(position, InputSpec("object", (), identity=identity))
        if into:
            first = len(inputs)
            places = [next(i for i, s in enumerate(inputs) if s is a) for a in arguments]
            over = [(first + k, places[i]) for k, i in self.in_place(sizes)]
            targets = [
                InputSpec("array", o.slots, o.dtype, o.shape, written=True) for o in parts.outputs
            ]
            returns = "none" if form is None else "last"
            return parts.binding((*inputs, *targets), (), returns, form=form, in_place=over)
        returns = "tuple" if self.written else pipeline.returned(self.tree)
        if self.written:
            return parts.binding(inputs, parts.outputs, returns, form=form)
        finish, nest = pipeline.finisher(self.tree), pipeline.nested(self.tree)
        return parts.binding(inputs, parts.outputs, returns, finish, nest, form)

    def fixed(
        self,
        sizes: Mapping[str, int],
        versions: Sequence[int],
        arrays: Sequence[np.ndarray],
        finish: AnyCallable[..., Any],
    ) -> Binding:
        """A binding of no arguments: it always runs on ``arrays``, inputs and then outputs.

        They are as the code reads them, and kept alive.  ``finish(None)`` gives what a call returns.
        """
        with self.lock:
            parts = self._parts(sizes, versions)
        slots = [*parts.inputs[: self.program.arguments], *(o.slots for o in parts.outputs)]
        for places, array in zip(slots, arrays, strict=True):
            poke(places, array.ctypes.data)
        return parts.binding((), (), "none", finish, arrays=tuple(arrays))

    @pipeline.uncollected()
    def _parts(
        self,
        sizes: Mapping[str, int],
        versions: Sequence[int],
        strides: Sequence[Strides | None] = (),
    ) -> Parts:
        self.counters.binds += 1
        layouts = self.layouts(sizes, strides)
        code = self.code(sizes, layouts)
        self.last_sizes = dict(sizes)
        around = Around(self.options, self.counters)
        timed = self.options.mode == "profile"
        with listening(self.times), stage("bind"):
            steps = {
                str(leaf["name"]): in_elements(given, leaf.dtype.itemsize, leaf.dtype.kind == "c")
                for leaf, given in zip(self.program.leaves, strides, strict=False)
                if given is not None
            }
            bound = code.bind(sizes, pipeline.threads(), steps, around, timed)
        if timed:
            self.timed = [*self.timed, (dict(sizes), code, bound)][-BINDINGS:]
        states = list(zip(self.cells, versions, strict=True))
        fail = self._check_failed(bound.failure, sizes)
        return parts_of(self.program, code, bound, sizes, states, self.captured, fail)

    def layouts(
        self, sizes: Mapping[str, int], strides: Sequence[Strides | None]
    ) -> dict[str, Layout]:
        """The layouts of the arguments that are not C-contiguous, by the names of their leaves."""
        return {
            str(leaf["name"]): layout_of(
                concrete(leaf.type, sizes), given, leaf.dtype.itemsize, leaf.dtype.kind == "c"
            )
            for leaf, given in zip(self.program.leaves, strides, strict=False)
            if given is not None
        }

    def reads(self, sizes: Mapping[str, int], strides: Sequence[Strides | None]) -> bool:
        """Is code to read arguments that lie so?  From the second time on, if layouts are not too many.

        One call is not worth a compile: the arrays are copied.
        """
        if self.options.mode != "run":
            return False
        with self.lock:
            again = tuple(strides) in self._seen_strides
            if len(self._seen_strides) >= BINDINGS:
                self._seen_strides.clear()
            self._seen_strides.add(tuple(strides))
            layouts = tuple(sorted(self.layouts(sizes, strides).items()))
            if again and len(self._layouts) < LAYOUTS:
                self._layouts.add(layouts)
            return again and layouts in self._layouts

    def state_buffers(self) -> list[np.ndarray]:
        """The memory of the states, as it is now."""
        return [b for cell in self.cells for b in cell.buffers]

    def in_place(self, sizes: Mapping[str, int]) -> frozenset[tuple[int, int]]:
        """Pairs (output, argument): an output may be stored over an argument, as far as loops go."""
        arguments = self.program.leaves[: self.program.arguments]
        number = {str(leaf["name"]): i for i, leaf in enumerate(arguments)}
        pairs = self.code(sizes).overwritten
        return frozenset((k, number[name]) for k, name in pairs if name in number)

    @property
    def bindings(self) -> list[Binding]:
        """All bindings that are kept."""
        with self.lock:
            return list(self._bindings.values())

    def free(self) -> None:
        """Give up code and bindings; the next call makes or finds them again."""
        with self.lock:
            self.codes.clear()
            self._by_bucket.clear()
            self._bindings.clear()
            self._rewritten = self._pure = None
            self.timed = ()
            if self.options.target == "cuda":
                self.on_device.free()

    def interpreted_call(self, arrays: Sequence[np.ndarray], sizes: Mapping[str, int]) -> Any:
        """All outputs, where calls are `interpreted`; NotImplemented where a state changed its shape."""
        if self.options.mode != "verify" or self.counters.monitors or pipeline.disabled():
            return self.reference(arrays)
        from eqsat_tensor.checked import checked_call, pure_variant

        with self.lock:
            if self._pure is None:
                self._pure = pure_variant(self)
        results = checked_call(self, self._pure, arrays, sizes)
        return results if results is NotImplemented else [r[()] for r in results]

    def reference(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        """All outputs by the NumPy evaluator, node by node; states are updated all the same.

        While it runs, no other call uses these states.
        """
        program = self.program
        with held(self.cells):
            states = [cell.front.copy() for cell in self.cells]
            inputs = dict(zip(program.leaves, [*arrays, *states, *self.captured], strict=True))
            guard = self.options.mode == "nan-guard"
            seen = watching(self.name, program.roots, self.counters.monitors)
            results = evaluate_reference(program.roots, inputs, guard=guard, seen=seen)
            news = results[len(program.outputs) : len(program.outputs) + len(program.updates)]
            for (state, _), value in zip(program.updates, news, strict=True):
                self.cells[state].replace(value)
        # copies: NumPy gives views, of arguments too
        return [np.array(r, order="C")[()] for r in results[: len(program.outputs)]]

    def _check_failed(
        self, failure: Failure | None, sizes: Mapping[str, int]
    ) -> AnyCallable[..., Any]:
        texts = [text for _, text in self.program.checks]

        def fail(index: int, *args: Any) -> Any:
            if failure is not None:
                # first: of what a call did not make, checks say nothing
                failure.raise_kept(lambda op: self.places(op, sizes))
            raise failed_check(with_sizes(texts[index], sizes))

        return fail

    def places(self, op: str, sizes: Mapping[str, int]) -> str:
        """Where an op was written: in the program, or what rules made it of."""
        for roots in (self.program.roots, self.chosen(sizes)):
            nodes = [n for n in topological(roots) if n.op.name == op]
            places = dict.fromkeys(shown_place(n) for n in nodes)
            if places:
                return " or ".join(places)
        return ""


@dataclass(frozen=True)
class Around:
    """What programs call: library ops by their meaning, graphs by code made once for all uses."""

    options: Options
    counters: Counters

    def function(self, op: str) -> AnyCallable[..., tuple[Any, ...]]:
        return pipeline.meaning(op)

    def program(
        self, graph: SubGraph, sizes: Mapping[str, int]
    ) -> tuple[Code, Sequence[np.ndarray]]:
        variant = self.variant(graph, sizes)
        return variant.code(sizes), variant.captured

    def variant(self, graph: SubGraph, sizes: Mapping[str, int]) -> Variant:
        """What serves a graph at such sizes; one for all its uses."""
        some = 0 not in sizes.values()
        key = (self.options.key(), some)
        variant = graph.variants.get(key)
        if variant is None:
            variant = graph.variants[key] = self._variant(graph, some)
        return variant

    def _variant(self, graph: SubGraph, nonempty: bool) -> Variant:
        captured = [e for e in input_leaves(graph.outputs) if e not in graph.parameters]
        program = make_program(graph.parameters, [], captured, graph.outputs, [])
        arrays = [np.ascontiguousarray(captured_array(e)) for e in captured]
        variant = Variant(
            graph.name, program, self.options, ["array"] * len(graph.parameters),
            Tree(tuple, (), (LEAF,) * len(graph.outputs)), (), arrays, self.counters,
        )  # fmt: skip
        return variant.nonempty() if nonempty else variant
