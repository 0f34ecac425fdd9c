"""What is given where something of another kind is wanted: the error says so, at the call that was wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et

A = np.ones(3)


def square(a: Any) -> Any:
    return et.sum(a * a)


def _x() -> Any:
    return et.tensor("x", shape=("n",))


CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "function as a decorator": (
        lambda: et.function(square),
        et.ArgumentError,
        r"function: needs a list of inputs; got a function\. A Python function is compiled by et\.jit",
    ),
    "an input alone": (
        lambda: et.function(_x(), et.exp(_x())),
        et.ArgumentError,
        r"function: needs a list of inputs; got a Tensor\. Write \[x\], where it is one",
    ),
    "a number of inputs": (
        lambda: et.function(5, et.exp(_x())),
        et.ArgumentError,
        "needs a list of inputs; got an int",
    ),
    "a name of an input": (
        lambda: et.function("x", et.exp(_x())),
        et.ArgumentError,
        "needs a list of inputs; got a str",
    ),
    "jit of a tensor": (
        lambda: et.jit(_x()),
        et.ArgumentError,
        "jit: needs a function; got a Tensor",
    ),
    "donate": (
        lambda: et.jit(square, donate=3.5),
        et.ArgumentError,
        "needs donate= as a name or number of an argument, or several; got 3.5",
    ),
    "static_argnums": (
        lambda: et.jit(square, static_argnums=None),
        et.ArgumentError,
        "needs static_argnums= as a number of an argument, or several; got None",
    ),
    "static_argnames": (
        lambda: et.jit(square, static_argnames=["a", 0]),
        et.ArgumentError,
        "needs static_argnames= as a name of an argument, or several",
    ),
    "argnums": (
        lambda: et.grad(square, argnums="a")(A),
        et.GradientError,
        "needs argnums= as the number of an argument, or several; got 'a'",
    ),
    "several argnums": (
        lambda: et.jacobian(square, argnums=(0, "a"))(A),
        et.GradientError,
        "needs argnums= as the number of an argument",
    ),
    "jacobian": (
        lambda: et.jacobian(3),
        et.GradientError,
        "jacobian: needs a tensor or a function; got 3",
    ),
    "hessian": (
        lambda: et.hessian(A),
        et.GradientError,
        r"hessian: needs a tensor or a function; got array\(",
    ),
    "name": (lambda: et.tensor(("n",)), et.ArgumentError, r"tensor: needs a name; got \('n',\)"),
    "size": (
        lambda: et.tensor("x", (1.5,)),
        et.ArgumentError,
        "needs sizes that are names, or whole and not negative; got 1.5",
    ),
    "dtype": (
        lambda: et.tensor("x", (2,), "float46"),
        et.DtypeError,
        "needs a dtype of NumPy; got 'float46'",
    ),
    "threads": (lambda: et.set_threads("2"), ValueError, "needs 1 to .* threads; got '2'"),
}
for _name, _call in {
    "vmap": lambda f: et.vmap(f),
    "checkpoint": lambda f: et.checkpoint(f),
    "vectorize": lambda f: et.vectorize(f),
    "jvp": lambda f: et.jvp(f, (A,), (A,)),
    "vjp": lambda f: et.vjp(f, A),
    "linearize": lambda f: et.linearize(f, A),
    "linear_transpose": lambda f: et.linear_transpose(f, A),
    "hvp": lambda f: et.hvp(f, A, A),
    "cond": lambda f: et.cond(True, square, f, A),
}.items():
    CASES[_name] = (
        lambda call=_call: call(3),
        et.ArgumentError,
        f"{_name}: needs a function; got an int",
    )


@pytest.mark.parametrize("case", CASES)
def test_the_error_says_what_was_wanted_and_what_came(case: str) -> None:
    call, error, text = CASES[case]
    with pytest.raises(error, match=text):
        call()


def test_numbers_of_numpy_are_numbers() -> None:
    f = et.jit(lambda a, n: a * n, static_argnums=np.int64(1), donate=[np.int32(0)])
    assert f(A.copy(), 2).tolist() == [2.0, 2.0, 2.0]
    assert et.grad(square, argnums=list(np.arange(1)))(A)[0].tolist() == [2.0, 2.0, 2.0]
