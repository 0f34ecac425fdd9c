"""Ops whose true value is that of a term of other ops: what their records say they mean as real functions."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from eqsat_tensor.accuracy.reals import LOGICAL, UNTOLD, reals
from eqsat_tensor.accuracy.terms import LEAVES, Term, below, from_exprs, leaf, substituted
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, OPS
from eqsat_tensor.ops.leaf import input_

SHORT = 1 << 20  # the largest denominator of a constant that is meant as it is


@cache
def known_ops() -> frozenset[str]:
    """Names of the ops whose true value can be found, `where` and the logical ops among them."""
    return _told() | frozenset(meanings())


@cache
def meanings() -> dict[str, Term]:
    """op -> what it means, over inputs that stand for its operands."""
    found = {}
    for name, op in OPS.items():
        if op.kind is not Kind.COMPOSITE or op.real is None or op.attributes or name in _told():
            continue
        if FLOAT64 not in op.dtypes:
            continue
        inputs = [input_(name="x", key=i, dtype=FLOAT64, shape=()) for i in range(op.arity)]
        (meaning,) = from_exprs([op.real(*inputs)], inputs)
        if all(is_told(t) for t in below([meaning])):
            found[name] = meaning
    return found


def is_told(t: Term) -> bool:
    """A long constant is a float that stands for the number beside it."""
    if t.op == "full" and isinstance(t.value, Fraction):
        return t.value.denominator <= SHORT
    return t.op in LEAVES or t.op in _told()


def meant(t: Term) -> Term:
    """The term that a term of an op of `meanings` means."""
    return substituted(meanings()[t.op], {leaf(i): a for i, a in enumerate(t.arguments)})


@cache
def _told() -> frozenset[str]:
    return frozenset((*reals().table, "where", *LOGICAL)) - UNTOLD
