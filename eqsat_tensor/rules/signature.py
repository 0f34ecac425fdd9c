"""How ops look in rule files: constructors, the sorts of their arguments, and rules for types.

All of it is generated from `OpDef`s, so that adding an op needs no line here: the form of a type
rule is found by asking ``infer`` for the types of a few probes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extents import minimum as _smaller
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import ANY_ARITY, BOOL, FLOAT64, INT64, OPS, OpDef
from eqsat_tensor.types import ALL_DTYPES, SHORT, Shape, TensorType, literal

SORT = {
    Attribute.INT: "i64",
    Attribute.AXES: "Axes",
    Attribute.SIZES: "Sizes",
    Attribute.LITERAL: "Value",
    Attribute.TEXT: "Text",
    Attribute.OBJECT: "i64",
}
DTYPE_NAMES = {dtype: SHORT[dtype.name].capitalize() for dtype in ALL_DTYPES}
# "Wide": a whole number from 2**63 on, less 2**64; no rule takes it for a number that it is not.
VALUES = {"F": ("f64",), "I": ("i64",), "B": ("i64",), "Wide": ("i64",)} | dict.fromkeys(
    ("NegativeZero", "NaN", "Inf", "NegativeInf"), ()
)
ENGINE_NAMES = {"NaN": "NotANumber", "type-of": "type"}  # the engine reads NaN as a number
ENGINE_SORTS = {"Text": "i64"}
SHARED_TYPES = (
    "without",
    "permuted",
)  # tables of types that are worked out for several ops together
MAX_RANK = 6  # longest list of axes that type rules know
LIVE = "/live"  # ends the name of a table of live rows


@dataclass(frozen=True)
class Signature:
    """The arguments of an op's constructor: attributes, then the type if any, then operands."""

    op: OpDef
    attributes: tuple[str, ...]  # names of the attributes before the type
    typed: bool  # SHAPE and DTYPE attributes become one argument of sort Type

    @property
    def sorts(self) -> tuple[str, ...]:
        if self.op.name == "input":
            return ("i64",)
        sorts = tuple(SORT[self.op.attributes[name]] for name in self.attributes)
        return (*sorts, *(("Type",) if self.typed else ()), *("Expr",) * self.op.arity)


_texts: dict[int, str] = {}


def text_number(text: str) -> int:
    """What stands for a text in the engine: the same number in every program and rule."""
    number = zlib.crc32(text.encode())
    known = _texts.setdefault(number, text)
    assert known == text, f"{known!r} and {text!r} have one number"
    return number


def text_of(number: int) -> str:
    """The text that `text_number` gave this number."""
    return _texts[number]


@cache
def signature(op: OpDef) -> Signature:
    """How an op is written: ``broadcast`` is ``(Broadcast Axes Type Expr)``.

    ``input`` is ``(Input i64)``: name, key and type stay in Python.
    """
    of_type = (Attribute.SHAPE, Attribute.DTYPE)
    plain = tuple(n for n, kind in op.attributes.items() if kind not in of_type)
    typed = len(plain) < len(op.attributes)
    return Signature(op, () if op.name == "input" else plain, typed and op.name != "input")


def constructors() -> dict[str, OpDef]:
    """Every op by its name in rule files; the engine does not see those of any arity."""
    return {op.constructor: op for op in OPS.values() if op.arity != ANY_ARITY}


def live(name: str) -> str:
    """The table in which a query finds the rows of constructor ``name`` that are not subsumed.

    The engine cannot keep an index of a constructor's table: it may hold subsumed rows, so each search
    of each rule sorts out the others and makes an index of them, for whole tables where one row is
    new.  A function cannot be subsumed; so what rules match is a function beside each constructor.
    """
    return name + LIVE


def live_forms(name: str, sorts: tuple[str, ...], result: str, ruleset: str) -> tuple[str, str]:
    """The table of a constructor's live rows, and the rule that enters them in it."""
    variables = " ".join(f"?{k}" for k in range(len(sorts)))
    return (
        f"(function {live(name)} ({' '.join(sorts)}) {result} :merge old)",
        f"(rule ((= ?e ({name} {variables}))) ((set ({live(name)} {variables}) ?e))"
        f' :ruleset {ruleset} :name "{live(name)}")',
    )


def engine_sorts(op: OpDef) -> tuple[str, ...]:
    """The sorts of the arguments of an op's constructor, as the engine names them."""
    return tuple(ENGINE_SORTS.get(s, s) for s in signature(op).sorts)


# ------------------------------------------------------------------------------ rules for types
Model: TypeAlias = Callable[[tuple[TensorType, ...], dict[str, Any]], TensorType]


