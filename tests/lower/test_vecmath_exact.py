"""Primitives that are rounded once or not at all, casts and constants: bit for bit as NumPy's."""

import platform
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.external import EXTERNALS
from eqsat_tensor.lower.cpu.vecmath import COMPARISONS, ULPS, VOCABULARY, VectorBuilder
from eqsat_tensor.scalar import PRIMITIVES
from tests.lower.primitiveloops import (
    ARITY,
    DTYPES,
    FLOATS,
    INTS,
    Array,
    Module,
    assert_same,
    call,
    compiled,
    on_each,
    run,
)
from tests.lower.primitivepoints import around_halves, every_half, integers, pairs, special
from tests.lower.primitivetruth import MPMATH


def test_the_vocabulary_is_all_tested() -> None:
    words_here = set().union(*VOCABULARY.values())
    assert words_here == set(ARITY)
    elsewhere = {"cast", "select", *COMPARISONS, *EXTERNALS}  # tests.lower.test_external
    assert set(PRIMITIVES) - elsewhere <= words_here
    tested = set(MPMATH) | set(EXACT_FLOAT) | {"fma"}
    assert set(VOCABULARY["float64"]) == tested
    assert set(VOCABULARY["int64"]) == set(EXACT_INT)
    assert set(VOCABULARY["bool"]) == set(EXACT_BOOL)
    assert set(ULPS) == set(MPMATH)
    assert all(bound <= 3 for bounds in ULPS.values() for bound in bounds.values())


# Primitives whose result is rounded once, or not at all: bit for bit as NumPy.
EXACT_FLOAT: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "absolute": np.absolute,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "copysign": np.copysign,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sign": np.sign,
    "square": np.square,
    "reciprocal": np.reciprocal,
    "isnan": np.isnan,
    "isfinite": np.isfinite,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "rint": np.rint,
    "fmod": np.fmod,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "nextafter": np.nextafter,
    "spacing": np.spacing,
    "signbit": np.signbit,
    "mantissa": PRIMITIVES["mantissa"].numpy,
    "exponent": PRIMITIVES["exponent"].numpy,
    "ldexp": PRIMITIVES["ldexp"].numpy,
}


@on_each(FLOATS)
@pytest.mark.parametrize("name", [*EXACT_FLOAT, *COMPARISONS])
def test_rounded_arithmetic_is_that_of_numpy(name: str, dtype: str, lanes: int) -> None:
    x, y = pairs(dtype)
    rng = np.random.default_rng(3)
    x = np.concatenate([x, rng.normal(size=1000).astype(dtype) * 10])
    y = np.concatenate([y, rng.normal(size=1000).astype(dtype)])
    arity = ARITY.get(name, 2)
    operands = (x, y)[:arity]
    with np.errstate(all="ignore"):
        want = EXACT_FLOAT.get(name, getattr(np, name, None))(*operands)  # type: ignore[misc]
    got = run(name, dtype, lanes, *operands)
    if name in ("maximum", "minimum", "fmax", "fmin"):  # of both zeros, either
        got, want = got + 0.0, want + 0.0
    assert got.dtype == want.dtype
    assert_same(name, got, want, *operands)


@on_each(["float16"])
@pytest.mark.parametrize("name", sorted({*EXACT_FLOAT, *COMPARISONS} - {"copysign"}))
def test_arithmetic_of_halves_is_that_of_numpy(name: str, dtype: str, lanes: int) -> None:
    if ARITY.get(name, 2) == 1:
        operands = (every_half(),)
    else:
        shuffled = np.random.default_rng(3).permutation(every_half())
        x, y = pairs(dtype)
        operands = np.concatenate([x, every_half()]), np.concatenate([y, shuffled])
    with np.errstate(all="ignore"):
        want = EXACT_FLOAT.get(name, getattr(np, name, None))(*operands)  # type: ignore[misc]
    got = run(name, dtype, lanes, *operands)
    if name in ("maximum", "minimum", "fmax", "fmin"):  # of both zeros, either
        got, want = (np.where(v == 0, np.float16(0), v) for v in (got, want))
    assert got.dtype == want.dtype
    assert_same(name, got, want, *operands)


@on_each(FLOATS)
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
def test_remainders_of_large_quotients_are_exact(name: str, dtype: str, lanes: int) -> None:
    """Of multiples, of what is just below them, and of quotients up to and beyond what is divided at once."""
    rng = np.random.default_rng(5)
    y = np.ldexp(rng.integers(1, 1000, 6000).astype(dtype), rng.integers(-40, 40, 6000))
    quotients = 2.0 ** rng.uniform(-2, 70 if dtype == "float64" else 30, 6000)
    x = (y * np.rint(quotients)).astype(dtype)
    x[::3] = np.nextafter(x[::3], 0)
    x[1::3] = np.nextafter(x[1::3], np.array(np.inf, dtype))
    signs = rng.choice([-1, 1], (2, 6000)).astype(dtype)
    x, y = x * signs[0], y * signs[1]
    with np.errstate(all="ignore"):
        assert_same(name, run(name, dtype, lanes, x, y), getattr(np, name)(x, y), x, y)


@on_each(FLOATS)
def test_fma_is_fused_or_rounded_twice(dtype: str, lanes: int) -> None:
    rng = np.random.default_rng(5)
    x, y, z = rng.normal(size=(3, 1000)).astype(dtype)
    got = run("fma", dtype, lanes, x, y, z)
    kind = np.longdouble if dtype == "float64" else np.float64
    fused = (x.astype(kind) * y.astype(kind) + z.astype(kind)).astype(dtype)
    assert np.all((np.abs(got - fused) <= np.spacing(np.abs(fused))) | (got == x * y + z))


