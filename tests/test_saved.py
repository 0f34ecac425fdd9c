"""`f.save`, `et.load`, pickle and deepcopy: the same function again, and never a damaged one."""

import copy
import dataclasses
import hashlib
import itertools
import json
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict, defaultdict, namedtuple
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import saved
from eqsat_tensor.calls import SubGraph
from eqsat_tensor.codec import plain, plain_graph, rich, rich_graph
from eqsat_tensor.extents import maximum, symbol
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OPS, OpDef
from eqsat_tensor.trees import flatten
from eqsat_tensor.types import literal
from tests.modes import MODES
from tests.strategies import instances, leaves
from tests.writing import write

Point = namedtuple("Point", ["x", "y"])


@dataclasses.dataclass
class Layer:
    w: Any
    kind: str = dataclasses.field(default="tanh", metadata={"static": True})


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b


et.register_pytree(Pair, lambda p: ((p.a, p.b), "pair"), lambda aux, children: Pair(*children))


def everything(mode="run"):
    """A function with a bit of all: states, defaults, own state, captured arrays, a nest."""
    x, y, step = et.tensor("x", ("n", 3)), et.tensor("y", (3,)), et.tensor("step", (), "int64")
    w = et.shared(np.arange(3.0), "w", shape=("k",))
    v = et.shared(np.ones((), "float32"), "v")
    table = np.random.default_rng(0).normal(size=(3, 2))
    outputs = {"p": Point(x @ table + y.sum(), w.sum() + step), "v": [v, (x[:, 0] > 0).any()]}
    inputs = [x, et.In(y, value=[1.0, 2.0, 3.0]), et.In(step, value=5, update=step + 1)]
    return et.function(
        inputs, outputs, updates=[(w, 2 * w), (v, v + 1)], name="everything", mode=mode
    ), (w, v)


def same(left, right):
    a, t = flatten(left)
    b, u = flatten(right)
    assert t == u
    for p, q in zip(a, b, strict=True):
        assert np.asarray(p).dtype == np.asarray(q).dtype
        np.testing.assert_array_equal(p, q)


X = np.random.default_rng(1).normal(size=(4, 3))


@MODES
@pytest.mark.parametrize("way", ["save", "pickle", "deepcopy"])
def test_a_function_comes_back_with_its_states(tmp_path, mode, way):
    f, _ = everything(mode)
    f(X)
    if way == "save":
        f.save(tmp_path / "f.eqsat")
        g = et.load(tmp_path / "f.eqsat")
        assert [p.name for p in tmp_path.iterdir()] == ["f.eqsat"]
    else:
        g = pickle.loads(pickle.dumps(f)) if way == "pickle" else copy.deepcopy(f)
    assert g is not f
    assert g.__name__ == "everything"
    for _ in range(2):
        same(g(X), f(X))
        same(g(X, np.ones(3), step=3), f(X, np.ones(3), step=3))
    assert g["step"] == f["step"]
    # and the states are apart now
    before = f["step"]
    g(X)
    assert f["step"] == before
    assert [s.name for s in g.shared] == ["w", "v"]
    assert not set(g.shared) & set(f.shared)


def test_functions_that_share_a_state_share_it_when_they_come_back():
    w = et.shared(np.zeros(2), "w")
    f, g = et.function([], [], updates={w: w + 1}), et.function([], w)
    for back in (pickle.loads(pickle.dumps((f, g, w))), copy.deepcopy((f, g, w))):
        step, read, state = back
        step()
        np.testing.assert_array_equal(read(), [1, 1])
        np.testing.assert_array_equal(state.get_value(), [1, 1])
    np.testing.assert_array_equal(w.get_value(), [0, 0])
    pure = et.function([x := et.tensor("x")], x + 1)
    assert copy.deepcopy(pure) is pure
    assert pickle.loads(pickle.dumps(pure))(1.0) == 2


def test_a_file_needs_neither_source_nor_process(tmp_path):
    f, _ = everything()
    f.save(tmp_path / "f")
    code = (
        "import sys, numpy as np, eqsat_tensor as et\n"
        f"f = et.load({str(tmp_path / 'f')!r})\n"
        f"x = np.load({str(tmp_path / 'x.npy')!r})\n"
        "r = f(x)\n"
        "assert type(r['p']).__name__ == 'Point' and r['p']._fields == ('x', 'y')\n"
        f"np.save({str(tmp_path / 'r.npy')!r}, r['p'].x)\n"
    )
    np.save(tmp_path / "x.npy", X)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
    np.testing.assert_array_equal(np.load(tmp_path / "r.npy"), f(X)["p"].x)


