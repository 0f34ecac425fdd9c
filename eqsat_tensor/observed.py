"""What `Function` and `Jit` tell of themselves: what was rewritten, by which rules, what it costs.

    print(f.explain()), print(f.report()), print(f.cost()), f.llvm, f.asm, f.cuda, print(f.profile())

What explains is imported when it is asked for: no compile waits for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.variant import Counters, Variant
from eqsat_tensor.verification import Verification

if TYPE_CHECKING:
    from eqsat_tensor.accuracy.report import Accuracy
    from eqsat_tensor.explain import Explanation, MinimalRules
    from eqsat_tensor.measured import Cost, Profiled, Report
    from eqsat_tensor.monitoring import Monitor, Monitoring


class Observed(Callable):
    """A compiled function that can be asked; of a jitted one, the trace that was called last tells."""

    def asked(self, method: str) -> Variant:
        """The program that ``method`` tells of."""
        raise NotImplementedError

    @property
    def counters(self) -> Counters:
        """How often this function was traced, rewritten, compiled and bound."""
        raise NotImplementedError

    def explain(self) -> Explanation:
        """What the compiler did, at the sizes of the last compile (or at nominal ones)."""
        from eqsat_tensor.explain import explain_variant

        return explain_variant(self.asked("explain"))

    def minimal_rules(self) -> MinimalRules:
        """The fewest rules that give the same program, with a NumPy script of before and after."""
        from eqsat_tensor.explain import minimal_rules

        return minimal_rules(self.asked("minimal_rules"))

    def draw(self, path: str | Path | None = None) -> str:
        """A page of HTML with pictures of the program before and after; written to ``path``, too.

        Nodes have the colour of the rule that made them; a pointer on one shows its type, its cost and
        the line that it comes from.
        """
        from eqsat_tensor.explain import draw

        return draw(self.asked("draw"), path)

    def report(self) -> Report:
        """Milliseconds of each stage of the compile so far, and whether its code was on disk."""
        from eqsat_tensor.measured import report

        return report(self.asked("report"))

    def cost(self, sizes: Mapping[str, int] | None = None) -> Cost:
        """Estimated time, flops and bytes of each kernel, and the memory that temporaries take.

        sizes: values of the size symbols, by name; those of the last call where not given, or else
        nominal ones.  Nothing is run; what is not compiled yet is.
        """
        from eqsat_tensor.measured import cost

        return cost(self.asked("cost"), sizes)

    def profile(self) -> Profiled:
        """Time, flops, bytes and share of the machine's best of each kernel, over all calls so far.

        Needs ``mode="profile"``: calls then run the same code, with a stamp between kernels (20 ns).
        """
        from eqsat_tensor.measured import profiled

        return profiled(self.asked("profile"))

    def accuracy(
        self,
        sample: Any = None,
        ranges: Any = None,
        points: int = 256,
        sizes: Mapping[str, int] | None = None,
        seed: int = 0,
    ) -> Accuracy:
        """Bits of error of the program as written and as compiled, and which nodes lose them.

        sample  the arguments of a call as a tuple, or a list of such tuples, small ones: every element
                is evaluated in high precision.  None: calls are drawn.
        ranges  a pair (low, high) or None for each argument, in order or by name: where calls are drawn
                from; None: the option's, or else all finite floats, ordinary magnitudes among them.
        points  elements of results that are to be measured.  sizes  name of a size -> its value; 4 else.
        seed    of the draws.
        `str` of the report is a table, ``as_json()`` its data, ``plot(path)`` a picture (SVG).
        Raises UnsupportedError for results that are no real floats.
        """
        from eqsat_tensor.accuracy.functions import accuracy_of

        return accuracy_of(self, sample, ranges, points, sizes, seed)

    @property
    def llvm(self) -> str:
        """The LLVM IR of the kernels."""
        from eqsat_tensor.measured import llvm

        return llvm(self.asked("llvm"))

    @property
    def asm(self) -> str:
        """The machine code of the kernels for this machine, as text."""
        from eqsat_tensor.measured import assembly

        return assembly(self.asked("asm"))

    @property
    def cuda(self) -> str:
        """The CUDA C text of the program; needs no device, whatever the target."""
        return self.asked("cuda").on_device.text()

    @property
    def cubin(self) -> bytes:
        """Machine code of `cuda`, by NVRTC: for the device in use, or else for "sm_90"."""
        return self.asked("cubin").on_device.cubin()

    def monitor(self, callback: Monitor) -> Monitoring:
        """Call ``callback`` with a `Seen` for each value of each call from now on, until ``stop()``.

            with f.monitor(lambda seen: print(seen, seen.value.mean())):
                f(x)

        Meanwhile calls are made by the NumPy evaluator, node by node as the program was written; of an
        inner graph its results are seen.  What ``callback`` raises ends the call.  A `Bound` that was
        made before goes on as it was.
        """
        from eqsat_tensor.monitoring import Monitoring

        counters = self.counters
        watcher = functools.partial(callback)  # each monitor is one of its own

        def stop() -> None:
            counters.monitors = tuple(m for m in counters.monitors if m is not watcher)

        counters.monitors = (*counters.monitors, watcher)
        self.unserved()
        return Monitoring(stop)

    def unserved(self) -> None:
        """Let the next call of each kind come the long way in."""
        raise NotImplementedError

    def verification(self) -> Verification:
        """What ``mode="verify"`` saw in all calls so far: how much was held, what was improved."""
        return self.counters.verification
