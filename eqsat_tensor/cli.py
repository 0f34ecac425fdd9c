"""The command ``eqsat``: what is installed, the rules, what the compiler did, the cache."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from eqsat_tensor.errors import ArgumentError, EqsatError
from eqsat_tensor.options import CHOICES
from eqsat_tensor.rules_cli import rules_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
cache_app = typer.Typer(no_args_is_help=True, help="The cache of compiled code on disk.")
app.add_typer(rules_app, name="rules")
app.add_typer(cache_app, name="cache")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from eqsat_tensor import __version__

        print(__version__)
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback(help=__doc__)
def _command(version: Version = False) -> None:
    """What every command begins with."""


@app.command()
def info(as_json: Json = False) -> None:
    """Versions, the machine, the cache, and how calls are made."""
    from importlib.metadata import version

    from eqsat_tensor.calibration import profile
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
            "figures": profile().source,
        },
        as_json,
    )


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="FILE.py:function")],
    as_json: Json = False,
) -> None:
    """What was rewritten in a function of a file, by which rules, into which kernels.

    A function that was not called takes float64 vectors.
    """
    from eqsat_tensor.command_target import compiled

    story = compiled("explain", target).explain()
    print(json.dumps(story.as_json(), indent=1) if as_json else story)


@app.command()
def accuracy(
    target: Annotated[str, typer.Argument(help="FILE.fpcore, or FILE.py:function.")],
    points: Annotated[int, typer.Option(help="Elements of results to measure.")] = 256,
    seed: Annotated[int, typer.Option(help="Of the arguments that are drawn.")] = 0,
    optimize: Annotated[str, typer.Option(help="How formulas are compiled.")] = "speed",
    plot: Annotated[str, typer.Option(help="A folder for pictures of error over arguments.")] = "",
    as_json: Json = False,
) -> None:
    """Bits of error of formulas as written and as compiled, and where they are lost."""
    from eqsat_tensor.accuracy_cli import drawn, reports, told

    found = reports(target, points, seed, {"optimize": optimize})
    if plot:
        drawn(found, plot)
    print(told(found, as_json))


@app.command()
def fuzz(
    programs: Annotated[int, typer.Option(help="How many programs.")] = 1000,
    seed: Annotated[int, typer.Option(help="The first seed; one program a seed.")] = 0,
    jobs: Annotated[int | None, typer.Option(help="Processes; one a core where not given.")] = None,
    as_json: Json = False,
) -> None:
    """Compile random programs and hold them against the truth; exit 1 where one is wrong.

    Faults are told as they are found, on standard error.  Ctrl-C ends the run: what was done is told,
    exit 130.
    """
    from eqsat_tensor.fuzz.shown import Shown, interruptible
    from eqsat_tensor.fuzz.workers import fuzz as run

    with interruptible(), Shown(programs) as shown:
        findings = run(programs, seed, jobs, shown.progress, shown.fault)
    if as_json:
        print(json.dumps(findings.as_json(), indent=1))
    else:
        print(", ".join(f"{name} {n}" for name, n in findings.counts.items()))
        done = findings.counts["done"]
        stopped = f"; stopped before the other {programs - done}" if findings.stopped else ""
        print(f"{len(findings.faults)} of {done} programs at fault{stopped}")
    if findings.faults or findings.stopped:
        raise typer.Exit(1 if findings.faults else 130)


@app.command()
def calibrate(
    target: Annotated[str, typer.Option(help="What to measure: cpu or cuda.")] = "cpu",
    dry: Annotated[bool, typer.Option("--dry", help="Measure and print; keep nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the shipped figures.")] = False,
    as_json: Json = False,
) -> None:
    """Measure what this machine does in how many nanoseconds; later compiles choose by it."""
    from dataclasses import asdict

    from eqsat_tensor.calibration import keep_profile, profile_path

    if target not in CHOICES["target"]:
        raise ArgumentError(f"calibrate: needs target 'cpu' or 'cuda'; got {target!r}.")
    if reset:
        profile_path(target).unlink(missing_ok=True)
        return
    if target == "cuda":
        from eqsat_tensor.calibrate_device import measure_device

        figures = measure_device()
    else:
        from eqsat_tensor.calibrate import measure

        figures = measure(lambda what: print(f"{what} ...", file=sys.stderr))
    _show(asdict(figures), as_json)
    if not dry:
        print(f"kept in {keep_profile(figures, target)}", file=sys.stderr)


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


def _show(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(record, indent=1))
    else:
        for key, value in record.items():
            print(f"{key:14} {value}")


def main() -> None:
    """Run the command; an error of ours is printed without its traceback, status 1."""
    run: Callable[[], Any] = app
    try:
        run()
    except EqsatError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
