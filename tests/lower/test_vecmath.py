"""Every primitive on every dtype, scalar and in vectors: exact where NumPy is, else within `ULPS`.

The bounds are checked on a few thousand points; ``ULP_SAMPLES=300000 pytest -k ulp -s`` measures.
"""

import ctypes
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.external import EXTERNALS
from eqsat_tensor.lower.cpu.vecmath import (
    COMPARISONS,
    TRIG_LIMIT,
    ULPS,
    VOCABULARY,
    VectorBuilder,
)
from eqsat_tensor.scalar import PRIMITIVES

Array = Any
SAMPLES = int(os.environ.get("ULP_SAMPLES", "4000"))
MEASURING = "ULP_SAMPLES" in os.environ
EXTENDED = np.finfo(np.longdouble).nmant > 60
FLOATS = ["float64", "float32"]
INTS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (64, 32, 16, 8)]
DTYPES = [*FLOATS, "float16", *INTS, "bool"]
MASKS = {*COMPARISONS, "isnan", "isfinite", "signbit"}
UNARY = """
    negative absolute sqrt floor ceil trunc sign square reciprocal isnan isfinite exp expm1 tanh
    sigmoid log log1p log1mexp softplus erf erfc arctan sin cos tan bitwise_not logical_not
    exp2 log2 log10 cbrt sinh cosh arcsinh arccosh arctanh arcsin arccos signbit spacing mantissa
    exponent rint bitwise_count
"""
BINARY = """
    add subtract multiply divide copysign maximum minimum floor_divide remainder power
    bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor
    hypot arctan2 shifted_exp nextafter ldexp fmod fmax fmin left_shift right_shift gcd lcm
"""
OF_TWO = ("power", "hypot", "arctan2", "shifted_exp")  # polynomials of two operands
ARITY = dict.fromkeys(UNARY.split(), 1) | dict.fromkeys(BINARY.split(), 2) | {"fma": 3}


