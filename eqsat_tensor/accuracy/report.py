"""What `accuracy` of a function reports: errors before and after, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.picture import Panel, picture
from eqsat_tensor.shown import Shown

LISTED = 5  # sources of error that are told


@dataclass(frozen=True)
class Errors:
    """Errors of one output over all elements measured.

    bits       mean of log2(1 + floats between result and truth): 0 is correctly rounded; a NaN or a
               wrong infinity counts all bits of the dtype.
    worst      the largest.  nonfinite  share of elements that are NaN or infinite where the truth is
               a finite number.
    """

    bits: float
    worst: float
    nonfinite: float

    @classmethod
    def of(cls, bits: np.ndarray, nonfinite: np.ndarray) -> Errors:
        """The figures of arrays of one entry an element."""
        if not bits.size:
            return cls(0.0, 0.0, 0.0)
        return cls(float(bits.mean()), float(bits.max()), float(nonfinite.mean()))

    def as_json(self) -> dict[str, float]:
        """The figures as plain data."""
        return {"bits": self.bits, "worst": self.worst, "nonfinite": self.nonfinite}


@dataclass(frozen=True)
class Output:
    """One output: elements measured, those left out as no truth was found, and its errors."""

    name: str
    dtype: str
    elements: int
    untold: int
    written: Errors
    compiled: Errors

    def as_json(self) -> dict[str, Any]:
        """The output as plain data."""
        return {
            "name": self.name, "dtype": self.dtype, "elements": self.elements, "untold": self.untold,
            "written": self.written.as_json(), "compiled": self.compiled.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """A node that loses digits by itself: the error of its op on operands that are exactly right.

    text   the node.  place  the user's line.  bits, worst  over all its elements in all calls.
    bound  of a sum the bits that any of its elements may lose at most when compiled (`bounds`); else None.
    """

    text: str
    place: str
    bits: float
    worst: float
    bound: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The cause as plain data."""
        return {
            "node": self.text, "place": self.place, "bits": self.bits, "worst": self.worst, "bound": self.bound,
        }  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Accuracy(Shown):
    """The accuracy of a function, as written (by NumPy) and as compiled; `str` tells it in words.

    outputs   one record for each output of floats.
    written, compiled  nodes of either program by their own error, the worst first.
    points    what `plot` shows: for each argument of floats its values (of an array the element of
              largest magnitude), and for each call the mean error of either program.
    """

    name: str
    seed: int | None
    calls: int
    outputs: tuple[Output, ...]
    written: tuple[Cause, ...]
    compiled: tuple[Cause, ...]
    points: tuple[tuple[str, np.ndarray, np.ndarray, np.ndarray], ...]
    notes: tuple[str, ...] = ()

    @property
    def before(self) -> float:
        """Mean bits of error of all outputs as written."""
        return float(np.mean([o.written.bits for o in self.outputs]))

    @property
    def after(self) -> float:
        """Mean bits of error of all outputs as compiled."""
        return float(np.mean([o.compiled.bits for o in self.outputs]))

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "name": self.name, "seed": self.seed, "calls": self.calls,
            "before": self.before, "after": self.after,
            "outputs": [o.as_json() for o in self.outputs],
            "written": [c.as_json() for c in self.written],
            "compiled": [c.as_json() for c in self.compiled],
            "notes": list(self.notes),
        }  # fmt: skip

    def plot(self, path: str | Path | None = None) -> str:
        """Error over each argument as SVG text, one panel an argument; written to ``path``, too."""
        panels = [Panel(name, x, written, compiled) for name, x, written, compiled in self.points]
        text = picture(self.name, panels)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        seed = "given sample" if self.seed is None else f"seed {self.seed}"
        head = f"{self.name}: {self.before:.2f} -> {self.after:.2f} bits of error ({self.calls} calls, {seed})"
        rows: list[tuple[str, ...]] = [
            ("output", "elements", "as written", "worst", "nan/inf", "compiled", "worst", "nan/inf")
        ]
        for o in self.outputs:
            figures = [
                text
                for e in (o.written, o.compiled)
                for text in (f"{e.bits:.2f}", f"{e.worst:.1f}", f"{100 * e.nonfinite:.1f} %")
            ]
            rows.append((f"{o.name}: {o.dtype}", str(o.elements), *figures))
        lines = [head, *aligned(rows)]
        for title, causes in (("as written", self.written), ("compiled", self.compiled)):
            lines += _told(title, causes)
        untold = sum(o.untold for o in self.outputs)
        if untold:
            lines.append(
                f"{untold} elements left out: their true value is no finite number, or was not found"
            )
        return "\n".join([*lines, *self.notes])

    def to_json(self) -> str:
        """`as_json` as text."""
        return json.dumps(self.as_json(), indent=1)


def _told(title: str, causes: Sequence[Cause]) -> list[str]:
    if not causes:
        return []
    rows = [
        (
            f"{c.bits:.2f}",
            f"{c.worst:.1f}",
            "" if c.bound is None else f"{c.bound:.1f}",
            c.text,
            c.place,
        )
        for c in causes[:LISTED]
    ]
    return [f"where it is lost, {title}: bits, worst, bound of sums, node", *aligned(rows)]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table as lines, two spaces between columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
