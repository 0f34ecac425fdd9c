"""Small programs over loop values: one each of what nests must cope with."""

from __future__ import annotations

from collections.abc import Callable

from tests.lower.loopvalues import (
    BOOL,
    F32,
    F64,
    I32,
    I64,
    K,
    M,
    N,
    T,
    array,
    constant,
    fn,
    size_of,
)

PROGRAMS: dict[str, Callable[[], list[T]]] = {}


def program(make: Callable[[], list[T]]) -> Callable[[], list[T]]:
    PROGRAMS[make.__name__] = make
    return make


x1, y1, z1 = (lambda: array("x", N)), (lambda: array("y", N)), (lambda: array("z", N))


def x2(dtype=F64):
    return array("x", N, M, dtype=dtype)


# ----------------------------------------------------------------------------------- elementwise
@program
def chain10():
    x, y = x1(), y1()
    z = (x * y + 1.0) * x - y
    z = z * 0.5 + x * x
    z = z * z - 2.0 * z + 1.0
    return [z / (1.0 + x * x)]


@program
def black_scholes():
    s, k, t = (fn("exp", array(c, N)) for c in "skt")
    sq = 0.2 * fn("sqrt", t)
    d1 = (fn("log", s / k) + 0.12 * t) / sq
    d2 = d1 - sq
    n1, n2 = (0.5 + 0.5 * fn("erf", d / 1.4142135623730951) for d in (d1, d2))
    return [s * n1 - k * fn("exp", -0.1 * t) * n2]


@program
def softplus_f32():
    return [fn("softplus", array("x", N, dtype=F32))]


@program
def gaussian_pdf():
    u = (x1() - 0.3) / 1.7
    return [fn("exp", -(u * u) / 2.0) / (1.7 * 2.5066282746310002)]


@program
def logistic_map5():
    x = fn("sigmoid", x1())
    for _ in range(5):
        x = 3.7 * x * (1.0 - x)
    return [x]


@program
def integers_and_bools():
    i, j = array("i", N, dtype=I32), array("j", N, dtype=I32)
    flag = fn("logical_and", fn("less", i, j), fn("not_equal", i, 3))
    return [flag, fn("select", flag, i * j, i - 7), fn("floor_divide", i, j), fn("remainder", i, j)]


@program
def mixed_dtypes():
    x, i = array("x", N, dtype=F32), array("i", N, dtype=I64)
    flag = array("b", N, dtype=BOOL)
    both = x.cast(F64) + i.cast(F64)
    return [both, fn("select", flag, both.cast(F32), x), flag.cast(I32), both.cast(BOOL)]


@program
def broadcasts():
    x, row, column = x2(), array("r", M), array("c", N)
    return [x * row.to(N, M) + column.to(N, M, axes=[0])]


@program
def outer_sum_3d():
    a, b, c = array("x", N), array("y", M), array("z", K)
    shape = (N, M, K)
    return [a.to(*shape, axes=[0]) * b.to(*shape, axes=[1]) + c.to(*shape)]


@program
def constants_and_sizes():
    x = x1()
    whole = constant(2.5).v
    return [x / size_of(N, F64), x.iota(0).cast(F64) * x, T(_full(whole))]


def _full(value):
    from eqsat_tensor.schedule.loop_values import View

    return View(value.type.with_shape((N, M)), value, ())


# ---------------------------------------------------------------------------------------- views
@program
def slices():
    x = array("x", N + 3)
    return [x[1:-2] * 2.0 + x[2:-1] - x[:-3]]


@program
def strided_views():
    x = array("x", 2 * N)
    return [x[::2] * 2.0 + x[1::2], x[::-1] + 1.0, x[::-2]]


@program
def strided_input():
    x = array("x", N, M, contiguous=False)
    return [fn("exp", x), x.sum(1), x.sum(0), x.sum()]


@program
def transposed():
    x, y = x2(), array("y", M, N)
    return [x.mT + y, (x + y.mT).sum(0)]


@program
def transposed_3d():
    x = array("x", N, M, K)
    y = array("y", K, N, M)
    return [x.transpose(2, 0, 1) + y, x.transpose(1, 0, 2)]


@program
def diagonal():
    from eqsat_tensor.schedule.loop_values import View

    x = array("x", N, N)
    d = T(View(x.v.type.with_shape((N,)), x.v, ((0, 0, 1), (0, 0, 1))))
    return [d * 2.0, d.sum()]


