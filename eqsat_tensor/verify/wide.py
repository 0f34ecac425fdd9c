"""Many draws of an elementwise instance at once: the program on one long vector, an element a point.

    log(exp(x)), x of f64[2, 3]   ->   the same on f64[96]: 24 draws of 4 points

Points of one kind (all operands finite; ordinary magnitudes) are held together, since a guarantee
says different things of different kinds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, apply, rewrite, topological
from eqsat_tensor.verify.at_element import PRECISE
from eqsat_tensor.verify.draw import Leaf, draw_leaf, is_moderate
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.findings import Finding, Measure
from eqsat_tensor.verify.hold import hold
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.shrink import elementwise_program
from eqsat_tensor.verify.trials import Trial

DRAWS = 24  # that one vector holds
POINTS = 4  # of each
TRUTHS = 24  # points of one kind for which T is evaluated at most


def widened(trial: Trial) -> Trial | None:
    """The trial on a vector of `DRAWS` times `POINTS` elements; None where it is not elementwise."""
    outputs = [trial.left, trial.right, *trial.variables]
    if not all(_is_pointwise(node, trial.left) for node in topological(outputs)):
        return None
    if any(leaf.labels is not None for leaf in trial.leaves):
        return None
    made: dict[Expr, Expr] = {}

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        attributes = node.named
        if "shape" in attributes:
            attributes["shape"] = (DRAWS * POINTS,)
        made[node] = apply(node.op, *operands, **attributes)
        return made[node]

    left, right, *variables = rewrite(outputs, change)
    leaves = tuple(Leaf(made[leaf.expr]) for leaf in trial.leaves if leaf.expr in made)
    return Trial(left, right, leaves, tuple(variables))


def _is_pointwise(node: Expr, like: Expr) -> bool:
    if node.op in (OPS["input"], OPS["full"]):
        return node.shape == like.shape
    return node.op.kind is Kind.ELEMENTWISE and node.shape == like.shape


def draw_wide(trial: Trial, profile: str, random: np.random.Generator) -> dict[Expr, Array]:
    """Values for a widened trial; what nearly agreeing leaves agree on differs from point to point."""
    count = DRAWS * POINTS
    base = np.exp2(random.uniform(-4, 4, count)) * random.choice((-1.0, 1.0), count)
    return {leaf.expr: draw_leaf(leaf, profile, base, random) for leaf in trial.leaves}


def hold_wide(
    trial: Trial, inputs: Mapping[Expr, Array], guarantee: str, improves: bool, measure: Measure
) -> tuple[Finding, Trial, dict[Expr, Array]] | None:
    """The first point at which the guarantee is broken, with the program and inputs of its kind."""
    outputs = [trial.left, trial.right, *trial.variables]
    draws = measure.draws + DRAWS
    kinds = _kinds(trial, inputs)
    for kind in np.unique(kinds):
        places = np.argwhere(kinds == kind)
        found = elementwise_program(outputs, inputs, places)
        assert found is not None, outputs
        (left, right, *variables), values = found
        finding = hold(left, right, values, guarantee, improves, measure, variables, truths=TRUTHS)
        if finding is not None:
            leaves = tuple(Leaf(leaf) for leaf in values)
            return finding, Trial(left, right, leaves, tuple(variables)), values
    measure.draws = draws
    return None


def finite_points(trial: Trial, inputs: Mapping[Expr, Array]) -> tuple[Trial, dict[Expr, Array]]:
    """A widened trial on those points alone at which all inputs are finite; there is one at least."""
    outputs = [trial.left, trial.right, *trial.variables]
    finite = [np.isfinite(x) for x in inputs.values() if x.dtype.kind == "f"]
    found = elementwise_program(outputs, inputs, np.argwhere(np.logical_and.reduce(finite)))
    assert found is not None, outputs
    (left, right, *variables), values = found
    return Trial(left, right, tuple(Leaf(x) for x in values), tuple(variables)), values


def _kinds(trial: Trial, inputs: Mapping[Expr, Array]) -> Array:
    """A number for each point, equal where one thing is promised: finite, without NaN, ordinary."""
    floats = [x for x in inputs.values() if x.dtype.kind == "f"]
    shape = (DRAWS * POINTS,)
    finite = np.logical_and.reduce([np.ones(shape, bool), *map(np.isfinite, floats)])
    unknown = np.logical_or.reduce([np.zeros(shape, bool), *map(np.isnan, floats)])
    ordinary = np.logical_and.reduce([np.ones(shape, bool), *map(is_moderate, inputs.values())])
    for value, error in evaluate_running(trial.variables, inputs):
        with np.errstate(all="ignore"):
            ordinary &= is_moderate(value) & (error <= PRECISE * np.abs(value))
    return np.asarray(4 * finite + 2 * unknown + 1 * ordinary)
