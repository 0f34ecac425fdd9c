"""S-expressions of rule files: text -> `Form`s that know their line and the comment above them.

A form is a nested tuple; leaves are `Symbol`, `Text` (a quoted string), int and float.

    (rewrite (Log (Exp x)) x :name "log-of-exp")
    ->  ("rewrite", ("Log", ("Exp", "x")), "x", ":name", Text("log-of-exp"))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from eqsat_tensor.errors import RuleError


class Symbol(str):
    """A bare word: a variable, a constructor, a keyword."""

    __slots__ = ()


class Text(str):
    """A quoted string."""

    __slots__ = ()


Sexpr: TypeAlias = "Symbol | Text | int | float | tuple[Sexpr, ...]"

_TOKEN = re.compile(r';[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+|"|\s+')
_INT = re.compile(r"[+-]?\d+\Z")
_FLOAT = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?\Z|[+-]?(inf|nan)\Z")
MAX_DEPTH = 100


@dataclass(frozen=True)
class Form:
    """One top-level form, the line it begins on, and the comment lines right above it."""

    sexpr: tuple[Sexpr, ...]
    file: str
    line: int
    comment: str = ""

    def error(self, what: str, mend: str) -> RuleError:
        """A `RuleError` that points here."""
        return rule_error(self.file, self.line, what, mend)


def rule_error(file: str, line: int, what: str, mend: str) -> RuleError:
    """``file:line: what; how to mend it.``"""
    return RuleError(f"{file}:{line}: {what}; {mend}.")


def parse(source: str, file: str) -> list[Form]:
    """The forms of a rule file.  RuleError where parentheses or quotes do not close."""
    forms: list[Form] = []
    stack: list[list[Sexpr]] = []
    comment: list[str] = []
    start, last = 1, 0  # the line of the open form; the last line that held anything
    for line, token in _tokens(source):
        if token.startswith(";"):
            if not stack:
                if line > last + 1:
                    comment.clear()
                if line != last or not forms:  # a remark behind a form is not above the next
                    comment.append(token.lstrip("; ").rstrip())
                last = line
            continue
        if token == "(":
            if not stack:
                if line > last + 1:
                    comment.clear()
                start = line
            if len(stack) >= MAX_DEPTH:
                raise rule_error(file, line, f"more than {MAX_DEPTH} levels", "split the pattern")
            stack.append([])
            continue
        if not stack:
            what = "a ) too many" if token == ")" else f"{token} outside a form"
            raise rule_error(file, line, what, "every form stands in one pair of parentheses")
        if token == '"':
            raise rule_error(file, line, "a quote that does not close", 'add the missing "')
        if token != ")":
            stack[-1].append(_leaf(token))
            continue
        done = tuple(stack.pop())
        if stack:
            stack[-1].append(done)
            continue
        forms.append(Form(done, file, start, "\n".join(comment)))
        comment.clear()
        last = line
    if stack:
        raise rule_error(
            file, start, "does not parse: a ( that does not close", "add the missing )"
        )
    return forms


def _tokens(source: str) -> Iterator[tuple[int, str]]:
    line = 1
    for match in _TOKEN.finditer(source):
        token = match.group()
        if not token.isspace():
            yield line, token
        line += token.count("\n")


def _leaf(token: str) -> Sexpr:
    if token.startswith('"'):
        return Text(token[1:-1].replace('\\"', '"').replace("\\\\", "\\"))
    if _INT.match(token):
        return int(token)
    if _FLOAT.match(token):
        return float(token)
    return Symbol(token)


def show(sexpr: Sexpr) -> str:
    """The text of an s-expression, as egglog reads it."""
    if isinstance(sexpr, tuple):
        return "(" + " ".join(map(show, sexpr)) + ")"
    if isinstance(sexpr, Text):
        return '"' + sexpr.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(sexpr, float):
        return repr(sexpr)
    return str(sexpr)


def header(source: str) -> str:
    """The comment that a file begins with; empty where there is none."""
    lines = []
    for text in source.lstrip().splitlines():
        if not text.startswith(";"):
            break
        lines.append(text.lstrip("; ").rstrip())
    return "\n".join(lines).strip()
