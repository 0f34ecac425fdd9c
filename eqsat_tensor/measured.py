"""What a compiled function costs: by estimate, by the clock, and how its compile spent its time.

All of it is told of one variant at the sizes of its last call (nominal ones where there was none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from eqsat_tensor import compile as pipeline
from eqsat_tensor.calibration import profile
from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.explain.told import duration
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.clock import Took
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.estimate import Kernel, kernels
from eqsat_tensor.schedule import schedule
from eqsat_tensor.shown import Shown
from eqsat_tensor.table import table
from eqsat_tensor.variant import Around, Variant

NOMINAL = 1000  # stands for a size that no call has given yet


# ------------------------------------------------------------------------------- compile time
@dataclass(frozen=True, repr=False)
class Report(Shown):
    """How long the stages took, and where the code came from.

    stages   milliseconds, in order: trace, normalize, look up (in the cache), saturate, extract,
             schedule, emit (the IR), LLVM, load, bind; those that there were, over all sizes so far.
    engine   milliseconds of the parts of saturate.
    cached   was the code of these sizes on disk?  None where none was needed yet.
    """

    name: str
    sizes: Mapping[str, int]
    stages: Mapping[str, float]
    engine: Mapping[str, float]
    cached: bool | None
    traces: int
    rewrites: int
    compiles: int
    binds: int

    @property
    def total(self) -> float:
        """Milliseconds of all stages."""
        return sum(self.stages.values())

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self) | {"total": self.total}

    def __str__(self) -> str:
        came = {None: "no code yet", True: "code from disk", False: "code made"}[self.cached]
        rows = [(name, f"{ms:.2f}") for name, ms in self.stages.items()]
        rows += [("total", f"{self.total:.2f}")]
        head = (
            f"{self.name}{_at(self.sizes)}: {came}; {self.traces} traces, {self.rewrites} rewrites,"
        )
        parts = [
            f"{head} {self.compiles} compiles, {self.binds} binds",
            table(("stage", "ms"), rows),
        ]
        if self.engine:
            told = ", ".join(f"{name} {ms:.2f}" for name, ms in self.engine.items())
            parts.append(f"saturate: {told}")
        return "\n".join(parts)


def report(variant: Variant) -> Report:
    """How the compile of a variant spent its time."""
    buckets = {name: pipeline.bucket(n) for name, n in sorted((variant.last_sizes or {}).items())}
    counters = variant.counters
    return Report(
        variant.name,
        dict(variant.last_sizes or {}),
        {name: 1e3 * seconds for name, seconds in variant.times.items()},
        {name: 1e3 * seconds for name, seconds in variant.engine_seconds.items()},
        variant.on_disk.get(tuple(buckets.items())),
        counters.traces,
        counters.rewrites,
        counters.compiles,
        counters.binds,
    )


# ------------------------------------------------------------------------------------- estimates
@dataclass(frozen=True, repr=False)
class Cost(Shown):
    """What a call is estimated to cost; nothing is run for it.

    kernels    in order, each with its flops and bytes.
    estimates  nanoseconds of each, on all cores: the roofline of the machine's figures, and a call;
               what a library computes in a call by way of Python is not among them.
    peak       bytes of temporaries that are there at once, as the arena holds them; arguments and
               results are not among them.
    """

    name: str
    sizes: Mapping[str, int]
    kernels: tuple[Kernel, ...]
    estimates: tuple[float, ...]
    peak: int

    @property
    def nanoseconds(self) -> float:
        """Of a call."""
        return sum(self.estimates)

    @property
    def flops(self) -> float:
        """Operations of a call; see `Kernel.flops`."""
        return sum(k.flops for k in self.kernels)

    @property
    def moved(self) -> int:
        """Bytes that the kernels of a call read and write."""
        return sum(k.moved for k in self.kernels)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        totals = {"nanoseconds": self.nanoseconds, "flops": self.flops, "moved": self.moved}
        return asdict(self) | totals

    def __str__(self) -> str:
        head = f"{self.name}{_at(self.sizes)}: {duration(self.nanoseconds)} by estimate, "
        head += f"{_count(self.flops)} flops, {_bytes(self.moved)} moved, {_bytes(self.peak)} of temporaries"
        rows = [
            (*_described(k), duration(ns))
            for k, ns in zip(self.kernels, self.estimates, strict=True)
        ]
        return "\n".join([head, table((*DESCRIBED, "estimate"), rows)])


def cost(variant: Variant, sizes: Mapping[str, int] | None = None) -> Cost:
    """What a call of a variant costs, at these sizes or those of `sizes_of`."""
    _need_cpu(variant, "cost")
    at = sizes_of(variant) if sizes is None else dict(sizes)
    code = variant.code(at)
    bound = code.bind(at, pipeline.threads(), around=Around(variant.options, variant.counters))
    figures = profile()
    found = tuple(kernels(code, at))
    estimates = tuple(
        (figures.host if k.host else figures.call) + figures.roofline(k.units, k.moved)
        for k in found
    )
    return Cost(variant.name, at, found, estimates, bound.temporaries)


# --------------------------------------------------------------------------------------- the clock
@dataclass(frozen=True)
class Timed:
    """What kernels took in the calls at one combination of sizes."""

    sizes: Mapping[str, int]
    kernels: tuple[Kernel, ...]
    took: tuple[Took, ...]
    rooflines: tuple[float, ...]  # the least nanoseconds of each, by the machine's figures

    @property
    def shares(self) -> tuple[float, ...]:
        """How near each kernel came to its roofline in its fastest call: 1 is the machine's best."""
        return tuple(
            least / max(took.fewest, 1) if took.calls else 0.0
            for least, took in zip(self.rooflines, self.took, strict=True)
        )

    def __str__(self) -> str:
        calls = max((t.calls for t in self.took), default=0)
        total = sum(t.total for t in self.took) or 1
        rows = [
            (
                *_described(kernel),
                duration(took.mean),
                duration(took.fewest if took.calls else 0.0),
                f"{100 * took.total / total:.0f}%",
                f"{100 * share:.0f}%",
            )
            for kernel, took, share in zip(self.kernels, self.took, self.shares, strict=True)
        ]
        columns = (*DESCRIBED, "a call", "fastest", "of all", "of roofline")
        return "\n".join([f"{calls} calls{_at(self.sizes)}", table(columns, rows)])