@dataclass(frozen=True)
class TypeForm:
    """One way in which a result's type follows: as Python says it, and as conditions and action.

    ``model(types, attributes)`` is compared with ``infer``; ``clauses`` and ``result`` are egglog
    text over ``?x0 ?x1 ...`` (operands), ``?d0 ?s0 ...`` (their dtypes and sizes), ``?attribute``.
    """

    model: Model
    uses: tuple[int, ...]  # operands whose type is read
    result: str
    clauses: str = ""
    whole: bool = False  # the result's type is the operand's, ``?t0``


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(s for i, s in enumerate(shape) if i not in axes)


def _same(k: int, dtype: np.dtype | None = None) -> Model:
    """The type of operand ``k``, with another dtype where one is given."""
    return lambda t, _: t[k] if dtype is None else t[k].with_dtype(dtype)


def _reduced(dtype: np.dtype | None = None) -> Model:
    """The first operand's type without ``axes``, with another dtype where one is given."""

    def model(t: tuple[TensorType, ...], a: dict[str, Any]) -> TensorType:
        return TensorType(t[0].dtype if dtype is None else dtype, _without(t[0].shape, a["axes"]))

    return model


def _forms(op: OpDef) -> Iterator[TypeForm]:
    for k in range(op.arity):
        yield TypeForm(_same(k), (k,), f"(set (type ?e) ?t{k})", whole=True)
        for dtype, name in DTYPE_NAMES.items():
            result = f"(set (type ?e) (Tensor ({name}) ?s{k}))"
            yield TypeForm(_same(k, dtype), (k,), result)
    if "axes" in op.attributes and op.arity == 1:
        yield TypeForm(_reduced(), (0,), "(type/without ?e ?d0 ?s0 ?axes)")
        for dtype, name in DTYPE_NAMES.items():
            yield TypeForm(_reduced(dtype), (0,), f"(type/without ?e ({name}) ?s0 ?axes)")
        yield TypeForm(
            lambda t, a: t[0].with_shape([t[0].shape[i] for i in a["axes"]]),
            (0,),
            "(type/permuted ?e ?d0 ?s0 ?axes)",
        )
    if op.arity == 2:
        yield TypeForm(
            lambda t, a: t[0].with_shape((*t[0].shape[:-1], t[1].shape[-1])),
            (0, 1),
            "(set (type ?e) (Tensor ?d0"
            " (vec-push (vec-pop ?s0) (vec-get ?s1 (- (vec-length ?s1) 1)))))",
        )
    if op.arity == 2 and "axis" in op.attributes:
        yield TypeForm(
            lambda t, a: t[0].with_shape(
                s + t[1].shape[i] if i == a["axis"] else s for i, s in enumerate(t[0].shape)
            ),
            (0, 1),
            "(set (type ?e) (Tensor ?d0 (vec-set ?s0 ?axis (+ ?m ?n))))",
            "(= ?m (vec-get ?s0 ?axis)) (>= ?m 0) (= ?n (vec-get ?s1 ?axis)) (>= ?n 0)",
        )
    if op.arity >= 1 and "axis" in op.attributes:
        yield TypeForm(
            lambda t, a: t[0].with_shape(_without(t[0].shape, (a["axis"],))),
            (0,),
            "(set (type ?e) (Tensor ?d0 (vec-remove ?s0 ?axis)))",
        )
    if op.arity == 1:
        yield TypeForm(
            lambda t, a: t[0].with_shape(t[0].shape[:-2]),
            (0,),
            "(set (type ?e) (Tensor ?d0 (vec-pop (vec-pop ?s0))))",
            "(>= (vec-length ?s0) 2)",
        )
    if op.arity == 1:  # the last two axes become one, of the smaller size where both are numbers
        yield TypeForm(
            lambda t, a: t[0].with_shape((*t[0].shape[:-2], _smaller(*t[0].shape[-2:]))),
            (0,),
            "(set (type ?e) (Tensor ?d0 (vec-push (vec-pop (vec-pop ?s0)) ?m)))",
            "(= ?r (vec-length ?s0)) (= ?p (vec-get ?s0 (- ?r 1))) (= ?q (vec-get ?s0 (- ?r 2)))"
            " (= ?m (min ?p ?q)) (= 0 (* (min ?m 0) (- (max ?p ?q) ?m)))",
        )


_SHAPES: tuple[Shape, ...] = (
    (), (3,), (2, 3), (3, 2), (2, 3, 5), (2, 5, 7), (2, 2, 3), (1, 3, 1), (2, 3, 7), (1, 1), (5, 3),
    (3, 3), (2, 5, 5), (5, 2, 2),
)  # fmt: skip
_AXES = ((0,), (1,), (0, 1), (0, 2), (1, 0), (2, 0, 1), (0, 1, 2))


