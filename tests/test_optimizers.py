"""Gradients in SciPy's optimisers, and graphs from SymPy's expressions."""

import numpy as np
import pytest
from scipy import optimize

import eqsat_tensor as et

START = np.array([1.3, 0.7, 0.8, 1.9])


def rosenbrock(x):
    return et.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


value_and_grad = et.value_and_grad(rosenbrock)
gradient = et.grad(rosenbrock)
hessian = et.hessian(rosenbrock)
METHODS = {
    "BFGS": {},
    "L-BFGS-B": {},
    "Newton-CG": {"hessp": lambda x, v: et.hvp(rosenbrock, x, v)},
    "trust-ncg": {"hess": hessian},
    "SLSQP": {},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_optimum_is_found(method):
    found = optimize.minimize(value_and_grad, START, jac=True, method=method, **METHODS[method])
    assert found.success, found.message
    np.testing.assert_allclose(found.x, 1, atol=1e-3 if method == "SLSQP" else 1e-4)


def test_derivatives_are_scipys():
    value, slope = value_and_grad(START)
    np.testing.assert_allclose(value, optimize.rosen(START), rtol=1e-14)
    np.testing.assert_allclose(slope, optimize.rosen_der(START), rtol=1e-12)
    np.testing.assert_allclose(hessian(START), optimize.rosen_hess(START), rtol=1e-12)
    assert optimize.check_grad(lambda x: float(value_and_grad(x)[0]), gradient, START / 4) < 1e-5
    assert et.check_grad(rosenbrock, (START,)) < 1e-8


def test_least_squares_take_a_jacobian():
    t = np.linspace(0, 2, 15)
    data = 2.5 * np.exp(-1.3 * t)

    def residual(p):
        return p[0] * et.exp(-p[1] * t) - data

    found = optimize.least_squares(et.jit(residual), [1.0, 1.0], jac=et.jacobian(residual))
    np.testing.assert_allclose(found.x, [2.5, 1.3], rtol=1e-8)


# ------------------------------------------------------------------------------------------ SymPy
EXPRESSIONS = (
    "x + y",
    "x - 2*y",
    "x*y/3",
    "x**2 - y**3",
    "sqrt(x*y)",
    "exp(-x**2)",
    "log(x + y)",
    "sin(x)*cos(y)",
    "tan(x/2)",
    "tanh(x - y)",
    "atan(x/y)",
    "Abs(x - y)",
    "1/(1 + exp(-x))",
    "sinh(x)/cosh(y)",
    "erf(x) + erfc(y)",
    "x**y",
    "(x + y)**Rational(3, 2)",
    "floor(3*x) + ceiling(y)",
    "exp(x)*pi/E",
    "log(1 + exp(x))",
    "cosh(x)**2 - x**(y/2)",
)
NUMPYS = ("Max(x, y) - Min(x, y)", "sign(x - y)*exp(x)")  # SymPy writes these by its words for NumPy  # fmt: skip


@pytest.fixture(scope="module")
def program():
    """All expressions, and their derivatives, as one compiled function."""
    sympy = pytest.importorskip("sympy")
    x, y = sympy.symbols("x y", positive=True)
    exprs = [sympy.sympify(e, locals={"x": x, "y": y}) for e in (*EXPRESSIONS, *NUMPYS)]
    a, b = et.tensor("a"), et.tensor("b")
    modules = [[et]] * len(EXPRESSIONS) + [[et, "numpy"]] * len(NUMPYS)
    pairs = zip(exprs, modules, strict=True)
    graphs = [sympy.lambdify((x, y), e, modules=m)(a, b) for e, m in pairs]
    slopes = [et.grad(g, a) for g in graphs]
    wanted = [e.diff(x) for e in exprs]
    compiled = et.function([a, b], [graphs, slopes])
    return exprs, wanted, (x, y), compiled


def test_sympys_expressions_are_graphs(program):
    sympy = pytest.importorskip("sympy")
    exprs, slopes, (x, y), compiled = program
    for at in ((0.7, 1.9), (2.3, 0.4)):
        found = compiled(*at)
        for got, exprs_ in zip(found, (exprs, slopes), strict=True):
            for value, e in zip(got, exprs_, strict=True):
                if e.has(sympy.Subs):  # SymPy knows no derivative of floor
                    continue
                want = float(e.subs({x: at[0], y: at[1]}).doit().evalf(30))
                np.testing.assert_allclose(value, want, rtol=1e-13, atol=1e-15, err_msg=str(e))