@program
def padded():
    x = x2()
    return [
        x.pad((1, 2), (0, 3)) + 1.0,
        x.pad((0, 0), (2, 0)).sum(1),
        (x * 3.0 + 1.0).pad((0, 0), (0, 3)),
        (x * x).pad((2, 1), (1, 1)).sum(),
    ]


@program
def padded_view():
    x = x1().pad((2, 3))
    return [x[::-1] * 1.5, x[1:-1], (x[::-1] + 1.0).sum()]


@program
def concatenated():
    x, y = array("x", N), array("y", M)
    line = array("o", N + M)
    both = fn("select", fn("less", line.iota(0), size_of(N)), x.pad((0, M)), y.pad((N, 0)))
    return [both * line]


@program
def reshaped():
    x = x2()
    flat = x.reshape(N * M)
    return [flat * 2.0, fn("exp", x).reshape(M, N), (x + 1.0).reshape(N * M).sum()]


@program
def jacobi():
    a = array("x", N + 2, M + 2)
    middle = a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1]
    return [0.2 * middle]


@program
def wave_energy():
    u = array("x", N + 1, M + 1)
    dx, dy, u2 = u[:, 1:] - u[:, :-1], u[1:, :] - u[:-1, :], u * u
    return [0.5 * (dx * dx).sum() + 0.5 * (dy * dy).sum() + (u2 * u2).sum() / 4.0]


@program
def rosenbrock():
    x = array("x", N + 1)
    a, t = x[:-1], x[1:] - x[:-1] * x[:-1]
    one = 1.0 - a
    value = (100.0 * (t * t) + one * one).sum()
    gradient = (200.0 * t).pad((1, 0)) + ((-400.0 * t) * a - 2.0 * one).pad((0, 1))
    return [value, gradient]


# ------------------------------------------------------------------------------------ reductions
@program
def sum_squares():
    x = x1()
    return [(x * x).sum(), x.max(), x.reduce("min"), (x * 0.5).reduce("prod")]


@program
def float32_sums():
    x = x2(F32)
    return [x.sum(), x.sum(0), x.sum(1), x.max(0), x.reduce("min", 1)]


@program
def integer_reductions():
    i = array("i", N, M, dtype=I32)
    return [i.sum(), i.sum(0), i.sum(1), i.max(1), i.reduce("min", 0), i.reduce("prod")]


@program
def bool_reductions():
    x = x2()
    flag = fn("less", x, 0.3)
    return [flag.reduce("any"), flag.reduce("all", 0), flag.reduce("any", 1), flag.reduce("all", 1)]


@program
def middle_axis():
    x = array("x", N, M, K)
    return [x.sum(1), x.max(1), x.sum(0, 2), x.sum(0, 1), x.sum(1, 2), x.sum()]


@program
def four_axes():
    x = array("x", N, 3, M, 2)
    return [x.sum(1, 3), x.sum(0, 2), x.sum(2), fn("tanh", x.sum(0, 1, 2) * 1e-3)]


@program
def sizes_of_one():
    x = array("x", N, 1, M)
    return [x.sum(1), x.sum(2), x.sum(0), x.reduce("max", 0, 1)]


@program
def softmax():
    x = x2(F32)
    e = fn("exp", x - x.max(1).to(N, M, axes=[0]))
    return [e / e.sum(1).to(N, M, axes=[0])]


@program
def logsumexp():
    x = x2()
    m = x.max(1)
    e = fn("exp", x - m.to(N, M, axes=[0]))
    return [fn("log", e.sum(1)) + m]


@program
def softmax_columns():
    x = x2()
    e = fn("exp", x - x.max(0).to(N, M))
    return [e / e.sum(0).to(N, M)]


@program
def two_row_sums_of_one_exp():
    x = x2()
    d = x - x.max(1).to(N, M, axes=[0])
    e = fn("exp", d)
    s = e.sum(1).to(N, M, axes=[0])
    return [(e * d / s).sum(1)]


@program
def standardize_columns():
    x = x2()
    d = x - (x.sum(0) / size_of(N, F64)).to(N, M)
    return [d / fn("sqrt", (d * d).sum(0) / size_of(N, F64)).to(N, M)]


@program
def layernorm():
    x, g, b = x2(F32), array("g", M, dtype=F32), array("b", M, dtype=F32)
    d = x - (x.sum(1) / size_of(M, F32)).to(N, M, axes=[0])
    var = (d * d).sum(1) / size_of(M, F32)
    return [d / fn("sqrt", var + 1e-5).to(N, M, axes=[0]) * g.to(N, M) + b.to(N, M)]


