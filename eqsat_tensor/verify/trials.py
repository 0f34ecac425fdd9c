"""Instances of a rule's left side, what the engine makes of them, and counterexamples.

The rule is applied by the real engine with this rule alone; a right side is every other node of the
output's e-class, read back as an expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import OPS, Expr, apply, substitute_sizes, text, topological
from eqsat_tensor.ops.assume import without_assumptions
from eqsat_tensor.rules.book import Rule, RuleBook
from eqsat_tensor.verify.conditions import Definitions, Misfit, Pattern, is_symbol
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.findings import Finding, Measure
from eqsat_tensor.verify.hold import hold
from eqsat_tensor.verify.instances import Instance, draw_instance
from eqsat_tensor.verify.range_losses import range_loss
from eqsat_tensor.verify.shrink import elementwise_program, shrink_values
from eqsat_tensor.verify.symbolic import symbolic
from eqsat_tensor.verify.typed_draw import ANOTHER_TYPE

ENOUGH = 8  # instances of a rule after which no more are drawn
MOST = 14  # instances a rule is held on
CANDIDATES = 24  # instances that go to the engine together
ROUNDS = 6  # times that candidates are drawn
RARE = 10  # times as often where there is none
MISFITS = 400  # draws a round
SYMBOLIC = 0.4  # share of instances that go to the engine with a size symbol, where they can
LARGEST = 150  # elements of any value of an instance
TYPE_CONFLICT = "Illegal merge attempted for function type"  # the engine's words for two types
SMALLER_TRIES = 6  # draws of values on each smaller instance, to find a smaller counterexample


@dataclass(frozen=True)
class Counterexample:
    """The smallest instance found at which a rule breaks its guarantee."""

    reason: str
    left: str
    right: str
    inputs: Mapping[str, Any]
    left_value: Any
    right_value: Any
    truth: str
    allowed: float

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {value}" for name, value in self.inputs.items())
        sides = [("left", self.left_value), ("right", self.right_value), ("true", self.truth)]
        seen = ", ".join(f"{side} {value}" for side, value in sides if value)
        lines = [self.reason + f" at {values}" * bool(values) + f": {seen}" * bool(seen)]
        for side, program in (("left", self.left), ("right", self.right)):
            if program:
                lines += [f"  {side}:", *(f"    {line}" for line in program.splitlines())]
        return "\n".join(lines)


@dataclass(frozen=True)
class Trial:
    """One instance with one right side that the engine made of it, all sizes known."""

    left: Expr
    right: Expr
    leaves: tuple[Leaf, ...]
    variables: tuple[Expr, ...]


def trial_of(instance: Instance, right: Expr) -> Trial:
    """The trial of an instance and what became of it; size symbols get their sizes."""
    leaves = list(instance.leaves.values())
    everything = [instance.expr, right, *instance.variables, *(leaf.expr for leaf in leaves)]
    if instance.sizes:
        everything = substitute_sizes(everything, instance.sizes)
    rest = 2 + len(instance.variables)
    made = tuple(replace(leaf, expr=e) for e, leaf in zip(everything[rest:], leaves, strict=True))
    return Trial(everything[0], everything[1], made, tuple(everything[2:rest]))


# -------------------------------------------------------------------------------- instances
class Refuted(Exception):
    """A right side that has another type than the left."""

    def __init__(self, counterexample: Counterexample) -> None:
        super().__init__(str(counterexample))
        self.counterexample = counterexample


def find_trials(rule: Rule, book: RuleBook, random: np.random.Generator) -> tuple[list[Trial], str]:
    """Instances on which the engine applied the rule, with what it made; or why there are none."""
    definitions = definitions_of(book)
    trials: list[Trial] = []
    kinds: set[tuple[Any, ...]] = set()
    last = ""
    for turn in range(RARE * ROUNDS):
        instances, misfit = candidates(rule.lhs, rule.conditions, random, definitions)
        last = misfit or last
        if not instances:
            continue
        beside = [v for i in instances for v in i.variables]
        outputs = [*(i.expr for i in instances), *beside]
        result = saturate(outputs, book, allowed=[rule.name])
        if result.graph is None:
            raise Refuted(failure(instances, book, rule.name))
        reader = Reader(result.graph, outputs)
        if reader.ill_typed:
            raise Refuted(failure(instances, book, rule.name))
        for number, instance in enumerate(instances):
            for right in reader.right_sides(number):
                attributes = [
                    str(n.attributes) for n in topological([instance.expr]) if n.arguments
                ]
                types = sorted(str(leaf.type) for leaf in instance.leaves)
                kind = (*types, *attributes, right.op.name)
                if kind not in kinds:
                    kinds.add(kind)
                    trials.append(trial_of(instance, right))
        if len(trials) >= ENOUGH or (trials and turn >= ROUNDS):
            break
    if not trials:
        return [], f"no instance: the rule fired on none of those drawn ({last})"
    return spread(trials), ""


def failure(instances: Sequence[Instance], book: RuleBook, name: str) -> Counterexample:
    """The smallest of these instances on which the engine fails or an ill-typed term is made."""
    found = ""
    for instance in sorted(instances, key=lambda i: count(i.expr)):
        outputs = [instance.expr, *instance.variables]
        result = saturate(outputs, book, allowed=[name])
        if result.graph is None:
            found = result.diagnostic
        else:
            found = ", ".join(Reader(result.graph, outputs).ill_typed[:1])
        if TYPE_CONFLICT in found:
            left = text([instance.expr])
            return Counterexample("the right side has another type", left, "", {}, "", "", "", 0.0)
        if found:
            left = text([instance.expr])
            return Counterexample("ill-typed or refused", left, found, {}, "", "", "", 0.0)
    return Counterexample("ill-typed or refused together", "", found, {}, "", "", "", 0.0)


def definitions_of(book: RuleBook) -> Definitions:
    """What fact rules say of relations: name -> (what is concluded, from what)."""
    found: dict[str, list[tuple[Pattern, Sequence[Pattern]]]] = {}
    for rule in book.rules:
        if rule.kind == "fact" and isinstance(rule.rhs, tuple):
            for claim in rule.rhs:
                found.setdefault(str(claim[0]), []).append((claim, rule.conditions))  # type: ignore[index]
    return found


def candidates(
    pattern: Pattern,
    conditions: Sequence[Pattern],
    random: np.random.Generator,
    definitions: Definitions,
) -> tuple[list[Instance], str]:
    """Up to `CANDIDATES` instances of different types, and the last reason for giving one up."""
    found: dict[tuple[Any, ...], Instance] = {}
    reason, square = "", False
    share = 1.0 if any(map(is_symbol, conditions)) else SYMBOLIC
    for _ in range(MISFITS):
        if len(found) >= CANDIDATES:
            break
        try:
            # what asked for another type and has none yet may ask for a square one
            square = square or (reason == ANOTHER_TYPE and not found)
            instance = draw_instance(pattern, conditions, random, definitions, square)
            if random.random() < share:
                instance = symbolic(instance) or instance
        except Misfit as misfit:
            reason = str(misfit)
            continue
        except (AssertionError, EqsatError, OverflowError) as error:
            reason = f"ill-typed draw: {error}"
            continue
        if max(map(elements, topological([instance.expr]))) > LARGEST:
            continue
        attributes = tuple(
            str(n.attributes) for n in topological([instance.expr]) if n.op.name != "input"
        )
        key = (*(str(leaf.type) for leaf in instance.leaves), attributes)
        found.setdefault(key, instance)
    return list(found.values()), reason


def spread(trials: list[Trial]) -> list[Trial]:
    """Up to `MOST` trials: floats mostly, of all dtypes; an empty one, one of signed and one of unsigned
    whole numbers.
    """
    names = ("empty", "i", "u", "b", "float16", "float64", "float32")
    queues: dict[str, list[Trial]] = {name: [] for name in names}
    for trial in trials:
        dtype = telling_dtype(trial)
        name = dtype.name if dtype.kind == "f" else dtype.kind
        queues[name if elements(trial.left) else "empty"].append(trial)
    chosen = [trial for name in names[:3] for trial in queues[name][:1]]
    chosen += [*queues["float16"][:1], *queues["float64"][: ENOUGH // 2], *queues["float32"]]
    left = [trial for name in names for trial in queues[name] if trial not in chosen]
    return (chosen + left)[:MOST]


def telling_dtype(trial: Trial) -> np.dtype[Any]:
    """The dtype of the left side; of truth values, that of what they are made of."""
    dtypes = [trial.left.dtype, *(leaf.expr.dtype for leaf in trial.leaves)]
    return next((d for d in dtypes if d.kind != "b"), dtypes[0])


def dtypes_of(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Names of the dtypes that these trials are about."""
    return tuple(sorted({telling_dtype(trial).name for trial in trials}))


