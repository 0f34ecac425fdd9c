"""``dtype=``, ``where=``, ``out=`` and ``casting=`` of ufuncs, called by NumPy's name and by ours."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, EqsatError, ShapeError, UnsupportedError
from eqsat_tensor.namespace.operands import UFUNCS
from tests.namespace.agree import agree, leaves, traced
from tests.oracle import assert_same

BYTES = np.array([100, 127, -128, 3], np.int8)
FLOATS = np.array([1.5, -2.0, 0.0, np.nan])


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:Passing more than 2")


def _operands(ufunc, dtype):
    values = [1, 1, 0, 1] if ufunc.__name__.startswith("arc") else [5, 7, 2, 3]
    return [np.array(values).astype(dtype)] * ufunc.nin


def _takes(ufunc, dtype, wanted):
    try:
        ufunc(*_operands(ufunc, dtype), dtype=wanted)
    except (TypeError, ValueError):
        return False
    return True


ELEMENTWISE = sorted(
    (u for u in UFUNCS if u.signature is None and getattr(np, u.__name__, None) is u),
    key=lambda u: u.__name__,
)
PAIRS = (("i1", "i4"), ("u1", "i8"), ("f4", "f8"), ("f8", "f4"), ("i8", "f8"), ("?", "i4"))


@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda u: u.__name__)
def test_a_dtype_is_that_of_the_computation(ufunc):
    name = ufunc.__name__
    for dtype, wanted in PAIRS:
        operands = _operands(ufunc, dtype)
        if _takes(ufunc, dtype, wanted):
            agree(
                lambda e, *x, w=wanted: getattr(e, name)(*x, dtype=w), *operands,
                symbolic=False, label=f"{name} {dtype} {wanted}",
            )  # fmt: skip
        else:
            for namespace in (et, np):
                with pytest.raises((EqsatError, TypeError, ValueError)):
                    traced(
                        lambda *x, w=wanted, e=namespace: getattr(e, name)(*x, dtype=w), operands
                    )


def test_operands_are_cast_before_and_results_do_not_wrap():
    agree(lambda e, x: [e.add(x, x, dtype=np.int32), e.multiply(x, 3, dtype="i8")], BYTES)
    agree(lambda e, x: [e.negative(x, dtype=np.int64), e.square(x, dtype=np.int16)], BYTES)
    agree(lambda e, x: e.divide(x, 3, dtype=np.float32), FLOATS)
    agree(lambda e, x: e.add(x, x, dtype=np.int8, casting="unsafe"), FLOATS[:3])
    agree(lambda e, x, y: e.power(x, y, dtype=complex), FLOATS[:3], np.array([2.0, 1.5, 1.0]))


def test_a_dtype_to_which_operands_do_not_cast_is_refused():
    x = et.tensor("x", ("n",))
    for call in (np.add, et.add):
        with pytest.raises(DtypeError, match=r"add: needs .*dtype=int32"):
            call(x, x, dtype=np.int32)
        with pytest.raises(DtypeError, match=r"casting='safe'.*dtype=float32"):
            call(x, x, dtype=np.float32, casting="safe")


def _held(function, *values, label=""):
    """``function(namespace, arrays' namespace, *values)`` of traced values is as NumPy has it."""
    with np.errstate(all="ignore"):
        want = leaves(function(np, np, *values))
    for namespace in (et, np):
        made = et.jit(lambda *x, e=namespace: function(e, et, *x), mode="reference")
        for found, value in zip(leaves(made(*values)), want, strict=True):
            assert_same(np.asarray(found), np.asarray(value), "exact", label)


def test_where_keeps_what_is_in_the_result():
    def quotients(e, m, a, b):
        return e.divide(a, b, out=m.zeros_like(a), where=b != 0)

    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.0, 4.0, 0.0])
    _held(quotients, a, b)
    _held(lambda e, m, a, b: e.log(a, out=m.full_like(a, -7.0), where=a > b), a, b)
    _held(lambda e, m, a: e.sqrt(a, out=m.ones_like(a), where=np.array([True, False, True])), a)
    _held(lambda e, m, a: e.add(a, 1, out=m.ones_like(a), where=False), a)
    _held(lambda e, m, a: e.add(a, 1, where=True), a)
    # The condition is broadcast; the result is cast to the array that it goes to.
    wide = np.arange(6.0).reshape(2, 3)
    _held(lambda e, m, x: e.exp(x, out=m.zeros((2, 3)), where=np.array([[True], [False]])), wide)
    _held(lambda e, m, x: e.add(x, 1.5, out=m.zeros((2, 3), "f4"), where=x > 2), wide)


def test_the_idiom_as_numpy_text():
    @et.jit
    def safe(a, b):
        return np.divide(a, b, out=np.zeros_like(a), where=b != 0)

    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.0, 4.0, 0.0])
    np.testing.assert_array_equal(safe(a, b), [0.0, 0.5, 0.0])
    slope = et.grad(lambda b: et.sum(np.divide(a, b, out=np.zeros_like(b), where=b != 0)))
    np.testing.assert_array_equal(slope(b), [0.0, -0.125, 0.0])


def test_where_without_an_array_to_keep_is_refused():
    x = et.tensor("x", (3,))
    for call in (np.exp, et.exp):
        with pytest.raises(UnsupportedError, match="needs out= beside where="):
            call(x, where=x > 0)
    with pytest.raises(ShapeError, match="where"):
        et.jit(lambda x: np.exp(x, out=et.zeros(3), where=np.ones(4, bool)))(np.ones(3))


def test_results_are_broadcast_into_out():
    _held(lambda e, m, x: e.add(x, 1, out=m.zeros((2, 3))), np.arange(3.0))
    _held(lambda e, m, x: e.multiply(x[0], 2.0, out=m.zeros(3)), np.arange(3.0))
    with pytest.raises(ShapeError, match="out="):
        et.jit(lambda x: np.add(x, 1, out=et.zeros(3)))(np.ones((2, 3)))


def test_several_results_go_to_several_arrays():
    def both(e, m, x):
        q, r = m.zeros_like(x), m.zeros_like(x)
        e.divmod(x, 3, out=(q, r))
        whole = m.zeros_like(x)
        e.modf(x, out=(None, whole))
        return q, r, whole

    _held(both, np.array([7.5, -7.5, 2.0]))


@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda u: u.__name__)
def test_results_go_to_arrays_given_by_place(ufunc):
    for dtype in ("i8", "f8", "?"):
        operands = _operands(ufunc, dtype)
        try:
            made = ufunc(*operands)
        except TypeError:
            continue
        made = made if isinstance(made, tuple) else (made,)

        def call(e, m, *x, results=made):
            outs = [m.zeros(4, v.dtype) for v in results]
            getattr(e, ufunc.__name__)(*x, *outs)
            return outs

        _held(call, *operands, label=ufunc.__name__)


def test_functions_take_out_by_place_as_numpys():
    def call(e, m, x):
        first, second, third = m.zeros(3), m.zeros(3, bool), m.zeros(())
        e.clip(x, 0.5, 1.5, first)
        e.isneginf(x, second)
        e.sum(x, None, None, third)
        return first, second, third

    _held(call, np.array([0.0, 1.0, -np.inf]))


def test_ranges_are_operands():
    x = np.arange(3.0)
    agree(lambda e, x: [x + range(3), range(3) * x, e.float_power(range(3), x)], x)
    agree(lambda e, x: [e.dot(x, range(3)), x[range(2)], e.where(x > 1, range(3), x)], x)
