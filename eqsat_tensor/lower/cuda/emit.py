"""`Plan` -> CUDA C text, and for each nest which kernels are launched, how, on what.

nest 0 map [n]                 extern "C" __global__ void kernel0(const double* __restrict__ p0, ...) {
  out0 = add(x, y)        ->     for (eq_i64 g3 = (eq_i64)blockIdx.x * blockDim.x + threadIdx.x; ...

The text begins with an include of ``eqsat_cuda.h``, which is in `INCLUDE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.extents import Size, evaluate, product, symbols_of
from eqsat_tensor.lower.cuda import columns, inplace, rows, scans, tiles
from eqsat_tensor.lower.cuda.convolutions import write_convolution
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.resident import TURNS, Resident
from eqsat_tensor.lower.cuda.writer import Key, Parameter
from eqsat_tensor.schedule.loop_values import Call, Host, Reduce, Value
from eqsat_tensor.schedule.loops import Nest, Plan

INCLUDE = Path(__file__).parent / "include"
HEADER = '#include "eqsat_cuda.h"\n'
NOMINAL = 1000  # what a size that nobody has given stands for
LONG = 1 << 14  # elements of a row from which several blocks share it, where rows are few
FEW = 256
SHORT = 1 << 12  # elements of a row up to which it may stay in registers


@dataclass(frozen=True)
class Kernel:
    """One kernel: its name, the text of its body, its parameters, and what bounds its registers."""

    name: str
    body: str
    parameters: tuple[Parameter, ...]
    bounds: str = ""

    @property
    def text(self) -> str:
        given = ",\n    ".join(f"{p.kind} {p.name}" for p in self.parameters)
        head = f'extern "C" __global__ void {self.bounds}{self.name}({given})'
        return f"{head} {{\n{self.body}\n}}\n"


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel.

    form   how threads share the work (`geometry`): "elements" of ``count``; "tiles": ``count``
           squares; "rows", "chunks" or "scan": ``length`` groups of each of ``count`` rows; "columns", "fold": ``count`` columns
           of ``length`` rows.
    keys   what the parameters hold, with their C types.
    turns  most groups that a thread may take (0: any number); the next launch serves longer rows.
    """

    kernel: str
    form: str
    count: Size
    length: Size
    width: int
    keys: tuple[tuple[str, Key], ...]
    turns: int = 0


@dataclass(frozen=True)
class Step:
    """What is launched for a nest.

    partials  reductions in chunks: number, dtype, values a chunk.
    scalars   buffers of row scalars that later kernels of the nest read: name, dtype, elements.
    """

    kind: str
    launches: tuple[Launch, ...]
    partials: tuple[tuple[int, str, Size], ...] = ()
    scalars: tuple[tuple[str, str, Size], ...] = ()


@dataclass(frozen=True)
class Module:
    """The text of all kernels, and what is launched for each nest, in order."""

    text: str
    kernels: tuple[Kernel, ...]
    steps: tuple[Step, ...]


@dataclass
class _Kernels:
    """Kernels so far; equal ones are one."""

    names: dict[tuple[object, ...], Kernel] = field(default_factory=dict)

    def launch(self, w: Passes, form: str, count: Size, length: Size = 1, width: int = 1) -> Launch:
        """The kernel that was written, and a launch of it."""
        parameters, body = w.parameters(), w.function.text()
        shape = (body, w.launch_bounds, tuple((p.kind, p.name) for p in parameters))
        kernel = self.names.get(shape)
        if kernel is None:
            kernel = Kernel(f"kernel{len(self.names)}", body, parameters, w.launch_bounds)
            self.names[shape] = kernel
        keys = tuple((p.kind, p.key) for p in parameters)
        return Launch(kernel.name, form, count, length, width, keys)


def emit(
    plan: Plan,
    sizes: Mapping[str, int] | None = None,
    exact: bool = False,
    ordered: bool = True,
) -> Module:
    """The kernels of a plan.

    sizes: about how large symbols will be; which kernels serve few long rows depends on that.
    exact: no reduction in an order of its own that a scan has in NumPy's.
    ordered: scattered floats are added in NumPy's order, and the same bits come out each time.
    """
    kernels = _Kernels()
    steps = []
    for number, nest in enumerate(plan.nests):
        call = nest.roots[0].value
        if isinstance(call, Call):
            steps.append(_call(kernels, plan, nest, call, ordered))
            continue
        if nest.kind not in _WRITERS:
            raise UnsupportedError(f"cuda: no kernel for a nest of kind {nest.kind!r}.")
        steps.append(_WRITERS[nest.kind](kernels, plan, nest, number, sizes or {}, exact))
    every = tuple(kernels.names.values())
    return Module("\n".join([HEADER, *(k.text for k in every)]), every, tuple(steps))