@dataclass(frozen=True, repr=False)
class Profiled(Shown):
    """What ``mode="profile"`` saw: one part for each combination of sizes that is kept bound."""

    name: str
    figures: str  # where the machine's figures are from
    parts: tuple[Timed, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        head = f"{self.name}: figures {self.figures}" + ("" if self.parts else "; no call yet")
        return "\n".join([head, *map(str, self.parts)])


def profiled(variant: Variant) -> Profiled:
    """The times of a variant's kernels so far; ArgumentError where it was made in another mode."""
    _need_cpu(variant, "profile")
    if variant.options.mode != "profile":
        needs = "mode='profile' to time kernels"
        raise ArgumentError(message(variant.name, needs, f"mode={variant.options.mode!r}"))
    figures = profile()
    parts = []
    for sizes, code, bound in variant.timed:
        found = tuple(kernels(code, sizes))
        least = tuple(figures.roofline(k.units, k.moved) for k in found)
        parts.append(Timed(sizes, found, tuple(bound.took()), least))
    return Profiled(variant.name, figures.source, tuple(parts))


# -------------------------------------------------------------------------------------------- code
def llvm(variant: Variant) -> str:
    """The LLVM IR of a variant's kernels: made again, also where the code came from disk."""
    _need_cpu(variant, "llvm")
    sizes = sizes_of(variant)
    buckets = {name: pipeline.bucket(n) for name, n in sizes.items()}
    values, small = pipeline.lowered(variant.chosen(sizes), buckets)
    return emit(schedule(values), pipeline.contracts(variant.options), small=small).text


def assembly(variant: Variant) -> str:
    """The machine code of a variant's kernels, as text."""
    return jit.assembly(llvm(variant))


def _need_cpu(variant: Variant, what: str) -> None:
    """UnsupportedError where a program's code is not the CPU's: its kernels are told otherwise."""
    if variant.options.target != "cpu":
        got = f"target={variant.options.target!r}"
        raise UnsupportedError(message(f"{variant.name}: {what}", "target='cpu'", got))


def sizes_of(variant: Variant) -> dict[str, int]:
    """The sizes of a variant's last binding, or nominal ones."""
    if variant.last_sizes is not None:
        return dict(variant.last_sizes)
    leaves = variant.program.leaves
    return {name: NOMINAL for leaf in leaves for s in leaf.shape for name in symbols_of(s)}


DESCRIBED = ("kernel", "loops", "reads -> writes", "flops", "bytes")


def _described(kernel: Kernel) -> tuple[str, ...]:
    loops = ", ".join(map(str, kernel.domain))
    arrays = f"{', '.join(kernel.reads)} -> {', '.join(kernel.writes)}"
    return kernel.kind, f"[{loops}]", arrays, _count(kernel.flops), _bytes(kernel.moved)


def _count(number: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def _bytes(number: int) -> str:
    return f"{_count(number)}B" if number >= 1e3 else f"{number} B"


def _at(sizes: Mapping[str, int]) -> str:
    return f" at {', '.join(f'{n} = {s}' for n, s in sorted(sizes.items()))}" if sizes else ""
