"""Every transcendental primitive is within `ULPS` of the truth, and right where that is exact.

The bounds are checked on a few thousand points; ``ULP_SAMPLES=300000 pytest -k ulp -s`` measures.
"""

import os
import platform
import sys
from functools import cache
from itertools import product

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.vecmath import ULPS
from eqsat_tensor.scalar import PRIMITIVES
from tests.lower.primitiveloops import FLOATS, OF_TWO, Array, assert_same, lanes_of, on_each, run
from tests.lower.primitivepoints import every_half, pairs, points, special
from tests.lower.primitivetruth import MPMATH, SAMPLES, truth_of, ulps

MEASURING = "ULP_SAMPLES" in os.environ


@cache
def sample(name: str, dtype: str) -> tuple[Array, tuple[Array, ...]]:
    """Truth and operands."""
    return truth_of(name, dtype, points(name, dtype, SAMPLES))


def check_ulps(name: str, dtype: str, lanes: int, cpu: str = "") -> Array:
    """The results on the sample, which have to be within the declared bound."""
    truth, operands = sample(name, dtype)
    got = run(name, dtype, lanes, *operands, cpu=cpu)
    errors = ulps(got, truth)
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    at = [x[worst] for x in operands]
    found = f"{name} {dtype} {cpu}: {errors[worst]:.3f} ulp at {at}: got {got[worst]!r}"
    if MEASURING:
        sys.stdout.write(f"\n{found} of {got.size}, truth {truth[worst]!r}")
    assert errors[worst] <= ULPS[name][dtype], found
    return got


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(MPMATH))
def test_errors_stay_within_the_declared_ulps(name: str, dtype: str) -> None:
    results = [check_ulps(name, dtype, lanes) for lanes in lanes_of(dtype)]
    assert_same(f"{name}, scalar against lanes", *results, *sample(name, dtype)[1])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compiles for levels of x86-64")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3"])
