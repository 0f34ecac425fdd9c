"""Names in rule files: what a rule, a variable, a ruleset, a relation may be called, and control
characters, which the engine's text cannot hold."""

from __future__ import annotations

import re

from eqsat_tensor.rules.book import ANALYSES, Rule, Ruleset, Step
from eqsat_tensor.rules.syntax import Form, Sexpr, Symbol, rule_error, show
from eqsat_tensor.rules.vocabulary import (
    PRIMITIVES,
    RELATIONS,
    ROOT,
    TYPE_NAMES,
    variables,
)

RULE_NAME = re.compile(r"\w[\w.+-]*(=>|<=)?\Z")
WORD = re.compile(r"[^\W\d_][\w'-]*\Z")
RESERVED = frozenset((*TYPE_NAMES, *PRIMITIVES, "fired", "true", "false", ROOT))
LONGEST_FILE = 4_000_000  # characters; the package's whole book has 60,000
MOST_ROUNDS = 100
INPUT = "Input"  # names one program's input, which no rule can know


def check_text(source: str, file: str) -> None:
    """RuleError for control characters, and for a file that cannot be meant."""
    if len(source) > LONGEST_FILE:
        raise rule_error(
            file, 1, f"{len(source)} characters, {LONGEST_FILE} at most", "split the file"
        )
    for number, line in enumerate(source.split("\n"), start=1):
        for c in line:
            if c < " " and c not in "\t\r":
                raise rule_error(file, number, f"the control character {c!r}", "remove it")


def check_words(rule: Rule) -> None:
    """RuleError for a rule whose name or variables are no words, or that matches no variable."""
    place = (rule.file, rule.line)
    if not RULE_NAME.match(rule.name):
        raise rule_error(
            *place, f"the name {rule.name!r}", "use letters, digits, - and . alone, outer-of-inner"
        )
    rewrite = rule.kind == "rewrite"
    left = variables((Symbol("left"), rule.lhs)) if rewrite else {}
    asked = variables((Symbol("when"), *rule.conditions))
    claims = rule.rhs if isinstance(rule.rhs, tuple) and not rewrite else (rule.rhs,)
    made = variables((Symbol("right"), *claims))
    for name in (*left, *asked, *made):
        if not WORD.match(name):
            raise rule_error(
                *place,
                f"{rule.name}: the variable {name}",
                "begin it with a letter, and use letters, digits, - and ' alone",
            )
    if ROOT in left:
        raise rule_error(
            *place, f"{rule.name}: {ROOT} on the left side, which it stands for", "use another name"
        )
    if rewrite and not left and not asked:
        raise rule_error(
            *place, f"{rule.name}: no variable", "constants are folded anyway; drop the rule"
        )
    for term in (rule.lhs, rule.rhs, *rule.conditions):
        if _holds_input(term):
            raise rule_error(
                *place, f"{rule.name}: {INPUT} is an input of one program", "write a variable"
            )


def _holds_input(term: Sexpr) -> bool:
    """True for an input by its number; ``(= x (Input k))`` asks whether x is one, whichever."""
    if not isinstance(term, tuple) or not term:
        return False
    known = term[0] == INPUT and not all(isinstance(t, Symbol) for t in term[1:])
    return known or any(map(_holds_input, term))


def check_relation(form: Form) -> None:
    """RuleError for the name of a relation that is taken, and for one of nothing."""
    name, sorts = form.sexpr[1], form.sexpr[2]
    if any(r.name == name for r in RELATIONS):
        return  # the reader holds its sorts
    if not WORD.match(str(name)) or str(name) in RESERVED or str(name) != str(name).lower():
        raise form.error(
            f"the relation name {show(name)}",
            "use lower-case letters, digits and -, and no word that has a meaning",
        )
    if sorts == ():
        raise form.error(f"relation {name} is of nothing", "say of what, (relation name (Expr))")


def check_ruleset(form: Form, ruleset: Ruleset) -> None:
    """RuleError for the name of a ruleset, and for an improvement that there is not."""
    if not WORD.match(ruleset.name):
        raise form.error(f"the ruleset name {ruleset.name}", "use letters, digits and - alone")
    if ruleset.improves not in ("", "nonfinite"):
        raise form.error(
            f"ruleset {ruleset.name}: improves {ruleset.improves}", "write :improves nonfinite"
        )


def check_step(form: Form, step: Step, rulesets: dict[str, Ruleset], endless: bool = False) -> None:
    """RuleError for a step that runs to no end: what is saturated must shrink."""
    if step.kind == "repeat" and not 1 <= step.count <= MOST_ROUNDS:
        raise form.error(f"{step.count} rounds", f"write a number from 1 to {MOST_ROUNDS}")
    if step.kind == "run" and endless and step.name not in ANALYSES:
        ruleset = rulesets.get(step.name)
        if ruleset is not None and not ruleset.shrinks:
            raise form.error(
                f"the schedule saturates {step.name}, which is not declared :shrinks",
                "repeat it a few times, or declare it :shrinks",
            )
    for inner in step.steps:
        check_step(form, inner, rulesets, endless or step.kind == "saturate")
