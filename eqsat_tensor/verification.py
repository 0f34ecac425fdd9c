"""What ``mode="verify"`` saw of a function, over all its calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from eqsat_tensor.shown import Shown

KEPT = 5  # improvements that are told in full


@dataclass(repr=False)
class Verification(Shown):
    """Counts of elements, over all ``calls``; `str` tells it in words.

    improved     right where the program as written is wrong: it overflows, underflows or cancels.
    unheld       apart where the program as written promises nothing: behind library calls, where an
                 intermediate overflowed, on the sign of rounding noise.  Nothing was held there.
    unsettled    apart, and not evaluated in high precision: too many, or of too large a program.
    approximate  outside the bound by rules that ``math="fast"`` allows.
    precise      evaluated in high precision.
    """

    calls: int = 0
    elements: int = 0
    improved: int = 0
    unheld: int = 0
    unsettled: int = 0
    approximate: int = 0
    precise: int = 0
    improvements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(
            f"{value} {name}"
            for name in ("improved", "unheld", "unsettled", "approximate")
            if (value := getattr(self, name))
        )
        head = f"{self.calls} calls, {self.elements} elements: {counts or 'all within the bound'}"
        return "\n".join([head, *(f"  {text}" for text in self.improvements)])
