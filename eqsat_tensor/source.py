"""What a function was made of: inputs, outputs, updates and states, as the user gave them.

In: the arguments of `et.function`.  Out: a `Source`, checked, from which functions are compiled,
copied with other states, and saved.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eqsat_tensor.conditions import checks_of, symbols_in
from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message, named
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.inout import In, as_input, as_output
from eqsat_tensor.lang import Expr, rewrite, topological
from eqsat_tensor.options import Options
from eqsat_tensor.program import input_leaves, missing_input
from eqsat_tensor.runtime.arguments import Argument, accept, sizes_of
from eqsat_tensor.runtime.state import StateCell
from eqsat_tensor.shared import Shared, shared_of
from eqsat_tensor.sizes import size_or_dim
from eqsat_tensor.tensor import Tensor, as_expr, captured_array
from eqsat_tensor.trees import Tree, flatten, unflatten

UNUSED = ("raise", "warn", "ignore")


@dataclass(frozen=True, eq=False)
class Source:
    """A function before it is compiled.

    outputs   the results, whose nest is ``tree``.
    updates   states with their new values.
    states    every state that is read or updated, the updated ones first, in order of ``updates``.
    defaults  arrays for inputs that a call need not give, by number of the input.
    held      states of the function's own, for inputs that have an update, likewise.
    """

    name: str
    inputs: tuple[In, ...]
    outputs: tuple[Expr, ...]
    tree: Tree
    updates: tuple[tuple[Shared, Expr], ...]
    states: tuple[Shared, ...]
    defaults: Mapping[int, np.ndarray]
    held: Mapping[int, tuple[Shared, Expr]]
    options: Options

    @property
    def arguments(self) -> list[Argument]:
        """What each input promises."""
        return [argument_of(i) for i in self.inputs]

    @property
    def roots(self) -> list[Expr]:
        """All that is computed."""
        news = [e for _, e in (*self.updates, *self.held.values())]
        return [*self.outputs, *news]

    def result(self) -> Any:
        """The outputs in their nest, as tensors."""
        return unflatten(self.tree, [Tensor(e) for e in self.outputs])

    def copy(
        self, swap: Mapping[Any, Any], name: str | None, updates: bool, mine: bool = True
    ) -> Source:
        """The same function on other states; ``mine``: the states of inputs are copied, too."""
        for old, new in swap.items():
            if old not in set(self.states):  # by identity: == of tensors is a tensor
                got = f"{old!r:.60}"
                raise ArgumentError(message("copy", "swaps of states of the function", got))
            if not isinstance(new, Shared) or new.expr.type != old.expr.type:
                needs = f"a shared tensor {old.expr.type} for {old.name}"
                raise DtypeError(message("copy", needs, f"{new!r:.60}"))
        states = tuple(swap.get(s, s) for s in self.states)
        if len(set(states)) < len(states):
            raise ArgumentError(message("copy", "another state for each", "one for two"))
        table = {old.expr: new.expr for old, new in swap.items()}
        roots = replaced(self.roots, table)
        n, u = len(self.outputs), len(self.updates)
        kept = [(swap.get(s, s), e) for (s, _), e in zip(self.updates, roots[n:], strict=False)]
        held = {
            i: (own_state(self.inputs[i], s.get_value()) if mine else s, e)
            for (i, (s, _)), e in zip(self.held.items(), roots[n + u :], strict=True)
        }
        made = replace(
            self,
            name=self.name if name is None else name,
            outputs=tuple(roots[:n]),
            updates=tuple(kept) if updates else (),
            states=states,
            held=held if updates else {},
            defaults=self.defaults
            if updates
            else dict(self.defaults) | {i: s.get_value() for i, (s, _) in held.items()},
        )
        return made if updates else replace(made, states=made.read_states())

    def read_states(self) -> tuple[Shared, ...]:
        """The states that the roots read."""
        leaves = set(input_leaves(self.roots))
        return tuple(s for s in self.states if s.expr in leaves)


def make_source(
    name: str,
    inputs: Sequence[Any],
    outputs: Any,
    updates: Any,
    givens: Any,
    on_unused_input: str,
    donate: Any,
    no_default_updates: Any,
    options: Options,
) -> Source:
    """A source from what the user gave to `et.function`; errors as there."""
    if on_unused_input not in UNUSED:
        needs = f"on_unused_input among {', '.join(UNUSED)}"
        raise ArgumentError(message(name, needs, repr(on_unused_input)))
    every = tuple(
        copy.copy(as_input(name, i)) for i in _listed(name, inputs)
    )  # `_donated` changes them
    _once(name, every)
    _donated(name, every, donate)
    results, tree = flatten(_outputs(outputs))
    roots = [as_expr(as_output(r)) for r in results]
    pairs = _pairs(name, "updates", updates)
    targets = [_state(name, s) for s, _ in pairs]
    if len(set(targets)) < len(targets):
        raise ArgumentError(message(name, "one update a state", "two of one"))
    news = [_update(name, s.expr, s.name, v) for s, (_, v) in zip(targets, pairs, strict=True)]
    stateful = [i for i, spec in enumerate(every) if spec.update is not None]
    for state, update in _defaults(roots + news, set(targets), no_default_updates):
        targets.append(state)
        news.append(_update(name, state.expr, state.name, update))
    news += [_update(name, every[i].leaf, every[i].name, every[i].update) for i in stateful]
    if givens:
        table = _givens(name, _pairs(name, "givens", givens))
        new = replaced([*roots, *news], table)
        roots, news = new[: len(roots)], new[len(roots) :]
    states = _states(name, [i.leaf for i in every], [*roots, *news], targets)
    values = {i: _value(name, s) for i, s in enumerate(every) if s.value is not None}
    own = news[len(targets) :]
    _used(name, every, [*roots, *news], on_unused_input)
    return Source(
        name=name,
        inputs=every,
        outputs=tuple(roots),
        tree=tree,
        updates=tuple(zip(targets, news[: len(targets)], strict=True)),
        states=tuple(states),
        defaults={i: v for i, v in values.items() if i not in stateful},
        held={i: (own_state(every[i], values[i]), e) for i, e in zip(stateful, own, strict=True)},
        options=options,
    )


def _listed(name: str, inputs: Any) -> Sequence[Any]:
    """The inputs, where they are several."""
    if isinstance(inputs, Iterable) and not isinstance(inputs, str | Tensor):
        return tuple(inputs)
    hint = "A Python function is compiled by et.jit." if callable(inputs) else ""
    if isinstance(inputs, Tensor | In):
        hint = "Write [x], where it is one."
    raise ArgumentError(message(name, "a list of inputs", named(inputs), hint))


def argument_of(given: In) -> Argument:
    """What an input promises."""
    return Argument(given.name, given.leaf.type, given.strict, given.upcast, given.allow_downcast)


def own_state(given: In, value: np.ndarray) -> Shared:
    """The state behind an input that has an update."""
    shape = tuple(size_or_dim(s) for s in given.leaf.shape)
    return Shared(StateCell(value, given.name), given.name, shape)


def replaced(roots: Sequence[Expr], table: Mapping[Expr, Expr]) -> list[Expr]:
    """The roots with some nodes replaced."""

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node in table:
            return table[node]
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(roots, change)


def captured_leaves(name: str, arguments: Sequence[Expr], roots: Sequence[Expr]) -> list[Expr]:
    """The leaves that hold arrays; an error for one that is neither such nor an argument."""
    captured = []
    for leaf in input_leaves(roots):
        if leaf in arguments:
            continue
        state = shared_of(leaf)
        if state is not None:
            needs = "arguments and arrays alone: a state is one of et.function"
            hint = "Make the function by et.function, or pass get_value() of it as an argument."
            raise ArgumentError(
                message(name, needs, f"the state {leaf['name']}: {leaf.type}", hint)
            )
        if captured_array(leaf) is None:
            raise missing_input(name, leaf)
        captured.append(leaf)
    return captured


def _outputs(outputs: Any) -> Any:
    """Outputs as a nest; an iterator is a list."""
    return list(outputs) if isinstance(outputs, Iterable) and hasattr(outputs, "send") else outputs


def _once(name: str, inputs: Sequence[In]) -> None:
    """Each input once, and each name once, for keyword arguments go by name."""
    leaves, names = [i.leaf for i in inputs], [i.name for i in inputs]
    if len(set(leaves)) < len(leaves):
        raise ArgumentError(message(name, "each input once", "one of them twice"))
    double = {n for n in names if names.count(n) > 1}
    if double:
        hint = 'Give one another name: et.In(x, name="other").'
        got = f"two called {', '.join(sorted(double))}"
        raise ArgumentError(message(name, "inputs of different names", got, hint))


def _donated(name: str, inputs: Sequence[In], donate: Any) -> None:
    """Note which inputs the function may overwrite."""
    names = [i.name for i in inputs]
    for given in (donate,) if isinstance(donate, str | int) else tuple(donate or ()):
        number = names.index(given) if given in names else given
        if not isinstance(number, int) or not -len(names) <= number < len(names):
            needs = f"donate among {', '.join(names)}"
            raise ArgumentError(message(name, needs, repr(given)))
        inputs[number].mutable = True


def _defaults(
    roots: Sequence[Expr], updated: Collection[Shared], excepted: Any
) -> Iterator[tuple[Shared, Any]]:
    """The default updates of states that the roots, or such updates, read and that have no other."""
    if excepted is True:
        return
    seen = {*updated, *(excepted or ())}
    stack = list(input_leaves(roots))
    while stack:
        state = shared_of(stack.pop(0))
        if state is not None and state not in seen and state.default_update is not None:
            seen.add(state)
            yield state, state.default_update
            stack += input_leaves([as_expr(state.default_update)])


def _pairs(name: str, what: str, given: Any) -> list[tuple[Any, Any]]:
    """A dict, or a list of pairs, as a list of pairs."""
    if given is None:
        return []
    pairs = list(given.items() if isinstance(given, Mapping) else given)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            needs = f"{what} as a dict or a list of pairs"
            raise ArgumentError(message(name, needs, f"{pair!r:.60}"))
    return [(a, b) for a, b in pairs]


def _state(name: str, key: Any) -> Shared:
    if not isinstance(key, Shared):
        raise ArgumentError(message(name, "updates of shared tensors", f"a key {key!r:.60}"))
    return key


def _update(name: str, old: Expr, called: str, value: Any) -> Expr:
    new = as_expr(value)
    names = 'Name the sizes that change where the state is made: et.shared(value, shape=("n",)).'
    for kind, differs, hint in (
        (DtypeError, new.dtype != old.dtype, f'Cast it: .astype("{old.dtype}").'),
        (ShapeError, new.shape != old.shape, names),
    ):
        if differs:
            raise kind(message(name, f"an update of {old.type} for {called}", str(new.type), hint))
    return new


def _givens(name: str, pairs: Sequence[tuple[Any, Any]]) -> dict[Expr, Expr]:
    table = {as_expr(t): as_expr(v) for t, v in pairs}
    for old, new in table.items():
        if old.type != new.type:
            raise DtypeError(message(name, f"a given of {old.type}", str(new.type)))
    return table


def _states(
    name: str, leaves: Sequence[Expr], roots: Sequence[Expr], targets: Sequence[Shared]
) -> list[Shared]:
    """States: first the targets, so that an update's number is its target's.  Other leaves are
    inputs or captured arrays, or an error."""
    states = {s.expr: s for s in targets}
    for leaf in input_leaves(roots):
        shared = shared_of(leaf)
        if shared is not None:
            states.setdefault(leaf, shared)
    captured_leaves(name, [*leaves, *states], roots)
    return list(states.values())


def _value(name: str, given: In) -> np.ndarray:
    """A copy of the value of an input that a call need not give."""
    argument = argument_of(given)
    (array,) = accept(name, [argument], [given.value])
    sizes_of(name, [argument], [array])
    return np.array(array)


def _used(name: str, inputs: Sequence[In], roots: Sequence[Expr], what: str) -> None:
    """Is each input needed, for its values or for its sizes?"""
    nodes = topological([*roots, *(c for c, _ in checks_of(roots))])
    leaves = set(nodes)
    known = {n for e in nodes if e.op.name == "input" for s in e.shape for n in symbols_of(s)}
    needed = {n for e in nodes for n in symbols_in(e)} - known
    for given in inputs:
        own = {n for s in given.leaf.shape for n in symbols_of(s)}
        if given.leaf in leaves or given.update is not None or own & needed or what == "ignore":
            continue
        hint = 'Leave it out, or write on_unused_input="ignore" (or "warn").'
        got = f"{given.name}: {given.leaf.type}, of which no output or update makes use"
        text = message(name, "every input to be used", got, hint)
        if what == "raise":
            raise ArgumentError(text)
        warnings.warn(f"eqsat_tensor: {text}", UserWarning, stacklevel=4)
