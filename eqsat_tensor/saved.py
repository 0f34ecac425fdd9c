"""Compiled functions as files, and back: what they were made of, never pointers or machine code.

A file is a line that says what it is, a line with the number of the format, a line with the SHA-256
of the rest, and the rest: a zip archive of ``header.json`` and arrays ``0.npy``, ``1.npy``, ...
Nothing in it is pickled, and nothing is run or imported because a file says so.  Code is found in
the cache, or made again, at the first call.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.arrangement import Arrangement
from eqsat_tensor.codec import (
    plain,
    plain_graph,
    plain_tree,
    rich,
    rich_graph,
    rich_leaves,
    rich_tree,
)
from eqsat_tensor.compiled import Function, function_of
from eqsat_tensor.errors import ArgumentError, EqsatError, FileError, UnsupportedError, message
from eqsat_tensor.extents import Guard
from eqsat_tensor.inout import In
from eqsat_tensor.jitted import Jit, jit_of
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.captured import capture, input_leaf
from eqsat_tensor.options import Options, make_options
from eqsat_tensor.program import input_leaves
from eqsat_tensor.runtime.native import Identity
from eqsat_tensor.shared import Shared, shared
from eqsat_tensor.sizes import size_or_dim
from eqsat_tensor.source import Source, own_state
from eqsat_tensor.tensor import Tensor, captured_array
from eqsat_tensor.traces import Entry
from eqsat_tensor.tracing import Traced
from eqsat_tensor.types import TensorType

FORMAT = 1
_MAGIC = b"eqsat_tensor function\n"


def save(function: Function | Jit, path: str | Path) -> None:
    """Write a function to a file, with the values of its states.

    A function of `et.function` is written whole; one of `et.jit` with the traces of the calls so
    far: loaded, it serves calls of these signatures.
    Raises UnsupportedError for programs that hold Python objects, and for methods.
    """
    data, final = to_bytes(function), Path(path)
    with tempfile.NamedTemporaryFile(dir=final.parent, prefix=final.name, delete=False) as file:
        file.write(data)
    os.replace(file.name, final)  # whole or not at all


def load(path: str | Path) -> Any:
    """The function that was written to a file; its source is not needed.

    Raises FileError where the file is none of ours, damaged, or of a newer format, UnsupportedError
    where it uses operations that this version does not have.
    """
    return restored(Path(path).read_bytes())


def to_bytes(function: Function | Jit, states: bool = True) -> bytes:
    """A function as the bytes of a file; without ``states`` their values must come otherwise."""
    arrays = _Arrays()
    if isinstance(function, Function):
        header = _function_header(function.source, arrays, states)
    else:
        header = _jit_header(function, arrays)
    payload = arrays.archive(header)
    lines = f"format {FORMAT}\n{hashlib.sha256(payload).hexdigest()}\n".encode()
    return _MAGIC + lines + payload


def restored(data: bytes, states: Sequence[Shared] = ()) -> Any:
    """The function that `to_bytes` wrote; ``states`` to use instead of new ones, all or none."""
    header, arrays = _opened(data)
    try:
        if header["kind"] == "jit":
            return _jit(header, arrays)
        return _function(header, arrays, states)
    except EqsatError:
        raise
    except Exception as error:  # the bytes are as they were written, so the writer was another one
        hint = "It was saved by another version of eqsat_tensor."
        got = f"{type(error).__name__}: {error}"
        raise FileError(message("load", "what this version writes", got, hint)) from error


# ----------------------------------------------------------------------------------------- archive
class _Arrays:
    """The arrays of a file, each once."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.numbers: dict[int, int] = {}

    def number(self, array: np.ndarray) -> int:
        if id(array) not in self.numbers:
            self.numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return self.numbers[id(array)]

    def archive(self, header: Mapping[str, Any]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo("header.json"), json.dumps(header))
            for i, array in enumerate(self.arrays):
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{i}.npy"), member.getvalue())
        return buffer.getvalue()


