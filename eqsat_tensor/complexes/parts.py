"""A complex value as two real ones, and the table of rules for ops on such pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from eqsat_tensor.lang import COMPLEX_RULES, OPS, Expr
from eqsat_tensor.ops.complexes import complex_, imag, real

Rule = TypeVar("Rule", bound=Callable[..., Any])


class Parts(NamedTuple):
    """The real and the imaginary part, of one type."""

    re: Expr
    im: Expr


Split = Expr | Parts  # a real value as it is, a complex one as its parts


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a rule for ops: ``rule(*operands, **attributes)``, complex operands being `Parts`."""

    def enter(function: Rule) -> Rule:
        for name in names:
            assert name in OPS, name
            assert name not in COMPLEX_RULES, name
            COMPLEX_RULES[name] = function
        return function

    return enter


def whole(value: Split) -> Expr:
    """The value in one expression; what is made of the parts of one value is that value."""
    if isinstance(value, Expr):
        return value
    re, im = value
    if re.op is real and im.op is imag and re.arguments == im.arguments:
        return re.arguments[0]
    return complex_(re, im)
