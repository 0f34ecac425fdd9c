"""Functions with derivatives of their own: custom_vjp, custom_jvp (JAX's decorators), checkpoint.

A call is traced into the graph as it stands and marked (`ops.marker`): the compiler sees no difference,
derivatives see one node from the outputs to the arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.autodiff.calls import like, nested, parts_like
from eqsat_tensor.autodiff.forward import pushforward
from eqsat_tensor.autodiff.reverse import pullback
from eqsat_tensor.errors import ArgumentError, GradientError, message
from eqsat_tensor.lang import INEXACT, Expr, next_serial, replaced
from eqsat_tensor.ops import marker, movement
from eqsat_tensor.ops.barrier import keep
from eqsat_tensor.ops.captured import captured_array, input_leaf
from eqsat_tensor.transform import (
    Transformed,
    call_compiled,
    closed_over,
    open_arguments,
    tensors_in,
    traces,
)
from eqsat_tensor.trees import Tree
from eqsat_tensor.types import TensorType


def _beside(outputs: Sequence[Expr], leaves: Sequence[Expr], start: int) -> list[Expr]:
    """Values that a traced function uses beside its arguments; arrays apart, which are constants."""
    return [e for e in closed_over(outputs, leaves, start) if captured_array(e) is None]


@dataclass(frozen=True, eq=False)
class _Call:
    """How one call of a custom function is nested: its arguments, those that are static, its result."""

    trees: tuple[Tree, ...]
    result: Tree
    static: tuple[tuple[int, Any], ...]

    @property
    def arguments(self) -> Tree:
        return Tree(tuple, (), self.trees)

    def positional(self, operands: Sequence[Expr]) -> list[Any]:
        """All positional arguments, on these operands."""
        args = list(nested(self.arguments, operands))
        for place, value in self.static:
            args.insert(place, value)
        return args

    @property
    def statics(self) -> list[Any]:
        return [value for _, value in self.static]


class _Custom:
    """A function with a derivative of its own; `nondiff_argnums` are Python values, not arrays."""

    operation = "custom"

    def __init__(
        self, function: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()
    ) -> None:
        numbers = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else nondiff_argnums
        self.function, self.nondiff = function, tuple(sorted(numbers))
        self.__name__ = getattr(function, "__name__", "function")
        self.__doc__ = getattr(function, "__doc__", None)
        self.__wrapped__ = function
        self._rules: dict[Hashable, marker.Rule] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        static = tuple((n, args[n]) for n in self.nondiff)
        traced = [a for n, a in enumerate(args) if n not in self.nondiff]
        if traces(self.function, traced):
            return self._traced(traced, static)
        return call_compiled(
            self.operation, self, static, lambda *given: self._traced(given, static), *traced
        )

    def _traced(self, given: Sequence[Any], static: tuple[tuple[int, Any], ...]) -> Any:
        start = next_serial()
        opened = open_arguments(self.operation, given, range(len(given)))
        args = list(opened.args)
        for place, value in static:
            args.insert(place, value)
        results, tree = tensors_in(self.operation, self.function(*args))
        outputs = [r.expr for r in results]
        rule = self._rule(_Call(opened.trees, tree, static))
        beside = _beside(outputs, opened.leaves, start)
        return nested(tree, marker.mark(opened.close(outputs), opened.given, rule, beside))

    def _rule(self, call: _Call) -> marker.Rule:
        try:
            key = (call.trees, call.result, call.static)
            if key not in self._rules:
                self._rules[key] = self.make_rule(call)
            return self._rules[key]
        except TypeError:  # a static argument that is not hashable
            return self.make_rule(call)

    def make_rule(self, call: _Call) -> marker.Rule:
        """How a call so nested is differentiated."""
        raise NotImplementedError

    def outputs(self, call: _Call, result: Any) -> list[Expr]:
        """The leaves of what a user's function returned in place of the value."""
        found, tree = tensors_in(self.operation, result)
        if tree != call.result:
            needs = f"results nested as those of {self.__name__}"
            raise GradientError(message(self.operation, needs, f"{result!r:.60}"))
        return [t.expr for t in found]

    def types(self, call: _Call, operands: Sequence[Expr]) -> list[TensorType]:
        """The types of the outputs for such operands."""
        results = self.outputs(call, self.function(*call.positional(operands)))
        return [e.type for e in results]


