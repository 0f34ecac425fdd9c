"""Rule books: ``rules.egg`` (the front page) and the ``.egg`` files -> `RuleBook`.

Files are read form by form, so that every message has the file and the line:

    (rewrite LEFT RIGHT [:when (CONDITION ...)] :ruleset NAME :name "..." [:subsume])
    (birewrite LEFT RIGHT ... :name "n")                 two rules, "n=>" and "n<="
    (fact FACT | (FACT ...) :when (CONDITION ...) :name "...")
    (relation NAME (SORT ...))                           a fact that rules may conclude and ask for
    (relation NAME (SORT ... NUMBER) :merge max|min)     a bound: the strongest number is kept
    (ruleset NAME :guarantee exact|real|stable|approx|identity [:shrinks] [:subsumes] [:improves nonfinite] "doc")
    (schedule STEP ...)       STEP is NAME, (run STEP ...), (saturate STEP ...), (repeat N STEP ...),
                              (together NAME ...): searched at once, then applied; or
                              (first STEP ...): before proposers are asked, and not again after

A condition is a fact ``(positive x)``, an equation ``(= t (type x))`` or a comparison ``(> c 0.0)``.
A bare number where an operand is expected is a constant of the type that stands there.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from eqsat_tensor.errors import ArgumentError, RuleError, RulePackWarning, message
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import shipped, stored
from eqsat_tensor.rules.book import Relation, Rule, RuleBook, Ruleset, Schedule, Step
from eqsat_tensor.rules.constants import FOLD_CONSTANTS
from eqsat_tensor.rules.packs import find_packs
from eqsat_tensor.rules.propose import proposers
from eqsat_tensor.rules.shipped import Shipped
from eqsat_tensor.rules.signature import made_type_rules, signature
from eqsat_tensor.rules.vocabulary import Vocabulary
from eqsat_tensor.runtime import cache

__all__ = [
    "Relation", "Rule", "RuleBook", "Ruleset", "Schedule", "Step", "front_page", "grant_files",
    "load_rulebook", "name_in_book", "open_rulebook", "rule_files",
]  # fmt: skip

FOLDER = Path(__file__).parent
CHECKED = (
    FOLDER / "checked.txt"
)  # `checked_digest` of the package's own files, whose check takes a second


def front_page() -> Path:
    """``rules.egg``: beside the package's modules in a wheel, at the root of a checkout."""
    inside = FOLDER.parent / "rules.egg"
    return inside if inside.exists() else FOLDER.parent.parent / "rules.egg"


def rule_files() -> list[Path]:
    """The topic files of the package, in the order of their names."""
    return sorted(FOLDER.glob("*.egg"))


def load_rulebook(
    extra: Sequence[str | os.PathLike[str]] = (),
    exclude: Sequence[str] = (),
    trusted: bool = False,
) -> RuleBook:
    """The package's rules and those of the files ``extra``, without what ``exclude`` names.

    ``exclude`` holds names of rulesets, files (``algebra`` or ``algebra.egg``) or rules.  Files of
    ``extra`` first saturate stress programs in another process under limits, once for their
    contents, unless ``trusted``; their rules are not verified (see `open_rulebook`).  A file of the
    package, or one with the same text, adds nothing.
    Raises RuleError, whose message begins with ``file:line``.
    """
    from eqsat_tensor.rules.certificate import case_of, certify

    own = _own_sources()
    files = _of_others(extra)
    names = tuple(name for name, _ in files)
    for n in range(len(files) if not trusted else 0):  # one more each time: so the guilty one shows
        _book(own + files[: n + 1], names[: n + 1])
        certify(case_of(own + files[: n + 1], names[: n + 1]))
    return _book(own + files, names).without(exclude)


def grant_files(files: Sequence[str | os.PathLike[str]]) -> None:
    """Leave the certificate of files whose rules were all held and none refuted."""
    from eqsat_tensor.rules.certificate import case_of, grant

    own = _own_sources()
    theirs = _of_others(files)
    for n in range(1, len(theirs) + 1):
        grant(case_of(own + theirs[:n], [name for name, _ in theirs[:n]]))