# ------------------------------------------------------------------------------------ harness
def lanes_of(dtype: str) -> list[int]:
    """Scalar, and as many lanes as fill a vector register (bool: as bytes of float64 lanes)."""
    size = 8 if dtype == "bool" else np.dtype(dtype).itemsize
    return [0, jit.vector_bytes() // size]


def compile_for(cpu: str, text: str) -> bytes:
    """Object for another processor than this one."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.triple = jit.host().triple
    target = llvm.Target.from_triple(module.triple)
    machine = target.create_target_machine(cpu=cpu, features="", opt=1, codemodel="jitdefault")
    return bytes(machine.emit_object(module))


class Module:
    """LLVM text of loops over arrays, one function per name."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self.functions: dict[str, str] = {}

    def add(
        self, name: str, operands: list[str], result: str, lanes: int, body: Callable[..., str]
    ) -> None:
        """A loop ``out[i] = body(builders, values)``; dtypes by name; steps of `lanes`."""
        lines: list[str] = []
        known: dict[str, str] = {}

        def emit(text: str) -> str:
            if text not in known:
                known[text] = f"%t{len(known)}"
                lines.append(f"  {known[text]} = {text}")
            return known[text]

        def place(dtype: str, pointer: str) -> tuple[str, str]:
            memory = "i8" if dtype == "bool" else VectorBuilder(emit, np.dtype(dtype), 0).scalar
            at = emit(f"getelementptr {memory}, ptr {pointer}, i64 %i")
            return (f"<{lanes} x {memory}>" if lanes else memory), at

        builders, values = [], []
        for k, dtype in enumerate(operands):
            b = VectorBuilder(emit, np.dtype(dtype), lanes, declared=self.declared)
            kind, at = place(dtype, f"%p{k}")
            value = emit(f"load {kind}, ptr {at}, align 1")
            if dtype == "bool":
                value = emit(f"trunc {kind} {value} to {b.type}")
            builders.append(b)
            values.append(value)
        out = body(builders, values)
        kind, at = place(result, "%out")
        if result == "bool":
            out = emit(f"zext {builders[0].mask} {out} to {kind}")
        pointers = ", ".join(f"ptr %p{k}" for k in range(3))
        self.functions[name] = "\n".join(
            [
                f"define void @loop_{name}({pointers}, ptr %out, i64 %n) {{",
                "  br label %loop",
                "loop:",
                "  %i = phi i64 [ 0, %0 ], [ %next, %loop ]",
                *lines,
                f"  store {kind} {out}, ptr {at}, align 1",
                f"  %next = add i64 %i, {max(lanes, 1)}",
                "  %more = icmp slt i64 %next, %n",
                "  br i1 %more, label %loop, label %done",
                "done:",
                "  ret void",
                "}",
            ]
        )

    def link(self, cpu: str = "") -> dict[str, int]:
        """Addresses of the functions, compiled for this machine or a lesser one."""
        text = "\n".join([*self.declared.values(), *self.functions.values()])
        items = [compile_for(cpu, text) if cpu else jit.compile_object(text)]
        if cpu and not jit.half_conversions():
            items.append(jit.compile_object(jit.source("half.ll")))
        found = jit.load(items, [f"loop_{name}" for name in self.functions])
        return {name.removeprefix("loop_"): address for name, address in found.items()}


def call(address: int, lanes: int, result: str, *operands: Array) -> Array:
    """Run a loop of `Module` on arrays of one length, padded to whole vectors."""
    size = operands[0].size
    padded = -(-size // max(lanes, 1)) * max(lanes, 1)
    arrays = [np.resize(np.ascontiguousarray(x), padded) for x in operands]
    out = np.empty(padded, result)
    pointers = [x.ctypes.data for x in arrays] + [None] * (3 - len(arrays))
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    kind(address)(*pointers, out.ctypes.data, padded)
    return out[:size]


def words(dtype: str) -> Iterator[tuple[str, int]]:
    """What a builder of `dtype` takes besides select: name, arity."""
    known = VOCABULARY["float32" if dtype == "float16" else dtype]
    yield from ((name, ARITY[name]) for name in known)
    yield from ((name, 2) for name in COMPARISONS)


@cache
def compiled(dtype: str, lanes: int, cpu: str = "") -> dict[str, int]:
    """All primitives of a dtype."""
    module = Module()
    for name, arity in words(dtype):
        result = "bool" if name in MASKS else dtype
        module.add(
            name, [dtype] * arity, result, lanes, lambda bs, xs, name=name: bs[0].apply(name, *xs)
        )
    module.add(
        "select", ["bool", dtype, dtype], dtype, lanes, lambda bs, xs: bs[1].apply("select", *xs)
    )
    return module.link(cpu)


def run(name: str, dtype: str, lanes: int, *operands: Array, cpu: str = "") -> Array:
    """A primitive on arrays."""
    result = "bool" if name in MASKS else dtype
    return call(compiled(dtype, lanes, cpu)[name], lanes, result, *operands)


def on_each(dtypes: list[str]) -> pytest.MarkDecorator:
    """Parametrize over dtype and lane count."""
    return pytest.mark.parametrize(
        ("dtype", "lanes"), [(d, n) for d in dtypes for n in lanes_of(d)]
    )


def same(got: Array, want: Array) -> Array:
    """Equal elements; NaN equals NaN; the sign of zero counts."""
    if got.dtype.kind != "f":
        return got == want
    return (np.isnan(got) & np.isnan(want)) | (
        (got == want) & (np.signbit(got) == np.signbit(want))
    )


def assert_same(name: str, got: Array, want: Array, *operands: Array) -> None:
    """Exact agreement, with the first difference in the message."""
    bad = np.flatnonzero(~same(got, want))
    if bad.size:
        k = bad[0]
        at = ", ".join(repr(x[k]) for x in operands)
        pytest.fail(f"{name}({at}): got {got[k]!r}, want {want[k]!r}; {bad.size} of {got.size}")


# ------------------------------------------------------------------------------------- points
def special(dtype: str) -> Array:
    """Zeros, ones, halves, limits, subnormals, infinities, NaN."""
    f = np.finfo(dtype)
    small = [0, 0.1, 0.5, 1, 1.5, 2, 2.5, 3, 5, 20, 100, 1e10, 1e30]
    small = [v for v in small if v < float(f.max)]
    edges = [f.smallest_subnormal, f.smallest_subnormal * 3, f.tiny / 2, f.tiny, f.eps, f.max]
    a = np.array([*small, *edges, np.inf], dtype)
    near = np.concatenate([np.nextafter(a[:10], a[0]), np.nextafter(a[:10], a[-1])])
    return np.concatenate([a, -a, near, -near, np.array([np.nan], dtype)]).astype(dtype)


def pairs(dtype: str) -> tuple[Array, Array]:
    """All pairs of special values."""
    x, y = np.meshgrid(special(dtype), special(dtype))
    return x.ravel().copy(), y.ravel().copy()


def integers(dtype: str) -> tuple[Array, Array]:
    """Pairs of integers: limits, small ones, random ones of every size."""
    rng = np.random.default_rng(7)
    info = np.iinfo(dtype)
    small = [v for v in (-7, -3, -2, -1, 0, 1, 2, 3, 7) if v >= info.min]
    edges = np.array([info.min, info.min + 1, *small, info.max - 1, info.max], dtype)
    x, y = (v.ravel() for v in np.meshgrid(edges, edges))
    wide = rng.integers(info.min, info.max, (2, 2000), dtype=info.dtype, endpoint=True)
    shift = rng.integers(0, info.bits - 1, (2, 2000)).astype(dtype)
    wide >>= shift
    return np.concatenate([x, wide[0]]).astype(dtype), np.concatenate([y, wide[1]]).astype(dtype)


def every_half() -> Array:
    """All values of float16."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16)


def around_halves(dtype: str) -> Array:
    """Halves, what lies half-way between neighbours, and the neighbours of all these in `dtype`."""
    halves = np.sort(every_half()[::7].astype(dtype))
    halves = halves[np.isfinite(halves)]
    middle = (halves + np.nextafter(halves.astype(np.float16), np.float16(np.inf))) / 2
    exact = np.concatenate([halves, middle.astype(dtype)])
    far = np.array(np.inf, dtype)
    return np.concatenate([exact, np.nextafter(exact, far), np.nextafter(exact, -far)])


def log_uniform(rng: Any, low: float, high: float, count: int) -> Array:
    """Magnitudes spread evenly over the exponents, of both signs."""
    return np.exp2(rng.uniform(np.log2(low), np.log2(high), count)) * rng.choice([-1, 1], count)


def points(name: str, dtype: str, count: int) -> tuple[Array, ...]:
    """Arguments of `name` of several distributions, without NaN and infinities."""
    rng = np.random.default_rng(sum(map(ord, name)))
    f = np.finfo(dtype)
    part = count // 8
    if name == "power":
        top = 200 if dtype == "float64" else 25
        x = np.concatenate(
            [
                np.abs(rng.normal(size=2 * part)),
                10 ** rng.uniform(-top, top, 2 * part),
                1 + rng.normal(size=2 * part) * 1e-4,
                np.exp2(rng.uniform(np.log2(f.smallest_subnormal), np.log2(f.tiny), part)),
                rng.uniform(0.5, 20, part),
            ]
        )
        y = np.concatenate(
            [
                rng.normal(size=2 * part) * 5,
                rng.uniform(-1.5, 1.5, 2 * part),
                rng.normal(size=2 * part) * (1e5 if dtype == "float64" else 1e3),
                rng.uniform(-1, 1, part),
                rng.integers(-30, 30, part),
            ]
        )
        return x.astype(dtype), y.astype(dtype)
    if name in ("hypot", "arctan2"):
        edge = float(f.max) / 2
        x = [rng.normal(size=3 * part), log_uniform(rng, float(f.tiny), edge, 4 * part)]
        y = np.concatenate([rng.normal(size=3 * part), log_uniform(rng, 1e-3, 1e3, 4 * part)])
        with np.errstate(over="ignore"):
            y[3 * part :] *= x[1]  # of like magnitude
            p, q = np.concatenate(x).astype(dtype), y.astype(dtype)
        both = np.isfinite(p) & np.isfinite(q)
        return p[both], q[both]
    if name == "shifted_exp":
        edge, reach = (2048, 720) if dtype == "float64" else (240, 90)
        y = np.concatenate([rng.uniform(-edge, edge, 4 * part), rng.normal(size=4 * part) * 30])
        x = y + np.concatenate([rng.uniform(-reach, reach, 4 * part), rng.normal(size=4 * part)])
        return x.astype(dtype), y.astype(dtype)
    if name == "divide":
        return rng.normal(size=count).astype(dtype), rng.normal(size=count).astype(dtype)
    edge = 720.0 if dtype == "float64" else 90.0
    low_edge = 750.0 if dtype == "float64" else 105.0
    parts = [
        rng.normal(size=part),
        rng.normal(size=part) * 5,
        rng.uniform(-edge, edge, part),
        rng.uniform(-low_edge, -edge, part // 2),
        1 + rng.normal(size=part // 2) * 0.02,
        log_uniform(rng, float(f.tiny), 1, part),
        log_uniform(rng, 1, float(f.max), part),
        log_uniform(rng, float(f.smallest_subnormal), float(f.tiny), part // 2),
        rng.uniform(-30, 30, part),
        rng.uniform(-1.5, 1.5, part),
        np.arange(-200, 201) * (np.pi / 4) if name in ("sin", "cos", "tan") else [],
        rng.uniform(-TRIG_LIMIT, TRIG_LIMIT, part) if name in ("sin", "cos", "tan") else [],
        np.log(rng.uniform(0.45, 0.55, part)) if name == "log1mexp" else [],
        [TRIG_LIMIT, np.nextafter(np.float32(TRIG_LIMIT), np.float32(np.inf))],
    ]
    x = np.concatenate(parts).astype(dtype)
    x = x[np.isfinite(x)]
    if name in ("log", "log2", "log10"):
        return (np.abs(x[x != 0]),)
    if name in ("arcsin", "arccos", "arctanh"):
        near_one = 1 - log_uniform(rng, float(f.eps), 1, part).astype(dtype)
        x = np.concatenate([x, near_one, -near_one])
        return (x[np.abs(x) < 1],)
    if name == "arccosh":
        near_one = 1 + np.abs(log_uniform(rng, float(f.eps), 1, part)).astype(dtype)
        return (np.concatenate([np.abs(x[np.abs(x) >= 1]), near_one]),)
    if name == "log1p":
        return (np.concatenate([x[x > -1], -rng.uniform(0, 1, part).astype(dtype)]),)
    if name == "log1mexp":
        return (-np.abs(x[x != 0]),)
    return (x,)


# -------------------------------------------------------------------------------------- truth
def _mp_log1mexp(x: Any) -> Any:
    return mpmath.log(-mpmath.expm1(x))


MPMATH: dict[str, Callable[..., Any]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "log1mexp": _mp_log1mexp,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arctan": mpmath.atan,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "erfc": lambda x: mpmath.erfc(x) if x < 1e3 else mpmath.mpf(0),
    "power": lambda x, y: mpmath.power(x, y),
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x) / mpmath.ln2,
    "log10": lambda x: mpmath.log(x) / mpmath.ln10,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": mpmath.hypot,
    "shifted_exp": lambda x, y: mpmath.exp(x) / 2 ** mpmath.nint(y / mpmath.ln2),
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "arcsinh": lambda x: mpmath.sign(x) * mpmath.asinh(abs(x)),
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan2": mpmath.atan2,
}


def _wide_log1mexp(x: Array) -> Array:
    near = x > -0.6931471805599453
    return np.where(near, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _wide_softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _wide_sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _wide_shifted_exp(x: Array, y: Array) -> Array:
    return np.ldexp(np.exp(x), -np.rint(y / np.log(x.dtype.type(2))).astype(int))


# In a wider type these are exact enough; the other functions need mpmath (or SciPy for float32).
WIDE: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log1mexp": _wide_log1mexp,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arctan": np.arctan,
    "tanh": np.tanh,
    "sigmoid": _wide_sigmoid,
    "softplus": _wide_softplus,
    "power": np.power,
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "cbrt": np.cbrt,
    "hypot": np.hypot,
    "shifted_exp": _wide_shifted_exp,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan2": np.arctan2,
}


def by_mpmath(name: str, *operands: Array) -> Array:
    """Truth in 80 digits, as long double (a sum of two doubles)."""
    with mpmath.workdps(80 if name in ("sin", "cos", "tan") else 50):
        columns = [map(mpmath.mpf, x.tolist()) for x in operands]
        values = [MPMATH[name](*row) for row in zip(*columns, strict=True)]
        heads = [float(v) for v in values]
        tails = [
            float(v - h) if np.isfinite(h) else 0.0 for v, h in zip(values, heads, strict=True)
        ]
    return np.array(heads, np.longdouble) + np.array(tails, np.longdouble)


def by_scipy(name: str, x: Array) -> Array:
    """Truth in float64, for float32."""
    import scipy.special

    return getattr(scipy.special, name)(x.astype(np.float64))


def ulps(got: Array, truth: Array) -> Array:
    """Error in units in the last place of the truth; inf where one of both overflowed alone."""
    dtype = got.dtype
    with np.errstate(all="ignore"):
        rounded = truth.astype(dtype)
        unit = np.spacing(np.abs(rounded)).astype(truth.dtype)
        error = np.abs(got.astype(truth.dtype) - truth) / unit
        at_top = np.isinf(rounded) | np.isinf(got)
        largest = np.finfo(dtype).max
    # inf against the largest number: one unit apart
    close = np.abs(np.clip(got, -largest, largest)) == largest
    close &= np.abs(np.clip(rounded, -largest, largest)) == largest
    close &= np.sign(got) == np.sign(rounded)
    return np.where(at_top, np.where(got == rounded, 0, np.where(close, 1, np.inf)), error)


def truth_of(name: str, dtype: str, operands: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Truth, and the operands it is for: fewer of them where mpmath is needed."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dtype == "float32":
            if name in ("erf", "erfc"):
                return by_scipy(name, operands[0]), operands
            return WIDE[name](*(x.astype(np.float64) for x in operands)), operands
        if name in WIDE and name != "power" and EXTENDED:
            return WIDE[name](*(x.astype(np.longdouble) for x in operands)), operands
    few = max(SAMPLES // 10, 300)
    pick = np.random.default_rng(1).permutation(operands[0].size)[:few]
    operands = tuple(x[pick] for x in operands)
    return by_mpmath(name, *operands), operands


# -------------------------------------------------------------------------------------- tests
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
def test_errors_on_lesser_machines(cpu: str, dtype: str) -> None:
    if cpu == "x86-64-v3" and jit.vector_bytes() < 32:
        pytest.skip("this machine has no AVX2")
    lanes = (16 if cpu == "x86-64" else 32) // np.dtype(dtype).itemsize
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


def _texts(dtype: str, contract: bool) -> list[str]:
    texts: list[str] = []

    def emit(text: str) -> str:
        texts.append(text)
        return f"%t{len(texts)}"

    declared: dict[str, str] = {}
    b = VectorBuilder(emit, np.dtype(dtype), 8, contract, declared)
    for name, arity in words(dtype):
        b.apply(name, *["%x", "%y", "%z"][:arity])
    return texts + list(declared.values())


@pytest.mark.parametrize("dtype", FLOATS)
def test_contract_is_the_only_flag_and_can_be_switched_off(dtype: str) -> None:
    flags = ("fast", "reassoc", "nnan", "ninf", "nsz", "arcp", "afn")
    assert not [t for t in _texts(dtype, True) if set(t.split()) & set(flags)]
    marked = [t for t in _texts(dtype, True) if "contract" in t]
    assert sorted(t.split()[0] for t in marked) == ["fadd", "fmul", "fmul", "fsub"]
    assert not [t for t in _texts(dtype, False) if "contract" in t]


@pytest.mark.skipif(jit.vector_bytes() < 64, reason="needs AVX-512")
@pytest.mark.parametrize("dtype", FLOATS)
def test_whole_registers_are_scaled_by_one_instruction_each(dtype: str) -> None:
    register = 64 // np.dtype(dtype).itemsize

    def scalings(lanes: int) -> int:
        texts: list[str] = []
        b = VectorBuilder(lambda t: texts.append(t) or f"%t{len(texts)}", np.dtype(dtype), lanes)
        b.apply("exp", "%x")
        return sum("scalef" in t for t in texts)

    counts = {n: scalings(n) for n in (0, register // 2, register, 2 * register, 4 * register)}
    assert list(counts.values()) == [0, 0, 1, 2, 4]
    x = np.concatenate([special(dtype), np.linspace(-800, 800, 4001).astype(dtype)])
    alone = run("exp", dtype, 0, x)  # in two steps
    for lanes in (register, 2 * register, 4 * register):
        assert_same("exp", run("exp", dtype, lanes, x), alone, x)


def test_unknown_words_and_dtypes_are_refused() -> None:
    b = VectorBuilder(str, np.dtype("int64"), 0)
    with pytest.raises(UnsupportedError, match="no primitive 'exp' for int64"):
        b.apply("exp", "%x")
    with pytest.raises(UnsupportedError, match="needs a dtype"):
        VectorBuilder(str, np.dtype("complex128"), 0)
