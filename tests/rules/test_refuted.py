"""Rules that were refuted stay refuted: each ``; refuted:`` comment's counterexample still is one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.lang import FLOAT64, Expr
from eqsat_tensor.rules import front_page, load_rulebook, rule_files
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.bounds import suspicious
from eqsat_tensor.verify.build import build
from eqsat_tensor.verify.findings import different_bits
from eqsat_tensor.verify.rules import planted
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.trials import Reader
from eqsat_tensor.verify.typed_draw import Draw

NAN, INF = float("nan"), float("inf")
BELOW = 1e16 - 2.0
# name -> (the rule, the point of the comment)
Point = dict[str, float | tuple[float, ...] | tuple[tuple[float, ...], ...]]
POINTS: dict[str, tuple[str, Point]] = {
    "divide-by-reciprocal": (
        "(rewrite (Divide x y) (Multiply x (Reciprocal y)))",
        {"x": 1e-310, "y": 1e-310},
    ),
    "divide-of-divide": (
        "(rewrite (Divide (Divide x y) z) (Divide x (Multiply y z)))",
        {"x": 1e300, "y": 1e200, "z": 1e200},
    ),
    "divide-by-divide": (
        "(rewrite (Divide x (Divide y z)) (Divide (Multiply x z) y))",
        {"x": 1e200, "y": 1e200, "z": 1e200},
    ),
    "scaled-square-of-quotient": (
        "(rewrite (Divide (Multiply (Square x) z) (Square y)) (Multiply (Square (Divide x y)) z))",
        {"x": 1e100, "y": 1e-60, "z": 1e-300},
    ),
    "softplus-of-negative-log": (
        "(rewrite (Softplus (Negative (Log x))) (Log1p (Divide 1.0 x)))",
        {"x": 1e-310},
    ),
    "negative-of-quotient-by-difference": (
        "(rewrite (Negative (Divide z (Subtract x y))) (Divide z (Subtract y x)))",
        {"x": 1.0, "y": 1.0, "z": 1.0},
    ),
    "power-half": ("(rewrite (Power x 0.5) (Sqrt x))", {"x": -INF}),
    "product-of-powers": (
        "(rewrite (Multiply (Power x y) (Power x z)) (Power x (Add y z)))",
        {"x": -1.0, "y": 0.5, "z": 0.5},
    ),
    "multiply-of-add": (
        "(rewrite (Multiply x (Add y z)) (Add (Multiply x y) (Multiply x z)))",
        {"x": 0.1, "y": 1e16, "z": -BELOW},
    ),
    "multiply-of-divide-unguarded": (
        "(rewrite (Multiply (Divide x y) y) x)",
        {"x": 1.0, "y": 0.0},
    ),
    "floor-divide-by-one": ("(rewrite (FloorDivide x 1.0) x)", {"x": 2.7}),
    "multiply-by-zero": ("(rewrite (Multiply x 0.0) 0.0)", {"x": INF}),
    "zero-divided": ("(rewrite (Divide 0.0 x) 0.0)", {"x": 0.0}),
    "subtract-same": ("(rewrite (Subtract x x) 0.0)", {"x": INF}),
    "divide-same": ("(rewrite (Divide x x) 1.0)", {"x": 0.0}),
    "cosh-of-arccosh-unguarded": ("(rewrite (Cosh (Arccosh x)) x)", {"x": 0.5}),
    "equal-same": (
        "(rewrite (Equal x x) (Full (B 1) t) :when ((= t (type self))))",
        {"x": NAN},
    ),
    "sum-of-add": (
        "(rewrite (Sum axes (Add x y)) (Add (Sum axes x) (Sum axes y)))",
        {"x": (1e16, 1.0), "y": (-1e16, 1.0)},
    ),
    "sum-of-small-multiple": (
        "(rewrite (Sum axes (Multiply x (Full (F 0.5) t))) (Multiply (Sum axes x) (Full (F 0.5) u))"
        " :when ((= u (type self))))",
        {"x": (1.5e308, 1.5e308)},
    ),
    "matmul-of-small-constant": (
        "(rewrite (Matmul (Multiply a (Full (F 0.5) t)) b) (Multiply (Matmul a b) (Full (F 0.5) u))"
        " :when ((= u (type self))))",
        {"a": (1.5e308, 1.5e308), "b": (1.0, 1.0)},
    ),
    "sum-of-large-quotient": (
        "(rewrite (Sum axes (Divide x (Full (F 3.0) t))) (Divide (Sum axes x) (Full (F 3.0) u))"
        " :when ((= u (type self))))",
        {"x": (1.5e308, 1.5e308)},
    ),
    "sigmoid-of-logit-unguarded": (
        "(rewrite (Sigmoid (Log (Divide p (Subtract 1.0 p)))) p)",
        {"p": 2.0},
    ),
    "difference-of-any-roots": (
        "(rewrite (Subtract (Sqrt x) (Sqrt y)) (Divide (Subtract x y) (Add (Sqrt x) (Sqrt y))))",
        {"x": 0.0, "y": 0.0},
    ),
    "exp-of-log-unguarded": ("(rewrite (Exp (Log x)) x)", {"x": -1.0}),
    "subtract-constant-of-sum": (
        "(rewrite (Subtract (Add x (Full (F 1e16) t)) (Full (F 0.1) t)) (Add x (Full (F 1e16) t)))",
        {"x": -1e16},
    ),
    "log-of-quotient": (
        "(rewrite (Log (Divide x y)) (Subtract (Log x) (Log y)))",
        {"x": 1e200, "y": 1.00000000000001e200},
    ),
    "difference-of-tangents-by-cosines": (
        "(rewrite (Subtract (Tan (Add x y)) (Tan x)) (Divide (Sin y) (Multiply (Cos (Add x y)) (Cos x))))",
        {"x": 1.5707, "y": 1e9},
    ),
    "log-of-prod": (
        "(rewrite (Log (Prod axes x)) (Sum axes (Log x)))",
        {"x": (2.6901160867019547e-17, 3e16)},
    ),
    "sin-of-double": (
        "(rewrite (Multiply (Multiply (Sin x) (Cos x)) 2.0) (Sin (Multiply x 2.0)))",
        {"x": 1e308},
    ),
    "log-of-product": (
        "(rewrite (Add (Log x) (Log y)) (Log (Multiply x y)))",
        {"x": 1e200, "y": 1e200},
    ),
    "cholesky-of-square": (
        "(rewrite (Cholesky (Matmul l (Transpose (vec-of 1 0) l))) l)",
        {"l": ((-1.0,),)},
    ),
}


def refuted_names() -> set[str]:
    """Names in the rule files' comments."""
    text = "\n".join(p.read_text() for p in (front_page(), *rule_files()))
    return set(re.findall(r';[^\n]*refuted[^"\n]*"([a-z0-9-]+)"', text))


