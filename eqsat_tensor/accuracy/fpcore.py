"""FPCore, the exchange format of floating-point benchmarks: text -> graphs of tensors.

    (FPCore (x) :name "root step" :pre (>= x 0) (- (sqrt (+ x 1)) (sqrt x)))

Formulas with let, if and comparisons are read; loops and tensors are refused.  A number is the real
number that is written: (/ 1 3) stays a quotient.  Source: fpbench.org, FPCore 2.0.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor import namespace as _namespace  # noqa: F401  (fills FUNCTIONS)
from eqsat_tensor.accuracy.inputs import Range
from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.inputs import tensor
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.tensor import FUNCTIONS, Tensor

Form: TypeAlias = "str | list[Form]"
DTYPES = {"binary64": "float64", "binary32": "float32", "binary16": "float16", "real": "float64"}
CONSTANTS = {
    "E": math.e, "PI": math.pi, "PI_2": math.pi / 2, "PI_4": math.pi / 4, "M_1_PI": 1 / math.pi,
    "M_2_PI": 2 / math.pi, "M_2_SQRTPI": 2 / math.sqrt(math.pi), "LN2": math.log(2),
    "LN10": math.log(10), "LOG2E": 1 / math.log(2), "LOG10E": 1 / math.log(10),
    "SQRT2": math.sqrt(2), "SQRT1_2": math.sqrt(0.5), "INFINITY": math.inf, "NAN": math.nan,
}  # fmt: skip
NAMES = {
    "fabs": "absolute", "pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "fmax": "maximum", "fmin": "minimum", "/": "divide", "not": "logical_not",
} | {name: name for name in (
    "sqrt", "cbrt", "hypot", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos",
    "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "copysign", "fmod", "isnan", "isfinite",
    "isinf", "signbit",
)}  # fmt: skip
FOLDED = {"+": "add", "*": "multiply", "and": "logical_and", "or": "logical_or"}
CHAINED = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal"}
OPERATIONS = frozenset((*NAMES, *FOLDED, *CHAINED, "-", "!=", "fma", "fdim"))
_TOKEN = re.compile(r'"[^"]*"|[()\[\]]|[^\s()\[\]"]+')


@dataclass(frozen=True, eq=False)
class Core:
    """One benchmark: its arguments, the formula, and what holds of the arguments.

    precision  the dtype that it is computed in.  pre  a formula that must be true, or None.
    """

    name: str
    arguments: tuple[str, ...]
    body: Form
    pre: Form | None
    precision: str

    def graph(self) -> tuple[list[Tensor], Tensor, Tensor | None]:
        """Inputs (0-d), the formula and the precondition of them.  UnsupportedError for loops."""
        inputs = [tensor(a, shape=(), dtype=self.precision) for a in self.arguments]
        scope: dict[str, Any] = dict(zip(self.arguments, inputs, strict=True))
        build = _Builder(self.name, self.precision)
        pre = None if self.pre is None else build(self.pre, scope)
        return inputs, build(self.body, scope), pre if isinstance(pre, Tensor) else None

    def ranges(self) -> list[Range]:
        """The ends that the precondition sets each argument by comparing it with numbers."""
        low = dict.fromkeys(self.arguments, -math.inf)
        high = dict.fromkeys(self.arguments, math.inf)
        for left, right in _ordered(self.pre):
            bound = _number(left) if isinstance(left, str) else None
            if bound is not None and isinstance(right, str) and right in low:
                low[right] = max(low[right], float(bound))
            bound = _number(right) if isinstance(right, str) else None
            if bound is not None and isinstance(left, str) and left in high:
                high[left] = min(high[left], float(bound))
        return [(low[a], high[a]) for a in self.arguments]


def read(path: str | Path) -> list[Core]:
    """Every benchmark of a file, in order."""
    return [core_of(form) for form in parsed(Path(path).read_text(encoding="utf-8"), str(path))]


def parsed(text: str, file: str = "FPCore") -> list[Form]:
    """The forms of a text that begin with FPCore."""
    stack: list[list[Form]] = [[]]
    for line in text.splitlines():
        for token in _TOKEN.findall(_uncommented(line)):
            if token in "([":
                stack.append([])
            elif token not in ")]":
                stack[-1].append(token)
            elif len(stack) == 1:
                raise ArgumentError(
                    message(file, "as many ( as )", f"one ) too many: {line.strip()}")
                )
            else:
                done = stack.pop()
                stack[-1].append(done)
    if len(stack) > 1:
        raise ArgumentError(message(file, "as many ) as (", f"{len(stack) - 1} left open"))
    return [form for form in stack[0] if isinstance(form, list) and form[:1] == ["FPCore"]]


def _uncommented(line: str) -> str:
    """A line without its comment: from a semicolon that is in no text."""
    return re.sub(r'("[^"]*")|;.*', lambda m: m[1] or "", line)


def core_of(form: Form) -> Core:
    """One FPCore form as a record."""
    assert isinstance(form, list)
    rest = form[1:]
    named = rest.pop(0) if rest and isinstance(rest[0], str) else ""
    if not rest or not isinstance(rest[0], list):
        raise ArgumentError(message("FPCore", "a list of arguments", str(form)[:60]))
    properties: dict[str, Form] = {}
    arguments, *rest = rest
    while len(rest) > 1 and isinstance(rest[0], str) and rest[0].startswith(":"):
        properties[rest[0]] = rest[1]
        rest = rest[2:]
    if len(rest) != 1:
        raise ArgumentError(message("FPCore", "one formula after the properties", str(rest)[:60]))
    name = str(properties.get(":name", named)).strip('"')
    precision = str(properties.get(":precision", "binary64"))
    if precision not in DTYPES:
        needs = f"a precision among {', '.join(DTYPES)}"
        raise UnsupportedError(message(name or "FPCore", needs, precision))
    names = tuple(_argument(name, a) for a in arguments)
    return Core(name or "FPCore", names, rest[0], properties.get(":pre"), DTYPES[precision])


def _argument(core: str, form: Form) -> str:
    if isinstance(form, str):
        return form
    if form[:1] == ["!"] and isinstance(form[-1], str):
        return form[-1]
    raise UnsupportedError(message(core, "scalar arguments", f"a tensor, {form}"))


def _ordered(form: Form | None) -> Iterator[tuple[Form, Form]]:
    """Pairs of which the precondition says that the first is at most the second."""
    if not isinstance(form, list):
        return
    if form[0] == "and":
        for part in form[1:]:
            yield from _ordered(part)
    elif form[0] in ("<", "<=", ">", ">="):
        chain = form[1:] if form[0] in ("<", "<=") else form[:0:-1]
        yield from itertools.pairwise(chain)


def _number(token: str) -> Fraction | float | None:
    """The number that a token writes; None for what is none."""
    if token in CONSTANTS:
        return CONSTANTS[token]
    sign = -1 if token.startswith("-") else 1
    plain = token.lstrip("+-")
    try:
        if plain.lower().startswith("0x"):
            return sign * Fraction(float.fromhex(plain))
        return sign * Fraction(plain)
    except ValueError:
        return None


class _Builder:
    """Formulas -> tensors of one dtype."""

    def __init__(self, core: str, dtype: str) -> None:
        self.core, self.dtype = core, dtype

    def __call__(self, form: Form, scope: Mapping[str, Any]) -> Any:
        if isinstance(form, str):
            return self._atom(form, scope)
        if not form or not isinstance(form[0], str):
            raise ArgumentError(message(self.core, "an operation first", str(form)[:60]))
        op, rest = form[0], form[1:]
        if op in ("let", "let*"):
            return self._let(op, rest, scope)
        if op in ("!", "cast"):
            return self(rest[-1], scope)
        if op == "if":
            return FUNCTIONS["where"](*[self(part, scope) for part in rest])
        if op not in OPERATIONS:
            there = "formulas of let, if, comparisons and the functions of libm"
            raise UnsupportedError(message(self.core, there, op))
        return self._applied(op, [self(part, scope) for part in rest])

    def _let(self, op: str, rest: Sequence[Form], scope: Mapping[str, Any]) -> Any:
        inner = dict(scope)
        bindings, body = rest
        assert isinstance(bindings, list)
        for pair in bindings:
            assert isinstance(pair, list), pair
            name, value = pair
            inner[str(name)] = self(value, inner if op == "let*" else scope)
        return self(body, inner)

    def _atom(self, token: str, scope: Mapping[str, Any]) -> Any:
        if token in scope:
            return scope[token]
        if token in ("TRUE", "FALSE"):
            return Tensor(constant(token == "TRUE", np.dtype(bool), ()))
        value = _number(token)
        if value is None:
            raise ArgumentError(message(self.core, "names that are bound", token))
        if isinstance(value, Fraction) and "/" in token:
            top, bottom = (self._constant(float(n)) for n in (value.numerator, value.denominator))
            return FUNCTIONS["divide"](top, bottom)
        return self._constant(float(value))

    def _constant(self, value: float) -> Tensor:
        return Tensor(constant(value, np.dtype(self.dtype), ()))

    def _applied(self, op: str, parts: list[Any]) -> Any:
        if op == "-":
            return (
                FUNCTIONS["negative"](parts[0])
                if len(parts) == 1
                else FUNCTIONS["subtract"](*parts)
            )
        if op in FOLDED:
            function = FUNCTIONS[FOLDED[op]]
            total = parts[0]
            for part in parts[1:]:
                total = function(total, part)
            return total
        if op in CHAINED:
            function = FUNCTIONS[CHAINED[op]]
            pairs = [function(a, b) for a, b in itertools.pairwise(parts)]
            return self._applied("and", pairs)
        if op == "!=":
            apart = [FUNCTIONS["not_equal"](a, b) for i, a in enumerate(parts) for b in parts[:i]]
            return self._applied("and", apart)
        if op == "fma":
            return FUNCTIONS["add"](FUNCTIONS["multiply"](parts[0], parts[1]), parts[2])
        if op == "fdim":
            return FUNCTIONS["maximum"](FUNCTIONS["subtract"](*parts), self._constant(0.0))
        return FUNCTIONS[NAMES[op]](*parts)


def true_pre(pre: Tensor, inputs: Sequence[Tensor]) -> Callable[[Sequence[np.ndarray]], bool]:
    """Is the precondition true, as one of real numbers, of these arguments?"""
    from eqsat_tensor.accuracy.meanings import known_ops
    from eqsat_tensor.accuracy.reals import reals
    from eqsat_tensor.accuracy.truth import Truth
    from eqsat_tensor.accuracy.unrolled import Unrolled

    numbers = reals()
    unrolled = Unrolled([pre.expr, *(i.expr for i in inputs)], known_ops())
    order = [next(k for k, i in enumerate(inputs) if i.expr is e) for e, _ in unrolled.columns]
    condition: Any = unrolled.elements[pre.expr][()]

    def holds(arrays: Sequence[np.ndarray]) -> bool:
        columns = [np.array([arrays[k]], np.float64) for k in order]
        truth = Truth(columns, numbers)
        for level in range(len(numbers.levels)):
            value = truth.values_at(condition, [0], level)[0]
            if isinstance(value, bool):
                return value
        return False

    return holds
