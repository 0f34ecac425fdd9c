"""``eqsat rules``: list, check and verify rules.  Results go to standard output, progress to standard
error; the exit status is 1 when a rule is refuted, could not be held, or a file does not load."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

rules_app = typer.Typer(no_args_is_help=True, help="List, check and verify rules.")

Files = Annotated[list[Path] | None, typer.Argument(help="Rule files of your own.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[
    list[str] | None, typer.Option("--rule", help="Only the rule of this name; may be repeated.")
]


@rules_app.command("list")
def list_rules(files: Files = None, as_json: Json = False) -> None:
    """Every rule and proposer with its guarantee and place; those of FILES besides."""
    from eqsat_tensor.rules import load_rulebook
    from eqsat_tensor.verify.proposers import place_of_proposer

    book = load_rulebook(files or ())
    rows: list[dict[str, Any]] = [
        {"name": r.name, "kind": r.kind, "ruleset": r.ruleset, "guarantee": r.guarantee,
         "file": r.file, "line": r.line}
        for r in book.rules
    ]  # fmt: skip
    for p in book.proposers:
        file, _, line = place_of_proposer(p).rpartition(":")
        rows.append(
            {"name": p.name, "kind": "proposer", "ruleset": p.ruleset,
             "guarantee": book.ruleset(p.ruleset).guarantee, "file": file, "line": int(line)}
        )  # fmt: skip
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        _table(rows)


@rules_app.command("check")
def check_rules(files: Files = None) -> None:
    """Parse and lint the rules, and those of FILES; exit 1 with file:line at the first fault."""
    from eqsat_tensor.rules import load_rulebook

    print(f"{len(load_rulebook(files or ()).rules)} rules, no fault")


@rules_app.command("verify")
def verify_rules(
    files: Files = None,
    rule: Names = None,
    examples: Annotated[int, typer.Option(help="Examples for each rule.", min=1)] = 2000,
    jobs: Annotated[int | None, typer.Option(help="Processes; else one a core.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Hold rules, proposers, facts and type rules against the truth; exit 1 when one is refuted.

    With FILES, theirs alone; where all of these hold, programs use the files without a trial.
    """
    from eqsat_tensor.rules import grant_files
    from eqsat_tensor.rules.certificate import EXAMPLES
    from eqsat_tensor.verify import verify

    with _bar("verifying") as advance:

        def progress(report: Any, done: int, total: int) -> None:
            advance(report.name, done, total)
            if not report.ok:
                print(f"{report.place}: {report.name} does not hold", file=sys.stderr)

        reports = verify(files or (), rule, examples, jobs, progress)
    wrong = [r for r in reports if not r.ok]
    if as_json:
        print(json.dumps({"rules": [r.as_json() for r in reports]}, indent=1))
    else:
        for report in wrong:
            print(f"{report}\n")
        print(_summary(reports))
    if wrong:
        raise typer.Exit(1)
    if files and not rule and examples >= EXAMPLES:
        grant_files(files)


@rules_app.command("implied")
def implied(files: Files = None, rule: Names = None, as_json: Json = False) -> None:
    """Rules that the other rules of their guarantee and stricter ones imply; with FILES, of theirs."""
    from eqsat_tensor.rules import load_rulebook
    from eqsat_tensor.verify import implied_rules
    from eqsat_tensor.verify.runner import tasks_of

    book = load_rulebook(files or ())
    tasks = tasks_of(book, files or (), rule)
    names = [t.name for t in tasks if t.kind in ("rewrite", "fact")]
    with _bar("without each rule") as advance:
        found = implied_rules(book, names, lambda rule, done, all: advance(rule.name, done, all))
    if as_json:
        print(json.dumps({"implied": [asdict(i) for i in found]}, indent=1))
        return
    for one in found:
        print(one)
    print(f"{len(found)} of {len(names)} rules are implied by others")


@rules_app.command("certify")
def certify(
    files: Annotated[list[Path], typer.Argument(help="Rule files of your own.")],
    as_json: Json = False,
) -> None:
    """What rule files make of the size of e-graphs; exit 1 where one grows beyond bounds."""
    from eqsat_tensor.verify import certify_growth

    found = certify_growth(files)
    if as_json:
        print(json.dumps({"programs": [asdict(g) for g in found]}, indent=1))
    else:
        for growth in found:
            print(growth)
    if any(g.problem for g in found):
        raise typer.Exit(1)


def _summary(reports: list[Any]) -> str:
    refuted = sum(r.counterexample is not None for r in reports)
    unheld = sum(bool(r.problem) for r in reports)
    examples = sum(r.examples for r in reports)
    parts = [
        f"{len(reports) - refuted - unheld} of {len(reports)} rules hold on {examples} examples"
    ]
    parts += [f"{refuted} refuted"] * bool(refuted) + [f"{unheld} could not be held"] * bool(unheld)
    return ", ".join(parts)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, last="")

        def advance(name: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, last=name)

        yield advance


def _table(rows: Iterable[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(box=None)
    held = list(rows)
    for column in held[0] if held else ():
        table.add_column(column, overflow="fold")
    for row in held:
        table.add_row(*map(str, row.values()))
    console = Console()
    if not console.is_terminal:  # other programs read it: whole, whatever the width
        console.width = Measurement.get(console, console.options.update(width=9999), table).maximum
    console.print(table)
