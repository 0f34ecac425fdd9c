"""NumPy text evaluates to what was printed: on random programs, in both namespaces; forms; trees."""

import ast
import io

import numpy as np
import pytest
import scipy.special

import eqsat_tensor as et
from eqsat_tensor.autodiff import pullback
from eqsat_tensor.errors import ArgumentError, EqsatError, UnsupportedError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, OPS, OpDef, replaced, topological
from eqsat_tensor.ops import compensated
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.printing.numpy_moves import named_inputs
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, as_expr, captured_array
from eqsat_tensor.verify.draw import draw_inputs
from eqsat_tensor.verify.programs import random_program
from tests.oracle import assert_same
from tests.strategies import instances, leaves, values

LIBRARIES = {"np": np, "et": et, "special": scipy.special}
# No word of NumPy's means these for more than one row, or with a fixed size.
WORDLESS = ("searchsorted", "unique")


def numbers(text, namespace, known, names):
    variables = {names[leaf]: value for leaf, value in known.items() if leaf in names}
    with np.errstate(all="ignore"):
        return eval(text, dict(LIBRARIES), variables)


def run_source(text, name, arguments):
    scope = {}
    exec(text, scope)
    with np.errstate(all="ignore"):
        return scope[name](*arguments)


# --------------------------------------------------------------------------------- every op, any
@pytest.mark.parametrize("op", OPS.values(), ids=str)
def test_every_op_is_written_as_it_is_computed(op):
    """Alone, and with constants for all operands but one."""
    for use in list(instances(op)):
        operands = leaves(use)
        node = op(*operands, **use.attributes)
        known = dict(zip(operands, values(op, use, np.random.default_rng(3)), strict=True))
        names = named_inputs(operands, ("np",))
        try:
            text = et.pprint(Tensor(node))
        except UnsupportedError:
            assert op.name in WORDLESS or not hasattr(np, op.name)
            continue
        want = evaluate([node], known)[0]
        # SciPy's float32 loops are less accurate than the op
        bound = "approx" if "special." in text else "real"
        assert_same(numbers(text, "np", known, names), want, bound, text)


KEEPING = tuple(
    op for op in vars(compensated).values() if isinstance(op, OpDef) and op.kind is Kind.COMPOSITE
)


def drawn(seed):
    """A random program on inputs x0, x1, ...: outputs, inputs, values; None where it has no value."""
    random = np.random.default_rng(seed)
    program = random_program(random, 4, 2)
    outputs, inputs = list(program.outputs), list(program.leaves)
    wrt = [x for x in inputs if x.dtype == FLOAT64]
    if seed % 3 == 0 and wrt and outputs[0].dtype == FLOAT64:
        outputs += pullback([outputs[0]], [outputs[0]], wrt)
    named = {x: input_leaf(f"x{i}", x.dtype, x.shape) for i, x in enumerate(inputs)}
    arrays = draw_inputs(list(program.leaves.values()), "ordinary", random)
    known = {named[x]: arrays[x] for x in inputs}
    outputs = replaced(outputs, named)
    try:
        values = evaluate(outputs, known)
    except (EqsatError, np.linalg.LinAlgError):
        return None
    return None if is_beyond_text(outputs, known) else (outputs, known, values)


def is_beyond_text(outputs, known):
    """Whether an exponent is no number: NumPy's function takes whole numbers only.

    Or whether an op keeps digits that its plain text loses: sin of a large sum.
    """
    nodes = topological(outputs)
    exponents = [n.arguments[1] for n in nodes if n.op.name == "ldexp"]
    finite = all(np.isfinite(e).all() for e in evaluate(exponents, known))
    return not finite or any(n.op in KEEPING for n in nodes)


def test_halves_are_multiplied_and_squared_in_float32():
    x = input_leaf("x", np.dtype("float16"), (3,))
    known = {x: np.array([300, 250, 260], "float16")}
    for name in ("logprod", "norm", "precise_sum"):
        output = OPS[name](x, axes=(0,))
        (want,) = evaluate([output], known)
        assert np.isfinite(want)
        assert_same(numbers(et.pprint(Tensor(output)), "np", known, {x: "x"}), want, "real")


@pytest.mark.parametrize("start", range(0, 300, 60))
def test_random_programs_are_written_as_they_are_computed(start):
    done = 0
    for seed in range(start, start + 60):
        program = drawn(seed)
        if program is None:
            continue
        outputs, known, want = program
        tensors = [Tensor(o) for o in outputs]
        try:
            source = et.to_source(tensors, inputs=[Tensor(x) for x in known])
            texts = [et.pprint(t) for t in tensors]
        except UnsupportedError:
            continue
        done += 1
        names = {x: str(x["name"]) for x in known}
        for text, w in zip(texts, want, strict=True):
            assert_same(numbers(text, "np", known, names), w, "real", text)
        arguments = known.values()
        for got, w in zip(run_source(source, "f", arguments), want, strict=True):
            assert_same(got, w, "real", source)
    assert done > 15


def test_padding_that_pads_nothing_keeps_the_parentheses_of_its_operand():
    a, b = (input_leaf(n, FLOAT64, ()) for n in "ab")
    total = OPS["pad"](OPS["add"](a, b), low=(), step=(), shape=())
    assert et.pprint(Tensor(OPS["divide"](total, a))) == "(a + b) / a"


