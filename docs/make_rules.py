"""Verifies the rules that are new or changed, keeps their figures in docs/rules.json, writes docs/rules.md.

python docs/make_rules.py [--examples N] [--jobs N] [--all]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from eqsat_tensor.rules import CHECKED, checked_digest, load_rulebook, rule_files, ship
from eqsat_tensor.rules.book import Rule, RuleBook
from eqsat_tensor.rules.syntax import header, show
from eqsat_tensor.verify import Report, verify
from eqsat_tensor.verify.catalogue import digest, families, outdated, read, record, write
from eqsat_tensor.verify.runner import tasks_of
from eqsat_tensor.verify.type_rules import type_rules

FIGURES = Path(__file__).with_name("rules.json")
TARGET = Path(__file__).with_name("rules.md")
EVERY = 20  # rules after which the figures are written, so that a run that is stopped is not lost
HEAD = """# The rules

Made by `python docs/make_rules.py`, which verifies what is new or changed and keeps the figures of the rest in `rules.json`;
a test holds that every rule is here.  What the guarantees promise stands in `rules.egg`, how to write rules in
`eqsat_tensor/rules/README.md`.  Every rule was applied by the engine to expressions drawn for it, and both sides were held
against the guarantee, the true value being known to 60 digits or more.

- **says**: the mathematics, from the comment above the rule; else the rule.
- **asks for**: the facts that must be known.
- **error**: the largest error of the right side that was seen where its operands are of ordinary size and it is well
  conditioned, in units in the last place.
- **examples**: draws of values.  **rescued**: elements where the left side is worth nothing and the right side is right.
"""


def main() -> int:
    """Bring the figures and the text up to date; 1 where a rule does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--all", action="store_true", help="verify what is known too")
    options = parser.parse_args()
    book = load_rulebook()
    records = read(FIGURES)
    names = outdated({} if options.all else records, book)
    tasks = {t.name: t for t in tasks_of(book)}
    wrong: list[str] = []

    def take(report: Report, done: int, total: int) -> None:
        records.pop(report.name, None)
        if report.ok:
            records[report.name] = record(report, digest(tasks[report.name], book))
        else:
            print(report, file=sys.stderr)
            wrong.append(report.name)
        if done % EVERY == 0:
            print(f"{done} of {total}", file=sys.stderr)
            write(FIGURES, records, book)

    if names:
        verify((), names, options.examples, options.jobs, take)
    write(FIGURES, records, book)
    TARGET.write_text(render(book, records), encoding="utf-8")
    CHECKED.write_text(checked_digest() + "\n", encoding="ascii")
    ship()
    return int(bool(wrong))


def render(book: RuleBook, records: Mapping[str, Any]) -> str:
    """The whole text."""
    parts = [HEAD]
    for path in rule_files():
        rules = [r for r in book.rules if r.file == path.name]
        if not rules:
            continue
        about = header(path.read_text(encoding="utf-8")).splitlines()
        parts.append(f"\n## {path.name}\n\n{' '.join(about)}\n")
        facts = [r for r in rules if r.kind == "fact"]
        rewrites = [r for r in rules if r.kind == "rewrite"]
        if rewrites:
            parts.append(_table("rule says ruleset asks-for dtypes error examples rescued", [
                [f"`{r.name}`", _says(r), f"{r.ruleset} ({r.guarantee})", _asked(r, book),
                 *_figures(records.get(r.name))]
                for r in rewrites
            ]))  # fmt: skip
        if facts:
            parts.append(_table("fact says asks-for dtypes examples", [
                [f"`{r.name}`", _says(r), _asked(r, book), *_held(records.get(r.name))]
                for r in facts
            ]))  # fmt: skip
    parts.append(
        "\n## Proposers\n\nRewrites that no bounded pattern can say: Python functions over the e-graph.\n"
    )
    parts.append(_table("proposer does ruleset dtypes error examples rescued", [
        [f"`{p.name}`", _cell(p.doc), f"{p.ruleset} ({book.ruleset(p.ruleset).guarantee})",
         *_figures(records.get(p.name))]
        for p in book.proposers
    ]))  # fmt: skip
    parts.append(
        "\n## Type rules\n\nGenerated, one an op: the type that the engine derives for a node that a rule made"
        " is the one that the op's `infer` gives.\n"
    )
    parts.append(_table("rule dtypes examples", [
        [f"`{name}`", *_held(records.get(name))] for name in type_rules()
    ]))  # fmt: skip
    return "".join(parts)


def _says(rule: Rule) -> str:
    lines = [line for line in rule.comment.splitlines() if not line.startswith("---")]
    lines = list(takewhile(lambda line: not line.startswith("refuted"), lines))
    if lines:
        return _cell(" ".join(" ".join(lines).split()))
    side = f"{show(rule.lhs)} = {show(rule.rhs)}" if rule.kind == "rewrite" else show(rule.rhs)
    return f"`{_cell(side)}`"


def _asked(rule: Rule, book: RuleBook) -> str:
    known = {r.name for r in book.relations}
    facts = [c for c in rule.conditions if isinstance(c, tuple) and str(c[0]) in known]
    return ", ".join(f"{c[0]} {' '.join(map(show, c[1:]))}" for c in facts)


def _figures(figures: Mapping[str, Any] | None) -> list[str]:
    if figures is None:
        return ["not verified", "", "", ""]
    error = f"{figures['max_ulp']:.3g}" if figures["max_ulp"] else "0"
    return [
        families(figures["dtypes"]), error, str(figures["examples"]), str(figures["rescued"] or "")
    ]  # fmt: skip


def _held(figures: Mapping[str, Any] | None) -> list[str]:
    if figures is None:
        return ["not verified", ""]
    return [families(figures["dtypes"]), str(figures["examples"])]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(columns: str, rows: list[list[str]]) -> str:
    names = [c.replace("-", " ") for c in columns.split()]
    lines = ["", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
