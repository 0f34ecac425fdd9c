"""The pipeline on one page: a named line a stage.

Program -normalize-> Expr -saturate-> Graph -extract-> Choice -decode-> Expr
        -schedule-> Plan -compile_plan-> Code

Stages that a program whose code is on disk does not go through are imported when they are reached.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from eqsat_tensor.bisection import minimal
from eqsat_tensor.calibration import profile_for
from eqsat_tensor.complexes import split
from eqsat_tensor.distributions import has_rule_packs, own_code, version_of
from eqsat_tensor.errors import ArgumentError, RulePackWarning, UnsupportedError, message
from eqsat_tensor.lang import OPS, Expr, apply, topological
from eqsat_tensor.layouts import Layout
from eqsat_tensor.lower.cpu import blas, jit, pool
from eqsat_tensor.lower.cpu.bind import Program as Code
from eqsat_tensor.normalize import normalize, objects_of, program_digest
from eqsat_tensor.opaque import cut
from eqsat_tensor.options import Options
from eqsat_tensor.program import Program
from eqsat_tensor.rewritten import Rewritten
from eqsat_tensor.runtime import cache as disk
from eqsat_tensor.runtime.forms import is_made
from eqsat_tensor.timing import stage
from eqsat_tensor.trees import Tree, unflatten

if TYPE_CHECKING:
    from eqsat_tensor.rules import RuleBook
    from eqsat_tensor.schedule.loop_values import Value

BUCKET = 16
LARGE = 2000  # nodes of a program from which on it is looked through for what it repeats
BY_DEFAULT = Options()
ALL_PLAIN: Mapping[str, Layout] = {}  # every argument in C order
PACKAGES = ("egglog", "llvmlite", "numpy", "scipy")


def rulebook(options: Options) -> RuleBook:
    """The rules that these options allow, and the packs that are there, as their files are now."""
    from eqsat_tensor.rules import open_rulebook

    given = tuple(r for r in options.rules if not r.startswith("-"))
    exclude = tuple(r[1:] for r in options.rules if r.startswith("-"))
    return _allowed(open_rulebook(given, exclude), options.math)


def rules_digest(options: Options) -> str:
    """A name for the rules of these options; where they are the package's, no book is opened for it."""
    if options.optimize == "none":
        return ""
    return rulebook(options).digest if options.rules or has_rule_packs() else "the package's"


@lru_cache(maxsize=32)
def _allowed(book: RuleBook, math: str) -> RuleBook:
    return book.for_math(math)


@lru_cache(maxsize=32)
def _for_search(book: RuleBook) -> RuleBook:
    return book.for_search()


def search_rules(options: Options) -> RuleBook:
    """The rules that a search by measured error may use, under these options."""
    from eqsat_tensor.rules import open_rulebook

    given = tuple(r for r in options.rules if not r.startswith("-"))
    exclude = tuple(r[1:] for r in options.rules if r.startswith("-"))
    return _for_search(open_rulebook(given, exclude))


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's search for cycles: it goes through all that a compile makes, again and again,
    and finds nothing (a sixth of the time for 10,000 nodes)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@uncollected()
def normalized(program: Program) -> Rewritten:
    """The program in normal form, by real numbers alone, not yet rewritten."""
    roots, became = normalize(split(program.roots), program.leaves)
    leaves = tuple(became[leaf] for leaf in program.leaves)
    return Rewritten(tuple(roots), leaves, None)


@uncollected()
def rewritten(normal: Rewritten, options: Options) -> Rewritten:
    """Saturate; where the engine fails, without the packs that make it fail, or not at all; a warning
    says so."""
    if options.optimize == "none":
        return normal
    book = rulebook(options)
    result = saturated(normal, book)
    if result.graph is None and book.packs:
        result = without_guilty(normal, book, result)
    failure = "not rewritten" if result.graph is None else "rewritten without a rule pack"
    for diagnostic in result.diagnostics:
        kind = RuntimeWarning if result.graph is None else RulePackWarning
        warnings.warn(f"eqsat_tensor: {failure}: {diagnostic}", kind, stacklevel=5)
    return result


