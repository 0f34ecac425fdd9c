"""``python -m eqsat_tensor.egraph.trial PACK.egg ...``: saturate stress programs with packs, under
limits of memory and time.  The last line printed says what failed; exit status 0: nothing did."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator, Sequence

import numpy as np

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.egraph.saturate import Limits, saturate
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, OPS, Expr, apply
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.types import TensorType, literal, symbol

MEMORY = 4 << 30
SECONDS = 30
ROWS = 50_000


def stress_programs() -> Iterator[list[Expr]]:
    """Programs with elementwise ops, constants 0 and 1, long sums, products, reductions.

    SciPy's functions are left out: there are many of them, and few rules about them.
    """
    shape = (symbol("n"), 3)
    inputs = [
        apply(OPS["input"], name=f"x{i}", key=-1 - i, dtype=FLOAT64, shape=shape) for i in range(4)
    ]
    constants = [apply(OPS["full"], value=literal(v, FLOAT64), shape=shape) for v in (0, 1, 2)]
    random = np.random.default_rng(0)
    binary = [
        o for o in OPS.values() if o.kind is Kind.ELEMENTWISE and o.arity == 2 and _floats(o.name)
    ]
    unary = [
        o for o in OPS.values() if o.kind is Kind.ELEMENTWISE and o.arity == 1 and _floats(o.name)
    ]
    for count in (20, 60, 120):
        pool = [*inputs, *constants]
        for _ in range(count):
            if random.random() < 0.4:
                pool.append(unary[int(random.integers(len(unary)))](_pick(pool, random)))
            else:
                op = binary[int(random.integers(len(binary)))]
                pool.append(op(_pick(pool, random), _pick(pool, random)))
        sums = apply(OPS["sum"], pool[-1], axes=(1,))
        yield [sums, apply(OPS["max"], pool[-2], axes=(0,)), pool[-3]]
    for name in ("add", "multiply"):
        total = inputs[0]
        for k in range(1, 16):
            total = apply(OPS[name], total, inputs[k % 4])
        yield [total]


def _pick(pool: Sequence[Expr], random: np.random.Generator) -> Expr:
    return pool[int(random.integers(max(0, len(pool) - 12), len(pool)))]


def _floats(name: str) -> bool:
    """True for ops that take floats to floats of the same type."""
    op, type = OPS[name], TensorType(FLOAT64, (2,))
    if FLOAT64 not in op.dtypes or op.attributes or name in SCIPY:
        return False
    return op.infer(*(type,) * op.arity) == type


def main(packs: Sequence[str]) -> int:
    """Try the packs; 0 where every program saturates within the limits."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)  # ends the process, also inside a step of the engine
    book = load_rulebook(packs, trusted=True)
    for program in stress_programs():
        result = saturate(program, book, Limits(rows=ROWS, seconds=SECONDS / 3))
        if result.graph is None:
            print(result.diagnostic)  # noqa: T201  the parent reads it
            return 1
        if result.stopped != "saturated":
            print(f"growth without end ({result.stopped})")  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
