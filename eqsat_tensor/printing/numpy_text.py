"""`Expr` -> text in NumPy's syntax, with as few parentheses as Python's precedence allows.

    %0 = exp(x), %1 = add(1.0, %0), %2 = log(%1)    ->    np.log(1.0 + np.exp(x))

Constants stand as Python numbers and broadcasts are left to NumPy where the other operands settle dtype
and shape.  What is no part of the value (notes for derivatives, `refine`, `assume`) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqsat_tensor.calls import inlined
from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import Size, SizeFunction, Symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import ANY_ARITY, FLOAT16, FLOAT32, Expr, topological
from eqsat_tensor.namespace.special import SPECIAL
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.tensor import FUNCTIONS

COMPARE, OR, XOR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(9)
INFIX: dict[str, tuple[str, int]] = {
    "equal": ("==", COMPARE), "not_equal": ("!=", COMPARE), "less": ("<", COMPARE),
    "less_equal": ("<=", COMPARE), "greater": (">", COMPARE), "greater_equal": (">=", COMPARE),
    "logical_or": ("|", OR), "logical_xor": ("^", XOR), "logical_and": ("&", AND),
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT), "floor_divide": ("//", PRODUCT), "remainder": ("%", PRODUCT),
    "matmul": ("@", PRODUCT), "power": ("**", POWER),
}  # fmt: skip
PREFIX = {"negative": "-", "logical_not": "~"}
# What NumPy has not, in its words: a template of the operand (alone, and after a sign), and its level.
IN_NUMPY = {
    "sigmoid": ("1 / (1 + np.exp(-{signed}))", PRODUCT),
    "softplus": ("np.logaddexp(0, {alone})", ATOM),
    "log1mexp": (
        "np.where({signed} > -0.7, np.log(-np.expm1({alone})), np.log1p(-np.exp({alone})))", ATOM),
}  # fmt: skip
# Of `numpy.linalg`, on the matrices in the last two axes.
LINALG = ("cholesky", "det", "eigh", "inv", "slogdet", "solve")


@dataclass(frozen=True)
class Text:
    """Text of an expression, and how tightly its outermost operator binds."""

    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """The text where something that binds at least so tightly is needed."""
        return self.text if self.level >= level else f"({self.text})"


def _number_below(x: Expr) -> Expr:
    """What a broadcast repeats, or the size that a cast converts."""
    if x.op.name == "broadcast":
        x = x.arguments[0]
    return x.arguments[0] if x.op.name == "cast" and x.arguments[0].op.name == "size" else x


@dataclass
class Writer:
    """The texts of a program's nodes, as they become known, operands first."""

    namespace: str
    names: dict[Expr, str]  # of inputs and captured arrays
    sizes: Mapping[str, str]  # a size's symbol -> its text
    rules: Mapping[
        str, Callable[[Writer, Expr], Text]
    ]  # of ops that are written in a way of their own
    known: dict[Expr, Text] = field(default_factory=dict)
    variables: set[Expr] = field(default_factory=set)  # nodes that are written as a name

    def call(self, function: str, *arguments: str) -> Text:
        return Text(f"{self.namespace}.{function}({', '.join(arguments)})")

    def write(self, node: Expr) -> Text:
        """The text of a node whose operands are known; UnsupportedError where it has none."""
        rule = self.rules.get(node.op.name)
        if node.op in MARKERS:
            return self.known[node.arguments[0]]
        if rule is not None:
            return rule(self, node)
        if node.op.kind is Kind.ELEMENTWISE and not node.op.definition:
            return self.elementwise(node)
        if "axes" in node.op.attributes:
            found = self.reduced(node)
            if found is not None:
                return found
        if node.op.arity == ANY_ARITY:
            body = inlined(node)
            if body is None:
                raise self.missing(node)
            return self.expanded(body)
        if node.op.real is not None:
            if node.op.kind is Kind.COMPOSITE and not node.op.attributes:
                alone = self.special(node, [self.known[a] for a in node.arguments])
                if alone is not None:
                    return alone
            return self.expanded(real_body(node))
        if self.namespace == "np" and node.op.name in LINALG:
            called = self.call(
                f"linalg.{node.op.name}", *(self.known[a].text for a in node.arguments)
            )
            which = node.named.get("result")
            return called if which is None else Text(f"{called.text}[{which}]")
        return self.generic(node)

    # ------------------------------------------------------------------------------- elementwise
    def elementwise(self, node: Expr) -> Text:
        texts = self.operands(node)
        name = node.op.name
        if name in INFIX:
            sign, level = INFIX[name]
            a, b = texts
            if level == COMPARE:  # a < b < c means something else
                return Text(f"{a.at(OR)} {sign} {b.at(OR)}", level)
            if level == POWER:
                return Text(f"{a.at(ATOM)} {sign} {b.at(UNARY)}", level)
            return Text(f"{a.at(level)} {sign} {b.at(level + 1)}", level)
        if name in PREFIX:
            return Text(PREFIX[name] + texts[0].at(UNARY), UNARY)
        if name == "cast":
            value = texts[0]
            below = node.arguments[0].dtype.kind == "f" and node.dtype.kind == "u"
            if below and self.namespace == "np":  # what NumPy makes of numbers below 0 is left open
                value = self.call("where", f"{value.at(OR)} > 0", value.text, "0")
            return Text(f"{value.at(ATOM)}.astype({node.dtype.name!r})")
        if self.namespace == "np" and name in IN_NUMPY:
            template, level = IN_NUMPY[name]
            return Text(template.format(alone=texts[0].text, signed=texts[0].at(UNARY)), level)
        if name == "bitwise_count":  # uint8 as a function
            return Text(f"{self.call(name, texts[0].text).text}.astype({node.dtype.name!r})")
        if self.is_public(name):
            return self.call(name, *(t.text for t in texts))
        special = self.special(node, texts)
        if special is None:
            raise self.missing(node)
        return special

    def is_public(self, name: str) -> bool:
        return hasattr(np, name) if self.namespace == "np" else name in FUNCTIONS

    def special(self, node: Expr, texts: Sequence[Text]) -> Text | None:
        """A function of `scipy.special`, or of `et.special`; None where there is none."""
        name = node.op.name
        if self.namespace == "np":
            from scipy import special

            known = hasattr(special, name)
        else:
            known = name in SPECIAL
        if node.op.attributes or not known:
            return None
        where = "special" if self.namespace == "np" else "et.special"
        text = f"{where}.{name}({', '.join(t.text for t in texts)})"
        if self.namespace == "np" and node.dtype.itemsize < 4:  # SciPy has no float16
            text += f".astype({node.dtype.name!r})"
        return Text(text)

    def operands(self, node: Expr) -> list[Text]:
        """Texts of operands that together have the node's shape and settle its dtype."""
        operands = node.arguments
        axes = {j for j, s in enumerate(node.shape) if s != 1}
        literal = [self.is_number(x) for x in operands]
        spread = [
            x.op.name == "broadcast" and x not in self.variables and not number
            for x, number in zip(operands, literal, strict=True)
        ]
        typed = range(1, 3) if node.op.name == "where" else range(len(operands))
        explicit: set[int] = set()
        if all(literal[i] for i in typed) or node.op.name == "cast":
            explicit = {typed[0]}
        covered: set[int] = set()
        for i, x in enumerate(operands):
            if i in explicit or not (literal[i] or spread[i]):
                covered |= axes
            elif spread[i]:
                covered |= axes - set(x["axes"])
        if covered != axes and any(spread):
            explicit.add(spread.index(True))
        carried = any(
            i in explicit or not (literal[i] or (spread[i] and 0 in x["axes"]))
            for i, x in enumerate(operands)
        )
        texts = []
        for i, x in enumerate(operands):
            if literal[i] and i not in explicit:
                texts.append(self.literal(x))
            elif spread[i] and i not in explicit:
                texts.append(self.indexed(x, carried))
            else:
                texts.append(self.known[x])
        return texts

    def is_number(self, x: Expr) -> bool:
        """May this stand as a Python number, where other operands have its dtype and shape?"""
        below = _number_below(x)
        return below.op.name in ("full", "size") and not {x, below} & self.variables

    def literal(self, x: Expr) -> Text:
        """A constant or a size, alone or broadcast, as a Python number."""
        below = _number_below(x)
        if below.op.name == "size":
            return self.size(below["size"][0])
        return self.number(below["value"].value)

    def number(self, value: Any) -> Text:
        """A constant as a Python number."""
        if isinstance(value, float) and not np.isfinite(value):
            return Text(f'float("{value}")')
        if isinstance(value, complex) and not np.isfinite(value):
            return Text(f'complex("{value}")')
        return Text(repr(value), UNARY if repr(value).startswith("-") else ATOM)

    def indexed(self, node: Expr, carried: bool) -> Text:
        """A broadcast as ``x[:, None]``, to be stretched; carried: another operand has all axes."""
        below = node.arguments[0]
        keys = ["None" if j in node["axes"] else ":" for j in range(len(node.shape))]
        if carried:
            while keys and keys[0] == "None":
                keys.pop(0)
        while keys and keys[-1] == ":":
            keys.pop()
        text = self.known[below]
        return text if not keys else Text(f"{text.at(ATOM)}[{', '.join(keys)}]")

    # -------------------------------------------------------------------------------------- others
    def expanded(self, body: Expr) -> Text:
        """By what an op is defined as; what is shared within is written again."""
        for inner in topological([body]):
            if inner not in self.known:
                self.known[inner] = self.write(inner)
        return self.known[body]

    def reduced(self, node: Expr) -> Text | None:
        """A reduction, or a composite over axes, by the function of its name."""
        name = node.op.name
        if not self.is_public(name) or (name.startswith("arg") and len(node["axes"]) != 1):
            return None
        axes = node["axes"]
        rank = len(node.arguments[0].shape)
        arguments = [self.known[node.arguments[0]].text]
        if len(axes) == rank and node.op.kind is Kind.REDUCTION:
            pass
        elif len(axes) == 1:
            arguments.append(f"axis={axes[0]}")
        else:
            arguments.append(f"axis={axes}")
        if name in ("sum", "prod") and node.dtype != np.sum(np.zeros(1, node.dtype)).dtype:
            arguments.append(f"dtype={node.dtype.name!r}")
        return self.call(name, *arguments)

    def generic(self, node: Expr) -> Text:
        """An op that bears the name of a public function, its axis as a keyword."""
        name = node.op.name
        if not self.is_public(name) or set(node.op.attributes) - {"axis", "axes"}:
            raise self.missing(node)
        keywords = [f"axis={v}" for v in node.attributes]
        return self.call(name, *(self.known[a].text for a in node.arguments), *keywords)

    def missing(self, node: Expr) -> UnsupportedError:
        hint = (
            'Use namespace="et", or debug_print.' if self.namespace == "np" else "Use debug_print."
        )
        needs = f"operations that {self.namespace} has a word for"
        return UnsupportedError(message("pprint", needs, node.op.name, hint))

    # --------------------------------------------------------------------------------------- sizes
    def size(self, size: Size) -> Text:
        """A size as Python arithmetic of the inputs' sizes."""
        if isinstance(size, int):
            return Text(repr(size), UNARY if size < 0 else ATOM)
        text = ""
        for monomial, c in size.terms:
            factors = [self._atom(a) for a in monomial]
            if abs(c) != 1 or not factors:
                factors.insert(0, Text(str(abs(c))))
            part = " * ".join(f.at(PRODUCT) for f in factors)
            text += (" - " if c < 0 else " + ") + part if text else ("-" if c < 0 else "") + part
        if len(size.terms) > 1:
            return Text(text, SUM)
        alone = len(size.terms[0][0]) == 1 and size.terms[0][1] == 1
        return Text(text, ATOM if alone else PRODUCT)

    def _atom(self, atom: Symbol | SizeFunction) -> Text:
        if isinstance(atom, Symbol):
            return Text(self.sizes.get(atom.name, atom.name))
        a, b = self.size(atom.left), self.size(atom.right)
        if atom.name in ("min", "max"):
            return Text(f"{atom.name}({a.text}, {b.text})")
        return Text(f"({a.at(PRODUCT)} {atom.name} {b.at(UNARY)})")

    def shape(self, shape: Sequence[Size]) -> str:
        sizes = [self.size(s).text for s in shape]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def real_body(node: Expr) -> Expr:
    """What an op means over the reals; over axes halves are computed in float32, as the op does, since
    their squares and products overflow."""
    assert node.op.real is not None, node
    if node.dtype != FLOAT16 or "axes" not in node.op.attributes:
        return node.op.real(*node.arguments, **node.named)
    wide = (cast_to(a, FLOAT32) for a in node.arguments)
    return cast_to(node.op.real(*wide, **node.named), FLOAT16)
