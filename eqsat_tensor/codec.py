"""Programs as plain data, and back: what JSON holds, and no more.

    [exp(x)]  ->  {"leaves": [["x", ["dtype", "float64"], ["tuple", 3]]],
                   "nodes": [["exp", [0], {}]], "roots": [1]}

Nothing here runs or imports what data name: operations are found in `OPS`, classes of containers
among the modules that are loaded already.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.calls import SubGraph, graph_again
from eqsat_tensor.errors import FileError, UnsupportedError, message
from eqsat_tensor.extents import SizeFunction, SizeTerm, Symbol
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OPS, Expr, apply, topological
from eqsat_tensor.tracing import Abstract
from eqsat_tensor.trees import LEAF, NONE, Tree, is_registered_class
from eqsat_tensor.types import Literal, TensorType

_RECORDS: dict[str, Any] = {
    c.__name__: c for c in (Symbol, SizeFunction, SizeTerm, Literal, TensorType, Abstract)
}
_TYPES: dict[str, type] = {
    c.__name__: c
    for c in (bool, int, float, complex, str, bytes, tuple, frozenset, list, dict, set, type)
} | {"NoneType": type(None)}


# ------------------------------------------------------------------------------------------ values
def plain(value: Any) -> Any:
    """A value as JSON holds it; tuples and records are tagged lists.

    Raises UnsupportedError for what is no number, text, dtype, size or tuple of such.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (tuple, frozenset):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, SubGraph) and value.vjp is None:
        graph = plain_graph(value.outputs, value.parameters)
        return ["graph", value.name, list(value.texts), graph]
    if isinstance(value, np.dtype):
        return ["dtype", value.str]
    if type(value).__name__ in _RECORDS:
        fields = (getattr(value, f.name) for f in dataclasses.fields(value))
        return [type(value).__name__, *map(plain, fields)]
    if isinstance(value, type):
        if value.__name__ in _TYPES and _TYPES[value.__name__] is value:
            return ["type", value.__name__]
        if issubclass(value, np.generic):
            dtype: np.dtype = np.dtype(value)
            return ["scalar type", dtype.str]
        if issubclass(value, np.dtype):
            of_class: Any = value
            return ["dtype type", of_class().str]
    raise UnsupportedError(
        message(
            "save",
            "programs of arrays, numbers and texts alone",
            f"a {type(value).__name__}, {value!r:.60}",
            "A Python object cannot be written to a file.",
        )
    )


def rich(value: Any) -> Any:
    """The value again.  Raises FileError on what `plain` did not make."""
    if not isinstance(value, list):
        return sys.intern(value) if isinstance(value, str) else value
    tag, *rest = value
    if tag in ("tuple", "frozenset"):
        return _TYPES[tag](map(rich, rest))
    if tag == "bytes":
        return bytes.fromhex(rest[0])
    if tag == "dtype":
        return np.dtype(rest[0])
    if tag == "graph":
        return _rich_subgraph(*rest)
    if tag in _RECORDS:
        return _RECORDS[tag](*map(rich, rest))
    if tag == "type":
        return _TYPES[rest[0]]
    if tag == "scalar type":
        return np.dtype(rest[0]).type
    if tag == "dtype type":
        return type(np.dtype(rest[0]))
    raise FileError(message("load", "values that this version knows", f"a {tag!r:.40}"))


# ----------------------------------------------------------------------------------------- programs
def plain_graph(roots: Sequence[Expr], leaves: Sequence[Expr]) -> dict[str, Any]:
    """Expressions as a list of nodes; ``leaves`` are all input leaves, and come first."""
    numbers = {leaf: i for i, leaf in enumerate(leaves)}
    nodes = []
    for node in topological(roots):
        if node in numbers:
            continue
        assert node.op.name != "input", node
        numbers[node] = len(numbers)
        for name, kind in node.op.attributes.items():
            if kind is Attribute.OBJECT and not isinstance(node[name], SubGraph):
                got = f"{node.op.name} with {name}={node[name]!r:.60}"
                hint = "A Python object cannot be written to a file."
                needs = "programs of arrays, numbers and texts alone"
                raise UnsupportedError(message("save", needs, got, hint))
        attributes = {name: plain(v) for name, v in node.named.items()}
        nodes.append([node.op.name, [numbers[a] for a in node.arguments], attributes])
    return {
        "leaves": [[str(leaf["name"]), plain(leaf.dtype), plain(leaf.shape)] for leaf in leaves],
        "nodes": nodes,
        "roots": [numbers[r] for r in roots],
    }