def _probes(op: OpDef) -> Iterator[tuple[tuple[TensorType, ...], dict[str, Any]]]:
    """Types and attributes to try; most fit no given op, and `infer` says so."""
    choices: list[dict[str, Any]] = [{}]
    for name, kind in op.attributes.items():
        match kind:
            case Attribute.AXES:
                values: tuple[Any, ...] = _AXES
            case Attribute.INT:
                values = (0, 1)
            case Attribute.SIZES:
                values = ((1,),)
            case Attribute.LITERAL:
                values = (literal(1, FLOAT64),)
            case _:
                return
        choices = [c | {name: v} for c in choices for v in values]
    first = [d for d in (FLOAT64, INT64, BOOL) if d in op.dtypes]
    if len(op.dtypes) == 2:  # of `complex` and its parts the one dtype says nothing of the other
        first = list(op.dtypes)
    first = first or list(op.dtypes)
    pairs = [(d, d) for d in first] + [(d, o) for d in first for o in (FLOAT64, INT64) if o != d]
    for attributes in choices:
        for d, other in pairs[:4]:
            for shapes in _shape_choices(op.arity):
                types = [TensorType(other, s) for s in shapes]
                if types:
                    types[0] = TensorType(d, shapes[0])
                yield tuple(types), attributes


def _shape_choices(arity: int) -> Iterator[tuple[Shape, ...]]:
    if arity == 5:  # alpha, a, b, beta, c
        yield ((), (2, 3), (3, 5), (), (2, 5))
        return
    for s in _SHAPES:
        yield (s,) * arity
    if arity == 2:
        yield from ((a, b) for a in _SHAPES for b in _SHAPES if a != b)


@cache
def type_form(op: OpDef) -> TypeForm | None:
    """The first form that says what `infer` says on every probe that `infer` takes."""
    answers = []
    for types, attributes in _probes(op):
        try:
            answers.append((types, attributes, op.infer(*types, **attributes)))
        except (AssertionError, EqsatError, IndexError, ValueError, TypeError):
            continue  # a probe that does not fit this op
    if not answers:
        return None
    for form in _forms(op):
        try:
            if all(form.model(t, a) == result for t, a, result in answers):
                return form
        except (IndexError, ValueError, TypeError):
            continue
    return None


def has_type_rule(op: OpDef) -> bool:
    """True where the engine can tell the type of a node of ``op`` that a rule makes."""
    return op.name == "input" or signature(op).typed or type_form(op) is not None


@cache
def type_rule(op: OpDef) -> str | None:
    """The engine rule that gives nodes of ``op`` their type; None where there is no way to tell."""
    from eqsat_tensor.rules import own_shipped

    shipped = own_shipped()
    if shipped is not None and op.name in shipped.type_rules and not op.definition:
        return shipped.type_rules[op.name]
    return _made_type_rule(op)


def made_type_rules() -> dict[str, str | None]:
    """Those of the package's ops, found out now."""
    return {op.name: _made_type_rule(op) for op in OPS.values() if not op.definition}


def _made_type_rule(op: OpDef) -> str | None:
    sig = signature(op)
    if op.name == "input":
        return None
    arguments = [f"?{n}" for n in sig.attributes] + ["?t"] * sig.typed
    arguments += [f"?x{k}" for k in range(op.arity)]
    pattern = f"(= ?e ({' '.join([live(op.constructor), *arguments])}))"
    if sig.typed:
        return _rule(op, pattern, "(set (type ?e) ?t)")
    form = type_form(op)
    if form is None:
        return None
    made = "?t{k}" if form.whole else f"({live('Tensor')} ?d{{k}} ?s{{k}})"
    reads = " ".join(f"(= {made.format(k=k)} (type ?x{k}))" for k in form.uses)
    return _rule(op, f"{pattern} {reads} {form.clauses}", form.result)


def _rule(op: OpDef, conditions: str, action: str) -> str:
    name = f"type/{op.constructor}"
    return f'(rule ({conditions}) ({action}) :ruleset types/{op.constructor} :name "{name}")'


def shared_type_rules(table: str) -> list[str]:
    """Rules that remove ("without") or permute ("permuted") sizes, one a number of axes, and their
    ruleset: for all ops together whose `type_rule` names the table."""
    rules = [f"(ruleset types/{table})"]
    for n in range(MAX_RANK + 1):
        sizes = "?s"
        for i in reversed(range(n)):  # axes ascend: remove the last first
            sizes = f"(vec-remove {sizes} (vec-get ?a {i}))"
        order = " ".join(f"(vec-get ?s (vec-get ?a {i}))" for i in range(n))
        permuted = f"(vec-of {order})" if n else "?s"
        rules.append(
            f"(rule ((type/{table} ?e ?d ?s ?a) (= {n} (vec-length ?a)))"
            f" ((set (type ?e) (Tensor ?d {sizes if table == 'without' else permuted})))"
            f' :ruleset types/{table} :name "type/{table}-{n}")'
        )
    return rules


@cache
def shared_types(name: str) -> str:
    """The table of `shared_type_rules` that gives nodes of an op their type; "" where none does."""
    rule = type_rule(OPS[name]) or ""
    return next((table for table in SHARED_TYPES if f"(type/{table} " in rule), "")