class custom_vjp(_Custom):
    """A function whose reverse-mode derivative is given (as in JAX): also a decorator.

    f.defvjp(forward, backward)
    forward(*args) -> (value, residuals)                     what `backward` needs, any nest
    backward(*nondiff, residuals, cotangents) -> a tuple     a cotangent for each argument, or None

    cotangents is nested as the value; a cotangent as its argument.  The value is that of the function
    itself; the residuals are computed where a gradient is asked for.  Forward mode is the transpose of
    `backward`.  Raises GradientError for derivatives through what the function closes over.
    """

    operation = "custom_vjp"
    forward: Callable[..., Any] | None = None
    backward: Callable[..., Any] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Give the derivative."""
        self.forward, self.backward = forward, backward

    def make_rule(self, call: _Call) -> marker.Rule:
        forward, backward = self.forward, self.backward
        if forward is None or backward is None:
            hint = f"Call {self.__name__}.defvjp(forward, backward)."
            raise GradientError(message("custom_vjp", "a derivative", "none", hint))

        def pull(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
            both = forward(*call.positional(operands))
            if not isinstance(both, tuple) or len(both) != 2:
                needs = "a pair (value, residuals) from forward"
                raise GradientError(message("custom_vjp", needs, f"{both!r:.60}"))
            outputs = self.outputs(call, both[0])
            filled = [cts.get(n, movement.zeros_like(o)) for n, o in enumerate(outputs)]
            found = backward(*call.statics, both[1], nested(call.result, filled))
            return parts_like("custom_vjp", "cotangents", found, operands, call.arguments)

        return marker.Rule(self.__name__, pull, None, lambda x: self.types(call, x))


class custom_jvp(_Custom):
    """A function whose forward-mode derivative is given (as in JAX): also a decorator.

    f.defjvp(rule)      rule(*nondiff, primals, tangents) -> (value, tangent), linear in the tangents
    f.defjvps(*rules)   rule(tangent, value, *primals) -> tangent, one an argument; None: zero

    Reverse mode is its transpose.
    """

    operation = "custom_jvp"
    rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Give the derivative; also a decorator."""
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Give the derivative by each argument; of functions that have one array as result."""
        if self.nondiff:
            raise ArgumentError(message("custom_jvp", "defjvp beside nondiff_argnums"))

        def rule(primals: Any, tangents: Any) -> Any:
            value = self.function(*primals)
            terms = [
                r(t, value, *primals) for r, t in zip(rules, tangents, strict=True) if r is not None
            ]
            return value, sum(terms[1:], start=terms[0]) if terms else 0 * value

        self.rule = rule

    def make_rule(self, call: _Call) -> marker.Rule:
        rule = self.rule
        if rule is None:
            hint = f"Call {self.__name__}.defjvp(rule)."
            raise GradientError(message("custom_jvp", "a derivative", "none", hint))

        def push(operands: Sequence[Expr], tangents: marker.Parts) -> marker.Parts:
            filled = [
                movement.zeros_like(x) if t is None else t
                for x, t in zip(operands, tangents, strict=True)
            ]
            primals = nested(call.arguments, operands)
            both = rule(*call.statics, primals, nested(call.arguments, filled))
            if not isinstance(both, tuple) or len(both) != 2:
                needs = "a pair (value, tangent) from the rule"
                raise GradientError(message("custom_jvp", needs, f"{both!r:.60}"))
            outputs = self.outputs(call, both[0])
            return like("custom_jvp", "tangents", both[1], outputs, call.result)

        def pull(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
            seeds = [input_leaf("t", x.dtype, x.shape) for x in operands]
            slopes = push(operands, seeds)
            pairs = [(slopes[number], ct) for number, ct in cts.items()]
            outputs = [s for s, _ in pairs if s is not None]
            backs = pullback(outputs, [ct for s, ct in pairs if s is not None], seeds)
            return replaced(backs, {seed: movement.zeros_like(seed) for seed in seeds})

        return marker.Rule(self.__name__, pull, push)


def checkpoint(function: Callable[..., Any]) -> Any:
    """The same function, whose gradient computes it again instead of holding what it computed.

    Equal expressions are one in a graph, so the second computation reads its inputs through `keep`, which
    no rewrite crosses: between the two, nothing but the arguments (and what the function closes over) is
    held.  Rewrites within each of them, and forward mode, are as ever.
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        start = next_serial()
        opened = open_arguments("checkpoint", args, range(len(args)))
        results, tree = tensors_in("checkpoint", function(*opened.args, **kwargs))
        outputs = [r.expr for r in results]
        beside = _beside(outputs, opened.leaves, start)
        leaves = [*opened.leaves, *beside]

        def pull(operands: Sequence[Expr], cts: Mapping[int, Expr]) -> marker.Parts:
            held = [keep(x) for x in operands]
            wanted = [x for x in held if x.dtype in INEXACT]
            again = replaced([outputs[n] for n in cts], dict(zip(leaves, held, strict=True)))
            backs = iter(pullback(again, list(cts.values()), wanted))
            return [next(backs) if x.dtype in INEXACT else None for x in held]

        def push(operands: Sequence[Expr], tangents: marker.Parts) -> marker.Parts:
            pairs = [(x, t) for x, t in zip(operands, tangents, strict=True) if t is not None]
            again = replaced(outputs, dict(zip(leaves, operands, strict=True)))
            found = pushforward(again, [x for x, _ in pairs], [t for _, t in pairs])
            return [t if t.dtype in INEXACT else None for t in found]

        rule = marker.Rule("checkpoint", pull, push)
        operands = [*opened.given, *beside]
        return nested(tree, marker.mark(opened.close(outputs), operands, rule))

    return Transformed("checkpoint", function, traced)
