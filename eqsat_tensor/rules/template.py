"""Templates of rules: one form of a rule file for many ops, dtypes or axes.

    (for-each (op Exp Log) (rewrite ({op} (Transpose p x)) (Transpose p ({op} x)) :name "{op}-of-transpose" ...))
    ->  (rewrite (Exp (Transpose p x)) (Transpose p (Exp x)) :name "exp-of-transpose" ...)
        (rewrite (Log (Transpose p x)) (Transpose p (Log x)) :name "log-of-transpose" ...)

A ``{name}`` is a whole term; in the text of a name it is that term in lower case.  Several names
at once, ``((from to) (I32 I64) (F32 F64))``, take their values together.  Templates nest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from eqsat_tensor.rules.syntax import Form, Sexpr, Symbol, Text, show

_HOLE = re.compile(r"\{([a-z][a-z0-9-]*)\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def expanded(form: Form) -> Iterator[Form]:
    """The forms that a ``for-each`` stands for; any other form is itself.  RuleError."""
    if not form.sexpr or form.sexpr[0] != "for-each":
        yield form
        return
    if len(form.sexpr) < 3:
        raise form.error(
            "for-each takes names with values, and forms",
            'write (for-each (op Exp Log) (rewrite ({op} x) ... :name "{op}-of-..."))',
        )
    for values in _choices(form, form.sexpr[1]):
        for inner in form.sexpr[2:]:
            filled = _filled(inner, values)
            if not isinstance(filled, tuple):
                raise form.error(f"{show(inner)} is no form", "write (rewrite ...) or (fact ...)")
            yield from expanded(replace(form, sexpr=filled))


def _choices(form: Form, binding: Sexpr) -> Iterator[Mapping[str, Sexpr]]:
    """What the names of ``(name value ...)`` or ``((name ...) (value ...) ...)`` stand for in turn."""
    if not isinstance(binding, tuple) or len(binding) < 2:
        raise form.error(f"for-each over {show(binding)}", "write (name value ...)")
    names, *rows = binding
    if isinstance(names, Symbol):
        names, rows = (names,), [(value,) for value in rows]
    for row in rows:
        if not isinstance(row, tuple) or not isinstance(names, tuple) or len(row) != len(names):
            raise form.error(
                f"{show(row)} is no value of {show(names)}", "write as many values as names"
            )
        yield {str(name): value for name, value in zip(names, row, strict=True)}


def _filled(term: Sexpr, values: Mapping[str, Sexpr]) -> Sexpr:
    if isinstance(term, tuple):
        return tuple(_filled(t, values) for t in term)
    if isinstance(term, Text):
        return Text(_HOLE.sub(lambda m: _word(m, values), term))
    if isinstance(term, Symbol):
        hole = _HOLE.fullmatch(term)
        return values.get(hole[1], term) if hole else term
    return term


def _word(hole: re.Match[str], values: Mapping[str, Sexpr]) -> str:
    """A value as part of a rule's name: LogicalNot is logical-not; what is not bound stays a hole."""
    value = values.get(hole[1])
    return hole[0] if value is None else _HUMP.sub("-", show(value)).lower().strip("()")