def without_guilty(normal: Rewritten, book: RuleBook, failed: Rewritten) -> Rewritten:
    """The program rewritten without the pack that makes the engine fail, or without all packs; with
    the rules of theirs that it takes to fail.  What failed where it is not for the packs."""
    choices = [(file,) for file in book.packs]
    for files in [*choices, book.packs] if len(choices) > 1 else choices:
        result = saturated(normal, book.without(files))
        if result.graph is None:
            continue
        theirs = [r.name for r in book.rules if r.file in files and r.kind != "fact"]
        others = [n for n in book.names if n not in theirs]

        def fails(names: Sequence[str]) -> bool:
            return saturated(normal, book, [*others, *names]).graph is None  # noqa: B023

        guilty = minimal(theirs, fails) if fails(theirs) else []
        named = ", ".join(f"{n} ({book.rule(n).place})" for n in guilty)
        note = f"{named or ', '.join(files)}: {failed.diagnostics[0]}"
        return replace(result, diagnostics=(note,))
    return failed


@uncollected()
def saturated(
    normal: Rewritten,
    book: RuleBook,
    allowed: Collection[str] | None = None,
    rows: int | None = None,
) -> Rewritten:
    """The program in an e-graph with all that the rules of ``book`` (those allowed) make of it.

    rows: of all tables, from which saturation stops; the usual number by default.
    """
    from eqsat_tensor.egraph.contradictions import refuse_contradictions
    from eqsat_tensor.egraph.saturate import Limits, clock, saturate

    visible = cut(normal.roots)
    limits = Limits() if rows is None else Limits(rows=rows)
    roots, repeats, start = visible.roots, None, clock()
    nodes = topological(roots)
    if len(nodes) >= LARGE:
        from eqsat_tensor.repeats import without_repeats

        repeats = without_repeats(roots, nodes)
        roots = roots if repeats is None else repeats.roots
    seconds = {"windows": clock() - start}
    result = saturate(roots, book, limits, allowed)
    refuse_contradictions(roots, book, result)
    notes = (result.diagnostic,) if result.diagnostic else ()
    return Rewritten(
        normal.roots,
        normal.leaves,
        result.graph,
        notes,
        visible,
        repeats,
        {**seconds, **result.seconds},
        result.stopped,
    )


@uncollected()
def chosen(
    program: Rewritten, sizes: Mapping[str, int], options: Options = BY_DEFAULT
) -> tuple[Expr, ...]:
    """The cheapest stable program at these sizes (buckets), every root an expression of its own.

    Under optimize="accuracy" the most accurate form (`searched`), sums with twice the digits.
    """
    from eqsat_tensor.tails import with_wide_tails

    if options.optimize == "accuracy":
        from eqsat_tensor.accuracy.sums import with_precise_sums

        roots = with_precise_sums(searched(program, sizes, options)[0])
    else:
        roots = list(cheapest(program, sizes, options))
    # on a device both sides of a selection are done for all elements
    return distinct(with_wide_tails(roots) if options.target == "cpu" else roots)


def cheapest(program: Rewritten, sizes: Mapping[str, int], options: Options) -> Sequence[Expr]:
    """The cheapest stable program; as written where nothing was saturated."""
    from eqsat_tensor.extract.cost import CostModel

    if program.graph is None:
        return program.roots
    return program.selected(CostModel(profile_for(options.target), sizes)).whole()


