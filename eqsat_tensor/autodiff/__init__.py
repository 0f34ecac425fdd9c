"""`Expr` -> `Expr`: reverse-mode derivatives, and forward mode as the reverse of the reverse.

    gradient(mean(x * y), [x])   ->   [y / n]

No NaN comes from a branch that was not taken: cotangents carry masks (`eqsat_tensor.autodiff.masks`).  Where
a matrix product mixes elements, rows and columns that no live element needs are set to 0 before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqsat_tensor.autodiff.masks import Cotangent, Mask, Masks
from eqsat_tensor.errors import DtypeError, GradientError, message
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, rewrite, topological
from eqsat_tensor.ops import cumulative, movement, reduce
from eqsat_tensor.ops.compare import not_equal, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.tensor import Tensor, as_tensor, input_leaf, is_traced
from eqsat_tensor.trees import flatten, unflatten

# Set by the compiler: what makes a function of arrays from a function of tensors.
compile_hook: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


# ---------------------------------------------------------------------------------- one node back
AS_THEY_STAND = frozenset(
    ("transpose", "squeeze", "reshape", "refine", "slice", "pad", "concatenate")
)
PARTS = list[Cotangent | None]


def _elementwise(node: Expr) -> bool:
    kind = node.op.kind
    alone = kind is Kind.COMPOSITE and not node.op.attributes
    return kind in (Kind.ELEMENTWISE, Kind.BARRIER) or alone


def _back(node: Expr, ct: Cotangent, masks: Masks) -> PARTS:
    """Cotangents of a node's operands, from its own."""
    if _elementwise(node):
        clean = ct.clean and (node.op.linear or node.op.name == "cast")
        return _parts(masks, _vjp(node, ct.value), ct.mask, clean)
    if "axes" in node.op.attributes and node.op.kind in (Kind.REDUCTION, Kind.COMPOSITE):
        return _back_through_reduction(node, ct, masks)
    value = ct.settled()
    if "reverse" in node.op.attributes:
        return _back_through_scan(node, value, ct.mask, masks)
    if ct.mask is None:
        return _parts(masks, _vjp(node, value))
    if node.op.kind is Kind.MOVEMENT:
        moved = [
            None if live is None else masks.branch(None, live, True)
            for live in _moved_mask(node, ct.mask.live)
        ]
        return _clean_parts(_vjp(node, value), moved)
    if node.op.name == "matmul":
        return _back_through_matmul(node, value, ct.mask.live, masks)
    return _parts(masks, _vjp(node, value))


def _parts(
    masks: Masks, values: Sequence[Expr | None], mask: Mask | None = None, clean: bool = True
) -> PARTS:
    return [None if v is None else masks.part(v, mask, clean) for v in values]


def _clean_parts(values: Sequence[Expr | None], masks: Sequence[Mask | None]) -> PARTS:
    pairs = zip(values, masks, strict=True)
    return [None if v is None else Cotangent(v, mask) for v, mask in pairs]


def _vjp(node: Expr, ct: Expr, operands: Sequence[Expr] | None = None) -> list[Expr | None]:
    operands = node.arguments if operands is None else operands
    if node.op.vjp is not None:
        return list(node.op.vjp(ct, node, *operands, **node.named))
    if node.op.expand is not None:
        body = node.op.expand(*operands, **node.named)
        return list(pullback([body], [ct], operands))
    raise GradientError(message(node.op.name, "an operation that has a derivative", str(node.type)))


def _back_through_reduction(node: Expr, ct: Cotangent, masks: Masks) -> PARTS:
    axes, x = node["axes"], node.arguments[0]
    same_shape = node.shape == x.shape
    value = ct.settled() if same_shape else ct.value  # softmax and its like mix elements
    mask = None
    if ct.mask is not None:
        live = reduce.any_(ct.mask.live, axes=axes) if same_shape else ct.mask.live
        mask = masks.branch(None, movement.broadcast(live, axes, x.shape), True)
    clean = ct.clean and node.op.linear
    return _parts(masks, _vjp(node, value), mask, clean)


def _back_through_scan(node: Expr, ct: Expr, mask: Mask | None, masks: Masks) -> PARTS:
    """An element is live where a place that takes it in is."""
    if mask is not None:
        along = {"axis": node["axis"], "reverse": 1 - node["reverse"]}
        mask = masks.branch(None, cumulative.cummax(mask.live, **along), True)
    return _parts(masks, _vjp(node, ct), mask, False)


