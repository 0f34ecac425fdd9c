"""Forms of rule files -> rulesets, relations, rules and the schedule; names are resolved at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eqsat_tensor.rules.book import (
    ANALYSES,
    FACTS,
    GUARANTEES,
    IDENTITY,
    TYPES,
    Relation,
    Rule,
    Ruleset,
    Step,
)
from eqsat_tensor.rules.syntax import Form, Sexpr, Symbol, Text, header, parse, rule_error, show
from eqsat_tensor.rules.template import expanded
from eqsat_tensor.rules.vocabulary import MERGES, RELATIONS, SORTS
from eqsat_tensor.rules.words import check_relation, check_ruleset, check_step, check_text

FORMS = ("rewrite", "birewrite", "fact", "relation", "ruleset", "schedule", "for-each")
RULESET_KEYS = {":guarantee", ":shrinks", ":subsumes", ":improves"}


@dataclass
class Reader:
    """Collects what files hold; `finish` checks what only the whole can tell."""

    rulesets: dict[str, Ruleset] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=lambda: {r.name: r for r in RELATIONS})
    rules: list[Rule] = field(default_factory=list)
    schedule: list[Step] = field(default_factory=list)
    _declared: dict[str, Form] = field(default_factory=dict)
    _scheduled: list[tuple[Form, list[Step]]] = field(default_factory=list)

    def read(self, file: str, text: str) -> None:
        """Enter one file.  RuleError for forms that are malformed by themselves."""
        check_text(text, file)
        forms = parse(text, file)
        if forms and not header(text):
            raise rule_error(
                file, 1, "no header", "begin the file with a comment that says what its rules are"
            )
        for form in (f for template in forms for f in expanded(template)):
            head: Sexpr = form.sexpr[0] if form.sexpr else ()
            match head:
                case "rewrite" | "birewrite":
                    self._rewrite(form, str(head))
                case "fact":
                    self._fact(form)
                case "relation":
                    self._relation(form)
                    check_relation(form)
                case "ruleset":
                    self._ruleset(form)
                case "schedule":
                    self._schedule(form)
                case _:
                    raise form.error(f"unknown form {show(head)}", f"forms are {', '.join(FORMS)}")

    def finish(self) -> None:
        """Resolve rulesets; RuleError for rules and schedules that name one that is not there."""
        for i, rule in enumerate(self.rules):
            if rule.kind == "fact":
                continue
            ruleset = self.rulesets.get(rule.ruleset)
            if ruleset is None:
                raise rule_error(
                    rule.file,
                    rule.line,
                    f"{rule.name}: unknown ruleset {rule.ruleset}",
                    f"use one of {', '.join(self.rulesets) or 'those that you declare'}",
                )
            self.rules[i] = replace(
                rule, guarantee=ruleset.guarantee, subsume=rule.subsume or ruleset.subsumes
            )
        for name, form in self._declared.items():
            if name in self.rulesets:
                check_ruleset(form, self.rulesets[name])
        for form, steps in self._scheduled:
            self._known_steps(form, steps)
            for step in steps:
                check_step(form, step, self.rulesets)
        run = {name for step in self.schedule for name in step.rulesets()}
        for rule in self.rules if run else ():
            if rule.ruleset not in (*ANALYSES, *run) and rule.guarantee != IDENTITY:
                form = self._declared[rule.ruleset]
                raise form.error(
                    f"no schedule runs ruleset {rule.ruleset}",
                    f"add (schedule (repeat 2 {rule.ruleset} types)) to the file",
                )

    def _schedule(self, form: Form) -> None:
        """The steps of a schedule; those of a further one come after all others.

        What they make may hold left sides of stable rules: so the last two steps of the first schedule,
        the stable rules and what is left for the end, come again after them.
        """
        steps = [self._step(form, s) for s in form.sexpr[1:]]
        again = [Step("run", TYPES), *self._scheduled[0][1][-2:]] if self._scheduled else []
        self._scheduled.append((form, steps))
        self.schedule += [*steps, *again]

    def _known_steps(self, form: Form, steps: list[Step] | tuple[Step, ...]) -> None:
        for step in steps:
            if step.kind == "run" and step.name not in (*self.rulesets, *ANALYSES):
                raise form.error(
                    f"the schedule runs {step.name}, which is no ruleset", "declare it above"
                )
            self._known_steps(form, step.steps)

    # ------------------------------------------------------------------------------ the forms
    def _rewrite(self, form: Form, kind: str) -> None:
        sides, options = self._options(form, {":when", ":ruleset", ":name", ":subsume"})
        if len(sides) != 2:
            raise form.error(
                f"{kind} has {len(sides)} terms before its options",
                "write one left, one right side",
            )
        name = self._name(form, options)
        if ":ruleset" not in options:
            raise form.error(f"{name}: no :ruleset", "say to which ruleset it belongs")
        rule = Rule(
            name, "rewrite", show(options[":ruleset"]), "", sides[0], sides[1],
            self._when(form, options), ":subsume" in options, form.file, form.line, form.comment,
        )  # fmt: skip
        if kind == "rewrite":
            self.rules.append(rule)
            return
        self.rules.append(replace(rule, name=f"{name}=>"))
        self.rules.append(replace(rule, name=f"{name}<=", lhs=rule.rhs, rhs=rule.lhs))

    def _fact(self, form: Form) -> None:
        conclusions, options = self._options(form, {":when", ":name"})
        if len(conclusions) == 1 and isinstance(conclusions[0], tuple):
            first = conclusions[0]
            if first and isinstance(first[0], tuple):
                conclusions = list(first)
        if not conclusions:
            raise form.error("a fact that says nothing", "write (fact (positive x) :when (...))")
        self.rules.append(
            Rule(
                self._name(form, options), "fact", FACTS, "", (), tuple(conclusions),
                self._when(form, options), False, form.file, form.line, form.comment,
            )
        )  # fmt: skip

    def _relation(self, form: Form) -> None:
        plain, options = self._options(form, {":merge"})
        merge = show(options[":merge"]) if ":merge" in options else ""
        match plain:
            case [Symbol() as name, tuple() as sorts] if all(str(s) in SORTS for s in sorts):
                relation = Relation(str(name), tuple(map(str, sorts)), merge)
            case _:
                raise form.error(
                    f"malformed {show(form.sexpr)}", f"write (relation name (Expr)); sorts: {SORTS}"
                )
        if merge and (merge not in MERGES or relation.sorts[1:][-1:] not in (("f64",), ("i64",))):
            raise form.error(
                f"relation {relation.name} cannot be merged by {merge}",
                "write (relation at-least (Expr f64) :merge max), or :merge min; the last is a number",
            )
        if self.relations.setdefault(relation.name, relation) != relation:
            raise form.error(
                f"relation {relation.name} is declared with other sorts or merged otherwise",
                "use another name",
            )

    def _ruleset(self, form: Form) -> None:
        plain, options = self._options(form, RULESET_KEYS)
        match plain:
            case [Symbol() as name]:
                doc = ""
            case [Symbol() as name, Text() as doc]:
                pass
            case _:
                raise form.error("malformed ruleset", 'write (ruleset NAME :guarantee G "doc")')
        other = self._declared.setdefault(str(name), form)
        if other is not form:
            raise form.error(
                f"ruleset {name} is declared at {other.file}:{other.line}", "drop one of the two"
            )
        guarantee = show(options.get(":guarantee", Symbol("")))
        if str(name) in ANALYSES:
            return  # built in; a declaration serves the reader
        if guarantee not in GUARANTEES:
            given = f"guarantee {guarantee!r}" if guarantee else "no :guarantee"
            raise form.error(f"ruleset {name}: {given}", f"choose one of {', '.join(GUARANTEES)}")
        improves = show(options.get(":improves", Symbol("")))
        self.rulesets[str(name)] = Ruleset(
            str(name), guarantee, str(doc), ":shrinks" in options, ":subsumes" in options, improves
        )

    def _step(self, form: Form, sexpr: Sexpr) -> Step:
        match sexpr:
            case Symbol():
                return Step("run", str(sexpr))
            case (Symbol() as head, *rest) if head in ("run", "seq", "saturate", "first") and rest:
                kind = str(head) if head in ("saturate", "first") else "seq"
                return Step(kind, steps=tuple(self._step(form, s) for s in rest))
            case (Symbol() as head, *rest) if head == "together" and rest:
                if all(isinstance(s, Symbol) for s in rest):
                    return Step("together", steps=tuple(self._step(form, s) for s in rest))
            case (Symbol() as head, int() as count, *rest) if head == "repeat" and rest:
                return Step("repeat", count=count, steps=tuple(self._step(form, s) for s in rest))
        raise form.error(
            f"no schedule step {show(sexpr)}",
            "write NAME, (run STEP ...), (together NAME ...), (saturate STEP ...), (repeat N STEP ...) or"
            " (first STEP ...)",
        )

    # ------------------------------------------------------------------------------ options
    def _options(self, form: Form, allowed: set[str]) -> tuple[list[Sexpr], dict[str, Sexpr]]:
        """The plain terms of a form, and what follows its ``:keywords``."""
        plain: list[Sexpr] = []
        options: dict[str, Sexpr] = {}
        rest = list(form.sexpr[1:])
        while rest:
            term = rest.pop(0)
            if not (isinstance(term, Symbol) and term.startswith(":")):
                plain.append(term)
                continue
            if term not in allowed:
                raise form.error(
                    f"unknown option {term}", f"options are {', '.join(sorted(allowed))}"
                )
            if str(term) in options:
                raise form.error(f"{term} twice", "say it once")
            if term in (":subsume", ":shrinks", ":subsumes"):
                options[str(term)] = Symbol("true")
            elif rest:
                options[str(term)] = rest.pop(0)
            else:
                raise form.error(f"{term} without a value", "write one after it")
        return plain, options

    def _name(self, form: Form, options: dict[str, Sexpr]) -> str:
        name = options.get(":name")
        if not isinstance(name, Text) or not name:
            raise form.error("a rule without a name", 'add :name "outer-of-inner"')
        return str(name)

    def _when(self, form: Form, options: dict[str, Sexpr]) -> tuple[Sexpr, ...]:
        conditions = options.get(":when", ())
        if not isinstance(conditions, tuple) or any(not isinstance(c, tuple) for c in conditions):
            raise form.error(":when without a list of facts", "write :when ((positive x) ...)")
        return conditions