def _opened(data: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The header and the arrays of a file's bytes, checked."""
    if not data.startswith(_MAGIC):
        needs = "a file written by save"
        raise FileError(message("load", needs, f"one that begins with {data[:20]!r}"))
    version, _, rest = data[len(_MAGIC) :].partition(b"\n")
    word, _, number = version.partition(b" ")
    digest, _, payload = rest.partition(b"\n")
    if word == b"format" and number.isdigit() and int(number) > FORMAT:
        hint = "Upgrade eqsat_tensor."
        got = f"format {int(number)} of a newer one"
        raise FileError(message("load", f"formats up to {FORMAT}", got, hint))
    if hashlib.sha256(payload).hexdigest().encode() != digest or version != b"format %d" % FORMAT:
        raise FileError(message("load", "a file as it was written", "a damaged one"))
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        header = json.loads(archive.read("header.json"))
        arrays = [
            np.lib.format.read_array(io.BytesIO(archive.read(f"{i}.npy")), allow_pickle=False)
            for i in range(len(archive.namelist()) - 1)
        ]
    return header, arrays


def _common(kind: str, name: str, options: Options) -> dict[str, Any]:
    from eqsat_tensor import __version__

    rules = "" if options.optimize == "none" else pipeline.rulebook(options).digest
    chosen = {k: plain(v) for k, v in asdict(options).items()}
    return {"kind": kind, "name": name, "options": chosen, "rules": rules, "package": __version__}


def _options(header: Mapping[str, Any]) -> Options:
    """The options; a warning where rules of the user's own are not what they were."""
    options = make_options({k: rich(v) for k, v in header["options"].items()})
    of_users = bool(options.rules) and options.optimize != "none"
    if of_users and pipeline.rulebook(options).digest != header["rules"]:
        text = f"eqsat_tensor: {header['name']} was saved with other rules than are there now"
        warnings.warn(f"{text}: {', '.join(options.rules)}.", UserWarning, stacklevel=4)
    return options


def _captured(
    roots: Sequence[Expr], leaves: Sequence[Expr], arrays: _Arrays
) -> tuple[list[Expr], list[int]]:
    """The leaves that hold arrays, and the numbers of these arrays."""
    found = [leaf for leaf in input_leaves(roots) if leaf not in set(leaves)]
    held = [captured_array(leaf) for leaf in found]
    return found, [arrays.number(a) for a in held if a is not None]


# ---------------------------------------------------------------------------------------- functions
def _function_header(source: Source, arrays: _Arrays, states: bool) -> dict[str, Any]:
    inputs = []
    for i, given in enumerate(source.inputs):
        value = source.defaults.get(i)
        own = source.held.get(i)
        kept = own[0].get_value() if own is not None else value
        inputs.append(
            {
                "name": given.name,
                "mutable": given.mutable,
                "borrow": given.borrow,
                "strict": given.strict,
                "allow_downcast": given.allow_downcast,
                "upcast": given.upcast,
                "value": None if kept is None else arrays.number(kept),
                "updated": own is not None,
            }
        )
    leaves = [*(i.leaf for i in source.inputs), *(s.expr for s in source.states)]
    captured, numbers = _captured(source.roots, leaves, arrays)
    order = list(source.states)
    return _common("function", source.name, source.options) | {
        "inputs": inputs,
        "states": [
            {
                "name": s.name,
                "value": arrays.number(s.state.numpy()) if states else None,
                "target": s.state.target,
            }
            for s in order
        ],
        "captured": numbers,
        "updates": [[s is t for t in order].index(True) for s, _ in source.updates],
        "outputs": len(source.outputs),
        "tree": plain_tree(source.tree),
        "graph": plain_graph(source.roots, [*leaves, *captured]),
    }


def _function(
    header: Mapping[str, Any], arrays: Sequence[np.ndarray], given: Sequence[Shared]
) -> Function:
    graph, kept = header["graph"], rich_leaves(header["graph"])
    inputs, n = header["inputs"], len(header["inputs"])
    leaves = [input_leaf(name, type.dtype, type.shape) for name, type in kept[:n]]
    states = list(given) or [
        _state(s["name"], arrays[s["value"]], type, s.get("target", "cpu"))
        for s, (_, type) in zip(header["states"], kept[n:], strict=False)
    ]
    captured = [capture(arrays[i]) for i in header["captured"]]
    roots = rich_graph(graph, [*leaves, *(s.expr for s in states), *captured])
    values = [None if i["value"] is None else np.array(arrays[i["value"]]) for i in inputs]
    news = roots[header["outputs"] :]
    own = iter(news[len(header["updates"]) :])
    specs: list[In] = []
    held: dict[int, tuple[Shared, Expr]] = {}
    for i, (record, leaf, value) in enumerate(zip(inputs, leaves, values, strict=True)):
        update = next(own) if record["updated"] else None
        spec = In(
            Tensor(leaf, fixed=True),
            value=value,
            update=None if update is None else Tensor(update),
            **{k: record[k] for k in ("name", "mutable", "borrow", "strict", "allow_downcast")},
        )
        spec.upcast = record["upcast"]
        specs.append(spec)
        if update is not None and value is not None:
            held[i] = (own_state(spec, value), update)
    return function_of(
        Source(
            name=header["name"],
            inputs=tuple(specs),
            outputs=tuple(roots[: header["outputs"]]),
            tree=rich_tree(header["tree"]),
            updates=tuple((states[k], e) for k, e in zip(header["updates"], news, strict=False)),
            states=tuple(states),
            defaults={i: v for i, v in enumerate(values) if v is not None and i not in held},
            held=held,
            options=_options(header),
        )
    )


def _state(name: str, value: np.ndarray, type: TensorType, target: str) -> Shared:
    return shared(value, name, tuple(size_or_dim(s) for s in type.shape), target=target)


# ---------------------------------------------------------------------------------------------- jit
def _jit_header(function: Jit, arrays: _Arrays) -> dict[str, Any]:
    traces = function.traces
    arrangement = traces.arrangement
    entries = [(key, e) for key, every in traces.entries.items() for e in every]
    if not entries:
        hint = "Call it first, with arguments of each kind that it is to serve."
        raise ArgumentError(message("save", f"a function {traces.name} that was traced", "", hint))
    if any(len(static) == 3 for key, _ in entries for static in key[2]):
        hint = "Save a function that takes as arguments what the method reads of its instance."
        raise UnsupportedError(message("save", "functions", f"the method {traces.name}", hint))
    return _common("jit", traces.name, traces.options) | {
        "parameters": None
        if arrangement.signature is None
        else [
            [p.name, p.kind.name, p.default is not Parameter.empty] for p in arrangement.parameters
        ],
        "static": sorted(arrangement.static, key=str),
        "donate": sorted(arrangement.donate, key=str),
        "entries": [_entry_header(key, e, arrays) for key, e in entries],
    }


def _entry_header(key: Any, entry: Entry, arrays: _Arrays) -> dict[str, Any]:
    known, tree, static_key, labels, keywords = key
    traced, variant = entry.traced, entry.variant
    roots = [*traced.outputs, *(e for _, e in traced.written)]
    captured, numbers = _captured(roots, traced.arguments, arrays)
    return {
        "known": plain(known),
        "nest": plain_tree(tree),
        "statics": plain(static_key),
        "labels": plain(labels),
        "keywords": plain(keywords),
        "names": [a.name for a in entry.arguments],
        "kinds": list(variant.kinds),
        "native": variant.owner is not None,
        "fixed": [[i, plain(identity.object())] for i, identity in variant.statics],
        "captured": numbers,
        "written": [i for i, _ in traced.written],
        "tree": plain_tree(traced.tree),
        "pins": dict(traced.pins),
        "choices": [[c.relation, plain(c.left), plain(c.right)] for c in traced.choices],
        "graph": plain_graph(roots, [*traced.arguments, *captured]),
    }


def _jit(header: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Jit:
    def split(given: Sequence[Any]) -> tuple[list[str], list[int]]:
        return [g for g in given if isinstance(g, str)], [g for g in given if isinstance(g, int)]

    name, parameters = header["name"], header["parameters"]
    signature = None
    if parameters is not None:
        signature = Signature(
            [
                Parameter(n, getattr(Parameter, kind), default=... if default else Parameter.empty)
                for n, kind, default in parameters
            ]
        )
    static, donate = split(header["static"]), split(header["donate"])
    made = jit_of(name, None, _options(header), Arrangement(name, signature, static, donate))
    if signature is not None:
        vars(made)["__signature__"] = signature
    traces = made.traces
    for data in header["entries"]:
        known, statics = rich(data["known"]), rich(data["statics"])
        nest, labels = rich_tree(data["nest"]), rich(data["labels"])
        key = (known, nest, statics, labels, rich(data["keywords"]))
        types = rich_leaves(data["graph"])[: len(data["names"])]
        leaves = [input_leaf(n, t.dtype, t.shape) for n, t in types]
        roots = rich_graph(
            data["graph"], [*leaves, *(capture(arrays[i]) for i in data["captured"])]
        )
        outputs = len(roots) - len(data["written"])
        traced = Traced(
            tuple(leaves),
            tuple(roots[:outputs]),
            rich_tree(data["tree"]),
            data["pins"],
            tuple(zip(data["written"], roots[outputs:], strict=True)),
            tuple(Guard(r, rich(a), rich(b), "") for r, a, b in data.get("choices", ())),
        )
        fixed = [(i, Identity(rich(value))) for i, value in data["fixed"]]
        entry = traces.entry(
            traced, data["kinds"], data["names"], fixed if data["native"] else None
        )
        traces.entries.setdefault(key, []).append(entry)
    return made