def _moved_mask(node: Expr, live: Expr) -> list[Expr | None]:
    """Which elements of a movement's operands are live, given those of its result."""
    if node.op.name in AS_THEY_STAND:
        return _vjp(node, live)
    if node.op.name == "broadcast":
        return [reduce.any_(live, axes=node["axes"])]
    ones = where(live, full_like(node, 1), full_like(node, 0))
    moved = _vjp(node, ones)
    return [None if p is None else not_equal(p, full_like(p, 0)) for p in moved]


def _back_through_matmul(node: Expr, ct: Expr, live: Expr, masks: Masks) -> PARTS:
    """Rows of `a` and columns of `b` that no live element needs are set to 0: they may be NaN."""
    rank = len(node.shape)
    operands: list[Expr] = []
    found: list[Mask | None] = []
    for operand, axis, repeated in zip(node.arguments, (rank - 1, rank - 2), (-1, -2), strict=True):
        mask = None
        if live.op.name == "broadcast" and axis in live["axes"]:  # the same for a whole row
            line = movement.slice_(
                live,
                [0] * rank,
                [1] * rank,
                [1 if j == axis else s for j, s in enumerate(live.shape)],
            )
            line = movement.squeeze(line, (axis,))
            spread = movement.broadcast(line, (rank + repeated,), operand.shape)
            mask = masks.branch(None, spread, True)
            operand = mask.select(operand)
        operands.append(operand)
        found.append(mask)
    return _clean_parts(_vjp(node, ct, operands), found)


# -------------------------------------------------------------------------------------- pullback
def pullback(
    outputs: Sequence[Expr], cotangents: Sequence[Expr], wrt: Sequence[Expr]
) -> list[Expr]:
    """The cotangents of ``wrt``, given those of ``outputs``: time linear in the graph, any depth.

    outputs, wrt: floats; a cotangent has its output's type.  What no output depends on gets zeros.
    """
    order = topological(outputs)
    active = set(wrt)
    for node in order:
        if node.dtype in FLOATS and any(a in active for a in node.arguments):
            active.add(node)
    masks = Masks()
    held: dict[Expr, list[Cotangent]] = {}

    def deliver(node: Expr, ct: Cotangent) -> None:
        held.setdefault(node, []).append(ct)

    for output, ct in zip(outputs, cotangents, strict=True):
        assert output.type == ct.type, (output, ct)
        if output in active:
            deliver(output, masks.part(ct, None, True))
    for node in reversed(order):
        if node not in held or not any(a in active for a in node.arguments):
            continue
        for number, reason in node.op.refused.items():
            if node.arguments[number] in active:
                needs = f"operand {number} not to be differentiated by"
                raise GradientError(message(node.op.name, needs, str(node.type), reason))
        parts = _back(node, masks.total(held[node]), masks)
        for argument, part in zip(node.arguments, parts, strict=True):
            if part is not None and argument in active:
                deliver(argument, part)
    return [masks.total(held[w]).settled() if w in held else movement.zeros_like(w) for w in wrt]


def gradient(output: Expr, wrt: Sequence[Expr]) -> list[Expr]:
    """The derivatives of a 0-d float with respect to each of ``wrt``, of their types.

    Raises GradientError where the output is no 0-d float, DtypeError where one of ``wrt`` is no float.
    """
    _check_output(output)
    for w in wrt:
        if w.dtype not in FLOATS:
            raise DtypeError(
                message("grad", "float arguments", str(w.type), "Cast to a float dtype first.")
            )
    return pullback([output], [full_like(output, 1)], wrt)


def _check_output(output: Expr) -> None:
    if output.shape != () or output.dtype not in FLOATS:
        hint = "Reduce it, for example by sum or mean." if output.shape else "Cast it to a float."
        raise GradientError(message("grad", "a 0-d float", str(output.type), hint))


def pushforward(
    outputs: Sequence[Expr], wrt: Sequence[Expr], tangents: Sequence[Expr]
) -> list[Expr]:
    """The tangents of ``outputs``, given those of ``wrt``.

    The pullback is linear in its cotangents u; its own pullback, at any u, is the pushforward.
    """
    seeds = [input_leaf("u", o.dtype, o.shape) for o in outputs]
    backs = pullback(outputs, seeds, wrt)
    result = pullback(backs, tangents, seeds)
    zeros = {seed: movement.zeros_like(seed) for seed in seeds}
    return replaced(result, zeros)


def replaced(outputs: Sequence[Expr], table: dict[Expr, Expr]) -> list[Expr]:
    """The same expressions with some nodes replaced."""

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node in table:
            return table[node]
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(outputs, change)


