"""Two programs of the same inputs -> a Python file for NumPy alone that asserts that they agree.

What NumPy and SciPy have no word for is defined in the file, by the meaning that the op's record holds.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Mapping, Sequence
from textwrap import indent, wrap
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import evaluate
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OPS, Expr, OpDef
from eqsat_tensor.printing.numpy_moves import named_inputs
from eqsat_tensor.printing.numpy_text import Text, Writer
from eqsat_tensor.printing.source import function_source
from eqsat_tensor.trees import LEAF, Tree
from eqsat_tensor.types import Shape

WRITTEN_OUT = 1000  # elements of an array that the program holds
TOLERANCE = {"float16": 0.05, "float32": 1e-3, "float64": 1e-7}

CHECK = '''
def value(random, dtype, shape, positive):
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return random.integers(0, 2, shape).astype(dtype)
    drawn = random.uniform(0.1, 1.0, shape) if positive else random.normal(size=shape)
    if dtype.kind == "c":
        drawn = drawn + 1j * random.normal(size=shape)
    return np.asarray(drawn, dtype)


def check():
    """Both agree wherever the program as written gives a number."""
    compared = 0
    for seed in range(ROUNDS):
        random = np.random.default_rng(seed)
        inputs = [
            value(random, *told, seed % 2) if isinstance(told, tuple) else told for told in INPUTS
        ]
        with np.errstate(all="ignore"):
            pairs = zip(before(*inputs), after(*inputs), strict=True)
            for number, (old, new) in enumerate(pairs):
                old, new = np.asarray(old), np.asarray(new)
                assert old.shape == new.shape, (number, old.shape, new.shape)
                known = np.isfinite(old)
                compared += int(known.sum())
                scale = np.abs(old[known]).max(initial=0.0)
                far = np.abs(new[known] - old[known]) if old.dtype.kind in "fc" else new != old
                assert np.all(far <= TOLERANCE * scale), f"result {number}, seed {seed}: {far}"
    assert compared or not ROUNDS, "no number to compare"
    print(f"before and after agree on {compared} numbers")


if __name__ == "__main__":
    check()
'''


def script_of(
    before: Sequence[Expr],
    after: Sequence[Expr],
    inputs: Sequence[Expr],
    known: Mapping[Expr, np.ndarray[Any, Any]],
    sizes: Mapping[str, int],
    title: str,
) -> str:
    """The file.  known: values of inputs that are not to be drawn; sizes: what sizes are in it.

    Raises UnsupportedError where an op has neither a word nor a definition.
    """
    tree = Tree(tuple, (), (LEAF,) * len(before))
    functions = [
        function_source(name, inputs, roots, tree, "np", _Script)
        for name, roots in (("before", before), ("after", after))
    ]
    called = {op for op in OPS.values() for f in functions if f"{_name(op)}(" in f}
    definitions = [_definition(op) for op in sorted(called, key=_name)]
    order = list(named_inputs(inputs, ()))
    told = [_told(leaf, known.get(leaf), sizes) for leaf in order]
    kinds = {r.dtype for r in before} | {i.dtype for i in inputs}
    tolerance = max([TOLERANCE.get(_real(d), 0.0) for d in kinds], default=0.0)
    body = "\n\n".join([*definitions, *functions])
    imports = "import numpy as np\n"
    imports += "from scipy import special\n" if "special." in body else ""
    settings = f"INPUTS = [{', '.join(told)}]\nTOLERANCE = {tolerance}\nROUNDS = 4\n"
    head = "".join(f"# {line}\n" for line in wrap(title, 110))
    future = "from __future__ import annotations\n\n"
    return f"{head}\n{future}{imports}\n{settings}\n\n{body}\n{CHECK}"


def _real(dtype: np.dtype[Any]) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype.name, dtype.name)


def _told(leaf: Expr, value: np.ndarray[Any, Any] | None, sizes: Mapping[str, int]) -> str:
    """What an input is: its dtype and shape, or the array itself."""
    if value is not None and value.size <= WRITTEN_OUT:
        flat = ", ".join(_number(v) for v in value.ravel().tolist())
        return f"np.array([{flat}], {value.dtype.name!r}).reshape({value.shape})"
    shape: Shape = tuple(evaluate(s, dict(sizes)) for s in leaf.shape)
    return f"({leaf.dtype.name!r}, {shape})"


def _number(value: Any) -> str:
    if isinstance(value, float) and not np.isfinite(value):
        return f'float("{value}")'
    return repr(value)


# ------------------------------------------------------------------------------------ definitions
class _Script(Writer):
    """Writes a call of a definition where NumPy has no word."""

    def write(self, node: Expr) -> Text:
        try:
            return super().write(node)
        except UnsupportedError:
            meaning = node.op.numpy
            if not isinstance(meaning, FunctionType) or meaning.__name__ == "<lambda>":
                needs = "operations that NumPy has a word for, or a function as their meaning"
                raise UnsupportedError(message("script", needs, node.op.name)) from None
        arguments = [self.known[a].text for a in node.arguments]
        for (name, kind), value in zip(node.op.attributes.items(), node.attributes, strict=True):
            sizes = kind in (Attribute.SHAPE, Attribute.SIZES)
            arguments.append(f"{name}={self.shape(value) if sizes else repr(value)}")
        return Text(f"{_name(node.op)}({', '.join(arguments)})")


def _name(op: OpDef) -> str:
    return f"defined_{op.name}"


def _definition(op: OpDef) -> str:
    """The meaning of an op and all it uses from its module, in a scope of their own."""
    found: dict[str, str] = {}
    _collect(op.numpy, found)
    name = _name(op)
    body = indent("\n".join([*found.values(), f"return {op.numpy.__name__}"]), "    ")
    return f"def {name}():\n{body}\n\n\n{name} = {name}()\n"


def _collect(function: Any, found: dict[str, str]) -> None:
    """The source of a function, after that of the functions and the tables of its module that it reads."""
    found[function.__name__] = ""
    for name in _globals(function.__code__):
        value = function.__globals__.get(name)
        if name in found:
            continue
        if isinstance(value, FunctionType):
            _collect(value, found)
        elif isinstance(value, tuple):  # of dtypes
            found[name] = f"{name} = ({', '.join(f'np.dtype({d.name!r})' for d in value)},)\n"
        elif isinstance(value, dict):  # of NumPy's functions
            shown = ", ".join(f"{k!r}: np.{v.__name__}" for k, v in value.items())
            found[name] = f"{name} = {{{shown}}}\n"
    del found[function.__name__]
    found[function.__name__] = inspect.getsource(function)


def _globals(code: CodeType) -> list[str]:
    """The global names that code reads, that of functions within it, too."""
    own = [i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"]
    return own + [n for c in code.co_consts if isinstance(c, CodeType) for n in _globals(c)]
