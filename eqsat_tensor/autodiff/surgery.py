"""Values whose derivative is another than theirs: stop_gradient, gradient_clip, gradient_scale.

They are notes for derivatives (`ops.marker`): rules and generated code see the value alone, without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.lang import INEXACT, Expr
from eqsat_tensor.ops import arithmetic, marker, movement
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.tensor import Tensor, as_expr, is_traced
from eqsat_tensor.trees import flatten, unflatten


def _nothing(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
    return [None] * len(operands)


def _clip(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
    _, low, high = operands
    return arithmetic.minimum(arithmetic.maximum(cts[0], low), high), None, None


def _scale(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
    return arithmetic.multiply(cts[0], operands[1]), None


def _scale_tangent(operands: Sequence[Expr], tangents: marker.Parts) -> marker.Parts:
    t = tangents[0]
    return [None if t is None else arithmetic.multiply(t, operands[1])]


STOP = marker.Rule("stop_gradient", _nothing, lambda x, t: [None], elementwise=True)
# what is clipped is the cotangent, not the derivative: forward mode does not see it
CLIP = marker.Rule("gradient_clip", _clip, lambda x, t: [t[0]], elementwise=True)
SCALE = marker.Rule("gradient_scale", _scale, _scale_tangent, elementwise=True)


def _marked(x: Any, rule: marker.Rule, *parameters: Any) -> Any:
    if not is_traced(x) and not any(is_traced(p) for p in parameters):
        return x
    value = as_expr(x)
    if value.dtype not in INEXACT:
        if rule is STOP:
            return x
        raise DtypeError(message(rule.name, "a float", f"x: {value.type}"))
    beside = [
        movement.broadcast_to(cast_to(as_expr(p), value.dtype), value.shape) for p in parameters
    ]
    return Tensor(marker.mark([value], [value, *beside], rule)[0])


def stop_gradient(x: Any, /) -> Any:
    """`x`, a constant for derivatives: its gradient and its tangent are zero.  Also of a nest."""
    leaves, tree = flatten(x)
    return unflatten(tree, [_marked(leaf, STOP) for leaf in leaves])


def gradient_clip(x: Any, low: Any, high: Any, /) -> Any:
    """`x`, whose cotangent is clipped to [low, high] (numbers, or arrays that broadcast to x's shape).

    Forward mode does not see it.  Raises DtypeError for what is no float.
    """
    return _marked(x, CLIP, low, high)


def gradient_scale(x: Any, factor: Any, /) -> Any:
    """`x`, whose derivative is multiplied by ``factor`` (a number, or an array that broadcasts to it)."""
    return _marked(x, SCALE, factor)