# ---------------------------------------------------------------------------------------- public
def grad(target: Any, wrt: Any = 0, /, argnums: int | Sequence[int] | None = None) -> Any:
    """The gradient: of a tensor with respect to tensors, or of a function.

    grad(loss, w), grad(loss, [w, b])   tensors in, tensors out (a list for a list)
    grad(f, argnums=0)                  a function of the same arguments that returns the gradient
                                        with respect to one argument, or a tuple for a tuple
    An argument may be a nest (tuple, list, dict) of arrays; its gradient is such a nest.
    Raises GradientError where the value is no 0-d float, DtypeError for arguments that are none.
    """
    if isinstance(target, Tensor):
        leaves, tree = flatten(wrt)
        found = gradient(target.expr, [_wrt(w) for w in leaves])
        return unflatten(tree, [Tensor(e) for e in found])
    if not callable(target):
        raise GradientError(message("grad", "a tensor or a function", f"{target!r:.60}"))
    return _Derived(target, wrt if argnums is None else argnums, False)


def _wrt(value: Any) -> Expr:
    if not isinstance(value, Tensor):
        raise GradientError(message("grad", "tensors to differentiate by", f"{value!r:.60}"))
    return value.expr


def value_and_grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Any:
    """As `grad` of a function, but the result is the pair of the value and the gradient."""
    return _Derived(function, argnums, True)


class _Derived:
    """A function of the same arguments that returns a gradient, on tensors or on arrays."""

    def __init__(
        self, function: Callable[..., Any], argnums: int | Sequence[int], with_value: bool
    ) -> None:
        self.function, self.with_value = function, with_value
        self.single = isinstance(argnums, int)
        self.argnums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        self.compiled: Callable[..., Any] | None = None
        name = getattr(function, "__name__", "function")
        self.__name__ = f"grad_of_{name}"
        self.__doc__ = getattr(function, "__doc__", None)
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(is_traced(leaf) for leaf in flatten((args, kwargs))[0]):
            return self.traced(*args, **kwargs)
        if self.compiled is None:
            if compile_hook is None:
                raise GradientError(message(self.__name__, "traced arguments, or the compiler"))
            self.compiled = compile_hook(self)
        return self.compiled(*args, **kwargs)

    def traced(self, *args: Any, **kwargs: Any) -> Any:
        """On tensors: fresh leaves stand for the arguments, so that nothing else depends on them."""
        call = list(args)
        table: dict[Expr, Expr] = {}
        wrt: list[list[Expr]] = []
        trees = []
        for number in self.argnums:
            if not -len(args) <= number < len(args):
                got = f"argnums {self.argnums} of {len(args)} arguments"
                raise GradientError(message(self.__name__, "argnums of positional arguments", got))
            leaves, tree = flatten(args[number])
            given = [as_tensor(leaf) for leaf in leaves]
            fresh = [input_leaf("argument", t.dtype, t.expr.shape) for t in given]
            table.update(zip(fresh, (t.expr for t in given), strict=True))
            stand_ins = [Tensor(e, t.weak) for e, t in zip(fresh, given, strict=True)]
            call[number] = unflatten(tree, stand_ins)
            wrt.append(fresh)
            trees.append(tree)
        value = as_tensor(self.function(*call, **kwargs)).expr
        flat = gradient(value, [e for group in wrt for e in group])
        value, *flat = replaced([value, *flat], table)
        rest = iter(flat)
        parts = [
            unflatten(tree, [Tensor(next(rest)) for _ in group])
            for tree, group in zip(trees, wrt, strict=True)
        ]
        result = parts[0] if self.single else tuple(parts)
        return (Tensor(value), result) if self.with_value else result


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The value of a function of tensors or arrays, and its derivative along ``tangents``.

    One tangent a primal, of its shape and dtype.  Returns (value, derivative).
    """
    if not any(is_traced(v) for v in (*primals, *tangents)):
        if compile_hook is None:
            raise GradientError(message("jvp", "traced arguments, or the compiler"))
        count = len(primals)
        both = compile_hook(lambda *a: jvp(function, a[:count], a[count:]))
        return both(*primals, *tangents)
    given = [as_tensor(p) for p in primals]
    along = [as_tensor(t).astype(p.dtype).expr for p, t in zip(given, tangents, strict=True)]
    fresh = [input_leaf("argument", t.dtype, t.expr.shape) for t in given]
    value = as_tensor(function(*(Tensor(e, t.weak) for e, t in zip(fresh, given, strict=True))))
    spread = [movement.broadcast_to(t, e.shape) for t, e in zip(along, fresh, strict=True)]
    (derivative,) = pushforward([value.expr], fresh, spread)
    table = dict(zip(fresh, (t.expr for t in given), strict=True))
    both_exprs = replaced([value.expr, derivative], table)
    return Tensor(both_exprs[0]), Tensor(both_exprs[1])
