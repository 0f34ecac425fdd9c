"""What `explain` tells, as data and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from eqsat_tensor.shown import Shown

SHOWN = 12  # alternatives in the text, of at most `OF_A_LINE` a line; the data holds all
OF_A_LINE = 3


@dataclass(frozen=True)
class Rejected:
    """Another way to compute the value of a line, that was not chosen.

    why    "dearer": by ``extra`` nanoseconds for the whole program; "subsumed": ``rules`` say that a
           better form is there; "cyclic": with the rest of the choice it would need its own value;
           "subsumed operand": it needs a value that has only subsumed forms.
    """

    text: str
    why: str
    extra: float | None = None
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.why:
            case "dearer":
                reason = f"dearer by {duration(self.extra or 0.0)}" if self.extra else "as dear"
            case "subsumed":
                reason = f"subsumed by {', '.join(self.rules)}" if self.rules else "subsumed"
            case "cyclic":
                reason = "would need its own value"
            case _:
                reason = "needs a value that is subsumed"
        return f"{self.text}: {reason}"


@dataclass(frozen=True)
class Line:
    """One node of a program.

    name      as in `Explanation.before` and `after`: ``%3``.
    place     the user's ``file:line`` that it comes from.
    cost      nanoseconds, by the model that the choice was made with.
    rules     those of the sufficient set without which it would not be there.
    rejected  what else there was, the most interesting first.
    """

    name: str
    text: str
    place: str
    cost: float
    rules: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, repr=False)
class Explanation(Shown):
    """The story of one compile.

    before, after  the program as text, normalized and as chosen; lines_before, lines_after: its nodes.
    rules          name -> matches, of a set of rules that suffices to get from one to the other.
    fired          name -> matches, of every rule that matched.
    sizes          what each size was taken to be.
    kernels        the loop nests; code: their LLVM IR, or CUDA C text.
    seconds        what each stage of the engine took; nodes, classes: of the e-graph; stopped: what
                   ended saturation.
    """

    name: str
    before: str
    after: str
    lines_before: tuple[Line, ...]
    lines_after: tuple[Line, ...]
    rules: Mapping[str, int]
    fired: Mapping[str, int]
    sizes: Mapping[str, int]
    kernels: str
    code: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    nodes: int = 0
    classes: int = 0
    stopped: str = ""
    notes: tuple[str, ...] = ()

    @property
    def origins(self) -> dict[str, tuple[str, ...]]:
        """Line of ``after`` -> those of ``rules`` without which it would not be there; all together
        they are ``rules``."""
        return {line.name: line.rules for line in self.lines_after if line.rules}

    @property
    def cost_before(self) -> float:
        """Nanoseconds of the program as written, by the cost model."""
        return sum(line.cost for line in self.lines_before)

    @property
    def cost_after(self) -> float:
        """Nanoseconds of the program as chosen, by the cost model."""
        return sum(line.cost for line in self.lines_after)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        totals = {"cost_before": self.cost_before, "cost_after": self.cost_after}
        return asdict(self) | totals | {"origins": self.origins}

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {size}" for name, size in sorted(self.sizes.items()))
        costs = f"{duration(self.cost_before)} -> {duration(self.cost_after)}"
        head = f"{self.name}: {costs} by the cost model" + (f", at {at}" if at else "")
        rules = "\n".join(f"  {n} x {name}" for name, n in self.rules.items()) or "  none"
        parts = [
            head,
            f"before\n{_program(self.before, self.lines_before)}",
            f"rules that suffice, and how often each matched\n{rules}",
            f"after\n{_program(self.after, self.lines_after)}",
            *self._not_chosen(),
            f"kernels\n{_indent(self.kernels)}",
            *self._engine(),
            *self.notes,
        ]
        return "\n".join(parts)

    def _not_chosen(self) -> list[str]:
        shown = [(line, r) for line in self.lines_after for r in line.rejected[:OF_A_LINE]]
        if not shown:
            return []
        total = sum(len(line.rejected) for line in self.lines_after)
        texts = [f"  {line.name}  {r}" for line, r in shown[:SHOWN]]
        if total > len(texts):
            texts.append(f"  and {total - len(texts)} more in lines_after")
        return ["not chosen\n" + "\n".join(texts)]

    def _engine(self) -> list[str]:
        if not self.seconds:
            return []
        stages = ", ".join(f"{name} {1e3 * s:.1f}" for name, s in self.seconds.items())
        held = f"{self.nodes} nodes in {self.classes} classes, {self.stopped}"
        return [f"engine\n  {held}; milliseconds: {stages}"]


def duration(nanoseconds: float) -> str:
    """``850 ns``, ``12.3 us``, ``4.56 ms``, ``7.8 s``: three digits."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def _program(text: str, lines: tuple[Line, ...]) -> str:
    """The text of a program, and beside each line what it costs, where it comes from, by what rules."""
    notes = {line.name: (duration(line.cost), line.place, ", ".join(line.rules)) for line in lines}
    rows = [(t, notes.get(t.split(" = ")[0], ("", "", ""))) for t in text.splitlines()]
    widths = [max((len(n[k]) for _, n in rows), default=0) for k in range(2)]
    longest = max(len(t) for t, n in rows)
    shown = [
        f"  {t:<{longest}}  {n[0]:>{widths[0]}}  {n[1]:<{widths[1]}}  {n[2]}".rstrip()
        for t, n in rows
    ]
    return "\n".join(shown)


def _indent(block: str) -> str:
    return "\n".join("  " + line for line in block.splitlines())