def test_equal_functions_make_equal_files():
    assert saved.to_bytes(everything()[0]) == saved.to_bytes(everything()[0])


# ---------------------------------------------------------------------------------------------- jit
@pytest.mark.parametrize("way", ["save", "pickle"])
def test_a_jitted_function_serves_what_it_was_traced_for(tmp_path, way):
    table = np.random.default_rng(0).normal(size=3)

    @et.jit(static_argnames=("how", "axis"), donate="x")
    def f(x, layers, s=2.0, *, how="sum", axis=None):
        total = x * s + table
        for layer in layers:
            total = getattr(et, layer.kind)(total * layer.w)
        return {"total": Pair(total, getattr(et, how)(total, axis=axis)), "size": x.shape[0]}

    layers = OrderedDict(a=Layer(np.ones(3))), [Layer(np.full(3, 0.5), "exp")]
    calls = [
        ((X, layers[1]), {}),
        ((X, layers[1], 0.5), {"how": "max"}),
        ((X[0], layers[1], 3), {"how": "sum", "axis": (0,)}),
        ((X.astype("float32"), []), {}),
    ]
    for args, named in calls:
        f(*args, **named)
    f.save(tmp_path / "f")
    g = et.load(tmp_path / "f")
    if way == "pickle":
        g = pickle.loads(pickle.dumps(g))
    for args, named in calls:
        for _ in range(2):
            got, want = g(*args, **named), f(*args, **named)
            same(got, want)
    same(g(np.ones((9, 3)), layers[1]), f(np.ones((9, 3)), layers[1]))  # other sizes
    assert g.counters.traces == 0
    with pytest.raises(
        et.ArgumentError, match=r"saved with \(x: f64\[x0, x1\], .*; got x: int64\[4, 3\], "
    ):
        g(X.astype(int), layers[1])
    with pytest.raises(et.ArgumentError, match="A loaded function is not traced again"):
        g(X, layers[1], how="min")
    with pytest.raises(et.ArgumentError, match="missing a required argument"):
        g()
    with pytest.raises(et.UnsupportedError, match="it was loaded"):
        et.jit(lambda x: g(x, []))(X)


def test_pinned_sizes_and_written_arguments_are_saved(tmp_path):
    def f(x, k):
        total = x
        for _ in range(x.shape[0]):
            total = total * k
        write(x, total)
        return total.sum()

    g = et.jit(f, donate=0)
    g(np.ones(3), 2)
    g(np.ones(4), 2)
    g.save(tmp_path / "g")
    h = et.load(tmp_path / "g")
    a = np.ones(3)
    assert h(a, 2) == 24
    np.testing.assert_array_equal(a, [8, 8, 8])
    assert h(np.ones(4), 3) == 4 * 81
    with pytest.raises(et.ArgumentError, match="saved with"):
        h(np.ones(5), 2)


@et.jit
def at_the_top(x):
    return x + 1


def test_jitted_functions_pickle_by_name():
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top
    assert copy.deepcopy(at_the_top) is at_the_top
    with pytest.raises(et.ArgumentError, match=r"to be found in its module.*f\.save\(path\)"):
        pickle.dumps(et.jit(lambda x: x))