def open_rulebook(given: Sequence[str] = (), exclude: Sequence[str] = ()) -> RuleBook:
    """The package's rules and all packs of others (`find_packs`), without what ``exclude`` names.

    A pack that is broken, that grows without end or one of whose rules is refuted is left out with a
    RulePackWarning, once a process; each is tried with those before it, once for its contents.
    Raises ArgumentError where ``exclude`` names nothing, RuleError where a file of ``given`` cannot
    be read.
    """
    found = []
    every = find_packs(given)
    for pack in every:
        files = [f for f in pack.files if not {f.name, str(f)}.intersection(exclude)]
        if pack.name in exclude or not (files or pack.problem):
            continue
        try:
            sources, problem = _of_others(files), pack.problem
        except RuleError as error:
            if not set(files).isdisjoint(map(Path, given)):
                raise  # a slip in the program itself
            sources, problem = (), str(error)
        found.append((pack.name, sources, problem))
    known = tuple(
        n for p in every for n in (p.name, *map(str, p.files), *(f.name for f in p.files))
    )
    return _opened(tuple(found), tuple(exclude), known, language_digest())


@lru_cache(maxsize=32)
def _opened(
    found: tuple[tuple[str, tuple[tuple[str, str], ...], str], ...],
    exclude: tuple[str, ...],
    known: tuple[str, ...],
    language: str,
) -> RuleBook:
    sources, dropped = _own_sources(), False
    used: tuple[str, ...] = ()
    for name, files, problem in found:
        names = tuple(file for file, _ in files)
        try:
            if problem:
                raise RuleError(problem)
            book = _book(sources + files, used + names)
            theirs = {r.name for r in book.rules if r.file in (*used, *names)}
            left_out = sorted(theirs - {r.name for r in book.without(exclude).rules})
            rules = [r.name for r in book.without(exclude).rules if r.file in names]
            if rules:
                from eqsat_tensor.rules.certificate import case_of, certify

                certify(case_of(sources + files, used + names, left_out, rules))
        except RuleError as error:
            dropped = True
            _warn(name, str(error))
            continue
        sources, used = sources + files, used + names
    book = _book(sources, used)
    if not dropped:  # what a pack that was left out would have named is not known
        _check_names(exclude, book, known)
    return book.without(exclude)


_warned: set[tuple[str, str]] = set()


def _warn(name: str, text: str) -> None:
    """Say once that a pack is left out."""
    if (name, text) not in _warned:
        _warned.add((name, text))
        warnings.warn(f"rule pack {name} is left out: {text}", RulePackWarning, stacklevel=2)


def _check_names(exclude: Sequence[str], book: RuleBook, known: Sequence[str]) -> None:
    """ArgumentError for a name that leaves nothing out."""
    names = {*known, *book.names, *(s.name for s in book.rulesets)}
    for file in {r.file for r in book.rules}:
        base = file.replace("\\", "/").rpartition("/")[2]
        names |= {file, base, base.removesuffix(".egg")}
    for name in exclude:
        if name not in names:
            near = difflib.get_close_matches(name, sorted(names), 3)
            hint = f"Near: {', '.join(near)}." if near else "`eqsat rules list` shows them."
            needs = "'-name' of a ruleset, a rule file, a rule or a pack"
            raise ArgumentError(message("rules", needs, repr(f"-{name}"), hint))


def book_of(sources: Sequence[tuple[str, str]], packs: Sequence[str] = ()) -> RuleBook:
    """The book of these (file name, text); the files among ``packs`` are from outside."""
    return _book(tuple(sources), tuple(packs))


def own_shipped() -> Shipped | None:
    """What is shipped of the package's own rules; None where they, or the ops, are others by now."""
    return shipped.load(_own_sources())


def ship() -> None:
    """Make the file of what is shipped anew."""
    sources = _own_sources()
    shipped.write(sources, _read_parts(sources, ()), made_type_rules())
    shipped.load.cache_clear()


def language_digest() -> str:
    """A name for what rules are checked against: the ops, and the code of the check."""
    return _language_digest(len(OPS))