def groups_of(domain: Sequence[Size], width: int) -> Size:
    """How many groups of neighbours a box has."""
    if not domain:
        return 1
    return product((*domain[:-1], (domain[-1] + (width - 1)) // width))


def _about(size: Size, sizes: Mapping[str, int]) -> int:
    known = {name: sizes.get(name, NOMINAL) for name in symbols_of(size)}
    return evaluate(size, known)


Make = Callable[[_Kernels, Plan, Nest, int, Mapping[str, int], bool], Step]


def _map(
    kernels: _Kernels, plan: Plan, nest: Nest, number: int, sizes: Mapping[str, int], exact: bool
) -> Step:
    w = Passes(nest, plan.buffers)
    tiled = tiles.Tiled(nest, plan.buffers) if len(nest.domain) > 1 else None
    if tiled is not None and tiled.pays(lambda size: _about(size, sizes)):
        tiles.write_tiles(tiled)
        return Step("map", (kernels.launch(tiled, "tiles", tiles.tiles_of(tiled)),))
    rows.write_map(w)
    return Step("map", (kernels.launch(w, "elements", groups_of(nest.domain, w.width)),))


def _row(
    kernels: _Kernels, plan: Plan, nest: Nest, number: int, sizes: Mapping[str, int], exact: bool
) -> Step:
    count, length = product(nest.domain[: nest.outer]), nest.domain[nest.outer :]
    if nest.kind == "full" or (
        _about(count, sizes) < FEW and _about(product(length), sizes) >= LONG
    ):
        return _split(kernels, plan, nest, number)
    launches = []
    held = Resident(nest, plan.buffers)
    groups = groups_of(length, held.width)
    if held.fits() and _about(product(length), sizes) <= SHORT:
        rows.write_row(held)
        launches.append(replace(kernels.launch(held, "rows", count, groups), turns=TURNS))
    w = Passes(nest, plan.buffers)
    rows.write_row(w)
    return Step("row", (*launches, kernels.launch(w, "rows", count, groups)))


def _split(kernels: _Kernels, plan: Plan, nest: Nest, number: int) -> Step:
    """A kernel a phase and chunk, and one that folds."""
    count, length = product(nest.domain[: nest.outer]), nest.domain[nest.outer :]
    phases = rows.phases(nest)
    reductions = [r for r in nest.roots if isinstance(r.value, Reduce)]
    later = {r.value for r in reductions if r.phase < len(phases) - 1}
    names = {v: f"row{number}.{rows.place(nest, v)}" for v in later}
    launches: list[Launch] = []
    for phase, roots in enumerate(phases):
        before: dict[Value, str] = {r.value: names[r.value] for r in reductions if r.phase < phase}
        if roots:
            w = Passes(nest, plan.buffers)
            rows.write_chunks(w, phase, before)
            groups = groups_of(length, w.width)
            launches.append(kernels.launch(w, "chunks", count, groups, w.width))
        if any(isinstance(r.value, Reduce) for r in roots) or rows.scalars(nest, phase):
            w = Passes(nest, plan.buffers)
            rows.write_fold(w, phase, before, names)
            launches.append(kernels.launch(w, "fold", count))
    partials = tuple((rows.place(nest, r.value), r.value.dtype.name, count) for r in reductions)
    scalars = tuple((names[v], v.dtype.name, count) for v in names)
    return Step(nest.kind if nest.kind == "full" else "split", tuple(launches), partials, scalars)


def _col(
    kernels: _Kernels, plan: Plan, nest: Nest, number: int, sizes: Mapping[str, int], exact: bool
) -> Step:
    count, length = columns.lanes_of(nest), columns.reduced_of(nest)
    w = Passes(nest, plan.buffers)
    columns.write_columns(w)
    first = kernels.launch(w, "columns", count, length)
    w = Passes(nest, plan.buffers)
    columns.write_fold_columns(w)
    partials = tuple(
        (rows.place(nest, r.value), r.value.dtype.name, count)
        for r in nest.roots
        if isinstance(r.value, Reduce)
    )
    return Step("col", (first, kernels.launch(w, "fold", count)), partials)


def _scan(
    kernels: _Kernels, plan: Plan, nest: Nest, number: int, sizes: Mapping[str, int], exact: bool
) -> Step:
    w = Passes(nest, plan.buffers)
    axis = nest.outer
    if not scans.in_chunks(nest, exact):
        scans.write_lines(w)
        count = product((*nest.domain[:axis], *nest.domain[axis + 1 :]))
        return Step("lines", (kernels.launch(w, "elements", count),))
    count, length = product(nest.domain[:axis]), nest.domain[axis]
    scans.write_scan_partials(w)
    first = kernels.launch(w, "chunks", count, length)
    w = Passes(nest, plan.buffers)
    scans.write_scan_chunks(w)
    partials = ((0, nest.roots[0].value.dtype.name, count),)
    return Step("scan", (first, kernels.launch(w, "scan", count, length)), partials)


_WRITERS: dict[str, Make] = {"map": _map, "row": _row, "full": _row, "col": _col, "scan": _scan}


def _call(kernels: _Kernels, plan: Plan, nest: Nest, call: Call, ordered: bool) -> Step:
    """A change in place, or a convolution, by kernels; other calls are none of ours."""
    if isinstance(call, Host) and call.op == "convolution":
        w = Passes(nest, plan.buffers)
        write_convolution(w, call)
        return Step("convolution", (kernels.launch(w, "elements", product(call.shape)),))
    if not call.in_place:
        return Step("call", ())
    if call.function == "update":
        w = Passes(nest, plan.buffers)
        inplace.write_update(w, call)
        return Step("update", (kernels.launch(w, "elements", product(call.operands[1].shape)),))
    count = product(call.operands[1].shape)
    columns_ = inplace.columns_of(call)
    if inplace.atomic(call, ordered):
        w = Passes(nest, plan.buffers)
        inplace.write_atomic(w, call)
        return Step("atomic", (kernels.launch(w, "elements", count * columns_),))
    launches = []
    for write, work in (
        (inplace.write_serial, columns_),
        (inplace.write_labels, count),
        (inplace.write_sorted, count * columns_),
    ):
        w = Passes(nest, plan.buffers)
        write(w, call)
        launches.append(kernels.launch(w, "elements", work))
    return Step("scatter", tuple(launches))
