"""Writes docs/ops.md: each op record in words, with an example of its types, its errors and gradient.

python docs/make_ops.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the examples are those of the tests

import eqsat_tensor.calls
import eqsat_tensor.ops  # noqa: F401
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import ANY_ARITY, INEXACT, OPS, OpDef, takes_complex
from eqsat_tensor.types import DTYPES
from tests.strategies import instances, leaves

TARGET = Path(__file__).with_name("ops.md")
HEAD = """# The ops

Made by `python docs/make_ops.py` from the registry; a test holds it to it.  Axes are not negative, operands of an elementwise
op have one shape and dtype: promotion and broadcasting are done by the public functions.  An op is refused (ShapeError,
DtypeError, in the user's line) where types do not fit; conditions on sizes are checked at the call, before anything runs.
"""
SHAPES = {
    Kind.LEAF: "As its attributes say.",
    Kind.ELEMENTWISE: "The operands' shape.",
    Kind.REDUCTION: "The operand's shape without `axes`.",
    Kind.CUMULATIVE: "The operand's shape.",
    Kind.BARRIER: "The operand's shape.",
}


def dtypes(op: OpDef) -> str:
    """The dtypes of the first operand, in words where they are many."""
    names = "all real" if op.dtypes == DTYPES else ", ".join(d.name for d in op.dtypes)
    return names + (", complex" if takes_complex(op) else "")


def example(op: OpDef) -> str:
    """Types in and out of one use."""
    fine = (u for u in instances(op) if all(t.shape and 0 not in t.shape for t in u.types))
    use = next(fine, None)
    use = use or next(iter(instances(op)), None)
    if use is None:
        return ""
    kinds = op.attributes
    named = {k: v for k, v in use.attributes.items() if kinds[k] is not Attribute.OBJECT}
    shown = [str(t) for t in use.types]
    shown += [f"{k}={getattr(v, 'name', v)}" for k, v in named.items()]
    return f"`{op.name}({', '.join(shown)})` is `{op.infer(*use.types, **use.attributes)}`."


def errors(op: OpDef) -> str:
    """What is checked when a program is called."""
    use = next(iter(instances(op)), None)
    found = []
    if op.guards is not None:
        found.append("ShapeError where a condition on sizes does not hold")
    if op.checks is not None and use is not None:
        texts = [t for _, t in op.checks(op(*leaves(use), **use.attributes))]
        name = "DomainError" if any(t.startswith("power:") for t in texts) else "LabelError"
        found.append(f"{name} ({texts[0]})" if texts else "an error of what it calls")
    if op.kind is Kind.LIBRARY:
        found.append("what the library raises")
    return "; ".join(found) or "none at the call"


def gradient(op: OpDef) -> str:
    """Whether there is one, and if not, why."""
    uses = list(instances(op))
    if op.kind is Kind.LEAF:
        return "none: it has no operands"
    if not any(op.infer(*u.types, **u.attributes).dtype in INEXACT for u in uses):
        return "none: its result is no float"
    how = "own rule" if op.vjp is not None else "that of its expansion"
    refused = [f"not by operand {k}: {reason}" for k, reason in op.refused.items()]
    return "; ".join([how, *refused])


def _rounds(op: OpDef) -> bool:
    return bool(op.ulps) and op.kind not in (Kind.LEAF, Kind.MOVEMENT, Kind.BARRIER)


def section(op: OpDef) -> str:
    """One op."""
    arity = "any number of" if op.arity == ANY_ARITY else op.arity
    lines = [
        f"### {op.name}",
        "",
        op.doc,
        "",
        f"* Operands: {arity}; first of {dtypes(op)}." if op.arity else "* No operands.",
        f"* Shape: {SHAPES.get(op.kind, '')} {example(op)}".replace("  ", " "),
        f"* Errors: {errors(op)}.",
        f"* Gradient: {gradient(op)}.",
        f"* Largest error: {op.ulps:g} units in the last place." if _rounds(op) else "* Exact.",
    ]
    return "\n".join(lines) + "\n"


def text() -> str:
    """The whole document."""
    parts = [HEAD]
    for kind in Kind:
        ops = sorted((o for o in OPS.values() if o.kind is kind), key=lambda o: o.name)
        if ops:
            parts += [f"## {kind.value.capitalize()}\n", *map(section, ops)]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(text())
