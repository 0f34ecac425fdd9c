"""How long rewriting takes as programs grow: four kinds of graphs, stage by stage.

    python benchmarks/scaling.py [kind ...] [nodes ...]         (all kinds; 1000 3000 10000 30000)

Processor time, in milliseconds, of the fastest of three compiles in a warm process; the last columns
are microseconds a node of the normalized program, and what stopped saturation.  Beneath each kind
stands the growth exponent: the slope of log(time) against log(nodes).  The last table is what a
program of five nodes takes, most of which is the engine's push, load and pop.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

import numpy as np

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.egraph import saturate as saturation
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import topological
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.tensor import Tensor

STAGES = (
    "normalize",
    "windows",
    "load",
    "push",
    "encode",
    "ingest",
    "saturate",
    "freeze",
    "propose",
    "pop",
)
COLUMNS = (*STAGES, "extract", "decode")
NODES = (1000, 3000, 10_000, 30_000)
ROUNDS = 3


def towers(nodes: int) -> tuple[list[Tensor], list[Tensor]]:
    """A dense network with its gradients: matrix products, biases, two activations spelt naively."""
    layers = max(1, nodes // 17)
    x = et.tensor("x", ("n", 64))
    weights = [et.tensor(f"w{i}", (64, 64)) for i in range(layers)]
    biases = [et.tensor(f"b{i}", (64,)) for i in range(layers)]
    h = x
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = h @ w + b
        h = et.log(1 + et.exp(z)) if i % 2 else 1 / (1 + et.exp(-z))
    loss = et.mean(h**2)
    return [x, *weights, *biases], [loss, *et.grad(loss, weights + biases)]


def attention(nodes: int) -> tuple[list[Tensor], list[Tensor]]:
    """Blocks of attention, each with a normalised residual stream and a two-layer network."""
    x = et.tensor("x", ("n", 32))
    inputs, h = [x], x
    for i in range(max(1, nodes // 36)):
        q, k, v, o, up, down = (
            et.tensor(f"{name}{i}", shape)
            for name, shape in (
                ("q", (32, 32)), ("k", (32, 32)), ("v", (32, 32)), ("o", (32, 32)),
                ("up", (32, 64)), ("down", (64, 32)),
            )
        )  # fmt: skip
        inputs += [q, k, v, o, up, down]
        scores = (h @ q) @ (h @ k).T / np.sqrt(32)
        e = et.exp(scores)
        h = h + (e / et.sum(e, axis=1, keepdims=True)) @ (h @ v) @ o
        centred = h - et.mean(h, axis=1, keepdims=True)
        h = centred / et.sqrt(et.mean(centred**2, axis=1, keepdims=True) + 1e-5)
        h = h + et.tanh(h @ up) @ down
    return inputs, [h]


def elementwise(nodes: int) -> tuple[list[Tensor], list[Tensor]]:
    """A random sum of elementwise terms that share parts, with its gradients."""
    random = np.random.default_rng(nodes)
    inputs = [et.tensor(f"x{i}", ("n",)) for i in range(8)]
    pool = list(inputs)
    unary = (et.exp, et.tanh, et.sin, lambda a: et.log(1 + et.square(a)), lambda a: -a, et.sqrt)
    binary = (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / (1 + b * b),
    )
    for _ in range(max(2, int(nodes / 2.7))):
        a, b = (pool[int(random.integers(max(0, len(pool) - 40), len(pool)))] for _ in range(2))
        if random.random() < 0.5:
            pool.append(unary[int(random.integers(len(unary)))](a))
        else:
            pool.append(binary[int(random.integers(len(binary)))](a, b))
    loss = sum(et.sum(p) for p in pool[-8:])
    return inputs, [loss, *et.grad(loss, inputs)]


def mixed(nodes: int) -> tuple[list[Tensor], list[Tensor]]:
    """A random graph of elementwise ops, constants, reductions, products, transposes."""
    random = np.random.default_rng(nodes)
    inputs = [et.tensor(f"x{i}", (16, 16)) for i in range(6)]
    pool = list(inputs)
    ops: tuple[Callable[..., Tensor], ...] = (
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: et.maximum(a, b),
        lambda a, b: a / b, lambda a, b: et.exp(a), lambda a, b: et.log(a), lambda a, b: -a,
        lambda a, b: a * 2, lambda a, b: a + 1, lambda a, b: 0 * a, lambda a, b: a @ b,
        lambda a, b: a.T, lambda a, b: et.sum(a, axis=1, keepdims=True) + b,
        lambda a, b: et.where(a > b, a, b), lambda a, b: et.tanh(a),
    )  # fmt: skip
    for _ in range(max(2, int(1.5 * nodes))):
        a, b = (pool[int(random.integers(max(0, len(pool) - 200), len(pool)))] for _ in range(2))
        pool.append(ops[int(random.integers(len(ops)))](a, b))
    return inputs, pool[-200:]


KINDS = {"towers": towers, "attention": attention, "elementwise": elementwise, "random": mixed}


def measured(inputs: list[Tensor], outputs: list[Tensor]) -> tuple[int, dict[str, float], str]:
    """Nodes, processor milliseconds of each stage, what stopped saturation."""
    program = make_program([t.expr for t in inputs], [], [], [t.expr for t in outputs], [])
    seconds: dict[str, float] = {}
    last = time.process_time()

    def lap(stage: str) -> None:
        nonlocal last
        now = time.process_time()
        seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now

    normal = pipeline.normalized(program)
    lap("normalize")
    result = pipeline.saturated(normal, pipeline.rulebook(Options()))
    seconds.update(result.seconds)
    last = time.process_time()
    if result.graph is None:
        return len(topological(normal.roots)), seconds, result.diagnostics[0]
    with pipeline.uncollected():
        selected = result.selected(CostModel())
        lap("extract")
        selected.whole()
        lap("decode")
    return len(topological(normal.roots)), seconds, result.stopped


def best(
    inputs: list[Tensor], outputs: list[Tensor], rounds: int = ROUNDS
) -> tuple[int, dict[str, float], str]:
    """The fastest of some compiles, the first of which warms up."""
    found = []
    for _ in range(rounds):
        gc.collect()
        found.append(measured(inputs, outputs))
    return min(found, key=lambda f: sum(f[1].values()))


def show(*cells: object) -> None:
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def main(kinds: list[str], sizes: list[int]) -> None:
    saturation.clock = time.process_time
    show("kind", "nodes", *COLUMNS, "total", "us a node", "stopped")
    show(*["---"] * (len(COLUMNS) + 5))
    for kind in kinds:
        make, points = KINDS[kind], []
        for size in sizes:
            nodes, seconds, stopped = best(*make(size))
            total = sum(seconds.values())
            points.append((nodes, total))
            stages = [f"{1e3 * seconds.get(c, 0.0):.1f}" for c in COLUMNS]
            show(kind, nodes, *stages, f"{1e3 * total:.0f}", f"{1e6 * total / nodes:.1f}", stopped)
        if len(points) > 1:
            slope = np.polyfit(*np.log(np.array(points)).T, 1)[0]
            show(kind, f"exponent {slope:.2f}", *[""] * (len(COLUMNS) + 3))
    x = et.tensor("x", ("n",))
    nodes, seconds, stopped = best([x], [et.log(1 + et.exp(x))], 20)
    stages = [f"{1e3 * seconds.get(c, 0.0):.1f}" for c in COLUMNS]
    show("softplus", nodes, *stages, f"{1e3 * sum(seconds.values()):.1f}", "", stopped)


if __name__ == "__main__":
    words = sys.argv[1:]
    main(
        [w for w in words if not w.isdigit()] or list(KINDS),
        [int(w) for w in words if w.isdigit()] or list(NODES),
    )
