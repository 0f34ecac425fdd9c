"""``python -m eqsat_tensor.trial``, a `Case` as JSON on standard input: the trial of rule packs, under
limits of memory and time.

It saturates stress programs with the packs, and holds their rules on examples.  The last line printed
says what failed, or what was at work when the process was ended; exit status 0: nothing failed."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Iterator, Sequence

import numpy as np

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.defined import define_again
from eqsat_tensor.egraph.saturate import Limits, saturate
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, OPS, Expr, apply
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.rules import Rule, RuleBook, book_of
from eqsat_tensor.rules.certificate import REFUSED, SECONDS, Case
from eqsat_tensor.types import TensorType, literal

MEMORY = 4 << 30
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


def main(given: str) -> int:
    """Try the packs; 0 where every program saturates within the limits and every rule holds."""
    case = Case(**json.loads(given))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)  # ends the process, also inside a step of the engine
    for text in case.ops:
        define_again(text)
    sources = [(file, text) for file, text in case.sources]
    # all that a program may meet; the search for accuracy has bounds of its own
    book = book_of(sources, case.packs).without(case.exclude).for_math("fast")
    problem = growth(book)
    for name in () if problem else case.rules:
        problem = doubt(book.rule(name), book, case.examples)
        if problem:
            break
    if problem:
        say(problem)
    return REFUSED if problem else 0


def growth(book: RuleBook) -> str:
    """Why stress programs are not to be rewritten with this book; "" where they are."""
    for program in stress_programs():
        result = saturate(program, book, Limits(rows=ROWS, seconds=SECONDS / 3))
        matched = [r for r in book.rules if r.file in book.packs and result.matches.get(r.name)]
        place = max(matched, key=lambda r: result.matches[r.name]).place if matched else None
        mend = "look for a rule whose right side matches its own left"
        if result.graph is None:
            return f"{place or f'{book.packs[-1]}:1'}: the trial run failed: {result.diagnostic}"
        if result.stopped != "saturated":
            what = f"growth without end ({result.stopped})"
            return f"{place or f'{book.packs[-1]}:1'}: the trial run failed: {what}; {mend}"
    return ""


def doubt(rule: Rule, book: RuleBook, examples: int) -> str:
    """Why a rule is not to be trusted; "" where it holds on the examples."""
    say(f"{rule.place}: {rule.name}")  # for the parent, should the process be ended here
    signal.alarm(SECONDS)
    try:
        from eqsat_tensor.verify.rules import verify_rule

        found = verify_rule(rule, book, examples)
    except ImportError as error:
        what = f"packs are verified before they are used, which needs {error.name}"
        return f"{rule.place}: {what}; pip install 'eqsat_tensor[verify]'"
    mend = f"mend it, or leave it out by rules=('-{rule.name}',)"
    if found.counterexample is not None:
        words = " ".join(str(found.counterexample).split())
        return f"{rule.place}: {rule.name} is refuted: {words}; {mend}"
    if found.problem:
        return f"{rule.place}: {rule.name} cannot be verified: {found.problem}; {mend}"
    return ""


def say(text: str) -> None:
    """A line for the parent, now."""
    print(" ".join(text.split()), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))
