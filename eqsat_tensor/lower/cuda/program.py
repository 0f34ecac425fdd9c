"""A compiled plan for a CUDA device: the text, and all that binding to sizes needs of the plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cuda.emit import Launch, Step, emit
from eqsat_tensor.lower.gemm import form_of
from eqsat_tensor.lower.records import is_plain, plain, records, rich
from eqsat_tensor.schedule.loop_values import Call, Constant, Host, Value
from eqsat_tensor.schedule.loops import Nest, Plan
from eqsat_tensor.types import Literal, Shape


@dataclass(frozen=True)
class Array:
    """A stored array; ``buffer`` is its name, or the value of a constant."""

    buffer: str | Literal
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Product:
    """alpha op(a) @ op(b) + beta c, leading axes being a batch.  row: c is one row for all."""

    dtype: str
    batch: Size
    rows: Size
    columns: Size
    inner: Size
    transpose_a: bool
    transpose_b: bool
    row: bool
    a: Array
    b: Array
    result: Array
    alpha: Array | None = None
    beta: Array | None = None
    source: Array | None = None


@dataclass(frozen=True)
class Outside:
    """A call of a library op: attributes by name; results by number (None: the only one)."""

    op: str
    attributes: tuple[tuple[str, Any], ...]
    operands: tuple[Array, ...]
    results: tuple[tuple[int | None, Array], ...]


@dataclass(frozen=True)
class Work:
    """What one nest comes to: launches, a product or a call; and the temporaries that it writes."""

    step: Step
    buffers: tuple[str, ...]
    product: Product | None = None
    outside: Outside | None = None


@dataclass(frozen=True)
class Program:
    """A plan as CUDA C text and the work of each nest."""

    text: str
    work: tuple[Work, ...]
    inputs: tuple[tuple[str, str, Shape], ...]  # name, dtype, shape
    outputs: tuple[tuple[str, Shape], ...]  # dtype, shape
    temporaries: Mapping[str, tuple[int, Size]]  # name -> bytes an element, elements
    last: Mapping[str, int]

    @property
    def outside(self) -> list[str]:
        """Library ops that the program calls."""
        return [w.outside.op for w in self.work if w.outside is not None]

    @property
    def portable(self) -> bool:
        """May it be kept on disk?  Not where a call's attribute is an object of this process."""
        calls = [w.outside for w in self.work if w.outside is not None]
        return all(is_plain(value, RECORDS) for c in calls for _, value in c.attributes)

    def to_bytes(self) -> bytes:
        """The program for the cache on disk."""
        return json.dumps({"format": FORMAT, "program": plain(self, RECORDS)}).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Program:
        """The program again.  Raises ValueError on what `to_bytes` did not make."""
        record = json.loads(data)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError("Program.from_bytes: needs bytes of this version's to_bytes.")
        program = rich(record["program"], RECORDS)
        assert isinstance(program, Program), program
        return program


FORMAT = "cuda 1"  # of the bytes
RECORDS = records(Program, Work, Step, Launch, Array, Product, Outside)


def compile_plan(
    plan: Plan,
    sizes: Mapping[str, int] | None = None,
    exact: bool = False,
    ordered: bool = True,
) -> Program:
    """The program of a plan; `emit` says what ``sizes``, ``exact`` and ``ordered`` are."""
    module = emit(plan, sizes, exact, ordered)
    work = tuple(_work(plan, n, s) for n, s in zip(plan.nests, module.steps, strict=True))
    temporaries = {
        name: (value.dtype.itemsize, product(value.shape))
        for value, name in plan.buffers.items()
        if name.startswith("tmp")
    }
    return Program(
        module.text,
        work,
        tuple((v.name, v.dtype.name, v.shape) for v in plan.inputs),
        tuple((v.dtype.name, v.shape) for v in plan.outputs),
        temporaries,
        dict(plan.last),
    )


def _work(plan: Plan, nest: Nest, step: Step) -> Work:
    written = tuple(
        name
        for r in nest.roots
        if (name := plan.buffers.get(r.value)) is not None and name.startswith("tmp")
    )
    values = [r.value for r in nest.roots]
    first = values[0]
    if isinstance(first, Host) and step.launches:
        return Work(step, written)
    if isinstance(first, Host):
        return Work(step, written, None, _outside(plan, [v for v in values if isinstance(v, Host)]))
    if isinstance(first, Call):
        if first.in_place:  # the memory is that of its first operand, written before
            return Work(step, ())
        return Work(step, written, _product(plan, first))
    return Work(step, written)


def _array(plan: Plan, value: Value) -> Array:
    held = value.value if isinstance(value, Constant) else plan.buffers[value]
    return Array(held, value.dtype.name, value.shape)


def _product(plan: Plan, call: Call) -> Product:
    a, b, *scaled = call.operands
    return Product(*form_of(call), *(_array(plan, v) for v in (a, b, call, *scaled)))


def _outside(plan: Plan, calls: Sequence[Host]) -> Outside:
    first = calls[0]
    results = tuple((call.result, _array(plan, call)) for call in calls)
    operands = tuple(_array(plan, v) for v in first.operands)
    return Outside(first.op, first.attributes, operands, results)