EXACT_INT: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "negative": np.negative,
    "absolute": np.absolute,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sign": np.sign,
    "square": np.square,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "power": np.power,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "bitwise_not": np.bitwise_not,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
    "bitwise_count": PRIMITIVES["bitwise_count"].numpy,
    "fmod": np.fmod,
    "gcd": np.gcd,
    "lcm": np.lcm,
}


@on_each(INTS)
@pytest.mark.parametrize("name", [*EXACT_INT, *COMPARISONS])
def test_integers_wrap_and_never_trap(name: str, dtype: str, lanes: int) -> None:
    x, y = integers(dtype)
    if name == "power":
        y = np.where(y < 0, ~y, y)
    operands = (x, y)[: ARITY.get(name, 2)]
    with np.errstate(all="ignore"):
        want = EXACT_INT.get(name, getattr(np, name, None))(*operands)  # type: ignore[misc]
    assert_same(name, run(name, dtype, lanes, *operands), want, *operands)


EXACT_BOOL: dict[str, Callable[..., Array]] = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "add": np.add,
    "multiply": np.multiply,
}


@on_each(["bool"])
@pytest.mark.parametrize("name", [*EXACT_BOOL, *COMPARISONS])
def test_truth_tables(name: str, dtype: str, lanes: int) -> None:
    both = (np.array([False, False, True, True]), np.array([False, True, False, True]))
    operands = both[: ARITY.get(name, 2)]
    want = EXACT_BOOL.get(name, getattr(np, name, None))(*operands)  # type: ignore[misc]
    assert_same(name, run(name, dtype, lanes, *operands), want, *operands)


@on_each(DTYPES)
def test_select_takes_lanes_by_the_mask(dtype: str, lanes: int) -> None:
    rng = np.random.default_rng(2)
    mask = rng.integers(0, 2, 100).astype(bool)
    a, b = (rng.normal(size=(2, 100)) * 3).astype(dtype)
    got = call(compiled(dtype, lanes)["select"], lanes, dtype, mask, a, b)
    assert np.array_equal(got, np.where(mask, a, b))


CPUS = ["", *(["x86-64", "x86-64-v3"] if platform.machine() == "x86_64" else [])]


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("lanes", [0, 8])
def test_casts_between_all_dtypes(lanes: int, cpu: str) -> None:
    if cpu == "x86-64-v3" and jit.vector_bytes() < 32:
        pytest.skip("this machine has no AVX2")
    module = Module()
    for a, b in product(DTYPES, DTYPES):

        def body(builders: list[VectorBuilder], xs: list[str], b: str = b) -> str:
            return builders[0].of(b).cast(xs[0], builders[0])

        module.add(f"{a}_to_{b}", [a], b, lanes, body)
    addresses = module.link(cpu)
    for a, b in product(DTYPES, DTYPES):
        if a == "float16":
            x = every_half()
        elif a in FLOATS:
            x = special(a)
            if b == "float16":
                x = np.concatenate([x, around_halves(a)])
        elif a in INTS:
            x = integers(a)[0]
        else:
            x = np.array([False, True])
        got = call(addresses[f"{a}_to_{b}"], lanes, b, x)
        with np.errstate(all="ignore"):
            want = x.astype(b)
        if x.dtype.kind == "f" and b in INTS:
            info, exact = np.iinfo(b), x.astype(np.float64)
            outside = ~(exact < 2.0 ** info.max.bit_length()) | (exact < float(info.min))
            saturated = np.where(x < 0, info.min, info.max)
            want = np.where(outside, np.where(np.isnan(x), 0, saturated), want).astype(b)
        assert_same(f"cast {a} to {b}", got, want, x)


@pytest.mark.parametrize("lanes", [0, 4])
def test_constants_and_splats(lanes: int) -> None:
    values: dict[str, list[float]] = {
        "float64": [0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e308],
        "float32": [0.1, -0.0, np.nan, np.inf, 1e300, 1e-45],
        "float16": [0.1, -0.0, np.nan, np.inf, 1e300, 6e-8, 65504],
        "int64": [0, -1, 2**63 - 1, -(2**63)],
        "uint64": [0, 1, 2**63, 2**64 - 1],
        "uint8": [0, 127, 128, 255],
        "int8": [0, 127, -128],
        "int32": [0, -1, 2**31 - 1, -(2**31)],
        "bool": [0, 1],
    }
    module = Module()
    for dtype, numbers in values.items():
        for k, number in enumerate(numbers):

            def both(bs: list[VectorBuilder], xs: list[str], v: float = number) -> str:
                one = VectorBuilder(bs[0].emit, bs[0].dtype, 0)
                return bs[0].select(xs[1], bs[0].constant(v), bs[0].splat(one.constant(v)))

            module.add(f"{dtype}_{k}", [dtype, "bool"], dtype, lanes, both)
    addresses = module.link()
    for dtype, numbers in values.items():
        for k, number in enumerate(numbers):
            x, mask = np.zeros(8, dtype), np.arange(8) % 2 == 0
            with np.errstate(over="ignore"):
                want = np.full(8, number, dtype)
            assert_same("constant", call(addresses[f"{dtype}_{k}"], lanes, dtype, x, mask), want, x)