def total_size(expr: Expr) -> int:
    """Elements of all nodes together."""
    return sum(elements(node) for node in topological([expr]))


def elements(node: Expr) -> int:
    """Elements of one node of known sizes."""
    return int(np.prod([s for s in node.shape if isinstance(s, int)], dtype=int))


class Reader:
    """Reads right sides out of a saturated graph.

    An e-class is written as the smallest expression of those that went in, where it holds one, and
    as the smallest of its nodes otherwise.
    """

    def __init__(self, graph: Graph, outputs: Sequence[Expr]) -> None:
        self.graph = graph
        self.outputs = outputs = without_assumptions(outputs)  # as the engine knows them
        self.class_of: dict[Expr, int] = {}
        self.expressions: dict[int, Expr] = {}
        self.ill_typed: list[str] = []  # terms that rules made of operands that do not fit
        index = {(n.op, n.operands, n.attributes): n.eclass for n in graph.nodes}
        for expr in topological(outputs):
            operands = tuple(self.class_of[a] for a in expr.arguments)
            found = index.get((expr.op.name, operands, expr.attributes))
            assert found is not None, f"not in the graph: {expr}"
            self.class_of[expr] = found
            known = self.expressions.get(found)
            if known is None or count(expr) < count(known):
                self.expressions[found] = expr
        self.fill()

    def fill(self) -> None:
        """Expressions for classes that rules made, operands first."""
        changed = True
        while changed:
            changed = False
            for node in self.graph.nodes:
                if node.eclass in self.expressions:
                    continue
                if all(c in self.expressions for c in node.operands):
                    made = self.built(node)
                    if made is not None:
                        self.expressions[node.eclass] = made
                        changed = True

    def built(self, node: Node) -> Expr | None:
        op = OPS[node.op]
        attributes = dict(zip(op.attributes, node.attributes, strict=True))
        operands = [self.expressions[c] for c in node.operands]
        try:
            return apply(op, *operands, **attributes)
        except (AssertionError, EqsatError, ValueError, IndexError, TypeError):
            types = ", ".join(str(o.type) for o in operands)
            self.ill_typed.append(f"{node.op}({types}) {attributes or ''}")
            return None

    def right_sides(self, number: int) -> list[Expr]:
        """What the class of output ``number`` holds beside the output itself."""
        left = self.outputs[number]
        own = self.class_of[left]
        found: dict[Expr, None] = {}
        for position in self.graph.by_class[own]:
            node = self.graph.nodes[position]
            if any(c not in self.expressions for c in node.operands):
                continue
            right = self.built(node)
            if right is None:
                raise Refuted(ill_typed(left, self.ill_typed[-1]))
            if right is left or right in found or not inputs_of(right) <= inputs_of(left):
                continue  # another output that happens to be the same constant
            if right.type != left.type:
                raise Refuted(ill_typed(left, str(right)))
            found[right] = None
        return list(found)


