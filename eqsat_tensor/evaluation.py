"""`tensor.eval({x: array})`: the value of one tensor, compiled once for the inputs that it is given."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from eqsat_tensor.compiled import Function, function
from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.inout import In
from eqsat_tensor.lang import OPS, Expr
from eqsat_tensor.shared import Shared
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.tracing import distinct_names

# Address of a tensor -> it, and (its expression, its inputs, options) -> function.  Weakly, and by
# identity, since == of tensors is a tensor; the functions hold no tensor of these.
_functions: dict[int, tuple[weakref.ref[Tensor], dict[Any, Function]]] = {}


def evaluate(tensor: Tensor, inputs: Mapping[Tensor, Any] | None, **options: Any) -> Any:
    """See `Tensor.eval`."""
    given = {} if inputs is None else dict(inputs)
    if isinstance(tensor, Shared) and not given:
        return tensor.get_value()[()]  # a function would keep the state for ever
    leaves: dict[Expr, Any] = {}
    for key, value in given.items():
        if getattr(getattr(key, "expr", None), "op", None) is not OPS["input"]:
            needs = "values of inputs, by tensors made by et.tensor"
            raise ArgumentError(message("eval", needs, f"a key {key!r:.60}"))
        leaves[key.expr] = value
    known = _known(tensor)
    wanted = (tensor.expr, tuple(leaves), tuple(sorted(options.items())))
    if wanted not in known:
        names = distinct_names([str(leaf["name"]) for leaf in leaves])
        specs = [
            In(Tensor(leaf, fixed=True), name=name)
            for leaf, name in zip(leaves, names, strict=True)
        ]
        for spec in specs:
            spec.upcast = False  # as plain inputs
        known[wanted] = function(specs, Tensor(tensor.expr), name="eval", **options)
    return known[wanted](*leaves.values())


def _known(tensor: Tensor) -> dict[Any, Function]:
    """The functions of this tensor so far; they go with it."""
    number = id(tensor)
    if number not in _functions:

        def gone(_: Any) -> None:
            _functions.pop(number, None)

        _functions[number] = (weakref.ref(tensor, gone), {})
    return _functions[number][1]