@program
def normalised_tanh():
    """The difference takes the place of the tanh, of which it is made, in the row of the result."""
    x = x2()
    h = fn("tanh", x)
    d = h - (h.sum(1) / size_of(M, F64)).to(N, M, axes=[0])
    var = (d * d).sum(1) / size_of(M, F64)
    return [x + d / fn("sqrt", var + 1e-5).to(N, M, axes=[0])]


@program
def kept_and_read_to_the_end():
    """Here the tanh is read as late as the exp that is made of it: one row does not hold both."""
    h = fn("tanh", x2())
    e = fn("exp", h - h.sum(1).to(N, M, axes=[0]))
    return [e / e.sum(1).to(N, M, axes=[0]) + h]


@program
def seven_tanh():
    x, y = array("x", N), array("y", N)
    for i in range(7):
        x = fn("tanh", x * y + 0.5 * i) - y
    return [x]


@program
def logistic_regression():
    w, x, y = array("w", K), array("x", N, K), array("y", N)
    u = -y * (x * w.to(N, K)).sum(1)
    f = fn("softplus", u).sum() / 20_000.0 + 0.01 * (w * w).sum()
    dz = -y * fn("sigmoid", u) / 20_000.0
    return [f, (x * dz.to(N, K, axes=[0])).sum(0) + 0.02 * w]


@program
def matrix_vector_products():
    x, v, u = x2(), array("v", M), array("u", N)
    return [(x * v.to(N, M)).sum(1), (x.mT * u.to(M, N)).sum(1)]


@program
def row_scalars_reused():
    x = x2()
    total = x.sum(1)
    scaled = x / total.to(N, M, axes=[0])
    return [total, scaled, fn("sigmoid", total), scaled.max(1)]


@program
def scalar_program():
    a, b = array("x"), array("y")
    return [fn("exp", a) * b + 1.0]


# --------------------------------------------------------------------------------------- labels
@program
def picked_rows():
    table, label = array("x", N + 1, M), array("i", K, dtype=I64)
    spread = table.to(N + 1, K, M, axes=[0, 2])
    return [spread.pick(0, label.to(K, M, axes=[0])) * 2.0]


@program
def picked_label_of_each_row():
    z, label = array("x", K, N + 1), array("i", K, dtype=I64)
    shifted = z - z.max(1).to(K, N + 1, axes=[0])
    log = shifted - fn("log", fn("exp", shifted).sum(1)).to(K, N + 1, axes=[0])
    return [-(log.pick(1, label)).sum()]


@program
def picked_from_padded():
    x, label = array("x", N), array("i", K, dtype=I64)
    return [
        x.pad((1, 0)).pick_all(label) if hasattr(x, "pick_all") else _take(x.pad((1, 0)), label)
    ]


def _take(x, label):
    return x.to(N + 1, K, axes=[0]).pick(0, label)


# ------------------------------------------------------------------------------------- products
def gemm(a, b, *scaled, flags=(False, False), row=False):
    from eqsat_tensor.schedule.loop_values import Call
    from eqsat_tensor.types import TensorType

    m = a.shape[-1] if flags[0] else a.shape[-2]
    n = b.shape[-2] if flags[1] else b.shape[-1]
    options = [("transpose_a", flags[0]), ("transpose_b", flags[1])] + (
        [("row", True)] if row else []
    )
    shape = (*a.shape[:-2], m, n)
    operands = tuple(t.v for t in (a, b, *scaled))
    return T(Call(TensorType(a.v.dtype, shape), "gemm", operands, tuple(options)))


@program
def products():
    a, b, c = array("x", N, M), array("y", M, K), array("z", N, K)
    return [
        gemm(a, b),
        gemm(a, b, constant(0.5), array("s"), c),
        gemm(b, a, flags=(True, True)) + 1.0,
        fn("tanh", gemm(fn("exp", a), b) * 0.5),
        gemm(c, a, flags=(True, False)).sum(1),
        gemm(a, b, constant(1.0), constant(1.0), array("bias", K), row=True),
    ]


@program
def batched_products():
    a, b = array("x", 3, N, M, dtype=F32), array("y", 3, M, K, dtype=F32)
    return [fn("exp", gemm(a, b) * 0.01)]


@program
def products_in_a_chain():
    """Each activation may take the memory of its product."""
    x, w, v = array("x", N, M), array("y", M, M), array("z", M, M)
    h = fn("tanh", gemm(x, w) * 0.1)
    h = fn("tanh", gemm(h, v) * 0.1)
    h = fn("tanh", gemm(h, w) + gemm(x, v))
    return [gemm(h, v) + x, gemm(h, w).sum(1)]