def inputs_of(expr: Expr) -> set[Expr]:
    """The input leaves below an expression."""
    return {node for node in topological([expr]) if node.op.name == "input"}


def ill_typed(left: Expr, right: str) -> Counterexample:
    """The counterexample of a rule whose right side has another type."""
    return Counterexample(f"another type than {left.type}", str(left), right, {}, "", "", "", 0.0)


def count(expr: Expr) -> int:
    """Nodes of an expression."""
    return len(topological([expr]))


# ------------------------------------------------------------------------------- examples
def smallest(
    trial: Trial,
    inputs: Mapping[Expr, Array],
    finding: Finding,
    guarantee: str,
    improves: bool,
    at_the_ends: bool = False,
) -> Counterexample:
    """The counterexample, made smaller while it stays one; ``at_the_ends``: a loss of range."""

    def found(outputs: Sequence[Expr], values: Mapping[Expr, Array]) -> Finding | None:
        left, right, *variables = outputs
        if at_the_ends:
            return range_loss(left, right, values)
        return hold(left, right, values, guarantee, improves, Measure(), variables)

    outputs: list[Expr] = [trial.left, trial.right, *trial.variables]
    scalar = elementwise_program(outputs, inputs, np.array(finding.index, int))
    if scalar is not None and found(*scalar) is not None:
        outputs, inputs = scalar
    inputs = shrink_values(inputs, lambda values: found(outputs, values) is not None)
    last = found(outputs, inputs) or finding
    names = {leaf: str(leaf["name"]) for leaf in inputs}
    return Counterexample(
        last.reason,
        text([outputs[0]]),
        text([outputs[1]]),
        {names[leaf]: plain(x) for leaf, x in inputs.items()},
        str(last.left),
        str(last.right),
        last.truth,
        last.allowed,
    )


def plain(x: Array) -> Any:
    """An array as nested lists of text and whole numbers, which JSON holds without loss."""
    listed: Any = x.tolist()
    if x.dtype.kind == "f":
        listed = (
            np.vectorize(repr, otypes=[object])(np.asarray(x, object)).tolist() if x.size else []
        )
    return listed
