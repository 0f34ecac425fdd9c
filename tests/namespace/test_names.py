"""Every name of NumPy's main namespace is there, or a table says why not; and what is no function."""

import copy
import inspect
import subprocess
import sys

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError, ShapeError, TraceError, UnsupportedError
from eqsat_tensor.namespace import NOT_THERE, NUMPY
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.types import DTYPES
from tests.namespace.agree import agree, traced
from tests.oracle import assert_same


# `extract` is a room of the compiler; numpy.extract of tensors is there.
@pytest.mark.parametrize(
    "name", [n for n in sorted(np.__all__) if n[:2] != "__" and n != "extract"]
)
def test_a_name_of_numpy_is_there_or_a_table_says_why_not(name):
    there = name in dir(et)
    assert there != (name in NOT_THERE), name
    if there:
        assert hasattr(et, name)
    else:
        with pytest.raises(AttributeError, match=f"no attribute '{name}': [A-Z]"):
            getattr(et, name)


def test_the_table_has_no_names_that_numpy_has_not():
    assert [n for n in NOT_THERE if not hasattr(np, n)] == []


def test_an_error_of_a_missing_function_gives_the_reason():
    with pytest.raises(
        UnsupportedError, match=r"numpy\.trim_zeros: .*The size of its result depends"
    ):
        np.trim_zeros(et.tensor("x", (3,)))


def _numpys():
    """NumPy's functions that lead to ours, with a signature, and ours."""
    for theirs, ours in NUMPY.items():
        try:
            yield theirs, inspect.signature(theirs), inspect.signature(ours)
        except ValueError:
            continue


KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
NEW = (
    "movement",
    "joining",
    "repeating",
    "padding",
    "creation",
    "sequences",
    "triangles",
    "products",
)


def test_keywords_of_functions_are_numpys():
    checked = 0
    for theirs, want, have in _numpys():
        if NUMPY[theirs].__module__.rpartition(".")[2] not in NEW or theirs is np.arange:
            continue  # arange calls its first parameter start_or_stop, and takes start
        names = [n for n, p in have.parameters.items() if p.kind in KINDS]
        assert set(names) <= set(want.parameters), (theirs, names)
        checked += 1
    assert checked > 60


def test_operands_may_be_given_by_numpys_names():
    x = np.arange(6.0).reshape(2, 3)
    agree(lambda e, x: [e.roll(a=x, shift=1), e.tile(A=x, reps=2), e.kron(a=x, b=x)], x)
    agree(lambda e, x: [e.tensordot(a=x, b=x, axes=2), e.sum(a=x, axis=0), e.flip(m=x)], x)


# ----------------------------------------------------------------------------------------- objects
def test_scalar_types_and_constants_are_numpys():
    assert all(getattr(et, d.name) is d.type for d in DTYPES)
    assert et.double is np.float64
    assert et.pi == np.pi
    assert et.newaxis is None
    assert et.finfo(et.float32).eps == np.finfo(np.float32).eps
    with et.errstate(divide="ignore"):
        assert et.tensor("x", (2,), et.float32).dtype == np.float32


def test_tensors_and_arrays_are_ndarrays():
    x = et.tensor("x", (2,))
    assert isinstance(x, et.ndarray)
    assert isinstance(np.zeros(2), et.ndarray)
    assert not isinstance([1.0], et.ndarray)
    assert issubclass(Tensor, et.ndarray)
    with pytest.raises(UnsupportedError, match=r"ndarray: needs .*Use zeros"):
        et.ndarray((2, 3))


def test_queries_see_tensors():
    x = et.tensor("x", ("n", 3), "float32")
    for e in (et, np):
        assert e.ndim(x) == 2
        assert e.shape(x)[1] == 3
        assert (e.size(x) - 3 * x.shape[0]) == 0
        assert e.size(x, 1) == 3
        assert e.result_type(x, 1.0) == np.float32
        assert e.result_type(x, np.int64) == np.float64
        assert e.can_cast(x, np.float64)
        assert not e.can_cast(x, np.int32)
        assert e.common_type(x) is np.float32
        assert not e.iscomplexobj(x)
        assert e.isrealobj(x)
        assert not e.isscalar(x)
    assert et.promote_types("float32", "int32") == np.float64
    assert et.size(np.zeros((2, 3)), 0) == 2
    assert et.broadcast_shapes((x.shape[0], 1), (3,))[1] == 3
    assert et.broadcast_shapes((2, 1), (3,)) == (2, 3)