def test_what_cannot_be_saved_says_why(tmp_path):
    f = et.jit(lambda x: x)
    with pytest.raises(et.ArgumentError, match="that was traced"):
        f.save(tmp_path / "f")
    g = et.jit(lambda x, k: x, static_argnames="k")
    g(np.ones(2), k=print)
    with pytest.raises(
        et.UnsupportedError, match=r"arrays, numbers and texts alone; got a .*builtin_function"
    ):
        g.save(tmp_path / "f")

    class Model:
        @et.jit
        def f(self, x):
            return x

    model = Model()
    model.f(np.ones(2))
    with pytest.raises(et.UnsupportedError, match="save: needs functions; got the method f"):
        vars(Model)["f"].save(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_python_objects_in_a_program_cannot_be_saved(monkeypatch):
    op = OPS["keep"]
    odd = dataclasses.replace(op, name="odd", attributes={"function": Attribute.OBJECT})
    odd = dataclasses.replace(odd, infer=lambda x, function: x)
    assert isinstance(odd, OpDef)
    x = et.tensor("x", ("n",))
    with pytest.raises(et.UnsupportedError, match="odd with function=<built-in function print>"):
        plain_graph([odd(x.expr, function=print)], [x.expr])


def test_graphs_inside_a_program_are_saved_but_callbacks_are_not():
    x = et.tensor("x", ("n",))
    inner = et.subgraph(lambda a: (et.sqrt(a) + a[0], a.sum()))
    first, second = inner(x)
    z = et.cond(second > 3, lambda a: a * 2, lambda a: a - 1, first)
    f = et.function([x], (z, second))
    g = saved.restored(saved.to_bytes(f))
    for a in (np.arange(5.0), np.ones(2)):
        same(g(a), f(a))
    called = et.wrap(lambda a: a + 1, lambda a: (a.dtype, a.shape))(x)
    with pytest.raises(et.UnsupportedError, match="with callback="):
        saved.to_bytes(et.function([x], called))


# ------------------------------------------------------------------------------------------- damage
def resealed(data, change, version=b"format 1"):
    """The file with another header, and a digest that agrees."""
    payload = data[len(saved._MAGIC) :].split(b"\n", 2)[2]
    with zipfile.ZipFile(BytesIO(payload)) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members["header.json"] = change(members["header.json"].decode()).encode()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest().encode()
    return saved._MAGIC + version + b"\n" + digest + b"\n" + buffer.getvalue()


def test_files_that_are_no_functions_are_refused():
    data = saved.to_bytes(everything()[0])
    for wrong, words in {
        b"": "a file written by save",
        b"PK\x03\x04 something": "one that begins with b'PK",
        data[:-1]: "a damaged one",
        data[: len(data) // 2]: "a damaged one",
        data[:30]: "a damaged one",
        data + b"x": "a damaged one",
        data.replace(b"format 1", b"format 9", 1): "format 9 of a newer one. Upgrade",
        data.replace(b"format 1", b"format x", 1): "a damaged one",
    }.items():
        with pytest.raises(et.FileError, match=words):
            saved.restored(wrong)


def test_no_flipped_byte_goes_unnoticed():
    data = saved.to_bytes(everything()[0])
    for at in [*range(120), *range(120, len(data), 97), len(data) - 1]:
        damaged = bytearray(data)
        damaged[at] ^= 0x41
        with pytest.raises(et.FileError):
            saved.restored(bytes(damaged))


def test_a_file_of_another_version_is_refused_in_words():
    data = saved.to_bytes(everything()[0])
    for change, kind, words in [
        (
            lambda h: h.replace('"matmul"', '"newest_product"'),
            et.UnsupportedError,
            "newest_product",
        ),
        (lambda h: h.replace('{"axes"', '{"ax"'), et.UnsupportedError, r"\(ax.*another version"),
        (lambda h: h.replace('"SizeTerm"', '"Polynomial"'), et.FileError, "a 'Polynomial'"),
        (lambda h: h.replace('"graph"', '"programme"'), et.FileError, "KeyError: 'graph'"),
        (
            lambda h: h.replace('"mode": "run"', '"mode": "dream"'),
            et.ArgumentError,
            "none of 'run'",
        ),
    ]:
        changed = resealed(data, change)
        assert changed != resealed(data, lambda h: h), words
        with pytest.raises(kind, match=words):
            saved.restored(changed)
    same(saved.restored(resealed(data, lambda h: h))(X), everything()[0](X))


def test_a_registered_class_must_be_there(tmp_path):
    x = et.tensor("x", ("n",))
    data = saved.to_bytes(et.function([x], Pair(x, x)))
    assert isinstance(saved.restored(data)(np.ones(2)), Pair)
    with pytest.raises(et.FileError, match="registered by register_pytree"):
        saved.restored(resealed(data, lambda h: h.replace('"Pair"', '"Trio"')))


def test_classes_that_are_not_there_get_stand_ins():
    x = et.tensor("x", ("n",))
    data = saved.to_bytes(et.function([x], (Point(x, x), Layer(x, "exp"), defaultdict(list, a=x))))
    there = saved.restored(data)(np.ones(2))
    assert type(there[0]) is Point
    assert type(there[1]) is Layer
    assert there[2]["new"] == []
    away = lambda h: h.replace('"Point"', '"Spot"').replace('"Layer"', '"Tier"')  # noqa: E731
    spot, tier, _ = saved.restored(resealed(data, away))(np.ones(2))
    assert (type(spot).__name__, spot._fields) == ("Spot", ("x", "y"))
    assert (type(tier).__name__, tier.kind) == ("Tier", "exp")


def test_rules_of_the_users_own_that_changed_are_told(tmp_path):
    rules = tmp_path / "my.egg"
    rule = "(rewrite (Multiply (Cos x) (Tan x)) (Sin x)"
    rules.write_text(f'; my.egg\n{rule}\n  :ruleset simplify :name "cos-by-tan")\n')
    x = et.tensor("x", ("n",))
    data = saved.to_bytes(et.function([x], et.cos(x) * et.tan(x), rules=(str(rules),)))
    np.testing.assert_allclose(saved.restored(data)(np.ones(1)), np.sin(1.0))
    other = lambda h: h.replace('"rules": "', '"rules": "0').replace('tuple", "0', 'tuple", "')  # noqa: E731
    with pytest.warns(UserWarning, match="function was saved with other rules"):
        saved.restored(resealed(data, other))


# -------------------------------------------------------------------------------------------- codec
def test_values_come_back_as_they_were():
    n, m = symbol("n", 2), symbol("m")
    sizes = (n * m + 3, maximum(n, 2 * m), (n * 5 + 1) // 3, 7)
    literals = tuple(literal(v, np.dtype("float64")) for v in (np.nan, -0.0, np.inf, 5e-324))
    for value in [None, True, 1, -1.5, "text", (1, (2, "a")), sizes, literals, b"\0\xff",
                  np.dtype("int32"), np.float32, int, frozenset([1, 2]), type(None)]:  # fmt: skip
        back = rich(plain(value))
        assert back == value
        assert type(back) is type(value)


@pytest.mark.parametrize("name", sorted(set(OPS) - {"input"}))
def test_every_operation_can_be_saved(name):
    op = OPS[name]
    uses = list(itertools.islice(instances(op), 4))
    assert uses
    for use in uses:
        operands = leaves(use)
        node = op(*operands, **use.attributes)
        objects = (node[k] for k, kind in op.attributes.items() if kind is Attribute.OBJECT)
        if not all(isinstance(value, SubGraph) for value in objects):
            with pytest.raises(et.UnsupportedError, match="Python object"):
                plain_graph([node], operands)
            continue
        data = json.loads(json.dumps(plain_graph([node], operands)))
        (back,) = rich_graph(data, operands)
        assert back is node


# --------------------------------------------------------------------------------------------- eval
def test_a_tensor_has_a_value():
    x, y = et.tensor("x", ("n",)), et.tensor("y")
    z = x * y + 1
    a = np.arange(3.0)
    np.testing.assert_array_equal(z.eval({x: a, y: 2.0}), [1, 3, 5])
    np.testing.assert_array_equal(z.eval({y: np.float64(3), x: a}), [1, 4, 7])
    assert x.eval({x: a})[2] == 2
    assert (et.shared(np.ones(3)) * 2).eval().sum() == 6
    np.testing.assert_array_equal(z.eval({x: a, y: 2.0}, mode="reference"), [1, 3, 5])
    w = et.shared(np.ones(()), "w")
    assert isinstance(w.eval(), np.float64)
    assert (w * y).eval({w: 5.0, y: 2.0}) == 10  # another value in its place, for this once
    assert w.get_value() == 1
    with pytest.raises(et.ArgumentError, match="no y"):
        z.eval({x: a})
    with pytest.raises(et.ArgumentError, match="needs every input to be used"):
        x.eval({x: a, y: 1.0})
    with pytest.raises(et.ArgumentError, match=r"by tensors made by et\.tensor; got a key 'x'"):
        z.eval({"x": a})
    with pytest.raises(et.ArgumentError, match="got a key Tensor"):
        z.eval({z: a})


def test_values_are_compiled_once_and_forgotten_with_the_tensor():
    import gc
    import weakref

    from eqsat_tensor import evaluation

    x, twin = et.tensor("x", ("n",)), et.tensor("x", ("n",))
    z = x + twin
    count = len(evaluation._functions)
    for _ in range(3):
        np.testing.assert_array_equal(z.eval({x: np.ones(2), twin: np.ones(2)}), [2, 2])
    assert len(evaluation._known(z)) == 1
    function = weakref.ref(next(iter(evaluation._known(z).values())))
    assert function().counters.binds == 1
    x.eval({x: np.ones(2)})
    y = z
    y += 1
    np.testing.assert_array_equal(y.eval({x: np.ones(2), twin: np.ones(2)}), [3, 3])
    del z, y, x
    gc.collect()
    assert len(evaluation._functions) == count
    assert function() is None