def test_errors_on_lesser_machines(cpu: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if cpu == "x86-64-v3" and jit.vector_bytes() < 32:
        pytest.skip("this machine has no AVX2")
    register = 16 if cpu == "x86-64" else 32
    monkeypatch.setattr(jit, "vector_bytes", lambda: register)
    lanes = register // np.dtype(dtype).itemsize
    for name in sorted(MPMATH):
        check_ulps(name, dtype, lanes, cpu)


def fraction_free(x: Array) -> Array:
    """Whether a truth may be compared exactly: zeros, infinities, NaN."""
    return (x == 0) | ~np.isfinite(x)


@on_each(FLOATS)
@pytest.mark.parametrize("name", sorted(set(MPMATH) - set(OF_TWO)))
def test_special_arguments(name: str, dtype: str, lanes: int) -> None:
    x = special(dtype)
    got = run(name, dtype, lanes, x)
    with np.errstate(all="ignore"):
        want = PRIMITIVES[name].numpy(x)
        wide = PRIMITIVES[name].numpy(x.astype(np.float64)).astype(dtype)
    assert got.dtype == want.dtype
    exact = fraction_free(wide) & ((x == 0) | ~np.isfinite(x) | np.isnan(wide))
    assert_same(name, got[exact], wide[exact], x[exact])
    odd = name in (*TINY, "erf", "cbrt")
    if odd:
        assert np.array_equal(np.signbit(got[x == 0]), np.signbit(x[x == 0]))


def test_special_arguments_have_the_textbook_values() -> None:
    inf, nan = np.inf, np.nan
    # fmt: off
    table: dict[str, list[tuple[float, float]]] = {
        "exp": [(-inf, 0), (inf, inf), (0, 1), (-0.0, 1), (710, inf), (-746, 0)],
        "expm1": [(-inf, -1), (inf, inf), (0, 0), (-0.0, -0.0), (710, inf), (-800, -1)],
        "log": [(0, -inf), (-0.0, -inf), (1, 0), (-1, nan), (inf, inf), (-inf, nan)],
        "log1p": [(-1, -inf), (0, 0), (-0.0, -0.0), (-2, nan), (inf, inf), (-inf, nan)],
        "log1mexp": [(0, -inf), (-0.0, -inf), (1, nan), (-inf, -0.0), (inf, nan)],
        "tanh": [(-inf, -1), (inf, 1), (0, 0), (-0.0, -0.0), (5e-324, 5e-324)],
        "sigmoid": [(-inf, 0), (inf, 1), (0, 0.5), (-0.0, 0.5), (-745, 5e-324)],
        "softplus": [(-inf, 0), (inf, inf), (1e300, 1e300), (-745, 5e-324)],
        "erf": [(-inf, -1), (inf, 1), (0, 0), (-0.0, -0.0), (6, 1)],
        "erfc": [(-inf, 2), (inf, 0), (0, 1), (-0.0, 1), (28, 0), (-6, 2)],
        "arctan": [(-inf, -np.pi / 2), (inf, np.pi / 2), (-0.0, -0.0), (1, np.pi / 4)],
        "sin": [(inf, nan), (-inf, nan), (-0.0, -0.0), (0, 0)],
        "cos": [(inf, nan), (-inf, nan), (-0.0, 1), (0, 1)],
        "tan": [(inf, nan), (-inf, nan), (-0.0, -0.0), (0, 0)],
        "exp2": [(-inf, 0), (inf, inf), (0, 1), (1023, 2.0**1023), (1024, inf), (-1074, 5e-324)],
        "log2": [(0, -inf), (-0.0, -inf), (1, 0), (-1, nan), (inf, inf), (2.0**-1074, -1074)],
        "log10": [(0, -inf), (-0.0, -inf), (1, 0), (-1, nan), (inf, inf), (-inf, nan)],
        "cbrt": [(-inf, -inf), (inf, inf), (0, 0), (-0.0, -0.0), (-27, -3), (2.0**-1074, 2.0**-358)],
        "sinh": [(-inf, -inf), (inf, inf), (0, 0), (-0.0, -0.0), (710.5, inf), (-711, -inf)],
        "cosh": [(-inf, inf), (inf, inf), (0, 1), (-0.0, 1), (710.5, inf), (-711, inf)],
        "arcsinh": [(-inf, -inf), (inf, inf), (0, 0), (-0.0, -0.0)],
        "arccosh": [(-inf, nan), (inf, inf), (1, 0), (0.9, nan), (0, nan)],
        "arctanh": [(-1, -inf), (1, inf), (-0.0, -0.0), (1.1, nan), (-inf, nan), (inf, nan)],
        "arcsin": [(-1, -np.pi / 2), (1, np.pi / 2), (-0.0, -0.0), (1.1, nan), (inf, nan)],
        "arccos": [(-1, np.pi), (1, 0), (0, np.pi / 2), (1.1, nan), (-inf, nan)],
    }
    # fmt: on
    assert set(table) == set(MPMATH) - set(OF_TWO)
    for lanes, (name, cases) in product(lanes_of("float64"), table.items()):
        x = np.array([argument for argument, _ in cases] + [nan])
        want = np.array([value for _, value in cases] + [nan])
        got = run(name, "float64", lanes, x)
        with np.errstate(invalid="ignore"):
            close = np.abs(got - want) <= np.spacing(np.abs(want))
        assert_same(name, np.where(close & (want != 0), want, got), want, x)


@on_each(FLOATS)
def test_powers_and_roots_that_are_whole_are_exact(dtype: str, lanes: int) -> None:
    f = np.finfo(dtype)
    powers = np.arange(f.minexp - f.nmant, f.maxexp).astype(dtype)
    twos = np.ldexp(np.ones(powers.size, dtype), powers.astype(int))
    assert_same("exp2", run("exp2", dtype, lanes, powers), twos, powers)
    assert_same("log2", run("log2", dtype, lanes, twos), powers, twos)
    tens = np.arange(23 if dtype == "float64" else 11).astype(dtype)
    exact = np.array([10.0 ** int(k) for k in tens], dtype)
    assert_same("log10", run("log10", dtype, lanes, exact), tens, exact)
    roots = np.arange(-200, 200).astype(dtype)
    assert_same("cbrt", run("cbrt", dtype, lanes, roots**3), roots, roots)


@on_each(FLOATS)
@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_of_special_pairs(name: str, dtype: str, lanes: int) -> None:
    x, y = pairs(dtype)
    got = run(name, dtype, lanes, x, y)
    with np.errstate(all="ignore"):
        want = PRIMITIVES[name].numpy(x, y)
        near = np.abs(got - want) <= 3 * np.spacing(np.abs(want))
    assert_same(name, np.where(near & (want != 0), want, got), want, x, y)


# f(x) = x + O(x^2)
TINY = ["expm1", "log1p", "tanh", "sin", "tan", "arctan", "sinh", "arcsinh", "arctanh", "arcsin"]


def _subnormal(dtype: str) -> Array:
    f = np.finfo(dtype)
    return np.array([f.smallest_subnormal * k for k in (1, 2, 3, 5, 1001)], dtype)


@on_each(FLOATS)
@pytest.mark.parametrize("name", TINY)
def test_subnormal_arguments_are_not_flushed(name: str, dtype: str, lanes: int) -> None:
    x = np.concatenate([_subnormal(dtype), -_subnormal(dtype)])
    assert_same(name, run(name, dtype, lanes, x), x, x)


ENDS = {"exp": {"float64": (-746.5, -715), "float32": (-105, -94)},
        "exp2": {"float64": (-1077, -1032), "float32": (-152, -136)}}  # fmt: skip


@on_each(FLOATS)
@pytest.mark.parametrize("name", ENDS)
def test_results_become_subnormal_and_then_zero_where_they_should(
    name: str, dtype: str, lanes: int
) -> None:
    x = np.linspace(*ENDS[name][dtype], 4001).astype(dtype)
    truth, (x,) = truth_of(name, dtype, (x,))
    got = run(name, dtype, lanes, x)
    assert ulps(got, truth).max() <= 0.51
    assert 0 < np.count_nonzero(got == 0) < x.size // 3


@on_each(["float16"])
@pytest.mark.parametrize("name", sorted(set(MPMATH) - set(OF_TWO)))
def test_functions_of_halves_are_rounded_once(name: str, dtype: str, lanes: int) -> None:
    x = every_half()
    got = run(name, dtype, lanes, x)
    with np.errstate(all="ignore"):
        want = PRIMITIVES[name].numpy(x.astype(np.float64)).astype(dtype)
    assert_same(name, np.isnan(got), np.isnan(want), x)
    ordered = [np.where(v < 0, -1, 1) * (v.view(np.uint16) & 0x7FFF) for v in (got, want)]
    apart = np.where(np.isnan(want), 0, np.abs(ordered[0].astype(int) - ordered[1].astype(int)))
    assert apart.max() <= 1
    assert np.count_nonzero(apart) < x.size // 500  # ties that an error of float32 turned