def rich_leaves(graph: Mapping[str, Any]) -> list[tuple[str, TensorType]]:
    """Names and types of the leaves."""
    return [(name, TensorType(rich(dtype), rich(shape))) for name, dtype, shape in graph["leaves"]]


def rich_graph(graph: Mapping[str, Any], leaves: Sequence[Expr]) -> list[Expr]:
    """The roots again, over these leaves.  Raises UnsupportedError for an unknown operation."""
    values = list(leaves)
    for name, operands, attributes in graph["nodes"]:
        op = OPS.get(name)
        if op is None or set(op.attributes) != set(attributes):
            got = f"{name}({', '.join(attributes)})"
            hint = "It was saved by another version of eqsat_tensor."
            raise UnsupportedError(message("load", "operations that this version has", got, hint))
        named = {k: rich(v) for k, v in attributes.items()}
        values.append(apply(op, *(values[i] for i in operands), **named))
    return [values[i] for i in graph["roots"]]


def _rich_subgraph(name: str, texts: Sequence[str], graph: Mapping[str, Any]) -> SubGraph:
    types = [type for _, type in rich_leaves(graph)]
    return graph_again(name, types, lambda leaves: rich_graph(graph, leaves), texts)


# -------------------------------------------------------------------------------------------- nests
def plain_tree(tree: Tree) -> Any:
    """A nest as plain data.  Raises UnsupportedError for keys or static parts that are not plain."""
    if tree in (LEAF, NONE):
        return tree.kind
    kind, aux = tree.kind, tree.aux
    name = [kind.__module__, kind.__qualname__]
    return [name, plain(tree.keys), [plain_tree(c) for c in tree.children], plain(aux), _form(kind)]


def _form(kind: type) -> str:
    if is_registered_class(kind):
        return "registered"
    if dataclasses.is_dataclass(kind):
        return "dataclass"
    return "namedtuple" if issubclass(kind, tuple) and hasattr(kind, "_fields") else "container"


def rich_tree(data: Any) -> Tree:
    """The nest again.  Named tuples and dataclasses whose class is not loaded get one of their own.

    Raises FileError for a registered class that is not registered here.
    """
    if not isinstance(data, list):
        return {"leaf": LEAF, "none": NONE}[data]
    name, keys, children, aux, form = data
    keys, aux = rich(keys), rich(aux)
    kind = _RICH[form](name, keys, aux)
    return Tree(kind, keys, tuple(map(rich_tree, children)), aux)


def _container(name: Sequence[str], keys: Any, aux: Any) -> type:
    known = (tuple, list, dict, OrderedDict, defaultdict)
    for kind in known:
        if [kind.__module__, kind.__qualname__] == list(name):
            return kind
    return _loaded(name, tuple, list) or list


def _registered(name: Sequence[str], keys: Any, aux: Any) -> type:
    found = _loaded(name, object)
    if found is None or not is_registered_class(found):
        hint = "Import what defines it, and register it, before loading."
        needs = f"the class {'.'.join(name)} registered by register_pytree"
        raise FileError(message("load", needs, "", hint))
    return found


def _namedtuple(name: Sequence[str], keys: Any, aux: Any) -> type:
    found = _loaded(name, tuple)
    if found is not None and getattr(found, "_fields", None) == keys:
        return found
    made: type = namedtuple(name[1].rpartition(".")[2], keys)  # type: ignore[misc]
    return made


def _dataclass(name: Sequence[str], keys: Any, aux: Any) -> type:
    static = [n for n, _, _ in aux]
    found = _loaded(name, object)
    if found is not None and dataclasses.is_dataclass(found):
        there = {f.name for f in dataclasses.fields(found)}
        if there == {*keys, *static}:
            return found
    fields = [(n, Any) for n in keys]
    fixed = [(n, Any, dataclasses.field(metadata={"static": True})) for n in static]
    return dataclasses.make_dataclass(name[1].rpartition(".")[2], [*fields, *fixed])


_RICH: dict[str, Callable[[Sequence[str], Any, Any], type]] = {
    "container": _container,
    "registered": _registered,
    "namedtuple": _namedtuple,
    "dataclass": _dataclass,
}


def _loaded(name: Sequence[str], *bases: type) -> type | None:
    """The class of this name in a module that is loaded already; nothing is imported."""
    found: Any = sys.modules.get(name[0])
    for part in name[1].split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, bases) else None