@pytest.mark.parametrize("seed", range(40))
def test_text_read_as_a_graph_computes_the_same(seed):
    program = drawn(1000 + seed)
    if program is None:
        return
    outputs, known, want = program
    names = {x: Tensor(x) for x in known}
    variables = {str(x["name"]): t for x, t in names.items()}
    for output, w in zip(outputs, want, strict=True):
        try:
            text = et.pprint(Tensor(output), namespace="et")
        except UnsupportedError:
            continue
        read = as_expr(eval(text, {"et": et}, variables))
        assert read.type == output.type, text
        inputs = known | {
            n: captured_array(n) for n in topological([read]) if captured_array(n) is not None
        }
        assert_same(evaluate([read], inputs)[0], w, "real", text)


# ---------------------------------------------------------------------------------------- forms
def test_the_text_is_what_a_person_would_write():
    x, y, w = et.tensor("x", ("n", 3)), et.tensor("y", ("n",)), et.tensor("w", (3,))
    loss = et.mean(et.log(1 + et.exp(-y * (x @ w))))
    assert et.pprint(loss) == "np.sum(np.log(1.0 + np.exp(-y * (x @ w)))) / y.shape[0]"
    for text in (
        "y - (y - y)", "y - y - y", "-y ** 2.0", "(-y) ** 2.0", "y ** y ** y", "(y ** y) ** y",
        "y * (y + 1.0)", "y / (y * y)", "(y < 1.0) & (y > 0.0)", "~(y < 1.0) | (y == y)",
        "x[::-1, 1:].T", "x[1:]", "x[:, 0]", "x[0, 2]", "x[::2]", "x @ x.T", "x + w", "x * y[:, None]",
        "y * -y", "x.astype('float32')", "np.where(y > 0.0, y, 0.0)", "np.sum(x, axis=0)",
        "np.maximum(x, y[:, None])", "y[:, None] * w",
    ):  # fmt: skip
        made = eval(text, {"np": et, "x": x, "y": y, "w": w})
        assert et.pprint(made) == text


def test_a_function_names_what_is_used_twice():
    x, w = et.tensor("x", ("n", 3)), et.tensor("w", (3,))
    s = et.exp(x @ w)
    source = et.to_source({"a": s / s.sum(), "b": [et.ones((x.shape[0],)) * 2]}, "g", [w, x])
    assert source.startswith("import numpy as np\n\n\ndef g(w, x):\n    n = x.shape[0]\n")
    assert source.count("np.exp") == 1
    ast.parse(source)
    X, W = np.arange(6.0).reshape(2, 3) / 9, np.ones(3)
    found = run_source(source, "g", (W, X))
    want = np.exp(X @ W)
    np.testing.assert_allclose(found["a"], want / want.sum())
    assert found["b"][0].tolist() == [2, 2]


def test_names_that_clash_are_told_apart():
    x, y, bad = et.tensor("x"), et.tensor("x"), et.tensor("lambda 1")
    assert et.pprint(x - y) == "x - x_2"
    assert et.pprint(bad + 1.0) == "lambda_1 + 1.0"
    large = et.tensor("x", (20,)) + np.arange(20.0) ** 2
    source = et.to_source(large)
    assert "def f(x, array):" in source
    assert run_source(source, "f", (np.ones(20), np.arange(20.0) ** 2))[2] == 5


def test_sizes_are_told_by_the_inputs():
    x = et.tensor("x", ("n", "m"))
    flat = et.reshape(x, (-1,))
    text = et.pprint(flat[: 2 * x.shape[0]])
    known = {x.expr: np.arange(12.0).reshape(3, 4)}
    got = numbers(text, "np", known, {x.expr: "x"})
    assert got.tolist() == list(range(6))


def test_operations_made_of_others_are_written_out():
    x = et.tensor("x", ("n",))
    half = et.subgraph(lambda x: et.sum(x) / x.shape[0])
    assert et.pprint(half(x) * x) == "np.sum(x) / x.shape[0] * x"
    made = et.cond(et.sum(x) > 0, lambda x: x, lambda x: -x, x)
    assert et.pprint(made) == "np.where(np.sum(x) > 0.0, x, -x)"
    with pytest.raises(UnsupportedError, match="got wrap"):
        et.pprint(et.wrap(np.sort, type=lambda x: x)(x))


def test_what_has_no_word_is_refused():
    x = et.tensor("x", (3,))
    scan = Tensor(OPS["recurrence"](x.expr, x.expr, axis=0, reverse=0))
    with pytest.raises(
        UnsupportedError, match=r"np has a word for; got recurrence\. Use namespace"
    ):
        et.pprint(scan)
    assert et.pprint(et.erf(x)) == "special.erf(x)"
    assert "from scipy import special\n" in et.to_source(et.erf(x))
    assert et.pprint(et.erf(x), namespace="et") == "et.erf(x)"
    with pytest.raises(ArgumentError, match="one tensor"):
        et.pprint([x, x])
    y = x
    for _ in range(40):
        y = y * y
    with pytest.raises(UnsupportedError, match="to_source"):
        et.pprint(y)
    assert et.to_source(y).count("\n") < 50


# ----------------------------------------------------------------------------------------- trees
def test_a_tree_shows_shared_nodes_once():
    x, s = et.tensor("x", ("n",)), et.shared(np.ones(()), name="s")
    e = et.exp(x)
    out = io.StringIO()
    et.debug_print(e + e * s, file=out)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("add f64[n]  #1")
    assert lines[1].startswith("├─ exp f64[n]  #")
    assert lines[2] == "│  └─ x f64[n]"
    assert lines[4].endswith("…")
    assert "s f64[]  shared" in out.getvalue()
    assert len(et.graph_text(e + e * s, depth=1).splitlines()) == 1
    assert str(e + e * s) == "Tensor(f64[n])"
