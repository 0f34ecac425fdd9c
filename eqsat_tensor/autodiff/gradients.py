"""`grad` and `value_and_grad`: of a tensor with respect to tensors, or of a function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eqsat_tensor.autodiff.calls import like, nested, numbers_of, wrt_leaves
from eqsat_tensor.autodiff.reverse import check_inputs, check_output, delivered
from eqsat_tensor.errors import GradientError, message
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.tensor import Tensor, as_tensor
from eqsat_tensor.transform import Transformed, open_arguments, tensors_in
from eqsat_tensor.trees import LEAF, unflatten

DISCONNECTED = ("zero", "raise", "warn")


def grad(
    target: Any,
    wrt: Any = 0,
    /,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    consider_constant: Any = (),
    known_grads: Mapping[Tensor, Any] | None = None,
    disconnected_inputs: str = "zero",
) -> Any:
    """The gradient: of a tensor with respect to tensors, or of a function.

    grad(loss, w), grad(loss, [w, b])   tensors in, tensors out (a list for a list)
    grad(f, argnums=0)                  a function of the same arguments that returns the gradient
                                        with respect to one argument, or a tuple for a tuple
    An argument may be a nest (tuple, list, dict) of arrays; its gradient is such a nest.

    has_aux: the function returns (value, aux), and its gradient (gradient, aux).
    consider_constant: tensors through which no derivative passes.
    known_grads: tensor -> cotangent that it has besides; with them ``target`` may be None.
    disconnected_inputs: for what the value does not depend on, zeros ("zero"), zeros with a warning
    ("warn"), or a GradientError ("raise").
    Raises GradientError where the value is no 0-d float, DtypeError for arguments that are none.
    """
    if disconnected_inputs not in DISCONNECTED:
        got = f"disconnected_inputs={disconnected_inputs!r}"
        raise GradientError(message("grad", f"one of {', '.join(DISCONNECTED)}", got))
    if target is None or isinstance(target, Tensor):
        found, tree = wrt_leaves("grad", wrt)
        constant = wrt_leaves("grad", consider_constant)[0]
        seeds = _seeds(target, known_grads or {})
        return nested(tree, _gradients(seeds, found, constant, disconnected_inputs))
    if not callable(target):
        raise GradientError(message("grad", "a tensor or a function", f"{target!r:.60}"))
    if known_grads or consider_constant:
        needs = "a tensor for consider_constant and known_grads"
        hint = "Inside a function, use stop_gradient(x)."
        raise GradientError(message("grad", needs, "a function", hint))
    numbers = wrt if argnums is None else argnums
    return _derived("grad", target, numbers, has_aux, disconnected_inputs, False)


def value_and_grad(
    target: Any,
    argnums: Any = 0,
    has_aux: bool = False,
    disconnected_inputs: str = "zero",
) -> Any:
    """As `grad`, but the result is the pair of the value and the gradient.

    value_and_grad(f, argnums)   of a function; with has_aux it returns (value, aux), and the result is
                                 ((value, aux), gradient)
    value_and_grad(loss, wrt)    of a tensor
    """
    if isinstance(target, Tensor):
        return target, grad(target, argnums, disconnected_inputs=disconnected_inputs)
    if not callable(target):
        needs = "a tensor or a function"
        raise GradientError(message("value_and_grad", needs, f"{target!r:.60}"))
    return _derived("grad", target, argnums, has_aux, disconnected_inputs, True)


def _seeds(target: Any, known: Mapping[Tensor, Any]) -> list[tuple[Expr, Expr]]:
    seeds = []
    if target is not None:
        check_output("grad", target.expr)
        seeds.append((target.expr, full_like(target.expr, 1)))
    for tensor, ct in known.items():
        (expr,) = wrt_leaves("grad", tensor)[0]
        (cotangent,) = like("grad", "known_grads", ct, [expr], LEAF)
        seeds.append((expr, cotangent))
    return seeds


def _gradients(
    seeds: Sequence[tuple[Expr, Expr]],
    wrt: Sequence[Expr],
    constant: Sequence[Expr],
    disconnected: str,
) -> list[Expr]:
    check_inputs("grad", wrt)
    found = delivered([o for o, _ in seeds], [ct for _, ct in seeds], wrt, frozenset(constant))
    for w, ct in zip(wrt, found, strict=True):
        if ct is None and disconnected != "zero":
            needs = "a value that depends on what it is differentiated by"
            text = message("grad", needs, f"{w.type} that it does not depend on")
            if disconnected == "raise":
                raise GradientError(text)
            warnings.warn(text, RuntimeWarning, stacklevel=3)
    return [movement.zeros_like(w) if ct is None else ct for w, ct in zip(wrt, found, strict=True)]


def _derived(
    name: str,
    function: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool,
    disconnected: str,
    with_value: bool,
) -> Transformed:
    def traced(*args: Any, **kwargs: Any) -> Any:
        opened = open_arguments(made.__name__, args, numbers_of(argnums))
        result = function(*opened.args, **kwargs)
        result, aux = _split(name, result) if has_aux else (result, None)
        value = as_tensor(result).expr
        check_output("grad", value)
        others, tree = tensors_in(name, aux)
        flat = _gradients([(value, full_like(value, 1))], opened.leaves, (), disconnected)
        closed = opened.close([value, *(t.expr for t in others), *flat])
        count = 1 + len(others)
        parts = opened.nests([Tensor(e) for e in closed[count:]])
        gradient = parts[0] if isinstance(argnums, int) else parts
        beside = unflatten(tree, [Tensor(e) for e in closed[1:count]])
        if with_value:
            primal = Tensor(closed[0])
            return ((primal, beside) if has_aux else primal), gradient
        return (gradient, beside) if has_aux else gradient

    made = Transformed(name, function, traced)
    return made


def _split(name: str, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise GradientError(
            message(name, "a pair (value, aux) from the function", f"{result!r:.60}")
        )
    return result
