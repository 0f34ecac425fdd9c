"""Every proposer, held against its ruleset's guarantee like a rule.

A proposer has no pattern to draw from, so each has a generator of programs here by its name; a
proposer without one fails verification.
"""

from __future__ import annotations

import inspect
import itertools
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr, OpDef, apply
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.propose import Proposer
from eqsat_tensor.types import TensorType, literal
from eqsat_tensor.verify.draw import PROFILES, Leaf, draw_inputs
from eqsat_tensor.verify.findings import Measure
from eqsat_tensor.verify.hold import hold
from eqsat_tensor.verify.instances import Instance
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.rules import EXAMPLES, profile_of
from eqsat_tensor.verify.trials import (
    Counterexample,
    Reader,
    Trial,
    dtypes_of,
    smallest,
    total_size,
    trial_of,
)
from eqsat_tensor.verify.typed_draw import ANY_DTYPE, Draw

INSTANCES = 12
PROGRAMS = 96  # that are made at most, until there are so many instances
SIZES = (1, 2, 3)


def product(draw: Draw) -> Expr:
    """A product of exponentials, sigmoids of the same and of opposite arguments, and others."""
    random = draw.random
    wanted = TensorType((FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(1))
    arguments = [draw.leaf(wanted) for _ in range(2)]
    arguments += [OPS["negative"](a) for a in arguments]
    factors = [OPS["exp"](arguments[0]), OPS["sigmoid"](arguments[2])]
    for _ in range(int(random.integers(1, 4))):
        op = ("exp", "sigmoid", "leaf")[int(random.integers(3))]
        argument = arguments[int(random.integers(4))]
        factors.append(draw.leaf(wanted) if op == "leaf" else OPS[op](argument))
    return folded(draw, factors, ("multiply",))


def factored_sum(draw: Draw) -> Expr:
    """A sum of products, elementwise or of matrices, some with a common factor, and others."""
    random = draw.random
    m, k = (int(SIZES[int(random.integers(3))]) for _ in range(2))
    dtype = (FLOAT64, FLOAT32)[int(random.integers(2))]
    wanted = TensorType(dtype, (m, m))
    op = OPS[("multiply", "matmul")[int(random.integers(2))]]
    inner = wanted if op.name == "multiply" else wanted.with_shape((m, k))
    outer = wanted if op.name == "multiply" else wanted.with_shape((k, m))
    shared, terms = draw.leaf(inner), []
    for _ in range(2):
        terms.append(op(shared, draw.leaf(outer)))
    for _ in range(int(random.integers(1, 4))):
        plain = random.random() < 0.5
        terms.append(draw.leaf(wanted) if plain else op(draw.leaf(inner), draw.leaf(outer)))
    return folded(draw, terms, ("add", "subtract"))


def matrix_chain(draw: Draw) -> Expr:
    """A product of 17 to 20 matrices, bracketed anyhow."""
    random = draw.random
    count = int(random.integers(17, 21))
    sizes = [SIZES[int(i)] for i in random.integers(3, size=count + 1)]
    dtype = (FLOAT64, FLOAT32)[int(random.integers(2))]
    parts = [draw.leaf(TensorType(dtype, pair)) for pair in itertools.pairwise(sizes)]
    while len(parts) > 1:
        i = int(random.integers(len(parts) - 1))
        parts[i : i + 2] = [OPS["matmul"](parts[i], parts[i + 1])]
    return parts[0]


def sum_of_exponentials(draw: Draw) -> Expr:
    """A sum of three to six exponentials, some scaled, and at times a constant."""
    random = draw.random
    wanted = TensorType((FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(1))

    def constant() -> Expr:
        value = (0.5, 1.0, 2.0, 0.1)[int(random.integers(4))]
        return apply(OPS["full"], value=literal(value, wanted.dtype), shape=wanted.shape)

    parts = [OPS["exp"](draw.leaf(wanted)) for _ in range(int(random.integers(3, 7)))]
    for i in range(int(random.integers(3))):
        parts[i] = OPS["multiply"](parts[i], constant())
    if random.random() < 0.3:
        parts.append(constant())
    return folded(draw, parts, ("add",))


def sum_of_products(draw: Draw) -> Expr:
    """A sum of two or three matrix products, at times scaled, and of one or two other matrices."""
    random = draw.random
    dtype, (m, k, n) = (FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(3)
    whole = TensorType(dtype, (m, n))
    parts = [draw.leaf(whole) for _ in range(int(random.integers(1, 3)))]
    for _ in range(int(random.integers(2, 4))):
        left, right = draw.leaf(whole.with_shape((m, k))), draw.leaf(whole.with_shape((k, n)))
        part = OPS["matmul"](left, right)
        if random.random() < 0.3:
            two = apply(OPS["full"], value=literal(2.0, dtype), shape=whole.shape)
            part = OPS["multiply"](part, two)
        parts.append(part)
    return folded(draw, parts, ("add", "subtract"))


def batched_product(draw: Draw) -> Expr:
    """A batch of matrices times one matrix."""
    dtype, (*batch, m, k, n) = _batch(draw)
    left = draw.leaf(TensorType(dtype, (*batch, m, k)))
    right = draw.leaf(TensorType(dtype, (k, n)))
    shape = (*batch, k, n)
    repeated = apply(OPS["broadcast"], right, axes=tuple(range(len(batch))), shape=shape)
    return OPS["matmul"](left, repeated)


def sum_of_batched_product(draw: Draw) -> Expr:
    """The sum over a batch of transposed matrices times others."""
    dtype, (*batch, m, k, n) = _batch(draw)
    left = draw.leaf(TensorType(dtype, (*batch, m, k)))
    right = draw.leaf(TensorType(dtype, (*batch, m, n)))
    rank = len(batch)
    turned = apply(OPS["transpose"], left, axes=(*range(rank), rank + 1, rank))
    return apply(OPS["sum"], OPS["matmul"](turned, right), axes=tuple(range(rank)))


def tensor_network(draw: Draw) -> Expr:
    """A sum of the product of three to five tensors over some of their labels, spelled with broadcasts
    or two at a time, in any order; or the sums of products of batches of matrices."""
    random, dtype = draw.random, (FLOAT64, FLOAT32)[int(draw.random.integers(2))]
    sizes = [(1, 3, 6, 9)[int(i)] for i in random.integers(4, size=6)]
    while (
        not 4_000 <= np.prod(sizes[:5]) <= 20_000
    ):  # so that an order gains more than it costs to ask
        sizes = [(1, 3, 6, 9)[int(i)] for i in random.integers(4, size=6)]
    if random.random() < 0.3:
        return _sum_of_chain(draw, dtype, sizes)
    result = sorted(int(i) for i in random.permutation(5)[: int(random.integers(3))])
    parts: list[tuple[Expr, list[int]]] = []
    for _ in range(int(random.integers(3, 6))):
        labels = sorted(int(i) for i in random.permutation(5)[: int(random.integers(1, 4))])
        parts.append((draw.leaf(TensorType(dtype, tuple(sizes[i] for i in labels))), labels))
    pairwise = random.random() < 0.5
    while len(parts) > 1:
        (x, mine), (y, theirs) = (parts.pop(int(random.integers(len(parts)))) for _ in range(2))
        labels = sorted({*mine, *theirs})
        made = OPS["multiply"](_spread(x, mine, labels, sizes), _spread(y, theirs, labels, sizes))
        kept = {*result, *(label for _, others in parts for label in others)}
        parts.append(_summed(made, labels, kept) if pairwise else (made, labels))
    [(whole, labels)] = parts
    return _summed(whole, labels, set(result))[0]


def _sum_of_chain(draw: Draw, dtype: np.dtype[Any], sizes: list[int]) -> Expr:
    """The sum over rows, columns or both of a product of three to five matrices, or of batches of
    them whose axes a reshape joins."""
    batch = (sizes[0],) if draw.random.random() < 0.5 else ()
    inner = sizes[1 : int(draw.random.integers(4, 7))]
    whole, *rest = (
        draw.leaf(TensorType(dtype, (*batch, *pair))) for pair in itertools.pairwise(inner)
    )
    for matrices in rest:
        whole = OPS["matmul"](whole, matrices)
    if batch:
        whole = apply(OPS["reshape"], whole, shape=(batch[0] * inner[0], inner[-1]))
    axes = ((0,), (1,), (0, 1))[int(draw.random.integers(3))]
    return apply(OPS["sum"], whole, axes=axes)


def _spread(x: Expr, mine: list[int], labels: list[int], sizes: list[int]) -> Expr:
    """The expression with all of these labels, in order, repeated along those it lacks."""
    new = tuple(at for at, label in enumerate(labels) if label not in mine)
    shape = tuple(sizes[label] for label in labels)
    return apply(OPS["broadcast"], x, axes=new, shape=shape) if new else x


def _summed(x: Expr, labels: list[int], kept: set[int]) -> tuple[Expr, list[int]]:
    """The sum over labels that are not kept."""
    axes = tuple(at for at, label in enumerate(labels) if label not in kept)
    left = [label for label in labels if label in kept]
    return (apply(OPS["sum"], x, axes=axes) if axes else x), left


def _batch(draw: Draw) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """A dtype, and four or five sizes: a batch of one axis or two, m, k and n."""
    dtype = (FLOAT64, FLOAT32)[int(draw.random.integers(2))]
    return dtype, draw.shape(int(draw.random.integers(4, 6)))


def folded(draw: Draw, parts: list[Expr], ops: tuple[str, ...]) -> Expr:
    """The parts, in any order, joined from the left by any of the ops."""
    first, *rest = (parts[int(i)] for i in draw.random.permutation(len(parts)))
    for part in rest:
        first = OPS[ops[int(draw.random.integers(len(ops)))]](first, part)
    return first


def operation_on_constants(draw: Draw) -> Expr:
    """An elementwise op on constants of any dtype and temper."""
    random, ops = draw.random, folded_ops()
    op = ops[int(random.integers(len(ops)))]
    dtype = op.dtypes[int(random.integers(len(op.dtypes)))]
    inputs = [draw.leaf(TensorType(dtype, ())) for _ in range(op.arity)]
    profile = PROFILES[int(random.integers(len(PROFILES)))]
    numbers = draw_inputs([Leaf(x) for x in inputs], profile, random)
    draw.leaves.clear()
    shape = draw.shape(1)
    constants = [OPS["full"](value=literal(numbers[x].item(), dtype), shape=shape) for x in inputs]
    named = {n: ANY_DTYPE[int(random.integers(len(ANY_DTYPE)))] for n in op.attributes}
    return apply(op, *constants, **named)


@cache
def folded_ops() -> list[OpDef]:
    """Elementwise ops on real operands, with no attribute but a dtype."""
    return [
        op
        for op in OPS.values()
        if op.kind is Kind.ELEMENTWISE
        and set(op.dtypes) <= set(ANY_DTYPE)
        and set(op.attributes.values()) <= {Attribute.DTYPE}
    ]


def sum_of_fractions(draw: Draw) -> Expr:
    """A difference of fractions whose numerators cancel: 1/(x + a) - 2/x + 1/(x - a), c/x - c/(x + a)."""
    random = draw.random
    wanted = TensorType((FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(1))

    def full(value: float) -> Expr:
        return apply(OPS["full"], value=literal(value, wanted.dtype), shape=wanted.shape)

    x, a = draw.leaf(wanted), full(float(random.integers(1, 9)))
    above, below = OPS["add"](x, a), OPS["subtract"](x, a)
    if random.random() < 0.5:
        c = full(float(random.integers(1, 5)))
        first, second = (
            OPS["divide"](c, above),
            OPS["divide"](c, (x, below)[int(random.integers(2))]),
        )
        return OPS["subtract"](first, second)
    outer = [OPS["divide"](full(1.0), d) for d in (above, below)]
    middle = OPS["divide"](full(2.0), x)
    return OPS["add"](OPS["subtract"](outer[0], middle), outer[1])


def log_of_multiple(draw: Draw) -> Expr:
    """log(c y) - d with d nearly log c, in both orders and signs."""
    random = draw.random
    wanted = TensorType((FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(1))

    def full(value: float) -> Expr:
        return apply(OPS["full"], value=literal(value, wanted.dtype), shape=wanted.shape)

    c = float(random.choice([np.pi, 0.1, 2 * np.pi, 1e10]))
    d = full(float(np.log(c)) + float(random.choice([0.0, 0.0, 0.125])))
    y = draw.leaf(wanted)
    if random.random() < 0.5:
        y = OPS["add"](OPS["square"](y), full(1.0))
    log = OPS["log"](OPS["multiply"](y, full(c)))
    if random.random() < 0.5:
        return OPS["subtract"](log, d)
    return OPS["subtract"](d, log)


GENERATORS: Mapping[str, Callable[[Draw], Expr]] = {
    "exp-sigmoid-product": product,
    "factor-of-long-sum": factored_sum,
    "long-matrix-chain": matrix_chain,
    "contraction-path": tensor_network,
    "long-sum-of-exponentials": sum_of_exponentials,
    "single-numerator": sum_of_fractions,
    "log-of-multiple-less-constant": log_of_multiple,
    "products-last-in-sum": sum_of_products,
    "batch-in-rows": batched_product,
    "sum-of-batch-in-rows": sum_of_batched_product,
    "fold-constants": operation_on_constants,
    "fold-functions": operation_on_constants,
}


def verify_proposer(proposer: Proposer, book: RuleBook, examples: int = EXAMPLES) -> Report:
    """Hold one proposer on ``examples`` draws of values over programs made for it.

    Where the programs have no inputs, each program is one example.
    """
    measure = Measure()
    ruleset = book.ruleset(proposer.ruleset)
    guarantee, improves = ruleset.guarantee, bool(ruleset.improves)
    trials: list[Trial] = []

    def report(example: Counterexample | None, problem: str = "") -> Report:
        return Report(
            proposer.name, "proposer", ruleset.name, guarantee, place_of_proposer(proposer),
            len(trials), measure.draws, round(measure.max_ulp, 3), measure.rescued,
            measure.range_losses, example, problem, dtypes_of(trials),
        )  # fmt: skip

    generator = GENERATORS.get(proposer.name)
    if generator is None:
        return report(None, "no generator of programs in verify/proposers.py")
    random = np.random.default_rng(zlib.crc32(proposer.name.encode()))
    wanted, made = INSTANCES, 0
    while wanted > 0:
        batch: dict[Expr, Instance] = {}
        for _ in range(min(wanted, INSTANCES)):
            draw = Draw(random, {}, {}, ANY_DTYPE)
            expr = generator(draw)
            batch[expr] = Instance(expr, draw.leaves)
        wanted -= INSTANCES
        outputs = list(batch)
        result = saturate(outputs, book, allowed=[proposer.name])
        if result.graph is None:
            return report(None, f"the engine failed: {result.diagnostic}")
        reader = Reader(result.graph, outputs)
        for number, instance in enumerate(batch.values()):
            trials += [trial_of(instance, right) for right in reader.right_sides(number)]
        made += len(batch)
        if wanted <= 0 and trials and not any(t.leaves for t in trials):
            wanted = examples - len(trials)
        elif len(trials) < INSTANCES and made < PROGRAMS:
            wanted = INSTANCES  # a proposer may have nothing to say of many programs
    if not trials:
        return report(None, "it proposed nothing on any program made for it")
    trials.sort(key=lambda t: total_size(t.left))
    for number in range(examples):
        trial = trials[number % len(trials)]
        inputs = draw_inputs(trial.leaves, profile_of(number, len(trials)), random)
        finding = hold(trial.left, trial.right, inputs, guarantee, improves, measure)
        if finding is not None:
            return report(smallest(trial, inputs, finding, guarantee, improves))
    return report(None)


def place_of_proposer(proposer: Proposer) -> str:
    """``propose/sums.py:41``, where a proposer's function begins."""
    code = inspect.unwrap(proposer.propose).__code__
    path = Path(code.co_filename)
    own = path.parent.name == "propose"
    return f"{f'propose/{path.name}' if own else path.name}:{code.co_firstlineno}"
