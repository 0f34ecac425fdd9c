"""`et.print`: values told while a program runs, in order, and nothing else changed."""

import io

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, UnsupportedError


def told(function, *arguments, **options):
    """What a compiled function prints, line by line, and what it returns."""
    out = io.StringIO()
    f = et.jit(lambda *args: function(*args, out), **options)
    result = f(*arguments)
    return out.getvalue().splitlines(), result, f


def chatty(x, out):
    a = et.print(x, "x", out)
    b = et.print(et.exp(a), "exp", out)
    return et.sum(et.print(et.log(1 + b), "log", out))


@pytest.mark.parametrize("options", [{}, {"optimize": "none"}, {"mode": "reference"}], ids=str)
def test_each_value_once_in_the_order_of_the_program(options):
    lines, _, _f = told(chatty, np.array([0.0, 1.0]), **options)
    assert lines == [
        "x: float64[2] [0. 1.]",
        "exp: float64[2] [1.         2.71828183]",
        "log: float64[2] [0.69314718 1.31326169]",
    ]


def test_it_is_told_in_every_call():
    out = io.StringIO()
    x = et.tensor("x", ("n",))
    f = et.function([x], et.print(x * 2, "twice", out) + 1)
    assert f(np.ones(1)).tolist() == [3]
    assert f(np.zeros(3)).tolist() == [1, 1, 1]
    assert out.getvalue().splitlines() == ["twice: float64[1] [2.]", "twice: float64[3] [0. 0. 0.]"]


def test_rewrites_cross_it():
    lines, result, f = told(chatty, np.array([1000.0]))
    assert result == 1000
    assert lines[1] == "exp: float64[1] [inf]"
    assert "softplus" in f.explain().after


def test_gradients_are_those_without_it():
    out = io.StringIO()
    x = np.array([1.0, 1000.0])
    with_print = et.grad(lambda x: chatty(x, out))(x)
    assert with_print.tolist() == et.grad(lambda x: et.sum(et.log(1 + et.exp(x))))(x).tolist()
    assert out.getvalue().splitlines()[0] == "x: float64[2] [   1. 1000.]"
    value, tangent = et.jvp(lambda x: et.print(x**2, "square", out), (x,), (np.ones(2),))
    assert (value.tolist(), tangent.tolist()) == ([1, 1e6], [2, 2000])
    assert out.getvalue().count("square") == 1


def test_a_batch_is_told_as_a_whole():
    out = io.StringIO()
    f = et.vmap(lambda x: et.print(x, "row", out) * 2)
    assert f(np.ones((2, 3))).tolist() == [[2] * 3] * 2
    assert out.getvalue() == "row: float64[2, 3]\n[[1. 1. 1.]\n [1. 1. 1.]]\n"


def test_equal_prints_are_told_as_often_as_they_are_written():
    def f(x, out):
        return et.print(x, "x", out) + et.print(x, "x", out)

    lines, result, _ = told(f, np.float64(2.0))
    assert lines == ["x: float64[] 2.0"] * 2
    assert result == 4


def test_of_branches_the_one_taken_tells():
    def f(x, out):
        return et.cond(
            et.sum(x) > 0,
            lambda x: et.print(x, "then", out),
            lambda x: et.print(-x, "else", out),
            x,
        )

    assert told(f, np.ones(1))[0] == ["then: float64[1] [1.]"]
    assert told(f, -np.ones(1))[0] == ["else: float64[1] [1.]"]


def test_what_goes_before_a_failure_is_told():
    out = io.StringIO()
    f = et.jit(lambda x: et.linalg.cholesky(et.print(x, "x", out)) @ x)
    with pytest.raises(np.linalg.LinAlgError):
        f(-np.eye(1))
    assert out.getvalue().startswith("x: float64[1, 1]")


def test_large_arrays_are_told_in_short():
    x = np.arange(1000.0)
    x[:3] = np.nan, np.inf, -np.inf
    cases = [
        (x, "float64[1000] min 3, mean 501, max 999, 1 nan, 2 infinite"),
        (np.ones((20, 20), bool), "bool[20, 20] 400 true"),
        (np.full(200, 3 + 4j), "complex128[200] min 5, mean 5, max 5"),
        (np.full(200, np.nan), "float64[200] 200 nan"),
        (np.arange(200), "int64[200] min 0, mean 99.5, max 199"),
        (np.zeros((0, 3)), "float64[0, 3] []"),
    ]
    for array, text in cases:
        lines, result, _ = told(lambda x, out: et.print(x, file=out) * 1, array)
        assert lines == [text]
        assert np.array_equal(result, array * 1, equal_nan=array.dtype.kind == "f")


def test_to_standard_output_as_it_is_then(capsys):
    f = et.jit(lambda x: et.print(x, "x") + 1)
    f(np.float32(1))
    et.print(np.array([1, 2]), "now")
    assert capsys.readouterr().out == "x: float32[] 1.0\nnow: int64[2] [1 2]\n"


def test_what_it_does_not_take():
    x = et.tensor("x", ("n",))
    with pytest.raises(ArgumentError, match=r"print: needs a label that is a str; got 3\."):
        et.print(x, 3)
    f = et.function([x], et.print(x) + 1)
    with pytest.raises(UnsupportedError, match="save: "):
        f.save("never written")
    assert et.pprint(et.print(x) + 1) == "x + 1.0"
