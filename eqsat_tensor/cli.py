"""The command ``eqsat``: what is installed, the rules, what the compiler did, the cache."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from eqsat_tensor.errors import ArgumentError, EqsatError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
rules_app = typer.Typer(no_args_is_help=True, help="List, check and verify rules.")
cache_app = typer.Typer(no_args_is_help=True, help="The cache of compiled code on disk.")
app.add_typer(rules_app, name="rules")
app.add_typer(cache_app, name="cache")

Files = Annotated[list[Path] | None, typer.Argument(help="Rule files of your own.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def info(as_json: Json = False) -> None:
    """Versions, the machine, the cache, and how calls are made."""
    from importlib.metadata import version

    from eqsat_tensor.lower.cpu import jit, pool
    from eqsat_tensor.rules import load_rulebook
    from eqsat_tensor.runtime import cache
    from eqsat_tensor.runtime.native import is_native

    packages = ("eqsat_tensor", "numpy", "scipy", "llvmlite", "egglog")
    book = load_rulebook()
    _show(
        {
            "versions": {p: version(p) for p in packages},
            "cpu": jit.host().cpu,
            "vector bytes": jit.vector_bytes(),
            "threads": pool.pool().threads,
            "native calls": is_native(),
            "rules": len(book.rules),
            "cache": str(cache.info().directory),
        },
        as_json,
    )


@rules_app.command("list")
def list_rules(files: Files = None, as_json: Json = False) -> None:
    """Every rule with its guarantee and place; those of FILES besides."""
    from eqsat_tensor.rules import load_rulebook

    rows = [
        {"name": r.name, "kind": r.kind, "ruleset": r.ruleset, "guarantee": r.guarantee,
         "file": r.file, "line": r.line}
        for r in load_rulebook(files or ()).rules
    ]  # fmt: skip
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
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; may be repeated.")] = None,
    examples: Annotated[int, typer.Option(help="Instances for each rule.")] = 20,
    as_json: Json = False,
) -> None:
    """Hold each rule's guarantee against the truth; exit 1 when one is refuted."""
    from eqsat_tensor.rules import load_rulebook
    from eqsat_tensor.verify.rules import verify_rule

    book = load_rulebook(files or ())
    own = {str(f) for f in files or ()}
    chosen = [r for r in book.rules if (not rule or r.name in rule) and (not own or r.file in own)]
    reports = []
    for i, r in enumerate(chosen):
        print(f"{i + 1}/{len(chosen)} {r.name}", file=sys.stderr)
        reports.append(verify_rule(r, book, examples))
    refuted = [r for r in reports if r.counterexample is not None]
    if as_json:
        print(json.dumps({"rules": [r.as_json() for r in reports]}, indent=1))
    else:
        for report in refuted:
            print(report)
        print(f"{len(reports) - len(refuted)} of {len(reports)} rules hold")
    if refuted:
        raise typer.Exit(1)


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="FILE.py:function, a function made by et.function")],
) -> None:
    """What was rewritten in a compiled function of a file, by which rules, into which kernels."""
    found = _load(target)
    if not hasattr(found, "explain"):
        raise ArgumentError(f"explain: {target} is no compiled function; it is {found!r:.60}.")
    print(found.explain())


@app.command()
def fuzz(
    programs: Annotated[int, typer.Option(help="How many programs.")] = 1000,
    seed: Annotated[int, typer.Option(help="The first seed; one program a seed.")] = 0,
    jobs: Annotated[int | None, typer.Option(help="Processes; one a core where not given.")] = None,
    as_json: Json = False,
) -> None:
    """Compile random programs and hold them against the truth; exit 1 where one is wrong."""
    from rich.console import Console
    from rich.progress import Progress

    from eqsat_tensor.fuzz.workers import fuzz as run

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("programs", total=programs)
        findings = run(programs, seed, jobs, lambda done: bar.update(task, completed=done))
    if as_json:
        print(json.dumps(findings.as_json(), indent=1))
    else:
        for number, what in findings.faults.items():
            print(f"seed {number}:\n{what}\n")
        print(", ".join(f"{name} {n}" for name, n in findings.counts.items()))
        print(f"{len(findings.faults)} of {findings.counts['done']} programs at fault")
    if findings.faults:
        raise typer.Exit(1)


@cache_app.command("info")
def cache_info(as_json: Json = False) -> None:
    """Where the cache is and what it holds."""
    from eqsat_tensor.runtime import cache

    held = cache.info()
    _show(
        {"directory": str(held.directory), "entries": held.entries, "bytes": held.size,
         "limit": held.limit},
        as_json,
    )  # fmt: skip


@cache_app.command("clear")
def cache_clear() -> None:
    """Remove every entry of the cache."""
    from eqsat_tensor.runtime import cache

    cache.clear()


def _load(target: str) -> Any:
    file, _, name = target.rpartition(":")
    spec = importlib.util.spec_from_file_location("explained", file)
    if not file or spec is None or spec.loader is None:
        raise ArgumentError(f"explain: needs FILE.py:function; got {target!r}.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def _show(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(record, indent=1))
    else:
        for key, value in record.items():
            print(f"{key:14} {value}")


def _table(rows: Iterable[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    held = list(rows)
    for column in held[0] if held else ():
        table.add_column(column)
    for row in held:
        table.add_row(*map(str, row.values()))
    Console().print(table)


def main() -> None:
    """Run the command; an error of ours is printed without its traceback, status 1."""
    run: Callable[[], Any] = app
    try:
        run()
    except EqsatError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