def searched(
    program: Rewritten, sizes: Mapping[str, int], options: Options
) -> tuple[Sequence[Expr], Sequence[str]]:
    """The forms of least measured error, and what the search for them has to tell.

    It begins with the program as written where that is one region (the cheapest is a candidate), else with
    the cheapest.  What was found is kept on disk, under all that it depends on.
    """
    from eqsat_tensor.accuracy.reals import reals
    from eqsat_tensor.accuracy.regions import improve, is_one_region
    from eqsat_tensor.accuracy.search import silent
    from eqsat_tensor.codec import plain_graph, rich_graph

    default = cheapest(program, sizes, options)
    start = program.roots if is_one_region(program.roots, default) else default
    given = () if options.sample is None else options.sample.arrays
    for name, count in (
        ("ranges", len(options.ranges)),
        ("arrays", max(map(len, given), default=0)),
    ):
        if count > len(program.leaves):
            needs = f"at most {len(program.leaves)} {name}, one for each argument"
            raise ArgumentError(message("options", needs, f"{count}"))
    book = search_rules(options)
    programs = [program_digest(roots, program.leaves) for roots in (start, default)]
    parts = [*programs, options.key(), book.digest, versions()]
    key = hashlib.sha256(" ".join([*parts, type(reals()).__name__]).encode()).hexdigest()
    stored = disk.get(key)
    if stored is not None:
        kept = json.loads(stored)
        return rich_graph(kept["program"], program.leaves), kept["told"]
    improved = improve(
        start, program.leaves, options.ranges, book, options.seed, given=given,
        progress=_tell if options.verbose else silent, rival=default,
    )  # fmt: skip
    with suppress(UnsupportedError):  # what a Python object is part of is found again each time
        plain = plain_graph(improved.roots, program.leaves)
        disk.put(key, json.dumps({"program": plain, "told": improved.notes}).encode())
    return improved.roots, improved.notes


def _tell(what: str) -> None:
    sys.stderr.write(f"accuracy: {what}\n")


def distinct(roots: Sequence[Expr]) -> tuple[Expr, ...]:
    """Roots no two of which are one node and none a leaf: each gets a buffer of its own."""
    seen: set[Expr] = set()
    result = []
    for root in roots:
        while root in seen or root.op.name in ("input", "assume"):
            root = apply(OPS["keep"], root)
        seen.add(root)
        result.append(root)
    return tuple(result)


def bucket(size: int) -> int:
    """The size that stands for ``size`` in cost estimates: 0, 1, or 4 times a power of 16."""
    if size < 2:
        return size
    power = 1
    while power * BUCKET <= size:
        power *= BUCKET
    return 4 * power