# ----------------------------------------------------------------------------------------- methods
X = np.arange(12.0).reshape(3, 4)
METHODS = {
    "repeat": lambda x: x.repeat(2, axis=1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "squeeze": lambda x: x[None].squeeze(0),
    "diagonal": lambda x: x.diagonal(1),
    "trace": lambda x: x.trace(offset=1),
    "dot": lambda x: x.dot(x.T),
    "ravel": lambda x: x.ravel() + x.flatten(order="C"),
    "clip": lambda x: x.clip(2, 5),
    "conj": lambda x: x.conj() + x.conjugate(),
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype("float32", copy=False) + x.astype(np.int32, "C", "unsafe"),
    "reshape": lambda x: x.reshape(4, 3, order="C") + x.reshape((4, -1)),
    "sizes": lambda x: np.asarray(0) + x.itemsize + x.nbytes,
    "copied": lambda x: copy.deepcopy(x) + copy.copy(x),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_ndarrays(name):
    assert_same(traced(METHODS[name], [X])[0], METHODS[name](X))


def test_bytes_of_an_unknown_size_are_a_size():
    x = et.tensor("x", ("n",), "float32")
    assert (x.nbytes - 4 * x.shape[0]) == 0


def test_a_copy_of_an_expression_is_the_expression():
    x = et.tensor("x", (3,)) + 1
    assert copy.deepcopy(x) is not x
    assert copy.deepcopy(x).expr is x.expr


def test_apply_over_axes_puts_axes_back():
    agree(lambda e, x: e.apply_over_axes(e.sum, x, (0, -1)), X[None])
    agree(lambda e, x: e.apply_over_axes(e.sum, x, 1), X)


# ------------------------------------------------------------------------------------- polynomials
P, Q = np.array([2.0, -1.0, 0.5, 3.0]), np.array([1.0, 4.0])
POLYNOMIALS = {
    "polyval": lambda e, p, q: [e.polyval(p, q), e.polyval(p, 2), e.polyval(p, q[:, None])],
    "polyadd": lambda e, p, q: [e.polyadd(p, q), e.polyadd(q, p), e.polyadd(p, 2)],
    "polysub": lambda e, p, q: [e.polysub(p, q), e.polysub(q, p)],
    "polyder": lambda e, p, q: [e.polyder(p, m) for m in (0, 1, 3, 5)],
    "polyint": lambda e, p, q: [
        e.polyint(p),
        e.polyint(p, 2, q),
        e.polyint(p, 2, 3.0),
        e.polyint(q, 0),
    ],
}


@pytest.mark.parametrize("name", POLYNOMIALS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_polynomials_are_numpys(name, dtype):
    unknown = False if name == "polyval" else None  # which needs the number of coefficients
    agree(POLYNOMIALS[name], P.astype(dtype), Q.astype(dtype), guarantee="real", symbolic=unknown)


@pytest.mark.parametrize("function", [et.polyadd, et.polysub])
def test_polynomials_of_unknown_degrees_are_added(function):
    for p, q in ((P, Q), (Q, P), (P, P)):
        found = traced(function, [p, q], symbolic=True)[0]
        assert_same(found, getattr(np, function.__name__)(p, q))


def _errors():
    x = et.tensor("x", (2, 3))
    return {
        "flat": (lambda: x.flat, UnsupportedError, r"x\.flat: needs .*Use x\.ravel\(\)"),
        "strides": (lambda: x.strides, UnsupportedError, r"x\.strides: needs .*lies nowhere"),
        "view": (lambda: x.view(int), UnsupportedError, r"x\.view\(\): needs .*Use astype"),
        "resize": (lambda: x.resize((3, 2)), UnsupportedError, r"Use resize\(x, shape\)"),
        "tolist": (lambda: x.tolist(), TraceError, "tolist: needs a value that is known while tracing"),
        "item": (lambda: x.item(0), TraceError, "item: needs a value that is known while tracing"),
        "order": (lambda: x.reshape(3, 2, order="A"), UnsupportedError, "reshape: needs order='C'"),
        "flatten": (lambda: x.flatten("K"), UnsupportedError, "needs order='C'"),
        "casting": (lambda: x.astype(int, casting="safe"), EqsatError, "astype: needs operands that cast"),
        "over": (lambda: et.apply_over_axes(lambda v, a: v.sum(), x[None], 0), ShapeError, "drops an axis"),
        "polyval": (lambda: et.polyval(x, 1.0), ShapeError, "polyval: needs coefficients along one axis"),
        "polyadd": (lambda: et.polyadd(x, x), ShapeError, "polyadd: needs coefficients along one axis"),
        "polyder": (lambda: et.polyder(x[0], -1), EqsatError, "polyder: needs an order that is an int"),
        "polyint": (lambda: et.polyint(x[0], 3, [1, 2]), ShapeError, "polyint: needs 1 or 3 constants"),
    }  # fmt: skip


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed(name):
    function, kind, pattern = _errors()[name]
    with pytest.raises(kind, match=pattern):
        function()


def test_the_names_load_no_part_of_numpy_that_it_loads_late():
    code = "import numpy, sys; before = set(sys.modules); import eqsat_tensor; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "eqsat_tensor.namespace" in done.stdout.split()
    assert [m for m in done.stdout.split() if m.startswith("numpy.")] == []
