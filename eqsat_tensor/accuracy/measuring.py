"""A compiled function against the truth: its error as written and as compiled, and who loses it.

function, calls -> true values of every node -> errors of outputs, own errors of nodes -> `Accuracy`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from eqsat_tensor.accuracy import installed as _installed  # noqa: F401  (says what is missing)
from eqsat_tensor.accuracy.bounds import bound_bits
from eqsat_tensor.accuracy.draws import STYLES, drawn_call, ranges_of
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.accuracy.report import Accuracy, Cause, Errors, Output
from eqsat_tensor.accuracy.truths import true_arrays
from eqsat_tensor.checked import pure_variant
from eqsat_tensor.conditions import shown_place
from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, substitute_sizes, topological
from eqsat_tensor.reference import evaluate
from eqsat_tensor.runtime.arguments import Argument, check_guards
from eqsat_tensor.runtime.native import run

if TYPE_CHECKING:
    from eqsat_tensor.variant import Variant

SIZE = 4  # of axes whose size is not known
POINTS = 256  # elements of outputs that are measured
ROUNDS = 12  # times that calls are drawn, before a sample comes out smaller
Holds: TypeAlias = Callable[[Sequence[np.ndarray]], bool]


@dataclass(frozen=True, eq=False)
class Call:
    """What is measured: arguments as arrays, the sizes they have, and the program that serves them."""

    variant: Variant
    arrays: Sequence[np.ndarray]
    sizes: Mapping[str, int]


def sampled(
    name: str, sample: Any, found: Callable[[Sequence[Any]], Call]
) -> tuple[Variant, Mapping[str, int], list[Sequence[np.ndarray]]]:
    """The calls of a sample: a tuple of arguments, or a list of such; all of the same shapes."""
    several = sample if isinstance(sample, list) else [sample]
    calls = [found(args if isinstance(args, tuple) else (args,)) for args in several]
    if not calls or any(
        c.variant is not calls[0].variant or c.sizes != calls[0].sizes for c in calls
    ):
        raise ArgumentError(
            message(name, "a sample of calls of the same shapes and dtypes", repr(sample)[:80])
        )
    return calls[0].variant, calls[0].sizes, [c.arrays for c in calls]


def sizes_for(
    name: str, arguments: Sequence[Argument], variant: Variant, given: Mapping[str, int] | None
) -> dict[str, int]:
    """Small sizes that keep every guard.  ArgumentError where ``sizes=`` must say them."""
    symbols = sorted({n for a in arguments for s in a.type.shape for n in symbols_of(s)})
    strange = sorted(set(given or ()) - set(symbols))
    if strange:
        raise ArgumentError(message(name, f"sizes of {', '.join(symbols)}", ", ".join(strange)))
    sizes = dict.fromkeys(symbols, SIZE) | dict(given or {})
    broken = check_guards(variant.program.guards, sizes)
    if broken is not None:
        hint = "Give sizes={...}, or sample= with the arguments of a call."
        raise ArgumentError(message(name, "sizes that agree", broken.broken(sizes), hint))
    return sizes


def measured(
    variant: Variant,
    arguments: Sequence[Argument],
    sizes: Mapping[str, int],
    calls: Sequence[Sequence[np.ndarray]] | None,
    ranges: Mapping[str, Any] | Sequence[Any] | None = None,
    points: int = POINTS,
    seed: int = 0,
    holds: Holds | None = None,
) -> Accuracy:
    """The report of one program.

    calls   arrays for the arguments of each call; None: they are drawn, from ``ranges`` and by ``seed``,
            until ``points`` elements of outputs have a finite true value.
    holds   of drawn calls only those of which this is true.
    """
    program = Subject(variant, sizes, [a.name for a in arguments])
    if calls is not None:
        return program.report(calls, program.truth(calls), None)
    ends = ranges_of(variant.name, program.names, ranges)
    drawn = [(a.name, a.type, r) for a, r in zip(arguments, ends, strict=True)]
    calls, truth = program.drawn(drawn, points, np.random.default_rng(seed), holds)
    return program.report(calls, truth, seed)


Truths: TypeAlias = dict[Expr, np.ndarray]


class Subject:
    """One program at known sizes: what is measured, as written and as compiled.

    leaves, outputs  of the program as written; of the outputs those that are floats, at ``places``.
    """

    def __init__(self, variant: Variant, sizes: Mapping[str, int], names: Sequence[str]) -> None:
        self.variant, self.sizes, self.names = variant, dict(sizes), names
        self.pure = pure_variant(variant)
        known = self.pure.program.with_sizes(self.sizes)
        self.leaves = known.leaves
        self.places = [
            k for k, e in enumerate(known.outputs[: variant.visible]) if e.dtype.kind == "f"
        ]
        if any(e.dtype.kind == "c" for e in known.outputs):
            raise UnsupportedError(message(variant.name, "outputs of real numbers", "complex ones"))
        if not self.places:
            got = ", ".join(str(e.type) for e in known.outputs)
            raise UnsupportedError(message(variant.name, "an output of floats", got))
        self.outputs = [known.outputs[k] for k in self.places]

    # ------------------------------------------------------------------------------------ calls
    def inputs(self, arrays: Sequence[np.ndarray]) -> dict[Expr, np.ndarray]:
        """The value of each leaf in one call: arguments, states as they are, captured arrays."""
        states = [cell.front for cell in self.variant.cells]
        every = [*arrays, *states, *self.variant.captured]
        return dict(zip(self.leaves, map(np.asarray, every), strict=True))

    def truth(self, calls: Sequence[Sequence[np.ndarray]]) -> Truths:
        """The true value of every node at each call."""
        return true_arrays(self.outputs, [self.inputs(arrays) for arrays in calls])

    def drawn(
        self, arguments: Any, points: int, random: np.random.Generator, holds: Holds | None
    ) -> tuple[list[Sequence[np.ndarray]], Truths]:
        """Calls of which some output truly is a finite number, and their truths."""
        each = max(1, sum(int(np.prod([int(str(s)) for s in e.shape])) for e in self.outputs))
        wanted = -(-points // each)
        kept: list[Sequence[np.ndarray]] = []
        parts: list[Truths] = []
        styles = STYLES if any(type.rank for _, type, _ in arguments) else STYLES[:2]
        number = 0
        for _ in range(ROUNDS):
            batch: list[Sequence[np.ndarray]] = []
            for _ in range(4 * wanted):
                if len(batch) + len(kept) >= wanted:
                    break
                style = styles[number % len(styles)]
                number += 1
                arrays = drawn_call(self.variant.name, arguments, self.sizes, style, random)
                if holds is None or holds(arrays):
                    batch.append(arrays)
            if batch:
                truth = self.truth(batch)
                told = np.zeros(len(batch), bool)
                for output in self.outputs:
                    told |= np.isfinite(truth[output]).reshape(len(batch), -1).any(axis=1)
                kept += [arrays for arrays, good in zip(batch, told, strict=True) if good]
                parts.append({node: values[told] for node, values in truth.items()})
            if len(kept) >= wanted:
                break
        if not kept:
            hint = "Give ranges=, or sample= with the arguments of a call."
            raise ArgumentError(
                message(self.variant.name, "arguments with a real result", "none drawn", hint)
            )
        return kept, {node: np.concatenate([p[node] for p in parts]) for node in parts[0]}

    # ----------------------------------------------------------------------------------- errors
    def report(
        self, calls: Sequence[Sequence[np.ndarray]], truth: Truths, seed: int | None
    ) -> Accuracy:
        """Errors of outputs and of nodes."""
        made = [self._results(arrays) for arrays in calls]
        outputs, by_call = [], [np.zeros((2, len(calls))) for _ in self.outputs]
        for number, (place, node) in enumerate(zip(self.places, self.outputs, strict=True)):
            told = ~np.isnan(truth[node])
            pair = []
            for side in (0, 1):
                got = np.stack([results[side][number] for results in made])
                bits, nonfinite = errors_of(got, truth[node])
                pair.append(Errors.of(bits[told], nonfinite[told]))
                by_call[number][side] = _by_call(bits, told)
            name = "result" if self.variant.visible == 1 else f"output {place}"
            counted = int(told.sum())
            outputs.append(Output(name, str(node.dtype), counted, told.size - counted, *pair))
        before, after = np.mean(by_call, axis=0)
        panels = [
            (name, np.array([_largest(arrays[i]) for arrays in calls]), before, after)
            for i, name in enumerate(self.names)
            if calls[0][i].dtype.kind == "f" and calls[0][i].size
        ]
        inputs = [self.inputs(arrays) for arrays in calls]
        compiled, notes = self._compiled_causes(inputs)
        return Accuracy(
            self.variant.name, seed, len(calls), tuple(outputs),
            _causes(self.outputs, inputs, truth, self.named(self.leaves)), compiled, tuple(panels), notes,
        )  # fmt: skip

    def named(self, leaves: Sequence[Expr]) -> dict[Expr, str]:
        """What the program's leaves are called."""
        states = [cell.name or f"state {k}" for k, cell in enumerate(self.variant.cells)]
        return dict(zip(leaves, [*self.names, *states], strict=False))

    def _results(self, arrays: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The outputs of one call, as written and as compiled."""
        inputs = self.inputs(arrays)
        written = [np.asarray(v) for v in evaluate(self.outputs, inputs)]
        states = [np.asarray(cell.front, order="C") for cell in self.variant.cells]
        flat = tuple(np.array(a, order="C") for a in (*arrays, *states))
        results = run(self.pure.binding(self.sizes), flat)
        assert results is not NotImplemented, self.sizes
        return written, [np.asarray(results[k]) for k in self.places]

    def _compiled_causes(
        self, inputs: Sequence[Mapping[Expr, np.ndarray]]
    ) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
        leaves = self.pure.normal.leaves
        every = substitute_sizes([*leaves, *self.pure.chosen(self.sizes)], self.sizes)
        roots = [every[len(leaves) + k] for k in self.places]
        renamed = [dict(zip(every[: len(leaves)], call.values(), strict=True)) for call in inputs]
        try:
            truth = true_arrays(roots, renamed)
        except UnsupportedError as error:
            return (), (f"nodes of the compiled program were not measured: {error}",)
        return _causes(roots, renamed, truth, self.named(every)), ()


def errors_of(got: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits of error, and where a result is not finite though it should be."""
    with np.errstate(all="ignore"):
        truth = wanted.astype(got.dtype)
    bits = error_bits(np.ascontiguousarray(got), np.ascontiguousarray(truth)).reshape(got.shape)
    return bits, ~np.isfinite(got) & np.isfinite(truth)


def _by_call(bits: np.ndarray, told: np.ndarray) -> np.ndarray:
    rows, known = bits.reshape(len(bits), -1), told.reshape(len(bits), -1)
    return np.asarray((rows * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _largest(array: np.ndarray) -> float:
    """The element of largest magnitude."""
    flat = array.ravel()
    return float(flat[np.argmax(np.abs(flat))])


def _causes(
    roots: Sequence[Expr],
    inputs: Sequence[Mapping[Expr, np.ndarray]],
    truth: Truths,
    names: Mapping[Expr, str],
) -> tuple[Cause, ...]:
    """Nodes by the error of their op on operands that are exactly right, the worst first."""
    found: list[Cause] = []
    nodes = topological(roots)
    collected: dict[Expr, list[tuple[np.ndarray, np.ndarray]]] = {}
    bounds: dict[Expr, float] = {}
    for number, call in enumerate(inputs):
        exact: dict[Expr, np.ndarray] = dict(call)
        for node in nodes:
            if node in exact:
                continue
            operands = [exact[a] for a in node.arguments]
            with np.errstate(all="ignore"):
                got = np.asarray(node.op.numpy(*operands, **node.named))
                if node not in truth:
                    exact[node] = got
                    continue
                exact[node] = right = truth[node][number].astype(node.dtype)
            if node.op.kind not in (Kind.LEAF, Kind.MOVEMENT, Kind.BARRIER):
                collected.setdefault(node, []).append((got, right))
                bound = bound_bits(node, operands[0], right)
                if bound is not None and bound.size:
                    bounds[node] = max(bounds.get(node, 0.0), float(bound.max()))
    for node, pairs in collected.items():
        got, wanted = (np.stack([p[side] for p in pairs]) for side in (0, 1))
        bits, _ = errors_of(got, wanted)
        told = ~np.isnan(wanted)
        if told.any():
            mean, worst = float(bits[told].mean()), float(bits[told].max())
            found.append(
                Cause(_text(node, names), shown_place(node), mean, worst, bounds.get(node))
            )
    return tuple(sorted(found, key=lambda c: -c.bits))


def _text(node: Expr, names: Mapping[Expr, str], depth: int = 2) -> str:
    """A node with what it is applied to, two levels deep."""
    if node in names:
        return names[node]
    if node.op.name in ("input", "full"):
        return str(node["name" if node.op.name == "input" else "value"])
    if not depth:
        return "..."
    return f"{node.op.name}({', '.join(_text(a, names, depth - 1) for a in node.arguments)})"
