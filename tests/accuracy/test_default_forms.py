"""Formulas as compiled by default: near the truth at all magnitudes, nowhere worse than as written."""

from __future__ import annotations

import pytest

from eqsat_tensor.accuracy.fpcore import core_of, parsed, true_pre
from eqsat_tensor.accuracy.functions import accuracy_of_function
from eqsat_tensor.compiled import function

FORMULAS = """
(FPCore (x) :name "step of a root" :pre (>= x 0) (- (sqrt (+ x 3)) (sqrt x)))
(FPCore (x) :name "step of a cube root" (- (cbrt (+ x 2)) (cbrt x)))
(FPCore (x) :name "step of a fourth root" :pre (>= x 0) (- (pow (+ x 2) 0.25) (pow x 0.25)))
(FPCore (x n) :name "step of a power" :pre (and (>= x 0) (< -3 n 3)) (- (pow (+ x 1) n) (pow x n)))
(FPCore (x) :name "step of a reciprocal root" :pre (> x 0) (- (/ 2 (sqrt x)) (/ 2 (sqrt (+ x 5)))))
(FPCore (x) :name "second difference" (- (+ (/ 1 (+ x 2)) (/ 1 (- x 2))) (/ 2 x)))
(FPCore (x h) :name "step of a sine" (- (sin (+ x h)) (sin x)))
(FPCore (x h) :name "step of a cosine" (- (cos (+ x h)) (cos x)))
(FPCore (x h) :name "step of a tangent" (- (tan (+ x h)) (tan x)))
(FPCore (x) :name "step of x log x" :pre (> x 0) (- (* (+ x 2) (log (+ x 2))) (* x (log x))))
(FPCore (b d) :name "root of a quadratic" :pre (>= (* b b) d) (- (sqrt (- (* b b) d)) b))
(FPCore (b d) :name "other root" :pre (>= (* b b) d) (- b (sqrt (- (* b b) d))))
(FPCore (x) :name "circle segment" (- x (sin x)))
(FPCore (x) :name "involute" (- (tan x) x))
(FPCore (x) :name "Langevin" (- (/ 1 (tanh x)) (/ 1 x)))
(FPCore (x) :name "slowing" :pre (< -1 x 1) (- (/ 1 (sqrt (- 1 (* x x)))) 1))
(FPCore (x) :name "Huber" (- (sqrt (+ (* x x) 1)) 1))
(FPCore (x) :name "logistic" (- (/ 1 (+ 1 (exp (- x)))) 0.5))
"""
CORES = [core_of(form) for form in parsed(FORMULAS)]
MOST = 3.0  # bits, over magnitudes of which half are ordinary


@pytest.mark.parametrize("core", CORES, ids=lambda c: c.name)
def test_a_formula_keeps_its_digits(core):
    inputs, body, pre = core.graph()
    f = function(inputs, body, name=core.name)
    holds = None if pre is None else true_pre(pre, inputs)
    report = accuracy_of_function(f, None, core.ranges(), 128, None, 5, holds)
    assert report.before > 4
    assert report.after < MOST
    plain = [(-256.0, 256.0) if low < -256 else (max(low, 2**-8), min(high, 256.0))
             for low, high in core.ranges()]  # fmt: skip
    ordinary = accuracy_of_function(f, None, plain, 128, None, 6, holds)
    assert ordinary.after <= ordinary.before + 0.1
