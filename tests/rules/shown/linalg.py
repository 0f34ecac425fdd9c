"""Programs that show the rules of ``linalg.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import SQUARE
from tests.rules.test_cases import case

LARGE, ROW = np.ones((300, 300)), np.ones(300)  # large enough for flops to be what matters
SCALE = np.array(2.0)
linalg = et.linalg

# fails without the file
NEEDS: Any = case(
    "log-determinant", lambda a: et.log(et.linalg.det(a)), (1e-40 * np.eye(10), -921.0340371976183),
    absent="log det",
)  # fmt: skip


def definite(a: Any) -> Any:
    return et.assume(a, positive_definite=True)


# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    # where a matrix is inverted, or its determinant taken, anyway
    "inverse-of-transpose=>": (lambda a: (linalg.inv(a.T), linalg.inv(a)), (LARGE,)),
    "inverse-of-negative": (lambda a: (linalg.inv(-a), linalg.inv(a)), (LARGE,)),
    "inverse-of-constant-multiple": (lambda a: (linalg.inv(3 * a), linalg.inv(a)), (LARGE,)),
    "inverse-of-multiple": (lambda a, s: (linalg.inv(s * a), linalg.inv(a)), (LARGE, SCALE)),
    "determinant-of-product": (
        lambda a, b: (linalg.det(a), linalg.det(a @ b)), (LARGE, LARGE)),
    "sign-of-determinant-of-product": (
        lambda a, b: (linalg.slogdet(a)[0], linalg.slogdet(a @ b)[0]), (LARGE, LARGE)),
    "log-determinant-of-product": (
        lambda a, b: (linalg.slogdet(a)[1], linalg.slogdet(a @ b)[1]), (LARGE, LARGE)),
    "inverse-of-product": (
        lambda a, b: (linalg.inv(a), linalg.inv(b), linalg.inv(a @ b)), (LARGE, LARGE)),
    "solve-of-product": (lambda a, b, v: linalg.solve(et.tril(a) @ b, v), (LARGE, LARGE, ROW)),
    # factors of large matrices
    "determinant-of-constant-multiple": (lambda a: linalg.det(3 * a), (LARGE,)),
    "determinant-of-multiple": (lambda a, s: linalg.det(s * a), (LARGE, SCALE)),
    "log-determinant-of-multiple": (lambda a, s: linalg.slogdet(s * a)[1], (LARGE, SCALE)),
    "solve-of-positive-definite": (lambda a, b: linalg.solve(definite(a), b), (LARGE, ROW)),
    "solve-of-factored": (
        lambda a, b: (linalg.cholesky(a @ a.T), linalg.solve(a @ a.T, b)), (LARGE, ROW)),
    "inverse-of-lower": (lambda a: linalg.inv(et.tril(a)), (LARGE,)),
    "inverse-of-upper": (lambda a: linalg.inv(et.triu(a)), (LARGE,)),
    "product-of-orthogonal-transpose": (
        lambda a: (lambda q: q.T @ q)(et.assume(a, orthogonal=True)), (SQUARE,)),
    "determinant-of-kronecker-product": (
        lambda a, b: linalg.det(et.kron(a, b)), (SQUARE, SQUARE[:5, :5])),
    "inverse-of-kronecker-product": (
        lambda a, b: linalg.inv(et.kron(a, b)), (SQUARE, SQUARE[:5, :5])),
    "kronecker-product-times-vector": (
        lambda a, b, x: et.kron(a, b) @ x, (SQUARE, SQUARE[:5, :5], np.ones(350))),
}  # fmt: skip
