"""How far extraction is from the proven optimum of the additive cost, on the graphs of programs.

    python benchmarks/optimum.py [--seconds 60] [name ...]

For each program: nodes and classes of its e-graph, the cost of what extraction chose and of the best
choice that HiGHS found, in nanoseconds; how much dearer the choice is, the gap that HiGHS left (0:
proved), and the seconds of both.  Exit status 1 where a proved optimum is more than 1 % cheaper.
Needs highspy (`pip install "eqsat_tensor[milp]"`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scaling import attention as blocks
from scaling import elementwise, mixed, towers

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.egraph.graph import Choice, Graph
from eqsat_tensor.extract import extract, extract_with_gap
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.tensor import Tensor

WITHIN = 0.01
Made = tuple[list[Tensor], list[Tensor]]  # inputs and outputs


def attention(gradients: bool) -> Made:
    """softmax(q k' / sqrt(d)) v with projections, spelt naively; the gradients of its square's mean."""
    x = et.tensor("x", ("n", 64))
    weights = [et.tensor(name, (64, 64)) for name in ("wq", "wk", "wv", "wo")]
    q, k, v = (x @ w for w in weights[:3])
    e = et.exp(q @ k.T / np.sqrt(64))
    out = (e / et.sum(e, axis=1, keepdims=True)) @ v @ weights[3]
    if not gradients:
        return [x, *weights], [out]
    loss = et.mean(out**2)
    return [x, *weights], [loss, *et.grad(loss, weights)]


def mixture() -> Made:
    """Negative log-likelihood of a diagonal Gaussian mixture, with gradients of all parameters."""
    x, mean, log_sigma = (
        et.tensor(n, s) for n, s in (("x", ("n", 10)), ("m", ("k", 10)), ("s", ("k", 10)))
    )
    logits = et.tensor("a", ("k",))
    z = (x[:, None, :] - mean[None]) / et.exp(log_sigma)[None]
    weights = logits - et.log(et.sum(et.exp(logits)))
    parts = (
        -0.5 * et.sum(z**2, axis=2) - et.sum(log_sigma, axis=1) - 5 * np.log(2 * np.pi) + weights
    )
    loss = -et.sum(et.log(et.sum(et.exp(parts), axis=1)))
    return [x, mean, log_sigma, logits], [loss, *et.grad(loss, [mean, log_sigma, logits])]


def expanded_mixture() -> Made:
    """The same with the square written out as matrix products."""
    x, mean, log_sigma = (
        et.tensor(n, s) for n, s in (("x", ("n", 10)), ("m", ("k", 10)), ("s", ("k", 10)))
    )
    logits = et.tensor("a", ("k",))
    inverse = et.exp(-2.0 * log_sigma)
    square = (
        (x * x) @ inverse.T - 2.0 * (x @ (mean * inverse).T) + et.sum(mean * mean * inverse, axis=1)
    )
    parts = logits - et.sum(log_sigma, axis=1) - 0.5 * square
    value = et.sum(et.log(et.sum(et.exp(parts), axis=1))) - 1000 * et.log(et.sum(et.exp(logits)))
    return [x, mean, log_sigma, logits], [value, *et.grad(value, [logits, mean, log_sigma])]


def logistic() -> Made:
    """Logistic regression with a penalty, value and gradient."""
    x, y, w = et.tensor("x", ("n", 100)), et.tensor("y", ("n",)), et.tensor("w", (100,))
    loss = et.mean(et.log(1 + et.exp(-y * (x @ w)))) + 0.01 * et.sum(w * w)
    return [x, y, w], [loss, et.grad(loss, w)]


def network() -> Made:
    """Two layers, cross-entropy spelt naively, value and gradients."""
    x, y = et.tensor("x", ("n", 784)), et.tensor("y", ("n", 10))
    shapes = {"w1": (784, 500), "b1": (500,), "w2": (500, 10), "b2": (10,)}
    w1, b1, w2, b2 = (et.tensor(n, s) for n, s in shapes.items())
    h = et.tanh(x @ w1 + b1)
    e = et.exp(h @ w2 + b2)
    p = e / et.sum(e, axis=1, keepdims=True)
    loss = -et.mean(et.sum(y * et.log(p), axis=1))
    return [x, y, w1, b1, w2, b2], [loss, *et.grad(loss, [w1, b1, w2, b2])]


def layer_norm() -> Made:
    """Normalised rows with gain and bias, gradients of the sum of squares."""
    x, g, b = et.tensor("x", ("n", 256)), et.tensor("g", (256,)), et.tensor("b", (256,))
    centred = x - et.mean(x, axis=1, keepdims=True)
    y = centred / et.sqrt(et.mean(centred**2, axis=1, keepdims=True) + 1e-5) * g + b
    loss = et.sum(y * y)
    return [x, g, b], [loss, *et.grad(loss, [x, g, b])]


def rosenbrock() -> Made:
    """Rosenbrock's function, value and gradient."""
    x = et.tensor("x", ("n",))
    value = et.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [value, et.grad(value, x)]


def gaussian_process() -> Made:
    """Marginal likelihood of a Gaussian process, value and gradients of its parameters."""
    x, y = et.tensor("x", ("n", 3)), et.tensor("y", ("n",))
    scale, noise = et.tensor("scale", ()), et.tensor("noise", ())
    distance = et.sum((x[:, None] - x[None]) ** 2, axis=2)
    k = et.exp(-0.5 * distance / scale**2) + noise**2 * et.eye(y.shape[0])
    value = 0.5 * (y @ et.linalg.solve(k, y)) + 0.5 * et.log(et.linalg.det(k))
    return [x, y, scale, noise], [value, *et.grad(value, [scale, noise])]


def chain() -> Made:
    """Products whose order matters, that share a part."""
    a, b, c = (et.tensor(n, s) for n, s in (("a", (200, 30)), ("b", (30, 500)), ("c", (500, 20))))
    v = et.tensor("v", (20,))
    return [a, b, c, v], [a @ b @ c @ v, et.sum(a @ b @ c), et.trace((a @ b @ c) @ (a @ b @ c).T)]


PROGRAMS: dict[str, Callable[[], Made]] = {
    "attention": lambda: attention(False),
    "attention, gradients": lambda: attention(True),
    "diagonal mixture": mixture,
    "diagonal mixture, expanded": expanded_mixture,
    "logistic regression": logistic,
    "network": network,
    "layer norm": layer_norm,
    "rosenbrock": rosenbrock,
    "Gaussian process": gaussian_process,
    "products": chain,
    "towers, 100 nodes": lambda: towers(100),
    "towers, 1000 nodes": lambda: towers(1000),
    "blocks of attention, 300 nodes": lambda: blocks(300),
    "blocks of attention, 1000 nodes": lambda: blocks(1000),
    "elementwise, 100 nodes": lambda: elementwise(100),
    "elementwise, 300 nodes": lambda: elementwise(300),
    "elementwise, 1000 nodes": lambda: elementwise(1000),
    "elementwise, 3000 nodes": lambda: elementwise(3000),
    "random, 300 nodes": lambda: mixed(300),
    "random, 1000 nodes": lambda: mixed(1000),
    "random, 3000 nodes": lambda: mixed(3000),
}


@dataclass(frozen=True)
class Distance:
    """What came out of one program.  greedy, best: nanoseconds; gap: infinity where nothing was proved."""

    nodes: int
    classes: int
    greedy: float
    best: float
    gap: float
    greedy_seconds: float
    best_seconds: float

    @property
    def dearer(self) -> float:
        return self.greedy / self.best - 1 if self.best else 0.0


def graph_of(inputs: list[Tensor], outputs: list[Tensor]) -> Graph:
    """The saturated e-graph of a program."""
    program = make_program([t.expr for t in inputs], [], [], [t.expr for t in outputs], [])
    result = pipeline.saturated(pipeline.normalized(program), pipeline.rulebook(Options()))
    assert result.graph is not None, result.diagnostics
    return result.graph


def total(graph: Graph, choice: Choice, cost: CostModel) -> float:
    """The additive cost of a choice, each node once."""
    return sum(cost(graph.nodes[n], graph) for n in choice.picks.values())


def distance(graph: Graph, seconds: float) -> Distance:
    """Extraction beside the integer program."""
    cost = CostModel()
    start = time.perf_counter()
    greedy = extract(graph, cost)
    middle = time.perf_counter()
    best, gap = extract_with_gap(graph, cost, seconds)
    end = time.perf_counter()
    return Distance(
        len(graph.nodes),
        len(graph.by_class),
        total(graph, greedy, cost),
        total(graph, best, cost),
        gap,
        middle - start,
        end - middle,
    )


def main() -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(PROGRAMS))
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    far = False
    print("| program | nodes | classes | chosen, ns | best, ns | dearer | gap | s | HiGHS, s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.names or PROGRAMS:
        d = distance(graph_of(*PROGRAMS[name]()), options.seconds)
        print(
            f"| {name} | {d.nodes} | {d.classes} | {d.greedy:,.0f} | {d.best:,.0f} | {100 * d.dearer:.2f} %"
            f" | {100 * d.gap:.2f} % | {d.greedy_seconds:.3f} | {d.best_seconds:.2f} |",
            flush=True,
        )
        far |= d.gap == 0 and d.dearer > WITHIN
    return int(far)


if __name__ == "__main__":
    sys.exit(main())