@lru_cache(maxsize=4)
def _language_digest(count: int) -> str:
    ops = " ".join(f"{op.constructor}{signature(op).sorts}{op.definition}" for op in OPS.values())
    code = [p.read_bytes() for p in sorted(FOLDER.glob("*.py"))]
    return hashlib.sha256(ops.encode() + b"".join(code)).hexdigest()


@lru_cache(maxsize=1)
def _own_sources() -> tuple[tuple[str, str], ...]:
    return tuple(_read(p) for p in (front_page(), *rule_files()))


def name_in_book(file: str | os.PathLike[str]) -> str:
    """What rules of a file give as theirs: its path, or the name of the package's file with its text.

    Raises RuleError where it cannot be read.
    """
    name, text = _read(Path(file))
    return next((own for own, same in _own_sources() if same == text), name)


def _of_others(files: Sequence[str | os.PathLike[str]]) -> tuple[tuple[str, str], ...]:
    """The files (name, text) whose text is not that of a file of the package."""
    own = {text for _, text in _own_sources()}
    return tuple(source for f in files if (source := _read(Path(f)))[1] not in own)


def _read(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise RuleError(f"{path}:1: cannot be read ({e}); check the path.") from None
    own = path.parent == FOLDER or path == front_page()
    return (path.name if own else str(path)), text


@lru_cache(maxsize=32)
def _book(sources: tuple[tuple[str, str], ...], packs: tuple[str, ...]) -> RuleBook:
    digest = _digest(sources)
    rulesets, relations, rules, schedule = _parts(sources, packs, digest)
    known = {r.name for r in rulesets}
    return RuleBook(
        rulesets=rulesets,
        relations=relations,
        rules=rules,
        schedule=schedule,
        sources=digest,
        packs=packs,
        proposers=tuple(p for p in (*FOLD_CONSTANTS, *proposers()) if p.ruleset in known),
    )


def checked_digest(sources: Sequence[tuple[str, str]] | None = None) -> str:
    """A name for rule files (the package's own) and for all that they are checked by."""
    own = _own_sources() if sources is None else sources
    return hashlib.sha256(f"{_digest(own)} {language_digest()}".encode()).hexdigest()


def _digest(sources: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256("\0".join(t for pair in sources for t in pair).encode()).hexdigest()


def _parts(sources: Sequence[tuple[str, str]], packs: Sequence[str], digest: str) -> stored.Parts:
    """What the files say: the package's own as shipped; else from the disk where they were read before."""
    if not packs and (own := own_shipped()) is not None and tuple(sources) == _own_sources():
        return own.parts
    seed = "\0".join(["rules", digest, language_digest(), *packs])
    key = hashlib.sha256(seed.encode()).hexdigest()
    found = cache.get(key)
    if found is not None:
        with contextlib.suppress(ValueError, LookupError, TypeError):
            return stored.from_bytes(found)
    parts = _read_parts(sources, packs)
    cache.put(key, stored.to_bytes(*parts))
    return parts


def _read_parts(sources: Sequence[tuple[str, str]], packs: Sequence[str]) -> stored.Parts:
    """What the files say, every rule checked but those of the package, which were when it was made."""
    from eqsat_tensor.rules.lint import check_rule, duplicates
    from eqsat_tensor.rules.reader import Reader

    reader = Reader()
    for file, text in sources:
        reader.read(file, text)
    reader.finish()
    vocabulary = Vocabulary(reader.relations.values())
    duplicates(reader.rules)
    made = checked_digest([source for source in sources if source[0] not in packs])
    known = CHECKED.exists() and CHECKED.read_text(encoding="ascii").strip() == made
    for rule in reader.rules:
        if not known or rule.file in packs:
            check_rule(rule, reader.rulesets.get(rule.ruleset), vocabulary, rule.file not in packs)
    used = {r.ruleset for r in reader.rules}
    steps = (s.restricted(used) for s in reader.schedule)
    return (
        tuple(reader.rulesets.values()),
        tuple(reader.relations.values()),
        tuple(reader.rules),
        tuple(s for s in steps if s),
    )