def test_every_refuted_rule_has_its_point_here() -> None:
    assert refuted_names() == set(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_the_counterexample_of_a_refuted_rule_holds(name: str) -> None:
    source, point = POINTS[name]
    book, rule = planted(load_rulebook(), source, f"refuted-{name}", "simplify")
    left, inputs = instance(rule.lhs, point)
    graph = saturate([left], book).graph
    assert graph is not None
    rights = Reader(graph, [left]).right_sides(0)
    assert rights
    for right in rights:
        [(x, error), (y, _)] = evaluate_running([left, right], inputs)
        if x.dtype.kind == "f" and np.isfinite(x).all():
            assert suspicious(y, x, error).all(), (x, y, error)
        else:
            assert different_bits(x, y).all(), (x, y)


def instance(pattern: Any, point: Point) -> tuple[Expr, dict[Expr, np.ndarray]]:
    """The pattern on vectors or matrices, and the values of its variables, repeated to their sizes."""
    sizes = max((np.shape(value) for value in point.values()), key=len)
    if len(sizes) != 2:
        sizes = (2, 2) if pattern[0] == "Matmul" else (2,)
    whole = pattern[0] == "Sum" or (isinstance(pattern[1], tuple) and pattern[1][0] == "Prod")
    shape = () if whole else sizes
    wanted = TensorType(np.dtype(bool) if pattern[0] == "Equal" else FLOAT64, shape)
    for seed in range(200):
        draw = Draw(np.random.default_rng(seed), {}, {}, [FLOAT64])
        left = build(draw, pattern, wanted)
        leaves = {name: draw.bound[name] for name in point}
        if all(leaf.shape == sizes and leaf.dtype == FLOAT64 for leaf in leaves.values()):
            return left, {leaf: np.resize(point[name], sizes) for name, leaf in leaves.items()}
    raise AssertionError(pattern)
