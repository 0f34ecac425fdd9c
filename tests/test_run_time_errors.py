"""Errors that a call finds name the operation, the user's line, the operands and the sizes."""

import re
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from tests.modes import MODES

x, y = et.tensor("x", ("n",)), et.tensor("y", ("m",))
M = et.tensor("M", ("n", "k"))
i = et.tensor("i", ("j",), dtype="int64")
ones = np.ones
labels = np.array

# name -> (inputs, output, arguments, class, message up to the place, sizes)
CASES = {
    "add": ([x, y], x + y, [ones(3), ones(4)],
            et.ShapeError, "add: sizes must be equal: n and m; got f64[n], f64[m].", "m = 4, n = 3"),
    "matmul": ([M, y], M @ y, [ones((3, 4)), ones(5)],
               et.ShapeError, "matmul: sizes must be equal: m and k; got f64[n, k], f64[m].",
               "k = 4, m = 5, n = 3"),
    "solve": ([M, y], et.linalg.solve(M, y), [ones((3, 4)), ones(3)],
              et.ShapeError, "solve: sizes must be equal: k and n; got f64[n, k], f64[m].",
              "k = 4, m = 3, n = 3"),
    "reshape": ([x], et.reshape(x, (3, -1)), [ones(4)],
                et.ShapeError, "reshape: cannot reshape n elements to 3*(n // 3); got f64[n].", "n = 4"),
    "concatenate": ([x, y], et.concatenate([et.stack([x, x]), et.stack([y, y])]), [ones(3), ones(4)],
                    et.ShapeError, "concatenate: sizes must be equal: m and n; got f64[2, n], f64[2, m].",
                    "m = 4, n = 3"),
    "index": ([x], x[5], [ones(3)],
              et.ShapeError, "x[i]: index 5 is out of bounds for axis 0 of size n; got f64[n].", "n = 3"),
    "max": ([x], et.max(x), [ones(0)],
            et.ShapeError, "max: needs at least one element along the reduced axes; got f64[n].", "n = 0"),
    "gather": ([x, i], x[i], [ones(3), labels([0, 7])],
               et.LabelError, "x[i]: needs labels from -n to n - 1; got one outside, of f64[n], i64[j].",
               "j = 2, n = 3"),
    "power": ([i], i ** (i - 5), [labels([2, 3])],
              et.DomainError,
              "power: needs exponents that are not negative, of integers; got a negative one, of i64[j], i64[j].",
              "j = 2"),
    "cholesky": ([M], et.linalg.cholesky(M @ M.T - 10 * et.eye(3)), [ones((3, 3))],
                 np.linalg.LinAlgError,
                 "cholesky: Matrix is not positive definite; got float64[3, 3].", ""),
    "singular": ([M, y], et.linalg.solve(M, y), [ones((3, 3)), ones(3)],
                 np.linalg.LinAlgError, "solve: Singular matrix; got float64[3, 3], float64[3, 1].", ""),
    "inv": ([M], et.linalg.inv(M), [np.zeros((2, 2))],
            np.linalg.LinAlgError, "inv: Singular matrix; got float64[2, 2].", ""),
    "bincount": ([i], et.bincount(i, length=3), [labels([-1, 2])],
                 ValueError,
                 "bincount: needs labels from 0 to 2; got one outside, of int64[2], int64[2].", ""),
}  # fmt: skip


def line_of(case):
    """The line of this file that the graph of a case was made in (a graph that two cases share: both)."""
    source = Path(__file__).read_text().splitlines()
    return next(n for n, text in enumerate(source, 1) if text.startswith(f'    "{case}": '))


@MODES
@pytest.mark.parametrize("case", CASES)
def test_the_message_has_operation_operands_line_and_sizes(case, mode):
    inputs, output, arguments, error, text, sizes = CASES[case]
    f = et.function(inputs, output, mode=mode, on_unused_input="ignore")
    with pytest.raises(error) as caught:
        f(*arguments)
    found = re.fullmatch(r"(.*) \((.*?\.py):(\d+)(?:; (.*))?\)", str(caught.value))
    assert found is not None, str(caught.value)
    assert found[1] == text
    assert found[2] == Path(__file__).name
    assert abs(int(found[3]) - line_of(case)) <= 3 or case == "singular"  # the graph of "solve"
    assert (found[4] or "") == sizes


def test_in_a_traced_function_it_is_the_line_within():
    def f(a, i):
        b = a * 2
        return b[i] + 1

    place = f"{Path(__file__).name}:{f.__code__.co_firstlineno + 2}"
    with pytest.raises(et.LabelError, match=rf"\({place}; a0 = 3, i0 = 2\)$"):
        et.jit(f)(ones(3), labels([5, 0]))
    with pytest.raises(et.LabelError, match=place):
        et.grad(lambda a: et.sum(f(a, labels([5]))))(ones(3))


def test_what_a_function_of_the_users_own_raises_stays_as_it_is():
    def fail(a):
        raise ValueError("mine")

    f = et.jit(lambda a: et.wrap(fail, type=lambda a: a)(a) + 1)
    with pytest.raises(ValueError, match=r"^mine$"):
        f(ones(2))