# ----------------------------------------------------------------------------------- code, cached
@dataclass(frozen=True)
class CacheKey:
    """All that machine code depends on, as one record."""

    program: str  # digest of the program, as it was written or normalized
    rules: str  # digest of every source of rules; the package's own are among `versions`
    options: str
    buckets: tuple[tuple[str, int], ...]
    versions: str  # of the packages that decide, and of our own sources
    layouts: str  # of the arguments that are not C-contiguous
    profile: str  # what the cost model took things to cost
    target: str  # CPU, features, LLVM

    def text(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()


def cache_key(
    program: Program | Rewritten,
    options: Options,
    buckets: Mapping[str, int],
    layouts: Mapping[str, Layout] = ALL_PLAIN,
) -> CacheKey:
    """The key under which the code of a program is kept: as it was written, or normalized."""
    return CacheKey(
        program_digest(program.roots, program.leaves),
        rules_digest(options),
        options.key(),
        tuple(sorted(buckets.items())),
        versions(),
        repr(sorted(layouts.items())),
        repr(profile_for(options.target)),
        jit.target_key(),
    )


@cache
def versions() -> str:
    """The packages that code depends on, and this one."""
    return " ".join([*(f"{name}-{version_of(name)}" for name in PACKAGES), own_code()])


def contracts(options: Options) -> bool:
    """May a * b + c be one operation?  A search keeps apart what it measured apart."""
    return options.math != "strict" and options.optimize != "none"


def code_for(
    written: Program,
    normalized: Callable[[], Rewritten],
    options: Options,
    buckets: Mapping[str, int],
    extract_program: Callable[[Mapping[str, int]], tuple[tuple[Expr, ...], bool]],
    layouts: Mapping[str, Layout] = ALL_PLAIN,
) -> tuple[str, Callable[[], Code], bool]:
    """Digest of the program chosen at these buckets, what makes (or finds) its code, and whether it
    was found.

    ``normalized`` gives the program in normal form, ``extract_program`` the one chosen, and whether all went
    well: what a failure of the engine made of a program is not kept under its key, so that the next process
    sees the failure, too.
    The disk holds two kinds of entries: key -> digest of the chosen program, and
    digest -> code; so buckets that choose the same program share the code.  Keys are of programs as they
    were written, so that one which is written again need not be normalized, and of normalized ones.
    Objects are kept by their places in the normal form, so that programs with some have but that key.
    """
    with stage("look up"):
        objects: Sequence[Any] = objects_of(written.roots)
        key = "" if objects else cache_key(written, options, buckets, layouts).text()
        found = stored_code(key, ()) if key else None
    if found is not None:
        return found[0], partial(_same, found[1]), True
    normal = normalized()
    with stage("look up"):
        objects = objects_of(normal.roots)
        normal_key = cache_key(normal, options, buckets, layouts).text()
        found = stored_code(normal_key, objects)
    if found is not None:
        if key:
            disk.put(key, found[0].encode())
        return found[0], partial(_same, found[1]), True
    for node in topological(normal.roots):  # while the program is rewritten
        if node.op.name == "matmul" and node.type.dtype.name in blas.TYPES:
            blas.begin(node.type.dtype.name)
    roots, lasting = extract_program(buckets)
    values, small = lowered(roots, buckets, layouts)
    contract = contracts(options)
    numbers = {id(value): k for k, value in enumerate(objects)}
    order = [numbers[id(value)] for value in objects_of(roots)]  # which object each number means
    chosen = f"{program_digest(roots, normal.leaves)} {order}"
    seed = f"{chosen} {contract} {sorted(small)} {sorted(layouts.items())} {versions()} {jit.target_key()}"
    digest = hashlib.sha256(seed.encode()).hexdigest()

    def make() -> Code:
        from eqsat_tensor.lower.cpu.plans import compile_plan
        from eqsat_tensor.schedule import schedule

        with stage("schedule"):
            plan = schedule(values)
        code = compile_plan(plan, contract=contract, small=small)
        disk.put(digest, code.to_bytes(objects))
        for name in filter(None, (key, normal_key) if lasting else ()):
            disk.put(name, digest.encode())
        return code

    return digest, make, False


def _same(code: Code) -> Code:
    return code


def lowered(
    roots: Sequence[Expr],
    buckets: Mapping[str, int],
    layouts: Mapping[str, Layout] = ALL_PLAIN,
) -> tuple[Sequence[Value], frozenset[str]]:
    """A chosen program as values, and the names of sizes of rows that are few here."""
    from eqsat_tensor.schedule import lower_program, row_sizes

    with stage("schedule"):
        values = lower_program(roots, layouts)
        return values, frozenset(n for n in row_sizes(values) if buckets[n] < BUCKET)


def stored_code(key: str, objects: Sequence[Any]) -> tuple[str, Code] | None:
    """What the disk has under a key: digest and code; None where nothing, or nothing that is whole."""
    known = disk.get(key)
    stored = None if known is None else disk.get(known.decode())
    if known is None or stored is None:
        return None
    try:
        return known.decode(), Code.from_bytes(stored, objects)
    except ValueError:
        return None


@cache
def meaning(name: str) -> Callable[..., tuple[Any, ...]]:
    """The meaning of a library op: arrays and attributes to a tuple of all its results."""
    op = OPS[name]
    if op.results is not None:
        return op.results
    return lambda *arrays, **attributes: (op.numpy(*arrays, **attributes),)


def threads() -> int:
    """How many threads a call may use."""
    return pool.pool().threads


def disabled() -> bool:
    """EQSAT_DISABLE=1: every call goes through the reference evaluator."""
    return os.environ.get("EQSAT_DISABLE") == "1"


def returned(tree: Tree) -> str:
    """How the entry gives results: "single", "tuple" or "none"; `finisher` makes nests of them."""
    if tree.kind == "leaf":
        return "single"
    return "none" if tree.kind == "none" else "tuple"


def nested(tree: Tree) -> Tree | None:
    """The nest that the entry puts flat results into; None where there is none to make."""
    flat = tree.kind is tuple and all(c.kind == "leaf" for c in tree.children)
    return tree if is_made(tree) and not flat and tree.kind not in ("leaf", "none") else None


@cache
def finisher(tree: Tree) -> Callable[[Any], Any] | None:
    """What puts flat results into their nest, or None where they are flat, or the entry does it; one
    a nest, for ever."""
    if is_made(tree):
        return None
    return partial(unflatten, tree)
