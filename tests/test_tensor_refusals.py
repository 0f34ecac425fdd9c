"""What tensors refuse: at the trace or by a guard, saying what was needed and what came."""

import operator

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, EqsatError, LabelError, ShapeError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.sub])
def test_a_python_int_outside_the_dtype_overflows(function):
    with pytest.raises(OverflowError):
        function(tensor("x", (2,), "int32"), 2**40)


def test_unknown_sizes_are_held_equal_by_a_guard():
    x, y = tensor("x", ("n",)), tensor("y", ("m",))
    total = (x + y).expr
    with pytest.raises(ShapeError):
        evaluate([total], {x.expr: np.ones(3), y.expr: np.ones(4)})


def test_an_index_into_an_unknown_size_is_a_guard():
    x = tensor("x", ("n",))
    assert evaluate([x[3].expr], {x.expr: np.arange(5.0)})[0] == 3
    for key in (3, -4):
        with pytest.raises(ShapeError, match="out of bounds"):
            evaluate([x[key].expr], {x.expr: np.arange(3.0)})
    with pytest.raises(LabelError, match="index from -2 to 1"):
        tensor("x", (2,))[2]


def _errors():
    a, b = tensor("a", (64, 128), "float32"), tensor("b", (64, 32), "float32")
    x, flag = tensor("x", ("n", 3)), tensor("flag", (3,), "bool")
    scalar = tensor("s", ())
    return {
        "matmul": (
            lambda: a @ b,
            r"matmul: needs equal inner sizes; got a: f32\[64, 128\], b: f32\[64, 32\] "
            r"\(128 != 64\)\. .*\(test_tensor_refusals\.py:\d+\)$",
        ),
        "matmul_hint": (lambda: a.mT @ b.mT, r"Did you mean matmul\(a, b\.mT\)"),
        "matmul_rank": (lambda: a @ scalar, "matmul: needs at least one axis"),
        "broadcast": (
            lambda: a + b,
            r"add: needs shapes that broadcast; got a: f32\[64, 128\], b:",
        ),
        "dtype": (lambda: flag - flag, r"subtract: needs dtypes .*a: bool\[3\], b: bool\[3\]"),
        "long": (lambda: x * np.ones(3, np.longdouble), "needs one of bool, int8, .* got float128"),
        "letters": (lambda: x * np.array(["a"] * 3), "needs one of bool, int8, .* got <U1"),
        "axis": (
            lambda: x.sum(axis=2),
            r"sum: needs an axis from -2 to 1; got axis=2, x: f64\[n, 3\]",
        ),
        "axis_twice": (lambda: x.sum(axis=(1, -1)), "sum: needs each axis once"),
        "concatenate": (lambda: et.concatenate([]), "need at least one array"),
        "concatenate_sizes": (
            lambda: et.concatenate([a, b]),
            "concatenate: needs equal sizes on all",
        ),
        "reshape": (lambda: a.reshape(3, -1), "reshape: needs a shape of 8192 elements"),
        "reshape_twice": (lambda: a.reshape(-1, -1), "reshape: needs at most one size -1"),
        "empty": (lambda: tensor("x", (0, 3)).max(axis=0), "max: needs at least one element"),
        "squeeze": (lambda: a.squeeze(0), "squeeze: needs axes of size 1"),
        "mask": (lambda: a[flag], r"x\[mask\]: needs a mask of the shape of x"),
        "mask_read": (
            lambda: et.sort(x[:, flag]),
            r"x\[mask\]: needs an array whose size is known",
        ),
        "mask_method": (lambda: x[:, flag].max(), r"x\[mask\]\.max.*Use where\(mask, x, 0\)"),
        "indices": (lambda: a[0, 0, 0], "at most 2 indices"),
        "bool": (
            lambda: bool(x),
            r"bool: needs a value that is known .*x: f64\[n, 3\]\. Use where",
        ),
        "float": (lambda: float(scalar), "float: needs a value that is known while tracing"),
        "iterate": (lambda: list(x), "iteration: needs"),
        "array": (lambda: np.asarray(x), "numpy: needs a value"),
        "missing": (
            lambda: np.trim_zeros(x),
            r"numpy\.trim_zeros: needs a function that eqsat_tensor has",
        ),
        "missing_ufunc": (lambda: np.isnat(x), r"numpy\.isnat"),
        "accumulate": (lambda: np.subtract.accumulate(x), r"numpy\.subtract\.accumulate"),
        "out": (lambda: np.exp(x, out=np.zeros(3)), r"traced array as out="),
        "text": (lambda: et.add(x, "x"), "add: needs arrays or numbers"),
        "negative": (lambda: tensor("x", (-1,)), "sizes that are names, or whole and not negative"),
        "date": (lambda: tensor("x", (1,), "M8[s]"), "dtype: needs one of bool"),
        "complex": (lambda: complex(scalar), "complex: needs a value that is known while tracing"),
        "bitwise": (lambda: tensor("i", (2,)) & 1, "bitwise_and: needs dtypes that it is defined"),
    }


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed_and_what_came(name):
    function, pattern = _errors()[name]
    with pytest.raises((EqsatError, ValueError), match=pattern):
        function()


def test_an_unknown_keyword_is_named():
    with pytest.raises(TypeError, match="axes"):
        et.sum(tensor("x", (3,)), axes=0)


def test_a_maximum_over_an_unknown_size_is_guarded():
    x = tensor("x", ("n",))
    with pytest.raises(ShapeError, match="at least one element"):
        evaluate([x.max().expr], {x.expr: np.zeros(0)})


def test_only_arrays_and_numbers_become_expressions():
    with pytest.raises(ArgumentError):
        as_expr({})
