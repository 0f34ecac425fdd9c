"""Plan -> Program: every nest emitted and compiled, and what binding needs to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.accumulate import combine_of
from eqsat_tensor.lower.cpu.batches import compiled, images_of
from eqsat_tensor.lower.cpu.bind import HostArray, HostCall, Partial, Product, Program, Step
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.inplace import domain_of
from eqsat_tensor.lower.cpu.reuse import overwritten, reused, settled
from eqsat_tensor.lower.gemm import form_of
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Host,
    Map,
    Reduce,
    Scan,
    Value,
    operands_of,
)
from eqsat_tensor.schedule.loops import Nest, Plan
from eqsat_tensor.timing import stage

COSTS = {name: primitive.cost for name, primitive in PRIMITIVES.items()} | {"keep": 0.0}
UPDATE_COST = 8.0  # of an element that a call in place reads and writes


def compile_plan(
    plan: Plan,
    contract: bool = True,
    level: int = jit.KERNEL_LEVEL,
    small: frozenset[str] = frozenset(),
) -> Program:
    """Machine code for a plan.

    contract: whether a * b + c may be one operation (not in strict mode).  level: of code
    generation, 0 to 3.
    """
    plan = settled(plan)
    with stage("emit"):
        module = emit(plan, contract, small=small)
    with stage("LLVM"):
        kernels = compiled(module, level)
    images = images_of(list(kernels.values()))
    number = {id(image): k for k, image in enumerate(images)}
    steps = tuple(
        _step(plan, nest, module.kernels[i], module.slots[i]) for i, nest in enumerate(plan.nests)
    )
    temporaries = {
        name: (value.dtype.itemsize, product(value.shape))
        for value, name in plan.buffers.items()
        if name.startswith("tmp")
    }
    return Program(
        images,
        tuple((name, number[id(image)], symbol) for name, (image, symbol) in kernels.items()),
        steps,
        plan.tiles,
        tuple((v.name, v.dtype.name, v.shape) for v in plan.inputs),
        tuple((v.dtype.name, v.shape) for v in plan.outputs),
        temporaries,
        dict(plan.last),
        reused(plan),
        overwritten(plan),
    )


def _step(plan: Plan, nest: Nest, kernel: str, words: tuple[tuple[Any, ...], ...]) -> Step:
    written = tuple(
        name
        for r in nest.roots
        if (name := plan.buffers.get(r.value)) is not None and name.startswith("tmp")
    )
    domain, outer = nest.domain, nest.outer
    if nest.kind == "call":
        values = [r.value for r in nest.roots]
        if isinstance(values[0], Host):
            host = _host_call(plan, [v for v in values if isinstance(v, Host)])
            return Step("call", "", domain, 0, (), 1.0, written, (), None, host)
        (call,) = values
        assert isinstance(call, Call), call
        if call.in_place:  # the memory is that of its first operand, written before
            return Step(call.function, kernel, domain_of(call), 0, words, UPDATE_COST, ())
        return Step("call", "", domain, 0, (), 1.0, written, (), _product(plan, call))
    partials: list[Partial] = []
    if nest.kind == "full" or (nest.kind == "col" and not outer):
        for number, root in enumerate(nest.roots):
            if isinstance(root.value, Reduce):
                width = product(domain[nest.reduced :]) if nest.kind == "col" else 1
                word, dtype = combine_of(root.value), root.value.dtype.name
                partials.append(Partial(number, word, dtype, width, plan.buffers[root.value]))
    cost = sum(_cost(plan, root.value) for root in nest.roots)
    flops = cost - sum(not isinstance(root.value, Reduce | Scan) for root in nest.roots)
    return Step(
        nest.kind, kernel, domain, outer, words, cost, written, tuple(partials), flops=flops
    )


def _product(plan: Plan, call: Call) -> Product:
    a, b, *scaled = call.operands
    buffers = (
        v.value if isinstance(v, Constant) else plan.buffers[v] for v in (a, b, call, *scaled)
    )
    return Product(*form_of(call), tuple(buffers))


def _host_call(plan: Plan, calls: Sequence[Host]) -> HostCall:
    first = calls[0]

    def array(value: Value) -> HostArray:
        held = value.value if isinstance(value, Constant) else plan.buffers[value]
        return HostArray(held, value.dtype.name, value.shape)

    results = tuple((call.result, array(call)) for call in calls)
    return HostCall(first.op, first.attributes, tuple(map(array, first.operands)), results)


def _cost(plan: Plan, root: Value) -> float:
    """Cost of one element of a root, each inlined value counted once, and one for the loop or for
    what combines elements."""
    total = 1.0
    seen: set[Value] = set()
    stack = list(operands_of(root))
    if isinstance(root, Map):
        total += COSTS[root.primitive]
    while stack:
        value = stack.pop()
        if value not in seen and value not in plan.buffers and not isinstance(value, Constant):
            seen.add(value)
            total += COSTS[value.primitive] if isinstance(value, Map) else 0.0
            if not isinstance(value, Reduce):
                stack.extend(operands_of(value))
    return total
