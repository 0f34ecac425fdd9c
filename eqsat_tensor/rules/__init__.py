"""Rule books: ``rules.egg`` (the front page) and the ``.egg`` files -> `RuleBook`.

Files are read form by form, so that every message has the file and the line:

    (rewrite LEFT RIGHT [:when (CONDITION ...)] :ruleset NAME :name "..." [:subsume])
    (birewrite LEFT RIGHT ... :name "n")                 two rules, "n=>" and "n<="
    (fact FACT | (FACT ...) :when (CONDITION ...) :name "...")
    (relation NAME (SORT ...))                           a fact that rules may conclude and ask for
    (ruleset NAME :guarantee exact|real|stable|approx [:shrinks] [:subsumes] [:improves nonfinite] "doc")
    (schedule STEP ...)       STEP is NAME, (run STEP ...), (saturate STEP ...), (repeat N STEP ...)

A condition is a fact ``(positive x)``, an equation ``(= t (type x))`` or a comparison ``(> c 0.0)``.
A bare number where an operand is expected is a constant of the type that stands there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from eqsat_tensor.errors import RuleError
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.book import Relation, Rule, RuleBook, Ruleset, Schedule, Step
from eqsat_tensor.rules.certificate import certify, is_noted, remember
from eqsat_tensor.rules.constants import FOLD_CONSTANTS
from eqsat_tensor.rules.lint import check_rule, duplicates
from eqsat_tensor.rules.propose import proposers
from eqsat_tensor.rules.reader import Reader
from eqsat_tensor.rules.signature import signature
from eqsat_tensor.rules.vocabulary import Vocabulary

__all__ = [
    "Relation", "Rule", "RuleBook", "Ruleset", "Schedule", "Step", "front_page", "load_rulebook",
    "rule_files",
]  # fmt: skip

FOLDER = Path(__file__).parent


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

    ``exclude`` holds names of rulesets, files (``algebra`` or ``algebra.egg``) or rules.  A file of
    ``extra`` runs first in another process under limits, once for its contents, unless ``trusted``.
    Raises RuleError, whose message begins with ``file:line``.
    """
    paths = tuple(Path(p) for p in extra)
    sources = tuple(_read(p) for p in (front_page(), *rule_files(), *paths))
    book = _book(sources, tuple(map(str, paths)))
    if paths and not trusted:
        certify(book, paths)
    return book.without(exclude)


def book_of(sources: Sequence[tuple[str, str]], packs: Sequence[str] = ()) -> RuleBook:
    """The book of these (file name, text); the files among ``packs`` are from outside."""
    return _book(tuple(sources), tuple(packs))


@lru_cache(maxsize=1)
def language_digest() -> str:
    """A name for what rules are checked against: the ops, and the code of the check."""
    ops = " ".join(f"{op.constructor}{signature(op).sorts}" for op in OPS.values())
    code = [p.read_bytes() for p in sorted(FOLDER.glob("*.py"))]
    return hashlib.sha256(ops.encode() + b"".join(code)).hexdigest()


def _read(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise RuleError(f"{path}:1: cannot be read ({e}); check the path.") from None
    own = path.parent == FOLDER or path == front_page()
    return (path.name if own else str(path)), text


@lru_cache(maxsize=32)
def _book(sources: tuple[tuple[str, str], ...], packs: tuple[str, ...]) -> RuleBook:
    reader = Reader()
    for file, text in sources:
        reader.read(file, text)
    reader.finish()
    vocabulary = Vocabulary(reader.relations.values())
    duplicates(reader.rules)
    digest = hashlib.sha256("\0".join(t for pair in sources for t in pair).encode()).hexdigest()
    note = f"{digest}.{language_digest()[:16]}.checked"
    if not is_noted(note):  # it takes 0.1 s for the package's rules
        for rule in reader.rules:
            check_rule(rule, reader.rulesets.get(rule.ruleset), vocabulary)
        remember(note)
    used = {r.ruleset for r in reader.rules}
    steps = (s.restricted(used) for s in reader.schedule)
    return RuleBook(
        rulesets=tuple(reader.rulesets.values()),
        relations=tuple(reader.relations.values()),
        rules=tuple(reader.rules),
        schedule=tuple(s for s in steps if s),
        sources=digest,
        packs=packs,
        proposers=tuple(p for p in (FOLD_CONSTANTS, *proposers()) if p.ruleset in reader.rulesets),
    )
