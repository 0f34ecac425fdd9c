"""Public functions traced on tensors, evaluated, and compared with what they give on arrays."""

import numpy as np

from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr, captured_array
from tests.oracle import assert_same


def run(function, *values, symbolic=False):
    """The function traced on tensors of these types, then evaluated on the values."""
    tensors = []
    for number, value in enumerate(values):
        sizes = [f"n{number}{j}" if symbolic and s > 1 else s for j, s in enumerate(value.shape)]
        tensors.append(tensor(f"x{number}", sizes, value.dtype))
    inputs = [t.expr for t in tensors]
    results = function(*tensors)
    several = isinstance(results, tuple | list)
    exprs = [as_expr(r) for r in (results if several else [results])]
    with_captured = dict(zip(inputs, values, strict=True))
    for node in topological(exprs):
        if captured_array(node) is not None:
            with_captured[node] = captured_array(node)
    found = evaluate(exprs, with_captured)
    return found if several else found[0]


def check(function, *values, guarantee="exact", symbolic=False, numpy=None):
    """Traced and evaluated it is what it is on arrays."""
    with np.errstate(all="ignore"):
        want = (numpy or function)(*values)
    assert_same(run(function, *values, symbolic=symbolic), want, guarantee, str(function))


def sample(dtype, shape=(3,)):
    return np.arange(1, 1 + int(np.prod(shape))).reshape(shape).astype(dtype)
